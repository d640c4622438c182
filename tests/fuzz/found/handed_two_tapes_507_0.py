# expect: equal
import lib

def main(x, z, flag, n):
    outs = []
    h = x
    y = h
    outs.append(lib.Solver().step(y, x))
    r = lib.h1(y, x)
# --- base.py
import tensorflow as tf
def f0(a, b, flag=True):
    return tf.reduce_sum(a * a) + b

def f1(a, b, flag=True):
    return a * b + tf.tanh(a)

def h2(loss, params):
    (g,) = tf.gradients(loss, params)
    return g

def on(y, x):
    r = h2(tf.sin(y), x)
    return r
# --- lib.py
import tensorflow as tf
import base

def h0(loss, params):
    (g,) = tf.gradients(loss, params)
    return g

def h1(y, x):
    gs = tf.gradients(y, x)
    return gs

class Solver:
    def __init__(self):
        self.k = 2.0

    def step(self, y, x):
        return base.on(y, x)
