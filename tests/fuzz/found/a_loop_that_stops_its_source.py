# expect: partly refused
import tensorflow as tf
from lib import both, grad, laplace, layer, penalty

def main(x, z, flag, n):
    outs = []
    k = x
    q = z
    outs.append(penalty(k, x))
    b = q
    y = tf.while_loop(lambda i, v: i < 2, lambda i, v: (i + 1, v * (tf.stop_gradient(x) * 0.5 + 1.0)), [0, b])[1]
    p = k * tf.add_n([y])
    outs.append(laplace(p, x))
    return [outs]
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


def laplace(y, x):
    return grad(grad(y, x), x)


def penalty(y, x, weight=0.5):
    g = tf.gradients(y, [x])[0]
    return tf.reduce_sum(tf.square(g)) * weight
