# expect: refused
import tensorflow as tf

class Net:

    def __init__(self):
        self.last = None

    def encode(self, v):
        self.last = v
        return self.last * v

    def head(self):
        return self.last * 2.0

    def run(self, x, z, flag, n):
        c = self.encode(x)
        p = self.head()
        g8 = tf.gradients(p, self.last)

def main(x, z, flag, n):
    return Net().run(x, z, flag, n)
