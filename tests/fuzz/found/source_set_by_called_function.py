# expect: refused
import tensorflow as tf


STATE = {}
def remember(v):
    STATE["last"] = v
def main(x, z, flag, n):
    STATE["last"] = x
    a = remember(z)
    u = STATE["last"] * 2.0
    return [tf.gradients(u, STATE["last"])]
