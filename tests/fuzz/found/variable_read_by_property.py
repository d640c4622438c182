# expect: equal
import tensorflow as tf


W = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64)
class Net:
    @property
    def h(self):
        return W * 2.0
NET = Net()
def main(x, z, flag, n):
    a = NET.h * x
    y = a * W
    return [tf.gradients(y, W)]
