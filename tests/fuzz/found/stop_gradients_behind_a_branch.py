# expect: partly refused
import tensorflow as tf


def main(x, z, flag, n):
    h = tf.cond(tf.reduce_sum(z) > 0.0, lambda: z * z, lambda: z + z) * 0.5
    return [tf.gradients(h, z)[0], tf.gradients(h, z, stop_gradients=h)[0]]
