# expect: refused
import tensorflow as tf


def main(x, z, flag, n):
    b = tf.map_fn(lambda e: e * e * 1.5, x)
    return [tf.hessians(tf.reduce_sum(tf.square(b)), x)]
