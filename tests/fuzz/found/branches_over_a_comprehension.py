# expect: refused
import tensorflow as tf

def main(x, z, flag, n):
    q = tf.cond(tf.reduce_sum(tf.add_n([v * 0.5 for v in [z]])) > 0.0, lambda: tf.add_n([v * 0.5 for v in [z]]) * (x * x), lambda: tf.add_n([v * 0.5 for v in [z]]) + x * x)
    b = tf.sigmoid(q * 2.0 if flag else q * 3.0)
    g5, = tf.gradients(b, x)
    g8 = tf.gradients(q, z)
