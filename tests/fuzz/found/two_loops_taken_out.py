# expect: partly refused
import tensorflow as tf

def main(x, z, flag, n):
    outs = []
    w = x
    y = x * 2.0
    for i in range(3):
        y = y
    for i in range(3):
        y = y
        g13, = tf.gradients(x, w)
    g18 = tf.gradients(y, w)
