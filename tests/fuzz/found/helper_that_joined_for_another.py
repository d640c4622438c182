# expect: partly refused
import lib

def main(x, z, flag, n):
    outs = []
    h = z
    y = h * x
    outs.append(lib.on(y, z))
    outs.append(lib.h2(y, x))
# --- base.py
import tensorflow as tf
def f0(a, b, flag=True):
    return a if flag else a * b

def h0(loss, params):
    g = tf.gradients(loss, params)[0]
    g = tf.gradients(g * loss, params)[0]
    return g
# --- lib.py
import tensorflow as tf
import base

def f1(a, b, flag=True):
    return tf.sin(a) * b

def h1(ys, xs):
    g = ys
    for _ in range(2):
        g = tf.gradients(g, xs)[0] * 0.3
    return g

def h2(ys, xs):
    (g,) = tf.gradients(ys, xs)
    return g

def on(y, x):
    r = base.h0(y, x)
    return r

class Solver:
    def __init__(self, y):
        self.k = 2.0
        self.y = y

    def step(self, x):
        return h1(self.y, x)
