# expect: equal
import tensorflow as tf


W = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64)
net = lambda v: v * W
def main(x, z, flag, n):
    h = net(x)
    y = h * W
    return [tf.gradients(y, W)]
