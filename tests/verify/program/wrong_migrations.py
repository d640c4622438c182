"""Programs migrated by hand, wrong in one place each: (old text, new text, what must be found)."""

from __future__ import annotations

from dataclasses import dataclass

from tape_migrate.verify.program.outcome import Finding


@dataclass(frozen=True)
class Wrong:
    """One function of a program, before and after, and what the proof must say of it."""

    name: str
    old: str
    new: str
    finding: Finding


HEAD = """import numpy as np
import tensorflow as tf

w = tf.Variable([[0.5, -1.0], [2.0, 0.25], [1.5, -0.5]])
x = tf.constant(np.linspace(-1.0, 1.0, 12).reshape(4, 3).astype("float32"))
v = tf.constant(np.linspace(0.5, 2.0, 8).reshape(4, 2).astype("float32"))

"""

FUNCTIONS = (
    Wrong(
        "right",
        "y = tf.tanh(tf.matmul(x, w))\n    g = tf.gradients(y, [x, w])",
        """with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.tanh(tf.matmul(x, w))
    g = tape.gradient(y, [x, w])""",
        Finding.EQUAL,
    ),
    Wrong(
        "watch_late",
        "h = tf.sin(x)\n    y = h * x\n    g = tf.gradients(y, x)[0]",
        """with tf.GradientTape() as tape:
        h = tf.sin(x)
        tape.watch(x)
        y = h * x
    g = tape.gradient(y, x)""",
        Finding.DIFFERENT,
    ),
    Wrong(
        "empty_tape",
        "y = x * x\n    g = tf.gradients(y, x)[0]",
        """y = x * x
    with tf.GradientTape() as tape:
        tape.watch(x)
    g = tape.gradient(y, x)""",
        Finding.STRUCTURE,
    ),
    Wrong(
        "wrong_source",
        "z = x * 2.0\n    y = z * z * x\n    g = tf.gradients(y, x)[0]",
        """with tf.GradientTape() as tape:
        tape.watch(x)
        z = x * 2.0
        y = z * z * x
    g = tape.gradient(y, z)""",
        Finding.DIFFERENT,
    ),
    Wrong(
        "swapped_sources",
        "z = tf.exp(x)\n    y = z * x\n    g_x = tf.gradients(y, x)[0]\n"
        "    g_z = tf.gradients(y, z)[0]\n    g = [g_x, g_z]",
        """with tf.GradientTape() as tape:
        tape.watch(x)
        z = tf.exp(x)
        y = z * x
    g_x, g_z = tape.gradient(y, [z, x])
    g = [g_x, g_z]""",
        Finding.DIFFERENT,
    ),
    Wrong(
        "lost_grad_ys",
        "y = tf.matmul(x, w)\n    g = tf.gradients(y, w, grad_ys=v)[0]",
        """with tf.GradientTape() as tape:
        y = tf.matmul(x, w)
    g = tape.gradient(y, w)""",
        Finding.DIFFERENT,
    ),
    Wrong(
        "learning_phase",
        "y = tf.nn.dropout(tf.matmul(x, w), rate=0.5) ** 2\n    g = tf.gradients(y, w)[0]",
        """with tf.GradientTape() as tape:
        y = tf.matmul(x, w) ** 2
    g = tape.gradient(y, w)""",
        Finding.DIFFERENT,
    ),
    Wrong(
        "batch_statistics",
        "h = tf.matmul(x, w)\n"
        "    y = tf.nn.batch_normalization(h, 0.5, 2.0, None, None, 1e-3) ** 3\n"
        "    g = tf.gradients(y, w)[0]",
        """with tf.GradientTape() as tape:
        h = tf.matmul(x, w)
        mean, variance = tf.nn.moments(h, [0])
        y = tf.nn.batch_normalization(h, mean, variance, None, None, 1e-3) ** 3
    g = tape.gradient(y, w)""",
        Finding.DIFFERENT,
    ),
    Wrong(
        "none_for_zero",
        'y = x * x\n    g = tf.gradients(y, [x, w], unconnected_gradients="zero")',
        """with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    g = tape.gradient(y, [x, w])""",
        Finding.STRUCTURE,
    ),
    Wrong(
        "first_order_for_second",
        "y = x ** 3\n    g = tf.gradients(tf.gradients(y, x)[0], x)[0]",
        """with tf.GradientTape() as tape2:
        tape2.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x ** 3
        g1 = tf.stop_gradient(tape.gradient(y, x)) * x
    g = tape2.gradient(g1, x)""",
        Finding.DIFFERENT,
    ),
    Wrong(
        "wrong_dtype",
        "y = tf.sin(x)\n    g = tf.gradients(y, x)[0]",
        """x64 = tf.cast(x, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(x64)
        y = tf.sin(x64)
    g = tape.gradient(y, x64)""",
        Finding.STRUCTURE,
    ),
    Wrong(
        "never_called",
        "y = tf.cos(x)\n    g = tf.gradients(y, x)[0]",
        """with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.cos(x)
    g = tape.gradient(y, x)""",
        Finding.NOT_REACHED,
    ),
    Wrong(
        "all_zero",
        "y = x * 0.0\n    g = tf.gradients(y, x)[0]",
        """with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * 0.0
    g = tape.gradient(y, x)""",
        Finding.BOTH_ZERO,
    ),
    Wrong(
        "all_nan",
        "y = tf.sqrt(x - 2.0)\n    g = tf.gradients(y, x)[0]",
        """with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.sqrt(x - 2.0)
    g = tape.gradient(y, x)""",
        Finding.VACUOUS,
    ),
    Wrong(
        "all_none",
        "y = w * 2.0\n    g = tf.gradients(y, x)",
        """with tf.GradientTape() as tape:
        tape.watch(x)
        y = w * 2.0
    g = tape.gradient(y, [x])""",
        Finding.VACUOUS,
    ),
    Wrong(
        "no_counterpart",
        "y = tf.cos(x)\n    g = tf.gradients(y, x)[0]",
        "g = -tf.sin(x)",
        Finding.UNMATCHED,
    ),
)


