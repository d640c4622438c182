# expect: refused
import tensorflow as tf


def main(x, z, flag, n):
    y = tf.cond(tf.reduce_sum(x) > 0.0, lambda: z * z, lambda: z + z)
    return [tf.gradients([y, z], x), tf.gradients([y, x], z), tf.gradients(y * 1.0, [z, x])]
