# expect: refused
import tensorflow as tf
W = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64)
M = tf.Variable([0.9, 0.4, -0.7], dtype=tf.float64, trainable=False)

class Net:

    def run(self, x, z, flag, n):
        a = tf.while_loop(lambda i, v: i < 2, lambda i, v: (i + 1, v * tf.tanh(x * M)), [0, tf.where(tf.add_n([M]) > W, tf.add_n([M]), W * 0.5)])
        g6 = tf.gradients(a, x)
        c = g6
        g9 = tf.gradients(a, x)
        g11 = tf.gradients(tf.reduce_sum(c) + tf.exp(-tf.square(M)), a)
        return [g11]

def main(x, z, flag, n):
    return Net().run(x, z, flag, n)
