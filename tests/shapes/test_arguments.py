"""Which argument is which; what cannot be told apart is refused."""

from __future__ import annotations

import ast

import pytest

from tape_migrate.module import Module
from tape_migrate.shapes.arguments import elements, read_arguments
from tape_migrate.shapes.plan import Refusal, Request
from tape_migrate.sites import find_sites
from tests.migrating import refused, sites


def read(call: str, imports: str = "import tensorflow as tf") -> Request | Refusal:
    source = Module(f"{imports}\nfrom keras import backend as K\n{call}\n".encode())
    (found,) = find_sites(source)
    return read_arguments(found, spelled=source.names.spelled(found.call.func))


def text(expr: ast.expr | None) -> str | None:
    return None if expr is None else ast.unparse(expr)


@pytest.mark.parametrize(
    ("call", "roles"),
    [
        ("tf.gradients(y, x)", ("y", "x", None, None, None)),
        ("tf.gradients(xs=x, ys=y)", ("y", "x", None, None, None)),
        ("tf.gradients(y, xs=x, grad_ys=g)", ("y", "x", "g", None, None)),
        ("tf.gradients(y, x, g, 'name')", ("y", "x", "g", None, None)),
        ("tf.gradients(y, x, grad_ys=None)", ("y", "x", None, None, None)),
        ("tf.gradients(y, x, stop_gradients=s)", ("y", "x", None, "s", None)),
        ("tf.gradients(y, x, stop_gradients=None)", ("y", "x", None, None, None)),
        ("tf.gradients(y, x, stop_gradients=())", ("y", "x", None, None, None)),
        ("tf.gradients(y, x, unconnected_gradients=u)", ("y", "x", None, None, "u")),
        (
            "tf.compat.v1.gradients(y, x, g, 'n', True, False, 2, s, u)",
            ("y", "x", "g", "s", "u"),
        ),
        ("tf.hessians(y, x, 'n')", ("y", "x", None, None, None)),
        ("K.gradients(variables=x, loss=y)", ("y", "x", None, None, None)),
    ],
)
def test_roles(call: str, roles: tuple[str | None, ...]) -> None:
    request = read(call)
    assert isinstance(request, Request)
    got = (
        request.target,
        request.source,
        request.output_gradients,
        request.stop_gradients,
        request.unconnected,
    )
    assert tuple(text(expr) for expr in got) == roles


@pytest.mark.parametrize(
    "call",
    [
        "tf.gradients(*pair)",
        "tf.gradients(y, *rest)",
        "tf.gradients(y, x, **options)",
        "tf.gradients(y)",
        "tf.gradients()",
        "tf.gradients(xs=x)",
        "tf.gradients(y, x, ys=z)",
        "tf.gradients(y, x, watch=True)",
        "tf.gradients(y, variables=x)",
        "K.gradients(y, xs=x)",
        "K.gradients(y, x, g)",
        "tf.hessians(y, x, grad_ys=g)",
        "tf.gradients(y, x, g, 'n', True)",
        "tf.gradients(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)",
    ],
)
def test_what_cannot_be_read_is_refused(call: str) -> None:
    refusal = read(call)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "TM113"


def test_positions_of_gradients_v2() -> None:
    imports = "from tensorflow.python.ops import gradients_impl as tf"
    request = read("tf.gradients_v2(y, x, g, 'n', False, 2, s, u)", imports)
    # The call is that of TensorFlow 2, but the same name may stand for TensorFlow 1's.
    assert isinstance(request, Refusal)
    assert request.code == "TM113"


@pytest.mark.parametrize(
    ("argument", "note"),
    [
        ("name='g'", "name="),
        ("gate_gradients=True", "gate_gradients="),
        ("colocate_gradients_with_ops=flag", "colocate_gradients_with_ops="),
        ("aggregation_method=2", "aggregation_method="),
        ("gate_gradients=False", None),
        ("name=None", None),
        ("aggregation_method=None", None),
    ],
)
def test_dropped_arguments_are_said(argument: str, note: str | None) -> None:
    (site,) = sites(
        f"def f(x):\n    y = tf.sin(x)\n    return tf.compat.v1.gradients(y, x, {argument})\n"
    )
    if note is None:
        assert "drops" not in site.message
    else:
        assert f"drops {note}" in site.message


def test_a_refused_call_keeps_all_its_arguments() -> None:
    site = refused("def f(x, **kw):\n    y = tf.sin(x)\n    return tf.gradients(y, x, **kw)\n")
    assert site.code == "TM113"


@pytest.mark.parametrize(
    ("expr", "members"),
    [("x", ["x"]), ("[x, y]", ["x", "y"]), ("(x,)", ["x"]), ("[]", []), ("f([x])", ["f([x])"])],
)
def test_elements(expr: str, members: list[str]) -> None:
    assert [ast.unparse(e) for e in elements(ast.parse(expr, mode="eval").body)] == members
