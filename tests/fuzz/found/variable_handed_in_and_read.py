# expect: equal
import tensorflow as tf


W = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64)
net = lambda v: v * W
def grads(w, x):
    h = net(x)
    y = h * w
    return tf.gradients(y, w)
def main(x, z, flag, n):
    return grads(W, x)
