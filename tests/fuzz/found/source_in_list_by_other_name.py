# expect: equal
import tensorflow as tf


def main(x, z, flag, n):
    u = x * z
    first = [u, tf.sin(u) * x]
    second = first
    return [tf.gradients(t, second[0])[0] for t in second]
