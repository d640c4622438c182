# expect: refused
import tensorflow as tf
W = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64)

def main(x, z, flag, n):
    c = tf.cond(tf.reduce_sum(tf.unstack(tf.stack([z, z * 2.0]))[1]) > 0.0, lambda: tf.unstack(tf.stack([z, z * 2.0]))[1] * tf.add_n([tf.cast(W, tf.float64)]), lambda: tf.unstack(tf.stack([z, z * 2.0]))[1] + tf.add_n([x]))
    g7 = tf.gradients(c, W)
    g11 = tf.gradients(c, x)
