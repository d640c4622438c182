"""Projects of two modules: helpers in one, their callers in the other."""

from __future__ import annotations

import random
import re

from tests.fuzz.expressions import Env, expression
from tests.fuzz.program import Program
from tests.fuzz.statements import Writer

_LIBRARY = """\
import tensorflow as tf

SCALE = tf.Variable([0.9, 0.4, -0.7], dtype=tf.float64)


def layer(v):
    return tf.tanh(v * SCALE) + v


def both(v, w):
    u = layer(v) * w
    return u, tf.sin(u)
"""

_HELPERS = {
    "slope": """\
def slope(v):
    s = tf.sin(v) * v
    return tf.gradients(s, v)[0]
""",
    "grad": """\
def grad(y, x):
    return tf.gradients(y, x)[0]
""",
    "penalty": """\
def penalty(y, x, weight=0.5):
    g = tf.gradients(y, [x])[0]
    return tf.reduce_sum(tf.square(g)) * weight
""",
    "nabla": """\
nabla = lambda y, x: tf.gradients(y, x)[0]
""",
    "laplace": """\
def laplace(y, x):
    return grad(grad(y, x), x)
""",
    "laplace2": """\
def laplace2(y, x):
    y_x = grad(y, x)
    return grad(y_x, x)
""",
    "curved": """\
def curved(y, x):
    y_x = grad(y, x) * y
    again = tf.gradients(y_x, x)[0]
    return again + y_x
""",
    "scaled": """\
def scaled(y, x, by=3.0):
    return grad(tf.sin(y) * by, x)
""",
    "fourth": """\
def fourth(y, x):
    return laplace(laplace2(y, x), x)
""",
    "pair": """\
def pair(y, w, x):
    return grad(y, x) + grad(w * y, x)
""",
    "while_small": """\
def while_small(y, x):
    for _ in range(2):
        y = grad(y * x, x)
    return y
""",
    "chosen": """\
def chosen(y, x, twice=True):
    g = grad(y, x)
    if twice:
        g = grad(g, x)
    return g
""",
}
_USES = {
    "chosen": ("grad",),
    "curved": ("grad",),
    "fourth": ("grad", "laplace", "laplace2"),
    "laplace": ("grad",),
    "laplace2": ("grad",),
    "pair": ("grad",),
    "scaled": ("grad",),
    "while_small": ("grad",),
}
"""The helpers that a helper calls."""


def draw_project(rng: random.Random) -> Program:
    """A program whose ``main`` uses helpers of another module."""
    env = Env(rng)
    env.values["x"] = env.fresh()
    env.values["z"] = env.fresh()
    env.functions["layer"] = lambda _: frozenset()
    helpers: set[str] = set()
    writer = Writer(rng, env, frozenset(rng.sample(["alias", "rebind", "list", "unpack"], 2)))
    writer.put("outs = []")
    used = {"project of two files"}
    for _ in range(rng.randint(1, 3)):
        for _ in range(rng.randint(1, 3)):
            writer.assign()
        made = [n for n, v in env.values.items() if len(v.deps) > 1] or ["x * x"]
        target = made[-1]
        deps = env.values[target].deps if target in env.values else frozenset({1})
        sources = [n for n, v in env.values.items() if v.ident in deps and n != target]
        source = rng.choice(sources or ["x"])
        form = rng.choice(("both", "own", "keyword", *_HELPERS))
        used.add(f"helper of another file: {form}")
        if form == "both":
            writer.put(f"one, two = both({target}, {source})")
            writer.put(f"outs.append(tf.gradients(two, {source})[0])")
        elif form == "own":
            writer.put(f"outs.append(tf.gradients(layer({target}), {source})[0])")
        elif form == "slope":
            helpers.add("slope")
            writer.put(f"outs.append(slope({source}))")
        elif form == "keyword":
            helpers.add("grad")
            writer.put(f"outs.append(grad(x={source}, y={target}))")
        elif form == "pair":
            helpers.update((form, *_USES[form]))
            other = rng.choice([*env.values])
            writer.put(f"outs.append(pair({target}, {other}, {source}))")
        else:
            helpers.update((form, *_USES.get(form, ())))
            writer.put(f"outs.append({form}({target}, {source}))")
    text, _ = expression(env)
    names = ", ".join(sorted({"both", "layer", *helpers}))
    how = rng.choice(("names", "star", "module"))
    used.add(f"imported: {how}")
    imports = {
        "names": f"from lib import {names}\n",
        "star": "from lib import *\n",
        "module": "import lib\nfrom lib import both, layer\n",
    }[how]
    lines = writer.lines
    if how == "module":
        called = "|".join(_HELPERS)
        lines = [re.sub(rf"\b({called})\(", r"lib.\1(", line) for line in lines]
    source = "\n".join(
        [
            "import tensorflow as tf",
            imports,
            "",
            "def main(x, z, flag, n):",
            *lines,
            f"    return [outs, {text}]",
            "",
        ]
    )
    library = "\n\n".join([_LIBRARY, *(_HELPERS[name] for name in sorted(helpers))])
    if rng.random() < 0.3 and how == "names":
        # The same in one module.
        source = (
            library
            + "\n\n"
            + source.replace(imports, "", 1).removeprefix("import tensorflow as tf\n")
        )
        library = "UNUSED = 1\n"
    return Program(source, frozenset(used), flag=rng.random() < 0.7, helpers={"lib": library})
