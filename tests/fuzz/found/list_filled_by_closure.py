# expect: partly refused
import tensorflow as tf


def main(x, z, flag, n):
    acc = []
    def layer(v):
        h = tf.sin(v) * z
        acc.append(h)
        return h
    y = layer(layer(x))
    r = tf.add_n(acc)
    return [tf.gradients(y, acc[0]), tf.gradients(y + r, x), tf.gradients(r, z), tf.gradients(y, acc)]
