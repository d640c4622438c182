# expect: equal
import functools

import tensorflow as tf


W = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64)
def net0(v, k):
    return v * W * k
net = functools.partial(net0, k=2.0)
def main(x, z, flag, n):
    h = net(x)
    y = h * W
    return [tf.gradients(y, W)]
