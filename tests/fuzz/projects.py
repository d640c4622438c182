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
}


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
        form = rng.choice(("grad", "penalty", "both", "own", "keyword", "slope"))
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
        else:
            helpers.add(form)
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
        lines = [re.sub(r"\b(slope|grad|penalty)\(", r"lib.\1(", line) for line in lines]
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
    return Program(source, frozenset(used), flag=rng.random() < 0.7, helpers={"lib": library})
