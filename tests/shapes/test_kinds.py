"""One tensor, a list, a tuple, or unknown: evidence is needed for each."""

from __future__ import annotations

import ast

import pytest

from tape_migrate.module import Module
from tape_migrate.shapes.kinds import kind_of
from tape_migrate.shapes.plan import Kind

HEAD = "import tensorflow as tf\nfrom keras import backend as K\nimport numpy as np\n"


def probe_of(source: Module) -> ast.Call:
    return next(
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "probe"
    )


def kind(body: str, expr: str = "x") -> Kind:
    """The kind of ``expr`` where it is passed to ``probe`` in a function over ``a, b, x``."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    source = Module(f"{HEAD}def f(a, b, x=None):\n{lines}    probe({expr})\n".encode())
    call = probe_of(source)
    return kind_of(source, call.args[0], source.scope_of(call))


@pytest.mark.parametrize(
    "expr",
    [
        "tf.sin(a)",
        "tf.ones([3])",
        "tf.Variable(1.0)",
        "tf.reduce_sum(a, axis=0)",
        "K.mean(a)",
        "K.variable(0.0)",
        "-a",
        "a - b",
        "a / 2",
        "a ** 2",
        "a @ b",
        "a * 2.0",
        "1.0 + a",
        "tf.sin(a) * b",
        "a[:, 0]",
        "a[..., 1:2]",
        "tf.sin(a) if b else tf.cos(a)",
    ],
)
def test_one_tensor(expr: str) -> None:
    assert kind("pass", expr) is Kind.TENSOR


@pytest.mark.parametrize(
    "expr",
    [
        "[a, b]",
        "[]",
        "[v for v in a]",
        "list(a)",
        "sorted(a)",
        "tf.gradients(a, b)",
        "tf.split(a, 2)",
        "tf.unstack(a)",
        "tf.trainable_variables()",
        "[a] + [b]",
        "[a] + b",
        "tf.hessians(a, b)",
    ],
)
def test_lists(expr: str) -> None:
    assert kind("pass", expr) is Kind.LIST


@pytest.mark.parametrize("expr", ["(a, b)", "tuple(a)", "()"])
def test_tuples(expr: str) -> None:
    assert kind("pass", expr) is Kind.TUPLE


@pytest.mark.parametrize(
    "expr",
    [
        "a",
        "a.weights",
        "a[0]",
        "a()",
        "model(a)",
        "a + b",
        "a * 2",
        "tf.map_fn(a, b)",
        "tf.while_loop(a, b, [x])",
        "tf.nn.dynamic_rnn(a, b)",
        "tf.keras.layers.Dense(3)",
        "tf.train.AdamOptimizer()",
        "tf.data.Dataset.range(3)",
        "np.ones(3)",
        "[a] if b else a",
        "K.function([a], [b])",
        "a or b",
    ],
)
def test_unknown(expr: str) -> None:
    assert kind("pass", expr) is Kind.UNKNOWN


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x = tf.sin(a)", Kind.TENSOR),
        ("x = [a]", Kind.LIST),
        ("x = (a, b)", Kind.TUPLE),
        ("x = a", Kind.UNKNOWN),
        ("y = tf.sin(a)\nx = y", Kind.TENSOR),
        ("x, y = tf.split(a, 2)", Kind.TENSOR),
        ("x, y = tf.gradients(a, [b, b])", Kind.TENSOR),
        ("x, y = tf.unstack(a)", Kind.TENSOR),
        ("x, y = tf.meshgrid(a, b)", Kind.TENSOR),
        ("x, y = tf.nn.moments(a, [0])", Kind.TENSOR),
        ("x, y = tf.nn.top_k(a)", Kind.UNKNOWN),
        ("x, y = tf.sin(a), [b]", Kind.TENSOR),
        ("y, x = tf.sin(a), [b]", Kind.LIST),
        ("x, y = model(a)", Kind.UNKNOWN),
        ("x: object = tf.sin(a)", Kind.TENSOR),
        ("if b:\n    x = tf.sin(a)\nelse:\n    x = tf.cos(a)", Kind.TENSOR),
        ("if b:\n    x = tf.sin(a)\nelse:\n    x = [a]", Kind.UNKNOWN),
        ("if b:\n    x = tf.sin(a)", Kind.UNKNOWN),
        ("for x in a:\n    pass", Kind.UNKNOWN),
        ("with a as x:\n    pass", Kind.UNKNOWN),
        ("x = tf.gradients(a, b)[0]", Kind.UNKNOWN),
        ("x = tape.gradient(a, tf.sin(b))", Kind.TENSOR),
        ("x = tape.gradient(a, [b])", Kind.LIST),
        ("x = tape.gradient(a, b)", Kind.UNKNOWN),
        ("x = a\nfor i in b:\n    x += x", Kind.UNKNOWN),
        ("x = a\nfor i in b:\n    x: object = x", Kind.UNKNOWN),
        ("x = a\nfor i in b:\n    x = x", Kind.UNKNOWN),
    ],
)
def test_names_are_followed_to_their_definitions(body: str, expected: Kind) -> None:
    assert kind(body) is expected


@pytest.mark.parametrize(
    "use",
    ["x - 1", "x / 2", "2 ** x", "-x", "x.shape", "x.dtype", "x.get_shape()", "x * 2.0", "x * x"],
)
def test_uses_that_only_a_tensor_has(use: str) -> None:
    assert kind(f"y = {use}") is Kind.TENSOR


@pytest.mark.parametrize(
    "body",
    [
        "y = x * b\ng = tf.gradients(y, b)",
        "y = b * x\ng = tape.gradient(y, [a, b])",
        "for s in (0.5, 2.0):\n    y = s * x",
    ],
)
def test_factors_that_are_no_whole_numbers(body: str) -> None:
    assert kind(body) is Kind.TENSOR


@pytest.mark.parametrize(
    "body",
    [
        "y = x * b",
        "y = x * b\ng = tf.gradients(y, a)",
        "y = x * len(b)",
        "y = int(b) * x",
        "for s in (1, 2.0):\n    y = s * x",
        "for s in b:\n    y = s * x",
        "s = 3\nfor s in (0.5, 2.0):\n    pass\ny = s * x",
    ],
)
def test_factors_that_may_be_whole_numbers(body: str) -> None:
    assert kind(body) is Kind.UNKNOWN


@pytest.mark.parametrize(("traced", "expected"), [("step", Kind.TENSOR), ("other", Kind.UNKNOWN)])
def test_a_function_is_traced_for_a_tensor(traced: str, expected: Kind) -> None:
    """What another function is traced for says nothing."""
    text = f"{HEAD}def step(x):\n    probe(x)\n\nother = make()\n"
    text += f"step = {traced}.get_concrete_function(tf.TensorSpec([2]))\n"
    source = Module(text.encode())
    call = probe_of(source)
    assert kind_of(source, call.args[0], source.scope_of(call)) is expected


@pytest.mark.parametrize("use", ["x + b", "x * 2", "x[0]", "len(x)", "f(x)", "x == b", "not x"])
def test_uses_that_a_list_has_as_well(use: str) -> None:
    assert kind(f"y = {use}") is Kind.UNKNOWN


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("v = tf.Variable(1.0)", Kind.TENSOR),
        ("v = [tf.Variable(1.0)]", Kind.LIST),
        ("v = make()", Kind.UNKNOWN),
        ("v = tf.ones(3)\nv = [v]", Kind.UNKNOWN),
    ],
)
def test_variables_of_the_module(assignment: str, expected: Kind) -> None:
    source = Module(f"{HEAD}{assignment}\ndef f():\n    probe(v)\n".encode())
    call = probe_of(source)
    assert kind_of(source, call.args[0], source.scope_of(call)) is expected


@pytest.mark.parametrize(
    "body",
    [
        "probe(x)\nx = x[0]\ny = x - 1",
        "if b:\n    x = tf.stack(x)\n    y = x - 1\nelse:\n    probe(x)",
        "probe(x)\ny = [x - 1 for x in a]",
        "probe(x)\ndef g(x):\n    return x - 1",
        "probe(x)\ng = lambda x: x - 1",
        "probe(x)\nx = x[0]\ndef g():\n    return x - 1",
        "if b:\n    x = a[0]\n    y = x - 1\nprobe(x)",
    ],
)
def test_uses_of_another_value_of_the_same_name_say_nothing(body: str) -> None:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    source = Module(f"{HEAD}def f(a, b, x=None):\n{lines}".encode())
    call = probe_of(source)
    assert kind_of(source, call.args[0], source.scope_of(call)) is Kind.UNKNOWN


@pytest.mark.parametrize(
    "body",
    [
        "probe(x)\ny = x - 1",
        "y = x - 1\nprobe(x)",
        "probe(x)\nif b:\n    y = -x",
        "probe(x)\ndef g():\n    return x - 1",
        "probe(x)\nif b:\n    x = a\ny = x - 1",
    ],
)
def test_uses_of_the_same_value_count_wherever_they_stand(body: str) -> None:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    source = Module(f"{HEAD}def f(a, b, x=None):\n{lines}".encode())
    call = probe_of(source)
    assert kind_of(source, call.args[0], source.scope_of(call)) is Kind.TENSOR
