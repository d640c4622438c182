"""What is known of the module's own functions: who is called, what it reads, keeps and takes."""

from __future__ import annotations

import ast

import pytest

from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.summaries import Summaries

PROGRAM = """
import functools
import tensorflow as tf
from elsewhere import unknown

scale = 2.0
log = []


def quiet(a, b=1, *rest, c, **more):
    local = []
    local.append(a)
    return tf.sin(a) * scale


def noisy(a):
    log.append(a)
    return a


def calls_noisy(a):
    return noisy(a)


def writes_global(a):
    global scale
    scale = a


def writes_argument(a):
    a.cache = 1


def gradient(y, x):
    return tf.gradients(y, x)


def calls_gradient(y, x):
    return quiet(gradient(y, x), c=1)


def opaque(a):
    return unknown(a)


def twice(a):
    return a


def twice(a):
    return -a


class Base:
    def helper(self, x):
        return self.w * x

    @property
    def value(self):
        return self.w


class Net(Base):
    def __init__(self, width):
        self.w = tf.ones([width])

    def forward(self, x):
        self.h = x
        return self.inner(x) + scale

    def inner(self, x):
        return self.w * self.b * x


def main(net, x):
    quiet(x, c=2)
    twice(x)
    Net(3)
    net.forward(x)
    unknown(x)
    tf.contrib.layers.flatten(x)
    shadow = quiet
"""


@pytest.fixture
def source() -> Module:
    return Module(PROGRAM.encode())


def function(source: Module, name: str) -> Function:
    found = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    return found[0]


def call(source: Module, text: str) -> ast.Call:
    return next(
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and ast.unparse(node) == text
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("quiet(x, c=2)", "quiet"),
        ("noisy(a)", "noisy"),
        ("self.inner(x)", "inner"),
        ("twice(x)", None),
        ("net.forward(x)", None),
        ("unknown(x)", None),
        ("Net(3)", None),
        ("tf.sin(a)", None),
    ],
)
def test_callees(source: Module, text: str, name: str | None) -> None:
    found = Summaries.of(source).callee(call(source, text))
    assert (found.name if found else None) == name


def test_summaries_are_made_once(source: Module) -> None:
    assert Summaries.of(source) is Summaries.of(source)


def test_callers(source: Module) -> None:
    summaries = Summaries.of(source)
    callers = summaries.callers(function(source, "quiet"))
    assert {ast.unparse(c) for c in callers} == {"quiet(x, c=2)", "quiet(gradient(y, x), c=1)"}
    assert summaries.callers(function(source, "main")) == []


def test_constructors_and_methods_by_name(source: Module) -> None:
    summaries = Summaries.of(source)
    made = summaries.made_by(call(source, "Net(3)"))
    assert made is function(source, "__init__")
    assert summaries.methods_named("forward") == [function(source, "forward")]
    assert summaries.methods_named("quiet") == []


@pytest.mark.parametrize(
    ("element", "expected"), [(".value", True), (".helper", False), (".w", False)]
)
def test_properties(source: Module, element: str, expected: bool) -> None:
    assert Summaries.of(source).is_property(element) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("quiet", True),
        ("noisy", False),
        ("calls_noisy", False),
        ("writes_global", False),
        ("writes_argument", False),
        ("forward", False),
        ("inner", True),
        ("gradient", True),
    ],
)
def test_quiet_functions_keep_nothing(source: Module, name: str, expected: bool) -> None:
    assert Summaries.of(source).is_quiet(function(source, name)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tf.sin(a)", True),
        ("noisy(a)", True),
        ("gradient(y, x)", True),
        ("unknown(a)", False),
        ("net.forward(x)", False),
        ("tf.contrib.layers.flatten(x)", False),
    ],
)
def test_closed_calls_run_nothing_unseen(source: Module, text: str, expected: bool) -> None:
    assert Summaries.of(source).is_closed(call(source, text)) is expected


def test_attributes_and_module_variables_that_are_read(source: Module) -> None:
    summaries = Summaries.of(source)
    assert summaries.attribute_reads(function(source, "forward")) >= {"w", "b"}
    assert summaries.outer_reads(function(source, "forward")) == {"scale"}
    assert summaries.outer_reads(function(source, "calls_gradient")) == {"scale"}


def test_hidden_reads_of_a_call(source: Module) -> None:
    hidden = {
        str(s) for s in Summaries.of(source).reads_when_run(call(source, "self.inner(x)").func)
    }
    assert hidden == {"self.w", "self.b"}
    assert Summaries.of(source).reads_when_run(call(source, "unknown(x)").func) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [("quiet(gradient(y, x), c=1)", True), ("gradient(y, x)", True), ("noisy(a)", False)],
)
def test_gradients_taken_by_callees(source: Module, text: str, expected: bool) -> None:
    assert Summaries.of(source).calls_gradient([call(source, text)]) is expected


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("quiet(x, y, c=2)", [("a", "x"), ("b", "y"), ("c", "2")]),
        ("quiet(x)", [("a", "x")]),
        ("quiet(b=x, a=y)", [("b", "x"), ("a", "y")]),
        ("self.forward(x)", [("x", "x")]),
        ("net.forward(x=y)", [("x", "y")]),
    ],
)
def test_arguments_are_bound_to_parameters(
    source: Module, text: str, bound: list[tuple[str, str]]
) -> None:
    made = ast.parse(text, mode="eval").body
    assert isinstance(made, ast.Call)
    name = "quiet" if text.startswith("quiet") else "forward"
    pairs = bind(function(source, name), made)
    assert [(parameter, ast.unparse(value)) for parameter, value in pairs] == bound
