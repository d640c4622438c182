# expect: equal
import tensorflow as tf


W = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64)
class Net:
    @staticmethod
    def go(v):
        return v * W
    @classmethod
    def co(cls, v):
        return v * W
def main(x, z, flag, n):
    h = Net.go(x) * Net.co(x)
    y = h * W
    return [tf.gradients(y, W)]
