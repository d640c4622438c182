# expect: refused
import tensorflow as tf

def main(x, z, flag, n):
    c, c_ = tf.unstack(tf.stack([z * 2.0 if flag else z * 3.0, tf.add_n([x]) * 2.0 if flag else z * 3.0]))
    g7 = tf.gradients(c, [z, c_])
    return [g7]
