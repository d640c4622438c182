# expect: equal
import tensorflow as tf


W = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64)
def make():
    def net0(v):
        return v * W
    return net0
net = make()
def main(x, z, flag, n):
    h = net(x)
    y = h * W
    return [tf.gradients(y, W)]
