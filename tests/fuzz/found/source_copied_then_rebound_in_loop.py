# expect: equal
import tensorflow as tf


def main(x, z, flag, n):
    outs = []
    v = x
    for i in range(3):
        w = v
        v = tf.sin(v)
        y = v * w
        outs.append(tf.gradients(y, w)[0])
    return outs
