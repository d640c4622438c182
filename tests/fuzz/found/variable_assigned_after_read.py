# expect: equal
import tensorflow as tf


v = tf.Variable([1.0, 2.0, 3.0], dtype=tf.float64)
def main(x, z, flag, n):
    y = v * v * x
    op = v.assign([5.0, 5.0, 5.0])
    return [tf.gradients(y, x)[0]]
