# expect: refused
import tensorflow as tf
from tensorflow import gradients

def main(x, z, flag, n):
    xs0 = [z, z, tf.while_loop(lambda i, v: i < 2, lambda i, v: (i + 1, v * tf.tanh(x * z)), [0, tf.stop_gradient(x) * 0.5 + 1.0])[1]]
    g4, = gradients(xs0[2], x)
    xs1 = xs0.copy()
    g9 = tf.gradients(xs1[2], xs1)
    return [g9]
