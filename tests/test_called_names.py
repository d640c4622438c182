"""What a function calls, through functions of its own and other modules."""

from __future__ import annotations

import pytest

from tape_migrate.called_names import names_called
from tape_migrate.module import Module

MODULES = {
    "a": b"""import tensorflow as tf
from b import outer


def f(x):
    return g(x) + tf.sin(x)


def g(x):
    tf.gradients(x, x)
    return f(x) if x else outer(x)
""",
    "b": b"""import tensorflow as tf


def outer(x):
    return tf.hessians(x, x)
""",
}
LEAVES = frozenset({"gradients", "hessians"})


def called(dotted: str, *, across: bool, missing: str = "") -> frozenset[str]:
    loaded = {name: Module(text) for name, text in MODULES.items() if name != missing}
    return names_called(loaded.get, MODULES, dotted, LEAVES, across=across, classes=False)


@pytest.mark.parametrize("dotted", ["a.f", "a.g"])
def test_functions_that_call_each_other_end(dotted: str) -> None:
    assert called(dotted, across=False) == {"tensorflow.gradients", "b.outer"}
    found = called(dotted, across=True)
    assert found == {"tensorflow.gradients", "b.outer", "tensorflow.hessians"}


def test_a_module_that_cannot_be_read_calls_nothing() -> None:
    assert called("a.f", across=True, missing="b") == {"tensorflow.gradients", "b.outer"}
    assert called("a.f", across=True, missing="a") == frozenset()
    assert called("gone.f", across=True) == frozenset()
