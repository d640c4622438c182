"""Projects of three modules whose helpers are drawn, too: what they take, do and give, who calls.

``projects`` knows a dozen helpers of one tensor and one source. Here a helper may be given lists,
take several gradients, in turn or of one another, hand on to others, or be a method.
"""

from __future__ import annotations

import random

from tests.fuzz.program import Program

_ONE = (
    "g = tf.gradients({y}, {x})[0]",
    "(g,) = tf.gradients({y}, {x})",
    "g = tf.gradients({y} * {y}, {x})[0] * 0.5",
    "g = tf.gradients(tf.sin({y}), [{x}])[0]",
    "g = sum(tf.gradients({y}, {x}))",
    "g = {y}\n    for _ in range(2):\n        g = tf.gradients(g, {x})[0] * 0.3",
    "g = tf.gradients({y}, {x})[0]\n    g = tf.gradients(g * {y}, {x})[0]",
    "g = tf.gradients({y}, {x})[0]\n    if flag:\n        g = g + tf.gradients(g, {x})[0]",
    "if flag:\n        g = tf.gradients({y}, {x})[0]\n    else:\n        g = {y}",
)
"""Bodies of helpers that give one tensor, of a source that is one."""
_MANY = (
    "gs = tf.gradients({y}, {x})",
    "gs = [g * 2.0 for g in tf.gradients({y}, {x})]",
    "gs = tf.gradients({y}, {x})\n    hs = tf.gradients({y} * {y}, {x})\n"
    "    gs = [g + h for g, h in zip(gs, hs)]",
    "gs = tf.gradients({y}, {x})\n    gs = tf.gradients([g * 0.3 for g in gs], {x})",
    "gs = tf.gradients({y}, {x})\n    gs = tf.gradients(gs, {x}, grad_ys=gs)",
    "gs = tf.gradients({y}, {x})\n    if flag:\n        gs = gs[::-1]",
    "gs = []\n    for k in range(2):\n        gs += tf.gradients({y} * float(k + 1), {x})",
    "gs = tf.gradients({y}, {x}, grad_ys=tf.ones_like({y}) * 0.5)",
    "gs = [tf.gradients({y}, v)[0] for v in {x}]",
    "gs = list(tf.gradients({y}, {x}))\n    gs.append(tf.gradients(gs[0], {x})[0])",
)
"""Bodies of helpers that give a list, of sources that may be one or several."""
_FORWARD = (
    "tf.sin(a) * b",
    "a * b + tf.tanh(a)",
    "tf.reduce_sum(a * a) + b",
    "tf.stack([a, b])[0] * a",
    "a if flag else a * b",
)


def draw_library(rng: random.Random) -> Program:
    """A project of ``main``, ``lib`` and ``base``; ``lib`` may import ``base``."""
    return _Drawing(rng).program()


