# expect: equal
import tensorflow as tf


M = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64, trainable=False)
net = lambda v: v * M
def main(x, z, flag, n):
    h = net(x)
    y = h * M
    return [tf.gradients(y, M)]
