# expect: refused
import tensorflow as tf


def fill(values, v):
    values[0] = v
    return 1.0


def main(x, z, flag, n):
    y = tf.sin(z) * x
    targets = [x * y, y * y]
    count = fill(targets, y * 2.0)
    return [count, [tf.gradients(t, y)[0] for t in targets]]
