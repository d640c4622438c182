# expect: equal
import tensorflow as tf


W = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64)
def net0(v):
    return v * W
def main(x, z, flag, n):
    h = tf.map_fn(net0, tf.stack([x, z]))
    y = tf.reduce_sum(h, 0) * W
    return [tf.gradients(y, W)]
