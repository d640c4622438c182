# expect: refused
import tensorflow as tf


def main(x, z, flag, n):
    w = tf.map_fn(lambda e: tf.constant(1.5, tf.float64), z * 2.0)
    return [tf.gradients(w, z), tf.gradients(w * z, z)]
