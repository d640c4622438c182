"""Programs and migrations of them that are wrong, each in its own way."""

from __future__ import annotations

from tape_migrate.verify import Verdict

HEAD = "import tensorflow as tf\n\n"

BEFORE = """
def f(x, t):
    h = tf.sin(x) * t
    u = h * x + tf.exp(t)
    return tf.gradients(u, x)[0]
"""

PAIR = """
def f(x, t):
    u = tf.sin(x) * tf.exp(t) * x
    return tf.gradients(u, [x, t])
"""

WEIGHTED = """
def f(x, t):
    u = tf.sin(x) * x
    return tf.gradients(u, [x], grad_ys=[t])
"""

SECOND = """
def f(x, t):
    u = x ** 3 * t
    u_x = tf.gradients(u, x)[0]
    return u_x, tf.gradients(u_x, x)[0]
"""

STOPPED = """
def f(x, t):
    h = x * t
    u = h * h * x
    return tf.gradients(u, x, stop_gradients=[h])[0]
"""

UNCONNECTED = """
def f(x, t):
    u = x * x
    return tf.gradients(u, [x, t], unconnected_gradients="zero")
"""

PHASES = """
def f(x, t):
    h = tf.nn.batch_normalization(x * t, 0.5, 2.0, None, None, 1e-3)
    u = h ** 3
    return tf.gradients(u, x)[0]
"""

STATE = """
w = tf.Variable([1.0, 2.0, 3.0, 4.0])

def f(x, t):
    with tf.control_dependencies([w.assign(w * t)]):
        u = x * x * w.read_value()
    return tf.gradients(u, x)[0]
"""

ROWS = """
def f(x, t):
    u = tf.gather(x, [0, 2, 0]) * t[0]
    return tf.gradients(u, x)[0]
"""

