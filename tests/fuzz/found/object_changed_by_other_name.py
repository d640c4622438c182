# expect: refused
import tensorflow as tf


class Box:
    def __init__(self):
        self.v = None
    def set(self, w):
        self.v = w * 2.0
def main(x, z, flag, n):
    b = Box()
    p = b
    p.set(z)
    y = b.v * z
    return [tf.gradients(y, z)]
