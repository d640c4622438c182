# expect: refused
import tensorflow as tf


def main(x, z, flag, n):
    xs = [x]
    ys = xs
    ys += [z]
    y = x * z
    return [tf.gradients(y, xs)]
