# expect: equal
import tensorflow as tf


W = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64)
class V:
    def __iter__(self):
        return iter([W, W])
V0 = V()
def main(x, z, flag, n):
    h = x
    for w in V0:
        h = h * w
    y = h * W
    return [tf.gradients(y, W)]
