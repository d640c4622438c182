# expect: equal
import tensorflow as tf


W = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64)
def even(v, k):
    return v if k == 0 else odd(v * 2.0, k - 1)
def odd(v, k):
    return v if k == 0 else even(v * W, k - 1)
def main(x, z, flag, n):
    h = even(x, 2)
    k = odd(z, 2)
    y = h * W * k
    return [tf.gradients(y, W)]
