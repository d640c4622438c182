# expect: refused
import tensorflow as tf

def grad(y, x):
    return tf.gradients(y, x)[0]

def laplace(y, x):
    return grad(grad(y, x), x)

def penalty(y, x, weight=0.5):
    g = tf.gradients(y, [x])

def main(x, z, flag, n):
    outs = []
    z = tf.cond(tf.reduce_sum(tf.convert_to_tensor(x)) > 0.0, lambda: tf.convert_to_tensor(x) * x, lambda: tf.convert_to_tensor(x) + x)
    y = z
    outs.append(laplace(y, z))
# --- lib.py
UNUSED = 1
