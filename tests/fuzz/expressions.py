"""Tensor expressions for generated programs, with what they certainly depend on.

All tensors are float64 vectors of three elements, so that any two can be combined, and all
functions keep values near one, so that numbers stay comparable.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Value:
    """A tensor of the program: an identity, and the identities it was computed from."""

    ident: int
    deps: frozenset[int]
    """With its own."""


@dataclass
class Env:
    """What can be named at one point of a program."""

    rng: random.Random
    values: dict[str, Value] = field(default_factory=dict)
    """Expression that names a tensor (``x``, ``self.h``, ``xs[0]``) -> the tensor."""
    functions: dict[str, Callable[[list[Value]], frozenset[int]]] = field(default_factory=dict)
    """Callable of one tensor -> what its result depends on beside the argument."""
    lists: dict[str, list[Value]] = field(default_factory=dict)
    count: int = 0

    def ident(self) -> int:
        """A number not used before in this environment's program."""
        self.count += 1
        return self.count

    def fresh(self, deps: frozenset[int] = frozenset()) -> Value:
        """A new tensor."""
        ident = self.ident()
        return Value(ident, deps | {ident})


_UNARY = (
    "tf.sin({a})",
    "tf.tanh({a})",
    "tf.cos({a}) * {a}",
    "tf.sigmoid({a})",
    "{a} * 0.5",
    "{a} + 0.25",
    "-{a}",
    "tf.square({a}) * 0.3",
    "tf.identity({a})",
    "tf.reshape({a}, [3])",
    "tf.reverse({a}, [0])",
    "tf.concat([{a}[1:], {a}[:1]], 0)",
    "tf.stack([{a}, {a}])[1]",
    "tf.reduce_sum({a}) + {a}",
    "tf.exp(-tf.square({a}))",
    "tf.where({a} > 0.1, {a}, {a} * 0.1)",
    "(lambda v: v * tf.sin(v))({a})",
    "tf.map_fn(lambda e: e * 1.5, {a})",
    "tf.unstack(tf.stack([{a}, {a} * 2.0]))[1]",
)
_SAME = ("{a}", "tf.convert_to_tensor({a})", "tf.cast({a}, tf.float64)", "tf.add_n([{a}])")
"""Expressions that may give back the very tensor they are given."""
_BINARY = (
    "{a} * {b}",
    "{a} + {b}",
    "{a} - {b} * 0.5",
    "tf.tanh({a} * {b})",
    "tf.add_n([{a}, {b}, {a}])",
    "tf.maximum({a}, {b})",
    "{a} / (2.0 + tf.square({b}))",
    "tf.where({a} > {b}, {a}, {b} * 0.5)",
    "tf.cond(tf.reduce_sum({a}) > 0.0, lambda: {a} * {b}, lambda: {a} + {b})",
    "tf.while_loop(lambda i, v: i < 2, lambda i, v: (i + 1, v * {b}), [0, {a}])[1]",
    "tf.add_n([v * 0.5 for v in [{a}, {b}]])",
    "tf.reduce_sum({a} * {b}) * {b}",
)


def expression(env: Env, *, depth: int = 2, plain: bool = False) -> tuple[str, frozenset[int]]:
    """An expression over what ``env`` names, and the identities it depends on.

    ``plain`` leaves out expressions that hand on an existing tensor.
    """
    rng = env.rng
    roll = rng.random()
    if depth == 0 or (roll < 0.15 and not plain):
        name = rng.choice(list(env.values))
        text = name if rng.random() < 0.7 else rng.choice(_SAME).format(a=name)
        return text, env.values[name].deps
    if roll < 0.22 and env.functions:
        name = rng.choice(list(env.functions))
        inner, deps = operand(env, depth - 1)
        return f"{name}({inner})", deps | env.functions[name]([])
    if roll < 0.27:
        one, first = operand(env, 0)
        two, second = operand(env, 0)
        return f"({one} * 2.0 if flag else {two} * 3.0)", first & second
    if roll < 0.31 and env.lists:
        name = rng.choice(list(env.lists))
        values = env.lists[name]
        deps = frozenset(i for value in values for i in value.deps)
        if values:
            return f"tf.add_n([v * 0.5 for v in {name}])", deps
    if roll < 0.35:
        one, deps = operand(env, 0)
        return f"tf.stop_gradient({one}) * 0.5 + 1.0", frozenset()
    if roll < 0.6:
        one, deps = operand(env, depth - 1)
        return rng.choice(_UNARY).format(a=one), deps
    one, first = operand(env, depth - 1)
    two, second = operand(env, depth - 1)
    return rng.choice(_BINARY).format(a=one, b=two), first | second


def operand(env: Env, depth: int) -> tuple[str, frozenset[int]]:
    """An expression that can stand in another one."""
    text, deps = expression(env, depth=depth)
    simple = text.replace(".", "").replace("_", "").isalnum() or text.endswith((")", "]"))
    if simple and not text.startswith(("(", "-")) and " " not in text.split("(")[0]:
        return text, deps
    return f"({text})", deps
