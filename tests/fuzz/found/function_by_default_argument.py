# expect: equal
import tensorflow as tf

W = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64)


def helper(v):
    return tf.tanh(v * W) + v


def twice(v, fn=helper):
    u = v
    return fn(u) * 0.5


def main(x, z, flag, n):
    h = twice(x)
    return [tf.gradients(W * tf.sin(h), W)]
