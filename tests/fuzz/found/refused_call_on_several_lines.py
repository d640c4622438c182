# expect: partly refused
import tensorflow as tf


def main(x, z, flag, n):
    xs0 = [x, x, (z * 2.0 if flag else z * 3.0)]
    g4 = tf.gradients(
        xs0[2],  # what it is computed from
    xs0
)
    w = tf.sin(xs0[1])
    g6 = tf.gradients(w, x)[0]
    return [g4, g6]
