"""Programs that keep values aside: in objects, lists, tables, closures, behind barriers.

What is kept by one statement is read by another, so a tape must hold the first whenever a target
reads the second: most wrong rewrites that people found by hand were of this kind.
"""

from __future__ import annotations

import random

from tests.fuzz.expressions import Env, expression
from tests.fuzz.keepers_text import PREAMBLE, SLOPE
from tests.fuzz.keeping import STEPS, Keepers, plain
from tests.fuzz.keeping_more import MORE
from tests.fuzz.program import Program

_STEPS = {**STEPS, **MORE}


def draw_keepers(rng: random.Random) -> Program:
    """A program of one module that reads back what it has kept."""
    env = Env(rng)
    for name in ("x", "z", "W"):
        env.values[name] = env.fresh()
    features = frozenset(rng.sample(["rebind", "noise", "alias"], 1))
    writer = Keepers(rng, env, features)
    writer.put("outs = []")
    names = rng.sample(list(_STEPS), rng.randint(1, 3))
    for _ in range(rng.randint(2, 5)):
        if rng.random() < 0.35:
            plain(writer)
        else:
            name = rng.choice(names)
            writer.used.add(name)
            _STEPS[name](writer)
        if rng.random() < 0.35:
            writer.gradient()
    plain(writer)
    writer.gradient()
    text, _ = expression(env)
    slope = SLOPE if any("box.slope" in line for line in writer.lines) else ""
    preamble = PREAMBLE.rstrip() + "\n\n" + (slope or "\n")
    source = "\n".join(
        [preamble + "def main(x, z, flag, n):", *writer.lines, f"    return [outs, {text}]", ""]
    )
    return Program(source, frozenset(writer.used), flag=rng.random() < 0.7)
