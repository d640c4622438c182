"""Show what the symbolic gradient functions do when they are called eagerly.

    python tests/verify/eager_mode.py

Needs nothing but TensorFlow 2, of any version, under any Python that runs it.
"""

import importlib
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

tf = importlib.import_module("tensorflow")

FUNCTIONS = {
    "tf.gradients": tf.gradients,
    "tf.compat.v1.gradients": tf.compat.v1.gradients,
    "tf.keras.backend.gradients": tf.keras.backend.gradients,
}


def main() -> None:
    """Call each function and print what it returns or raises."""
    print("TensorFlow " + tf.__version__)
    x = tf.Variable(3.0)
    y = x * x
    for name, function in FUNCTIONS.items():
        try:
            print(name, function(y, x))
        except RuntimeError as error:
            print(name + ": RuntimeError: " + str(error))


if __name__ == "__main__":
    main()
