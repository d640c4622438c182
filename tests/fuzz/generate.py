"""Random programs that take symbolic gradients; the same seed gives the same program."""

from __future__ import annotations

import random

from tests.fuzz.expressions import Env, expression
from tests.fuzz.statements import FEATURES, Writer

_PREAMBLE = """\
import types

import tensorflow as tf

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


class Program(Writer):
    """A body with gradient calls."""

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
            self._branch()
        elif "loop" in features and roll < 0.24:
            self._loop()
        elif "while" in features and roll < 0.3:
            self._while()
        elif "scope" in features and roll < 0.4:
            header = rng.choice(["with tf.name_scope('s'):", "with tf.device('/cpu:0'):"])
            self.block(header, self._some)
        elif "try" in features and roll < 0.46:
            self.block("try:", self.assign)
            self.block("finally:", self.assign)
        elif "keeper" in features and roll < 0.5:
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

    def gradient(self) -> None:
        """One gradient call, connected in nine cases of ten."""
        rng, env = self.rng, self.env
        target, source = self._pair()
        out = f"g{env.ident()}"
        connected = env.values[source].ident in env.values[target].deps
        deps = env.values[target].deps if connected else frozenset[int]()
        text = target
        if "inline" in self.features and rng.random() < 0.4:
            other, _ = expression(env, depth=1)
            text = rng.choice(["{t} * ({o})", "tf.reduce_sum({t}) + {o}", "[{t}, {o}]"]).format(
                t=target, o=other
            )
        call = f"tf.gradients({text}, {source}{self._keywords(target)})"
        form = rng.randrange(9)
        if form == 0:
            second = rng.choice(list(env.values))
            self.put(f"{out} = tf.gradients({text}, [{source}, {second}])")
            self.outputs.append(out)
            if connected and rng.random() < 0.5:
                env.values[f"{out}[0]"] = env.fresh(deps)
            return
        if form == 1:
            self.put(f"{out}, = {call}")
        elif form == 2 and env.lists:
            self.put(f"{out} = tf.gradients({text}, {rng.choice(list(env.lists))})")
            self.outputs.append(out)
            return
        elif form == 3:
            self.put(f"outs.append({call}[0])")
            return
        elif form == 4 and env.lists:
            name = rng.choice(list(env.lists))
            self.put(f"{out} = [tf.gradients(t, {source})[0] for t in {name}]")
            self.outputs.append(out)
            return
        elif form == 5 and "early" in self.features and connected:
            self.put(f"{out} = {call}[0] * 0.5 + {target}")
        elif form == 6 and "higher" in self.features and connected:
            self.put(f"{out} = tf.gradients({call}[0], {source})")
            self.outputs.append(out)
            return
        else:
            self.put(f"{out} = {call}[0]")
        self.outputs.append(out)
        if connected and rng.random() < 0.6:
            env.values[out] = env.fresh(deps)

    def _pair(self) -> tuple[str, str]:
        """A target and a source: most often one that the target depends on."""
        values, rng = self.env.values, self.rng
        made = [n for n, v in values.items() if len(v.deps) > 1][-6:]
        if not made:
            self._plain(*expression(self.env, plain=True))
            made = [list(values)[-1]]
        target = rng.choice(made)
        if rng.random() < 0.95:
            found = [n for n, v in values.items() if v.ident in values[target].deps and n != target]
            if found:
                return target, rng.choice(found)
        return target, rng.choice(list(values))

    def _keywords(self, target: str) -> str:
        rng = self.rng
        if "keywords" not in self.features or rng.random() < 0.5:
            return ""
        stop = rng.choice(list(self.env.values))
        return rng.choice(
            [
                ", unconnected_gradients='zero'",
                ", unconnected_gradients=tf.UnconnectedGradients.ZERO",
                f", stop_gradients=[{stop}]",
                f", stop_gradients={stop}",
                ", name='grads'",
                f", grad_ys=tf.ones_like({target}) * 0.5",
            ]
        )


def generate(seed: int) -> str:
    """The source of program number ``seed``."""
    rng = random.Random(seed)
    features = frozenset(rng.sample(FEATURES, rng.randint(1, 5)))
    env = Env(rng)
    env.values["x"] = env.fresh()
    env.values["z"] = env.fresh()
    program = Program(rng, env, features)
    in_class = rng.random() < 0.25
    at_module = not in_class and rng.random() < 0.15
    if "helper" in features:
        env.functions.update({name: lambda _: frozenset() for name in ("helper", "twice", "slope")})
        env.values["W"] = env.fresh()
        env.values["M"] = env.fresh()
    head = [*_PREAMBLE.splitlines(), *_CLASS.splitlines()]
    if in_class:
        program.owner = "self"
        program.indent = 2
        head.append("    def run(self, x, z, flag, n):")
    elif at_module:
        program.indent = 0
        head += ["", "flag, n = True, 2"]
        head += [f"{name} = tf.constant({value}, tf.float64)" for name, value in _CONSTANTS]
    else:
        head += ["", "def main(x, z, flag, n):"]
    program.put("outs = []")
    if "object" in features and not in_class:
        program.put("box = types.SimpleNamespace()")
    if "keeper" in features and not in_class:
        program.put("net = Net()")
    program.body(rng.randint(2, 7), rng.randint(1, 3))
    if not any("gradients" in line for line in program.lines):
        program.gradient()
    kept = [name for name in program.outputs if _always(program.lines, name, program.indent)]
    result = ", ".join(["outs", *kept])
    if at_module:
        program.lines.append(f"OUTS = [{result}]")
    else:
        program.lines.append("    " * program.indent + f"return [{result}]")
    if in_class:
        program.lines += ["", "", "def main(x, z, flag, n):", "    return Net().run(x, z, flag, n)"]
    return "\n".join([*head, *program.lines]) + "\n"


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
