# expect: equal
import tensorflow as tf


W = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64)
class Net:
    def __call__(self, v):
        return v * W
net = Net()
def main(x, z, flag, n):
    h = net(x)
    y = h * W
    return [tf.gradients(y, W)]
