# expect: equal
import tensorflow as tf

def main(x, z, flag, n):
    v = x
    y = tf.where(tf.add_n([v * 0.5 for v in [tf.convert_to_tensor(v)]]) > tf.reduce_sum(x * v) * v, tf.add_n([v * 0.5 for v in [tf.convert_to_tensor(v)]]), tf.reduce_sum(x * v) * v * 0.5)
    g9, = tf.gradients(v, x)
    return [g9]
