# expect: refused
import tensorflow as tf


def main(x, z, flag, n):
    a, b = tf.map_fn(lambda e: (e[0] * 2.0, e[1] * 3.0), (x, z), dtype=(tf.float64, tf.float64))
    return [tf.gradients(a, x), tf.gradients(a, z), tf.gradients(b, [x, z])]
