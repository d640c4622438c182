# expect: refused
import tensorflow as tf


def main(x, z, flag, n):
    d = {"a": x * 2.0}
    e = d
    e["a"] = tf.sin(z)
    y = d["a"] * x
    return [tf.gradients(y, e["a"])[0], tf.gradients(y, d["a"])[0]]
