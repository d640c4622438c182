# expect: refused
import tensorflow as tf


def main(x, z, flag, n):
    w = tf.map_fn(lambda e: e * 1.5, z * 2.0)
    g5 = tf.gradients(w, z)
    return [tf.gradients(g5, z)]
