"""Where gradient calls are found, and which receivers count as optimizers."""

from __future__ import annotations

import ast

import pytest

from tape_migrate.model import Api
from tape_migrate.module import Module
from tape_migrate.sites import Found, find_sites, may_hold_sites

GET = Api.OPTIMIZER_GET_GRADIENTS
COMPUTE = Api.OPTIMIZER_COMPUTE_GRADIENTS


def sites(program: str) -> list[Found]:
    return find_sites(Module(program.encode()))


@pytest.mark.parametrize(
    "receiver",
    [
        "optimizer",
        "opt",
        "self.optimizer",
        "self._opt",
        "self.actor_optimizer",
        "self.optimizers[0]",
        "model.optimizer",
        "d_optim",
        "optimiser",
        "sgd",
        "adam2",
        "trainer",
        "tf.train.AdamOptimizer(1e-3)",
        "tf.compat.v1.train.GradientDescentOptimizer(0.1)",
        "keras.optimizers.Adam()",
        "MyOptimizer()",
        "Adam(lr=0.1)",
    ],
)
@pytest.mark.parametrize(
    ("method", "api"), [("get_gradients", GET), ("compute_gradients", COMPUTE)]
)
def test_methods_of_optimizers(receiver: str, method: str, api: Api) -> None:
    program = (
        f"import tensorflow as tf\nfrom tensorflow import keras\ng = {receiver}.{method}(y, x)\n"
    )
    (site,) = sites(program)
    assert site.site.api is api


@pytest.mark.parametrize(
    "call",
    [
        "model.compute_gradients(features, labels)",
        "cf.get_gradients(x, y)",
        "explainer.get_gradients(x, y)",
        "critic.gradients(states, actions)",
        "block.gradients()",
        "self.get_gradients(x, y)",
        "options.get_gradients(x)",
        "adopt.compute_gradients(x)",
        "copt.get_gradients(x)",
        "optimizer.gradients(y, x)",
        "get_gradients(y, x)",
        "f(x).compute_gradients(y)",
    ],
)
def test_methods_of_anything_else(call: str) -> None:
    assert sites(f"import tensorflow as tf\n\nclass A:\n    def f(self):\n        {call}\n") == []


@pytest.mark.parametrize("receiver", ["self", "cls", "super()"])
def test_outside_of_a_class_self_is_no_optimizer(receiver: str) -> None:
    assert sites(f"def f(self, cls):\n    return {receiver}.get_gradients(x, y)\n") == []


@pytest.mark.parametrize(
    ("base", "count"),
    [("Optimizer", 2), ("tf.train.Optimizer", 2), ("AdamOptimizer", 2), ("Model", 0), ("", 0)],
)
def test_own_methods_within_an_optimizer(base: str, count: int) -> None:
    program = f"""
import tensorflow as tf

class Mine({base}):
    def minimize(self, loss, params):
        a = self.get_gradients(loss, params)
        b = super().compute_gradients(loss, params)
"""
    assert len(sites(program)) == count


def test_position_and_function() -> None:
    program = """# -*- coding: utf-8 -*-
import tensorflow as tf

ä = "ö"; g = tf.gradients(y, x)

class Net:
    def net_f(self, x):
        def inner(y):
            return (lambda z: tf.gradients(y, z))(x)
        return [tf.gradients(u, x) for u in x]
"""
    found = [(f.site.line, f.site.column, f.site.function) for f in sites(program)]
    assert found == [
        (4, 14, "<module>"),
        (9, 31, "Net.net_f.inner"),
        (10, 17, "Net.net_f"),
    ]


def test_nested_calls_are_sites_of_their_own() -> None:
    found = sites("import tensorflow as tf\ng = tf.gradients(tf.gradients(u, x)[0], x)\n")
    assert [f.site.column for f in found] == [5, 18]


def test_source_order() -> None:
    program = """
import tensorflow as tf
if a:
    g = tf.gradients(y, x)
else:
    g = tf.gradients(
        tf.hessians(y, x), x)
def f():
    return tf.gradients(y, x)
h = tf.gradients(y, x)
"""
    lines = [f.site.line for f in sites(program)]
    assert lines == sorted(lines)
    assert len(lines) == 5


@pytest.mark.parametrize(
    "mention",
    [
        "f = tf.gradients",
        "f(tf.gradients)",
        "# tf.gradients(y, x)",
        "s = 'tf.gradients(y, x)'",
        "del tf.gradients",
        "@tf.gradients\ndef f(): pass",
        "class A(tf.gradients): pass",
        "functools.partial(tf.gradients, y)(x)",
    ],
)
def test_a_mention_is_no_call(mention: str) -> None:
    assert sites(f"import tensorflow as tf\n{mention}\n") == []


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("a = tf.gradients", True),
        ("from tensorflow import gradients as g", True),
        ("from tensorflow import *", True),
        ("gradients(y, x)", True),
        ("opt.compute_gradients(y)", True),
        ("tf.gradient(y, x)", False),
        ("'tf.gradients(y, x)'", False),
        ("import gradients", False),
    ],
)
def test_words_are_looked_for_before_names_are_resolved(program: str, expected: bool) -> None:
    assert may_hold_sites(ast.walk(ast.parse(program))) is expected
