"""Random programs that take symbolic gradients; the same seed gives the same program."""

from __future__ import annotations

import random

from tests.fuzz.expressions import Env, expression
from tests.fuzz.gradients import Gradients
from tests.fuzz.keepers import draw_keepers
from tests.fuzz.keras_graphs import draw_keras
from tests.fuzz.layouts import lay_out
from tests.fuzz.libraries import draw_library
from tests.fuzz.program import Program
from tests.fuzz.projects import draw_project
from tests.fuzz.statements import FEATURES
from tests.fuzz.traps import draw_trap

_PREAMBLE = """\
import contextlib
import types

import tensorflow as tf
import tensorflow.compat.v1 as tf1
from tensorflow import gradients
from tensorflow.keras import backend as K

grad_of = tf.gradients
OPTIMIZER = tf.compat.v1.train.GradientDescentOptimizer(0.1)
BOX = types.SimpleNamespace()
W = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64)
M = tf.Variable([0.9, 0.4, -0.7], dtype=tf.float64, trainable=False)
STATE = {}
SEEN = []


def helper(v):
    return tf.tanh(v * W) + v


def twice(v, fn=helper):
    u = fn(v)
    return fn(u) * 0.5


def slope(v):
    s = tf.sin(v) * v
    return tf.gradients(s, v)[0]


def remember(v):
    STATE["last"] = v * 0.5
    SEEN.append(v)
    return v


def recall():
    return STATE["last"] * 1.5


def collect(values):
    return [v for v in values]


def fill(values, v):
    values[0] = tf.sin(v)
    return values[0] * v


"""

_CLASS = """\
class Net:
    rate = 0.5

    def __init__(self):
        self.last = None
        self.kept = []

    def layer(self, v):
        return tf.tanh(v * W) * self.rate

    def encode(self, v):
        self.last = tf.sin(v)
        return self.last * v

    def head(self):
        return self.last * 2.0

    def keep(self, v):
        self.kept.append(v)
        return v

"""


class Body(Gradients):
    """The body of a program: statements, compound ones, and gradient calls among them."""

    def body(self, statements: int, gradients: int) -> None:
        """Write ``statements`` statements, with ``gradients`` gradient calls among them."""
        points = sorted(self.rng.sample(range(1, statements + 1), min(gradients, statements)))
        for index in range(1, statements + 1):
            self.statement()
            if index in points:
                self.gradient()

    def statement(self) -> None:
        """One statement, perhaps a compound one."""
        rng, features = self.rng, self.features
        roll = rng.random()
        if "branch" in features and roll < 0.12:
            self.used.add("branch")
            self._branch()
        elif "loop" in features and roll < 0.24:
            self.used.add("loop")
            self._loop()
        elif "while" in features and roll < 0.3:
            self.used.add("while")
            self._while()
        elif "scope" in features and roll < 0.4:
            header = rng.choice(["with tf.name_scope('s'):", "with tf.device('/cpu:0'):"])
            self.used.add("scope")
            self.block(header, self._some)
        elif "try" in features and roll < 0.46:
            self.used.add("try")
            self.block("try:", self.assign)
            self.block("finally:", self.assign)
        elif "keeper" in features and roll < 0.5:
            self.used.add("keeper")
            self._keeper()
        else:
            self.assign()

    def _some(self) -> None:
        for _ in range(self.rng.randint(1, 2)):
            self.assign()
        if self.rng.random() < 0.3:
            self.gradient()

    def _branch(self) -> None:
        env = self.env
        before = dict(env.values)
        lists = {name: list(values) for name, values in env.lists.items()}
        self.block(f"if {self.rng.choice(['flag', 'not flag', 'n > 1'])}:", self._some)
        one = dict(env.values)
        env.values = dict(before)
        env.lists = {name: list(values) for name, values in lists.items()}
        other = before
        if self.rng.random() < 0.7:
            self.block("else:", self._some)
            other = dict(env.values)
        env.lists = lists
        env.values = {}
        for name in other:
            if name in one:
                a, b = one[name], other[name]
                env.values[name] = a if a == b else env.fresh(a.deps & b.deps)

    def _loop(self) -> None:
        rng, env = self.rng, self.env
        before = dict(env.values)
        if env.lists and rng.random() < 0.4:
            source = rng.choice(list(env.lists))
            name = f"e{env.ident()}"
            header = f"for {name} in {source}:"
            env.values[name] = rng.choice(env.lists[source])
            before[name] = env.values[name]
        else:
            header = f"for i in range({rng.choice(['2', 'n', '3'])}):"
        lists = {name: list(values) for name, values in env.lists.items()}

        def body() -> None:
            if "jump" in self.features and "i in" in header:
                self.put(f"if i == {rng.randint(0, 2)}: {rng.choice(['continue', 'break'])}")
            name = rng.choice([n for n in before if n.isidentifier()])
            text, deps = expression(env, plain=True)
            self.put(f"{name} = {name} * 0.5 + {text}")
            self.bind(name, deps | env.values[name].deps)
            self._some()

        self.block(header, body)
        env.lists = lists
        env.values = {n: v for n, v in env.values.items() if n in before}

    def _while(self) -> None:
        env = self.env
        before = dict(env.values)
        counter = f"k{env.ident()}"
        self.put(f"{counter} = 0")

        def body() -> None:
            self._some()
            self.put(f"{counter} += 1")

        lists = {name: list(values) for name, values in env.lists.items()}
        self.block(f"while {counter} < n:", body)
        env.lists = lists
        env.values = {n: v for n, v in env.values.items() if n in before}

    def _keeper(self) -> None:
        env, rng = self.env, self.rng
        name, other = self.name(), rng.choice(list(env.values))
        holder = self.owner or "net"
        form = rng.randrange(6)
        if form == 0:
            self.put(f"{name} = remember({other})")
            env.values[name] = env.values[other]
            env.values["STATE['last']"] = env.fresh(env.values[other].deps)
        elif form == 1 and "STATE['last']" in env.values:
            self.put(f"{name} = recall()")
            self.bind(name, env.values["STATE['last']"].deps)
        elif form == 2:
            self.put(f"{name} = {holder}.encode({other})")
            self.bind(name, env.values[other].deps)
            env.values[f"{holder}.last"] = env.fresh(env.values[other].deps)
        elif form == 3 and f"{holder}.last" in env.values:
            self.put(f"{name} = {holder}.head()")
            self.bind(name, env.values[f"{holder}.last"].deps)
        elif form == 4:
            self.put(f"{name} = {holder}.keep({other})")
            env.values[name] = env.values[other]
        else:
            self.put(f"{name} = {holder}.layer({other})")
            self.bind(name, env.values[other].deps)


