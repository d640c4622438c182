"""Programs with a call that must be refused: planted traps among harmless statements.

The call's line ends in ``# trap``. Such programs are not run: a graph may give any number, what
counts is that the call is left alone.
"""

from __future__ import annotations

import random

from tests.fuzz.expressions import Env, expression
from tests.fuzz.program import Program
from tests.fuzz.statements import Writer

_HEAD = """\
import types

import numpy as np
import tensorflow as tf

W = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64)
"""

_TRAPS: dict[str, tuple[str, str]] = {
    "late rebinding": (
        "",
        """\
a = x * 2.0
y = tf.sin(a) * a
{filler}
a = tf.cos(z)
g = tf.gradients(y, a)[0]  # trap
""",
    ),
    "numpy in between": (
        "",
        """\
a = x * 2.0
{filler}
b = np.sin(a)
y = b * a
g = tf.gradients(y, x)[0]  # trap
""",
    ),
    "a value in between": (
        "",
        """\
a = x * 2.0
{filler}
y = tf.constant(tf.compat.v1.Session().run(a)) * a
g = tf.gradients(y, x)[0]  # trap
""",
    ),
    "closure outlives the tape": (
        "",
        """\
a = x * 2.0
y = tf.sin(a) * z
{filler}
outs.append(lambda: tf.gradients(y, a)[0])  # trap
g = None
""",
    ),
    "function called later": (
        "",
        """\
a = x * 2.0
y = tf.sin(a) * z
{filler}
def later():
    return tf.gradients(y, a)[0]  # trap
g = later
""",
    ),
    "generator": (
        "",
        """\
def several():
    for v in (x, z):
        w = v * x
        yield tf.gradients(w, v)[0]  # trap
{filler}
g = list(several())
""",
    ),
    "patched gradients": (
        "tf.gradients = lambda ys, xs: [xs * 0.0]\n",
        """\
y = tf.sin(x) * z
{filler}
g = tf.gradients(y, x)[0]  # trap
""",
    ),
    "registered gradient": (
        """\
@tf.RegisterGradient("Mine")
def mine(op, grad):
    return grad * 0.0
""",
        """\
with tf.compat.v1.get_default_graph().gradient_override_map({{"Sin": "Mine"}}):
    y = tf.sin(x) * z
{filler}
g = tf.gradients(y, x)[0]  # trap
""",
    ),
    "variable assigned": (
        "",
        """\
{filler}
W.assign(W * 2.0)
y = tf.sin(x) * W
g = tf.gradients(y, W)[0]  # trap
""",
    ),
    "variable assigned, other source": (
        "",
        """\
V = W
V.assign_add(W)
{filler}
y = tf.sin(x) * W
g = tf.gradients(y, x)[0]  # trap
""",
    ),
    "source changed in a list": (
        "",
        """\
xs = [x * 2.0, z]
y = xs[0] * xs[1]
{filler}
xs[0] = tf.sin(z)
g = tf.gradients(y, xs)[0]  # trap
""",
    ),
    "source changed by another name": (
        "",
        """\
xs = [x * 2.0, z]
ys = xs
y = xs[0] * xs[1]
{filler}
ys.append(tf.sin(z))
g = tf.gradients(y, xs)[0]  # trap
""",
    ),
    "source changed on an object": (
        "def renew(o, v):\n    o.a = tf.sin(v)\n",
        """\
o = types.SimpleNamespace(a=x * 2.0)
y = o.a * z
{filler}
renew(o, z)
g = tf.gradients(y, o.a)[0]  # trap
""",
    ),
    "target bound by a function": (
        "",
        """\
y = x * z
def renew():
    nonlocal y
    y = x * x
{filler}
renew()
g = tf.gradients(y, x)[0]  # trap
""",
    ),
    "target made by the caller": (
        "",
        """\
{filler}
g = tf.gradients(kept, x)[0]  # trap
""",
    ),
    "source made in the call": (
        "",
        """\
y = tf.sin(x) * z
{filler}
g = tf.gradients(y, tf.identity(x))[0]  # trap
""",
    ),
    "keywords out of sight": (
        "",
        """\
y = tf.sin(x) * z
{filler}
g = tf.gradients(y, x, **options)[0]  # trap
""",
    ),
    "deleted and made again": (
        "",
        """\
a = x * 2.0
y = a * z
{filler}
del a
a = tf.sin(x)
g = tf.gradients(y, a)[0]  # trap
""",
    ),
    "loop without back propagation": (
        "",
        """\
{filler}
y = tf.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v * x), [0, z], back_prop=False)[1]
g = tf.gradients(y, x)[0]  # trap
""",
    ),
}

NAMES = tuple(_TRAPS)


def draw_trap(rng: random.Random, name: str | None = None) -> Program:
    """A program with one trap (``name``, or any) among a few statements."""
    name = name or rng.choice(NAMES)
    head, body = _TRAPS[name]
    env = Env(rng)
    env.values["x"] = env.fresh()
    env.values["z"] = env.fresh()
    writer = Writer(rng, env, frozenset({"noise"}))
    writer.indent = 0
    for index in range(rng.randint(0, 3)):
        writer.put(f"t{index} = {expression(env, plain=True)[0]}")
        writer.bind(f"t{index}", frozenset())
    text = body.format(filler="\n".join(writer.lines) or "pass")
    lines = ["    " + line if line else line for line in text.splitlines()]
    source = "\n".join(
        [
            _HEAD + head,
            "",
            "def main(x, z, flag, n, kept=None, options=None):",
            "    outs = []",
            *lines,
            "    return [outs, g]",
            "",
        ]
    )
    return Program(source, frozenset({f"trap: {name}"}), trap=True)
