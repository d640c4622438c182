# expect: refused
import tensorflow as tf
W = tf.Variable([0.5], dtype=tf.float64)
M = tf.Variable([0.9, 0.4, -0.7], dtype=tf.float64, trainable=False)

def main(x, z, flag, n):
    q, w_ = (tf.where(z + M > 0.1, z + M, (z + M) * 0.1), tf.cond(tf.reduce_sum(tf.concat([W[:1]], 0)) > 0.0, lambda: tf.concat([W[:1]], 0) * tf.stack([x, x])[1], lambda: tf.concat([W[:1]], 0) + tf.stack([x, x])[1]))
    u = W
    g15 = tf.gradients(u, z)
    g17 = tf.gradients(w_, [z])
    return [g17]
