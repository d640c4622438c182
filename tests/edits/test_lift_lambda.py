"""Lambdas become functions where that changes nothing else."""

from __future__ import annotations

import ast

import pytest

from tape_migrate.edits.lift_lambda import lift_lambda, to_lambda

from .programs import module, only


def lifted(text: str) -> str | None:
    source = module(text)
    node = only(source, ast.Lambda)
    assert isinstance(node, ast.Lambda)
    draft = lift_lambda(source, node)
    return None if draft is None else draft.apply().text.decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f = lambda x: x * 2\n", "def f(x):\n    return x * 2\n"),
        ("f = lambda: 2\n", "def f():\n    return 2\n"),
        ("f = lambda x, *a, b=1, **c: x\n", "def f(x, *a, b=1, **c):\n    return x\n"),
        ("f = lambda x, /, y: x\n", "def f(x, /, y):\n    return x\n"),
        ("f = lambda x: (x,\n    2)\n", "def f(x):\n    return (x,\n    2)\n"),
        ("f = lambda x: x  # why\n", "def f(x):\n    return x  # why\n"),
        (
            "f = lambda x: g(x,\n    2)\n",
            "def f(x):\n    return g(x,\n    2)\n",
        ),
        (
            "f = (lambda x: x\n    + 1)\n",
            "def gradient_fn(x):\n    return (x\n    + 1)\nf = (gradient_fn)\n",
        ),
        (
            "y = tf.map_fn(lambda x: x + 1, z)\n",
            "def gradient_fn(x):\n    return x + 1\ny = tf.map_fn(gradient_fn, z)\n",
        ),
        (
            "def g(z):\n\treturn h(lambda x: x, z)\n",
            "def g(z):\n\tdef gradient_fn(x):\n\t\treturn x\n\treturn h(gradient_fn, z)\n",
        ),
        (
            "gradient_fn = 1\nself.f = lambda x: x\n",
            "gradient_fn = 1\ndef gradient_fn2(x):\n    return x\nself.f = gradient_fn2\n",
        ),
        (
            "f = g = lambda x: x\n",
            "def gradient_fn(x):\n    return x\nf = g = gradient_fn\n",
        ),
        (
            "f = (lambda x: x)\n",
            "def gradient_fn(x):\n    return x\nf = (gradient_fn)\n",
        ),
        (
            "f = lambda a=lambda b: b: a\n",
            "def f(a=lambda b: b):\n    return a\n",
        ),
        (
            "class A:\n    f = lambda self: self\n",
            "class A:\n    def f(self):\n        return self\n",
        ),
        (
            "f = lambda x: (  # a: note\n    x\n)\n",
            "def f(x):\n    return (  # a: note\n    x\n)\n",
        ),
        (
            "f = h(lambda x:  # a: note\n    x)\n",
            "def gradient_fn(x):\n    return (# a: note\n    x)\nf = h(gradient_fn)\n",
        ),
        ("f = lambda x: \\\n    x\n", "def f(x):\n    return x\n"),
    ],
)
def test_lifted(text: str, expected: str) -> None:
    result = lifted(text)
    assert result == expected
    ast.parse(result)


@pytest.mark.parametrize(
    "text",
    [
        "f = [lambda x: x for i in j]\n",
        "f = a if b else (lambda x: x)\n",
        "a = 1; f = lambda x: x\n",
        "f = lambda x: x; a = 1\n",
        "if a: f = lambda x: x\n",
        "for i in map(lambda x: x, j):\n    pass\n",
        "with a(lambda x: x):\n    pass\n",
        "while a(lambda x: x):\n    pass\n",
        "class A:\n    f = [lambda self, x: x]\n",
        "@a(lambda x: x)\ndef f(): pass\n",
        "def f(a=lambda x: x): pass\n",
        "assert a(lambda x: x)\n",
    ],
)
def test_left_where_evaluation_or_capture_could_change(text: str) -> None:
    assert lifted(text) is None


def test_what_runs_later_captures_the_same_variables() -> None:
    text = "def outer(scale):\n    f = lambda x, k=scale: x * scale * k\n    return f(2)\n"
    result = lifted(text)
    assert result is not None
    for program in (text, result):
        names: dict[str, object] = {}
        exec(program, names)
        outer = names["outer"]
        assert callable(outer)
        assert outer(3) == 18


@pytest.mark.parametrize(
    "text",
    [
        "f = lambda x: x * 2\n",
        "f = lambda: 2\n",
        "f = lambda x, *a, b={'k': 1}, **c: x  # why\n",
        "f = lambda x: (\n    # note\n    x,\n    2)\n",
        "class A:\n    f = lambda self: self\n",
    ],
)
def test_a_lambda_again(text: str) -> None:
    source = module(lifted(text) or "")
    function = only(source, ast.FunctionDef)
    assert isinstance(function, ast.FunctionDef)
    draft = to_lambda(source, function)
    assert draft is not None
    assert draft.apply().text.decode() == text


@pytest.mark.parametrize(
    "text",
    [
        "def f(x):\n    y = x\n    return y\n",
        "def f(x):\n    return\n",
        "@a\ndef f(x):\n    return x\n",
        "def f(x) -> int:\n    return x\n",
        "def f(x,\n      y):\n    return x\n",
    ],
)
def test_a_function_of_more_than_one_expression_stays(text: str) -> None:
    source = module(text)
    function = only(source, ast.FunctionDef)
    assert isinstance(function, ast.FunctionDef)
    assert to_lambda(source, function) is None