WRONG: dict[str, tuple[str, str, Verdict, str]] = {
    "watch too late, after every use": (
        BEFORE,
        """
def f(x, t):
    with tf.GradientTape() as tape:
        h = tf.sin(x) * t
        u = h * x + tf.exp(t)
        tape.watch(x)
    return tape.gradient(u, x)
""",
        Verdict.STRUCTURE_DIFFERS,
        "old is float32[4], new is None",
    ),
    "watch between two uses": (
        BEFORE,
        """
def f(x, t):
    with tf.GradientTape() as tape:
        h = tf.sin(x) * t
        tape.watch(x)
        u = h * x + tf.exp(t)
    return tape.gradient(u, x)
""",
        Verdict.DIFFERENT,
        "relative error",
    ),
    "target partly computed outside the tape": (
        BEFORE,
        """
def f(x, t):
    h = tf.sin(x) * t
    with tf.GradientTape() as tape:
        tape.watch(x)
        u = h * x + tf.exp(t)
    return tape.gradient(u, x)
""",
        Verdict.DIFFERENT,
        "relative error",
    ),
    "empty tape": (
        BEFORE,
        """
def f(x, t):
    h = tf.sin(x) * t
    u = h * x + tf.exp(t)
    with tf.GradientTape() as tape:
        tape.watch(x)
    return tape.gradient(u, x)
""",
        Verdict.STRUCTURE_DIFFERS,
        "new is None",
    ),
    "no watch": (
        BEFORE,
        """
def f(x, t):
    with tf.GradientTape() as tape:
        h = tf.sin(x) * t
        u = h * x + tf.exp(t)
    return tape.gradient(u, x)
""",
        Verdict.STRUCTURE_DIFFERS,
        "new is None",
    ),
    "wrong source": (
        BEFORE,
        """
def f(x, t):
    with tf.GradientTape() as tape:
        tape.watch([x, t])
        h = tf.sin(x) * t
        u = h * x + tf.exp(t)
    return tape.gradient(u, t)
""",
        Verdict.DIFFERENT,
        "relative error",
    ),
    "wrong target": (
        BEFORE,
        """
def f(x, t):
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = tf.sin(x) * t
        u = h * x + tf.exp(t)
    return tape.gradient(h, x)
""",
        Verdict.DIFFERENT,
        "relative error",
    ),
    "swapped arguments": (
        BEFORE,
        """
def f(x, t):
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = tf.sin(x) * t
        u = h * x + tf.exp(t)
    return tape.gradient(x, u)
""",
        Verdict.STRUCTURE_DIFFERS,
        "new is None",
    ),
    "list where [0] was taken": (
        BEFORE,
        """
def f(x, t):
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = tf.sin(x) * t
        u = h * x + tf.exp(t)
    return tape.gradient(u, [x])
""",
        Verdict.STRUCTURE_DIFFERS,
        "old is float32[4], new is list of 1",
    ),
    "[0] of a tensor": (
        BEFORE,
        """
def f(x, t):
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = tf.sin(x) * t
        u = h * x + tf.exp(t)
    return tape.gradient(u, x)[0]
""",
        Verdict.STRUCTURE_DIFFERS,
        "old is float32[4], new is float32[]",
    ),
    "another dtype": (
        BEFORE,
        """
def f(x, t):
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = tf.sin(x) * t
        u = h * x + tf.exp(t)
    return tf.cast(tape.gradient(u, x), tf.float64)
""",
        Verdict.STRUCTURE_DIFFERS,
        "old is float32[4], new is float64[4]",
    ),
    "a source recomputed": (
        BEFORE,
        """
def f(x, t):
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = tf.sin(x) * t
        u = h * x + tf.exp(t)
    return tape.gradient(u, tf.identity(x))
""",
        Verdict.STRUCTURE_DIFFERS,
        "new is None",
    ),
    "the new code raises": (
        BEFORE,
        """
def f(x, t):
    with tf.GradientTape() as tape:
        tape.watch(x)
        u = tf.sin(x) * t
    tape.gradient(u, x)
    return tape.gradient(u, x)
""",
        Verdict.FAILED,
        "the new code raised RuntimeError",
    ),
    "the old call left where it was": (
        BEFORE,
        BEFORE,
        Verdict.FAILED,
        "tf.gradients is not supported when eager execution is enabled",
    ),
    "sources in another order": (
        PAIR,
        """
def f(x, t):
    with tf.GradientTape() as tape:
        tape.watch([x, t])
        u = tf.sin(x) * tf.exp(t) * x
    return tape.gradient(u, [t, x])
""",
        Verdict.DIFFERENT,
        "relative error",
    ),
    "tuple for list": (
        PAIR,
        """
def f(x, t):
    with tf.GradientTape() as tape:
        tape.watch([x, t])
        u = tf.sin(x) * tf.exp(t) * x
    return tape.gradient(u, (x, t))
""",
        Verdict.STRUCTURE_DIFFERS,
        "old is a list of 2, new is a tuple of 2",
    ),
    "grad_ys lost": (
        WEIGHTED,
        """
def f(x, t):
    with tf.GradientTape() as tape:
        tape.watch(x)
        u = tf.sin(x) * x
    return tape.gradient(u, [x])
""",
        Verdict.DIFFERENT,
        "relative error",
    ),
    "outer tape does not watch": (
        SECOND,
        """
def f(x, t):
    with tf.GradientTape() as tape2:
        with tf.GradientTape() as tape:
            tape.watch(x)
            u = x ** 3 * t
        u_x = tape.gradient(u, x)
    return u_x, tape2.gradient(u_x, x)
""",
        Verdict.STRUCTURE_DIFFERS,
        "result[1]: old is float32[4], new is None",
    ),
    "first gradient taken outside the outer tape": (
        SECOND,
        """
def f(x, t):
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        u = x ** 3 * t
    u_x = tape.gradient(u, x)
    return u_x, tape.gradient(u_x, x)
""",
        Verdict.STRUCTURE_DIFFERS,
        "result[1]: old is float32[4], new is None",
    ),
    "stop_gradients lost": (
        STOPPED,
        """
def f(x, t):
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = x * t
        u = h * h * x
    return tape.gradient(u, x)
""",
        Verdict.DIFFERENT,
        "relative error",
    ),
    "unconnected_gradients lost": (
        UNCONNECTED,
        """
def f(x, t):
    with tf.GradientTape() as tape:
        tape.watch([x, t])
        u = x * x
    return tape.gradient(u, [x, t])
""",
        Verdict.STRUCTURE_DIFFERS,
        "result[1]: old is float32[4], new is None",
    ),
    "another learning phase": (
        PHASES,
        """
def f(x, t):
    with tf.GradientTape() as tape:
        tape.watch(x)
        mean, variance = tf.nn.moments(x * t, [0])
        h = tf.nn.batch_normalization(x * t, mean, variance, None, None, 1e-3)
        u = h ** 3
    return tape.gradient(u, x)
""",
        Verdict.DIFFERENT,
        "relative error",
    ),
    "a stale variable": (
        STATE,
        """
w = tf.Variable([1.0, 2.0, 3.0, 4.0])
first = tf.constant([1.0, 2.0, 3.0, 4.0])

def f(x, t):
    w.assign(w * t)
    with tf.GradientTape() as tape:
        tape.watch(x)
        u = x * x * first
    return tape.gradient(u, x)
""",
        Verdict.DIFFERENT,
        "relative error",
    ),
    "rows made dense": (
        ROWS,
        """
def f(x, t):
    with tf.GradientTape() as tape:
        tape.watch(x)
        u = tf.gather(x, [0, 2, 0]) * t[0]
    return tf.convert_to_tensor(tape.gradient(u, x))
""",
        Verdict.STRUCTURE_DIFFERS,
        "old is IndexedSlices",
    ),
}
