# expect: equal
import tensorflow as tf

def main(x, z, flag, n):
    y = x
    for y in (y * z, y + z):
        pass
    g = tf.gradients(y, x)[0]
    return g