def generate(seed: int) -> Program:
    """Program number ``seed``."""
    return draw(random.Random(seed))


def draw(rng: random.Random) -> Program:
    """A program, of whichever kind ``rng`` picks."""
    roll = rng.random()
    if roll < 0.08:
        return draw_trap(rng)
    if roll < 0.13:
        return draw_project(rng)
    if roll < 0.16:
        return draw_library(rng)
    if roll < 0.24:
        return draw_keras(rng)
    if roll > 0.85:
        return draw_keepers(rng)
    return draw_tensors(rng)


def draw_tensors(rng: random.Random) -> Program:
    """A program of one module that differentiates tensors."""
    features = frozenset(rng.sample(FEATURES, rng.randint(1, 5)))
    env = Env(rng)
    env.values["x"] = env.fresh()
    env.values["z"] = env.fresh()
    body = Body(rng, env, features)
    in_class = rng.random() < 0.25
    at_module = not in_class and rng.random() < 0.15
    if "helper" in features:
        body.used.add("helper")
        env.functions.update({name: lambda _: frozenset() for name in ("helper", "twice", "slope")})
    if "helper" in features or "variable" in features or "optimizer" in features:
        body.used.add("variable")
        env.values["W"] = env.fresh()
        env.values["M"] = env.fresh()
    head = [*_PREAMBLE.splitlines(), *_CLASS.splitlines()]
    if in_class:
        body.used.add("method")
        body.owner = "self"
        body.indent = 2
        head.append("    def run(self, x, z, flag, n):")
    elif at_module:
        body.used.add("module level")
        body.indent = 0
        head += ["", "flag, n = True, 2"]
        head += [f"{name} = tf.constant({value}, tf.float64)" for name, value in _CONSTANTS]
    else:
        head += ["", "def main(x, z, flag, n):"]
    body.put("outs = []")
    if {"object", "attribute"} & features and not in_class:
        body.put("box = types.SimpleNamespace()")
    if "keeper" in features and not in_class:
        body.put("net = Net()")
    body.body(rng.randint(2, 7), rng.randint(1, 3))
    if not any("gradients" in line for line in body.lines):
        body.gradient()
    kept = [name for name in body.outputs if _always(body.lines, name, body.indent)]
    result = ", ".join(["outs", *kept])
    if at_module:
        body.lines.append(f"OUTS = [{result}]")
    else:
        body.lines.append("    " * body.indent + f"return [{result}]")
    if in_class:
        body.lines += ["", "", "def main(x, z, flag, n):", "    return Net().run(x, z, flag, n)"]
    source = "\n".join([*head, *body.lines]) + "\n"
    if "layout" in features:
        source, layouts = lay_out(source, rng)
        body.used |= layouts
    if sum(line.count("gradients(") for line in body.lines) > 1:
        body.used.add("several calls")
    return Program(source, frozenset(body.used), flag=rng.random() < 0.7)


_CONSTANTS = (("x", "[0.7, -0.4, 1.1]"), ("z", "[-0.6, 0.9, 0.3]"))


def _always(lines: list[str], name: str, indent: int) -> bool:
    """Whether the body itself binds ``name``, in no branch or loop."""
    start = "    " * indent
    return any(
        part.startswith(f"{name} =") or part.startswith(f"{name}, =")
        for line in lines
        if line.startswith(start) and not line.startswith(start + " ")
        for part in line[len(start) :].split("; ")
    )
