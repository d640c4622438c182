# expect: equal
import tensorflow as tf


W = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64)
def net0(v):
    return v * W
def apply(f, v):
    return f(v)
def main(x, z, flag, n):
    h = apply(net0, x)
    y = h * W
    return [tf.gradients(y, W)]
