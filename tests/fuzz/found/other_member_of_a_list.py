# expect: refused
import tensorflow as tf

def main(x, z, flag, n):
    xs0 = [x, tf.reduce_sum(tf.sigmoid(z) * tf.cond(tf.reduce_sum(tf.add_n([z])) > 0.0, lambda: tf.add_n([z]) * tf.cast(z, tf.float64), lambda: tf.add_n([z]) + tf.cast(z, tf.float64))) * tf.cond(tf.reduce_sum(tf.add_n([z])) > 0.0, lambda: tf.add_n([z]) * tf.cast(z, tf.float64), lambda: tf.add_n([z]) + tf.cast(z, tf.float64))]
    g4 = tf.gradients(xs0[1], [x])
    g7 = g4
    return [g7]
