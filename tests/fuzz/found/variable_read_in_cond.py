# expect: equal
import tensorflow as tf


W = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64)
def net0():
    return 2.0 * W
def net1():
    return 3.0 * W
def main(x, z, flag, n):
    h = tf.cond(x[0] > 0.0, net0, net1)
    y = h * W
    return [tf.gradients(y, W)]
