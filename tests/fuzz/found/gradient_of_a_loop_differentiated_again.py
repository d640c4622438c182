# expect: refused
import tensorflow as tf


def main(x, z, flag, n):
    k = tf.while_loop(
        lambda i, v: i < 2, lambda i, v: (i + 1, v * tf.cos(x) * x), [0, tf.cast(z, tf.float64) * x]
    )[1]
    g = tf.gradients(k, x)[0]
    return [g, tf.gradients(g, k)[0]]
