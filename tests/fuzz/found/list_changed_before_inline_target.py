# expect: equal
import tensorflow as tf


def fill(l, v):
    l[0] = tf.sin(v)
    return 1.0
def main(x, z, flag, n):
    xs = [x * 2.0, z]
    c = fill(xs, z)
    return [tf.gradients(xs[0] * z * c, z)]