def functions(side: str) -> str:
    """The program of all functions, for ``old`` or ``new``."""
    parts = [HEAD]
    for case in FUNCTIONS:
        body = case.old if side == "old" else case.new
        parts.append(f"\ndef {case.name}():\n    {body}\n    return g\n\n")
    called = [case.name for case in FUNCTIONS if case.name != "never_called"]
    parts.append("\n" + "\n".join(f"print({name}())" for name in called) + "\n")
    return "".join(parts)


# A training loop: in a Session before, eager and in functions after. The last step of the old
# text fetches the loss once more, as such code does.
STEPS_OLD = """import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
x = tf.placeholder(tf.float32, [None, 3])
scale = tf.placeholder(tf.float32, [])
w = tf.get_variable("w", [3, 2], initializer=tf.random_normal_initializer())


def right():
    y = tf.reduce_sum(tf.tanh(tf.matmul(x, w)) ** 2 * scale)
    g = tf.gradients(y, w)[0]
    return g


def stale_variable():
    y = tf.reduce_sum(tf.tanh(tf.matmul(x, w)) ** 2)
    g = tf.gradients(y, x)[0]
    return g


def one_evaluation():
    y = tf.reduce_sum(tf.sin(tf.matmul(x, w)) ** 2)
    g = tf.gradients(y, x)[0]
    return g


def stale_python_value():
    y = tf.reduce_sum(tf.sin(tf.matmul(x, w)) ** 2 * scale)
    g = tf.gradients(y, x)[0]
    return g


gradient = right()
others = [stale_variable(), one_evaluation(), stale_python_value()]
train = tf.assign_sub(w, 0.1 * gradient)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for step in range(4):
        feed = {x: np.random.rand(5, 3), scale: 1.0 + step}
        session.run(others, feed)
        session.run(train, feed)
    session.run(gradient, feed)
"""

STEPS_NEW = """import numpy as np
import tensorflow as tf

w = tf.Variable(lambda: tf.random.normal([3, 2]))
first = w.numpy()
scale, step = 1.0, 0


def right(x):
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.tanh(tf.matmul(x, w)) ** 2 * scale)
    g = tape.gradient(y, w)
    return g


def stale_variable(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(tf.tanh(tf.matmul(x, first)) ** 2)
    g = tape.gradient(y, x)
    return g


def one_evaluation(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(tf.sin(tf.matmul(x, w)) ** 2) * (1.001 if step == 2 else 1.0)
    g = tape.gradient(y, x)
    return g


@tf.function
def stale_python_value(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(tf.sin(tf.matmul(x, w)) ** 2 * scale)
    g = tape.gradient(y, x)
    return g


for step in range(4):
    x, scale = tf.constant(np.random.rand(5, 3), tf.float32), 1.0 + step
    stale_variable(x)
    one_evaluation(x)
    stale_python_value(x)
    w.assign_sub(0.1 * right(x))
"""

STEPS = {
    "right": Finding.EQUAL,
    "stale_variable": Finding.DIFFERENT,
    "one_evaluation": Finding.DIFFERENT,
    "stale_python_value": Finding.DIFFERENT,
}
