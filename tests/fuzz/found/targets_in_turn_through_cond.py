# expect: refused
import tensorflow as tf


def main(x, z, flag, n):
    xs0 = [z, tf.cond(tf.reduce_sum(x) > 0.0, lambda: x * x, lambda: x + x)]
    out = []
    for t in xs0:
        out.append(tf.gradients(t, x)[0])
    return out
