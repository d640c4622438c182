# expect: refused
import tensorflow as tf


def main(x, z, flag, n):
    xs = [x * 2.0, z * 2.0]
    y = tf.cond(tf.reduce_sum(x) > 0.0, lambda: xs[0] * x, lambda: xs[0] + x)
    out = []
    for v in xs:
        out += tf.gradients(y, v)
    return out
