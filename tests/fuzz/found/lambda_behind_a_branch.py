# expect: refused, flag=False
import tensorflow as tf
SCALE = tf.Variable([-0.7], dtype=tf.float64)

def layer(v):
    return tf.tanh(v * SCALE) + v

def grad(y, x):
    return tf.gradients(y, x)[0]
nabla = lambda y, x: tf.gradients(y, x)[0]

def main(x, z, flag, n):
    outs = []
    xs0 = z
    xs1 = [xs0[1], layer(layer(tf.cast(xs0[2], tf.float64)))]
    outs.append(nabla(xs1[1], xs0[2]))
    xs1.append(tf.cond(tf.reduce_sum(tf.cast(xs0[2], tf.float64)) > 0.0, lambda: tf.cast(xs0[2], tf.float64) * (tf.square(z) * 0.3), lambda: tf.cast(xs0[2], tf.float64) + tf.square(z) * 0.3))
# --- lib.py
UNUSED = 1
