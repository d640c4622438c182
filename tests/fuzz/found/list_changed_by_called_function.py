# expect: partly refused
import tensorflow as tf


def fill(l, v):
    l[0] = tf.sin(v)
    return l
def main(x, z, flag, n):
    xs = [x * 2.0, z]
    ys = fill(xs, z)
    y = xs[0] * xs[1]
    return [tf.gradients(y, ys[0]), tf.gradients(y, xs[0]), tf.gradients(y, z)]
