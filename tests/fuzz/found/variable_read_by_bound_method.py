# expect: equal
import tensorflow as tf


class Net:
    def __init__(self):
        self.w = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64)
    def layer(self, v):
        return v * self.w
    def twice(self, f, v):
        return f(f(v))
    def run(self, x):
        h = self.twice(self.layer, x)
        y = h * self.w
        return tf.gradients(y, self.w)
net = Net()
def main(x, z, flag, n):
    return net.run(x)
