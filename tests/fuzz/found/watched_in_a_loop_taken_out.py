# expect: equal
import tensorflow as tf

def main(x, z, flag, n):
    outs = []
    a = x
    for i in range(3):
        z, x = (x, z)
    u = a
    g11 = tf.gradients(a * tf.add_n([tf.add_n([u])]), [z])
    return [g11]
