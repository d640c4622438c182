# expect: equal
import tensorflow as tf


W = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64)
def deco(f):
    def g(v):
        return f(v) * W
    return g
@deco
def net(v):
    return v * 2.0
def main(x, z, flag, n):
    h = net(x)
    y = h * W
    return [tf.gradients(y, W)]
