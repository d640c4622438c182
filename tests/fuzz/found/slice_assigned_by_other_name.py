# expect: refused
import tensorflow as tf


def main(x, z, flag, n):
    xs = [x * 2.0, z]
    ys = xs
    ys[:] = [tf.sin(z), x]
    y = xs[0] * xs[1]
    return [tf.gradients(y, xs), tf.gradients(y, xs[0]), tf.gradients(y, z), tf.gradients(y, x)]
