# expect: refused
import tensorflow as tf
import lib
from lib import both, layer

def main(x, z, flag, n):
    outs = []
    p = z
    v = tf.cond(tf.reduce_sum(tf.stop_gradient(z) * 0.5 + 1.0) > 0.0, lambda: (tf.stop_gradient(z) * 0.5 + 1.0) * (z / (2.0 + tf.square(z))), lambda: tf.stop_gradient(z) * 0.5 + 1.0 + z / (2.0 + tf.square(z)))
    one, two = both(v, z)
    outs.append(tf.gradients(two, z)[0])
    w = tf.add_n([v * 0.5 for v in [v]]) * p
    outs.append(lib.grad(w, v))
# --- lib.py
import tensorflow as tf

SCALE = tf.Variable([0.9, 0.4, -0.7], dtype=tf.float64)


def layer(v):
    return tf.tanh(v * SCALE) + v


def both(v, w):
    u = layer(v) * w
    return u, tf.sin(u)


def grad(y, x):
    return tf.gradients(y, x)[0]