class _Drawing:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.used = {"project of three files"}
        self.helpers: list[tuple[str, str, bool, bool]] = []
        """Module, name (with ``Solver().`` of a method), many, whether it takes ``flag``."""
        self.forwards: list[str] = []
        self.modules: dict[str, list[str]] = {"base": [], "lib": ["import base"]}

    def program(self) -> Program:
        for number in range(self.rng.randint(1, 3)):
            self._forward("base" if self.rng.random() < 0.5 else "lib", number)
        for number in range(self.rng.randint(1, 3)):
            self._helper(self.rng.choice(("base", "lib")), number)
        if self.rng.random() < 0.4:
            self._handing_on()
        if self.rng.random() < 0.3:
            self._solver()
        source = self._main()
        head = "import tensorflow as tf\n"
        texts = {
            name: head + "\n\n".join(parts) + "\n" for name, parts in self.modules.items() if parts
        }
        texts.setdefault("base", head)
        return Program(source, frozenset(self.used), flag=self.rng.random() < 0.7, helpers=texts)

    def _forward(self, module: str, number: int) -> None:
        body = self.rng.choice(_FORWARD)
        self.modules[module].append(f"def f{number}(a, b, flag=True):\n    return {body}")
        self.forwards.append(f"{module}.f{number}")

    def _helper(self, module: str, number: int) -> None:
        many = self.rng.random() < 0.6
        body = self.rng.choice(_MANY if many else _ONE)
        self.used.add(f"helper: {body.splitlines()[-1].strip()}")
        flag = "flag" in body
        names = self.rng.choice((("y", "x"), ("ys", "xs"), ("loss", "params")))
        text = body.format(y=names[0], x=names[1])
        parameters = ", ".join((*names, *(["flag"] if flag else ())))
        name = f"h{number}"
        result = "gs" if many else "g"
        self.modules[module].append(f"def {name}({parameters}):\n    {text}\n    return {result}")
        self.helpers.append((module, name, many, flag))

    def _handing_on(self) -> None:
        module, name, many, flag = self.rng.choice(self.helpers)
        if module == "lib" or self.rng.random() < 0.5:
            where, called = module, name
        else:
            where, called = "lib", f"{module}.{name}"
        given = self.rng.choice(("y", "y * 2.0", "tf.sin(y)"))
        more = ", flag" if flag else ""
        self.modules[where].append(
            f"def on(y, x{more}):\n    r = {called}({given}, x{more})\n    return r"
        )
        self.helpers.append((where, "on", many, flag))
        self.used.add("helper that hands on")

    def _solver(self) -> None:
        module, name, many, flag = self.rng.choice(self.helpers)
        called = name if module == "lib" else f"{module}.{name}"
        more = ", flag" if flag else ""
        keep = self.rng.random() < 0.5
        init = "        self.y = y\n" if keep else ""
        given, target = ("", "self.y") if keep else ("y, ", "y")
        self.modules["lib"].append(
            f"class Solver:\n    def __init__(self{', y' if keep else ''}):\n        self.k = 2.0\n"
            f"{init}\n    def step(self, {given}x{more}):\n"
            f"        return {called}({target}, x{more})"
        )
        self.helpers.append(("lib", "Solver({y}).step" if keep else "Solver().step", many, flag))
        self.used.add("helper that is a method")

    def _main(self) -> str:
        rng = self.rng
        lines = ["outs = []", "h = x"]
        for _ in range(rng.randint(1, 3)):
            f = rng.choice(self.forwards)
            a, b = rng.choice((("h", "z"), ("h", "x"), ("x", "h"), ("z", "h")))
            name = rng.choice(("h", "h", "w"))
            lines.append(f"{name} = {f}({a}, {b}, flag)")
        y = rng.choice(("h", "tf.reduce_sum(h)", "h * z", "h * x"))
        lines.append(f"y = {y}")
        for _ in range(rng.randint(1, 3)):
            lines += self._use()
        body = "\n".join(f"    {line}" for line in lines)
        return (
            "import tensorflow as tf\nimport base\nimport lib\n\n\n"
            f"def main(x, z, flag, n):\n{body}\n    return [outs, y]\n"
        )

    def _use(self) -> list[str]:
        rng = self.rng
        module, name, many, flag = rng.choice(self.helpers)
        several = many and rng.random() < 0.7
        given = rng.choice(("[x, z]", "(x, z)", "[x]", "xs") if several else ("x", "z", "x"))
        before = [f"xs = {rng.choice(('[x, z]', '[x]', '(z, x)', '[z]'))}"] if given == "xs" else []
        target = rng.choice(("y", "y", "y", "y * y", "h"))
        more = ", flag" if flag else ""
        called = f"{module}.{name.replace('{y}', target)}"
        first = "" if "{y}" in name else f"{target}, "
        call = f"{called}({first}{given}{more})"
        form = rng.choice(
            ("plain", "plain", "plain", "named", "loop", "branch", "function", "rebind")
        )
        self.used.add(f"used: {form}")
        if form == "named":
            return [*before, f"g = {call}", "outs.append(g)"]
        if form == "loop":
            return [*before, "for _ in range(n):", f"    outs.append({call})"]
        if form == "branch":
            return [*before, "if flag:", f"    outs.append({call})"]
        if form == "function":
            return [*before, "def inner():", f"    return {call}", "outs.append(inner())"]
        if form == "rebind":
            taken = "" if not many else "[0]"
            return [*before, f"r = {call}", f"y = y + tf.reduce_sum(r{taken})"]
        return [*before, f"outs.append({call})"]
