"""Decisions on one call: optimizers, names that are looked up, missing paths, applicability."""

from __future__ import annotations

import pytest

from tape_migrate.model import Applicability, Shape
from tests.migrating import codes, refused, rewritten, sites


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("def f(opt, y, x):\n    return opt.compute_gradients(y, x)", "TM108"),
        ("def f(y, x):\n    return tf.keras.optimizers.SGD().get_gradients(y, x)", "TM101"),
        (
            "from tensorflow.python.ops.parallel_for import gradients as pfor\n"
            "def f(x):\n    y = tf.sin(x)\n    return pfor.batch_jacobian(y, x)",
            "TM129",
        ),
        (
            "def f(x):\n    y = tf.sin(x)\n    g = tf.gradients(y, x, name='g')\n"
            "    return graph.get_tensor_by_name('g/x:0')",
            "TM124",
        ),
        ("def f(net, x):\n    y = net.out()\n    return tf.gradients(y, x)", "TM103"),
        (
            "def build():\n    return tf.ones(3), tf.ones(3)\n"
            "def f():\n    x, y = build()\n    return tf.gradients(y, x)",
            "TM128",
        ),
        ("def f(net):\n    x, y = net.parts\n    return tf.gradients(y, x)", None),
    ],
)
def test_refusals(program: str, code: str | None) -> None:
    site = refused(program + "\n")
    assert code is None or site.code == code


def test_a_name_that_nobody_looks_up_is_dropped() -> None:
    assert codes("def f(x):\n    y = tf.sin(x)\n    return tf.gradients(y, x, name='g')\n") == [
        None
    ]


def test_what_an_object_has_seen_is_inside_the_tape() -> None:
    new = rewritten("""
        def f(net, x):
            net.see(x)
            y = net.out()
            return tf.gradients(y, x)
        """)
    assert new.index("GradientTape") < new.index("net.see(x)")


@pytest.mark.parametrize("target", ["tf.constant(3.0)", "tf.ones([3]) * 2.0"])
def test_what_is_plainly_unconnected_stays_so(target: str) -> None:
    """Both give None: nothing on the way to the target knows the source."""
    assert codes(f"def f(x):\n    y = {target}\n    return tf.gradients(y, x)\n") == [None]


@pytest.mark.parametrize(
    ("program", "shape"),
    [
        ("def f(x):\n    y = tf.sin(x)\n    return tf.gradients(y, x)", Shape.LOCAL),
        ("def f(x):\n    y = tf.sin(x)\n    return tf.hessians(y, x)", Shape.HESSIANS),
        (
            "def f(x):\n    if x > 0:\n        y = tf.sin(x)\n    else:\n        y = x\n"
            "    return tf.gradients(y, x)",
            Shape.CONTROL_FLOW,
        ),
        (
            "@tf.function\ndef f(x):\n    y = tf.sin(x)\n    return tf.gradients(y, x)",
            Shape.IN_TF_FUNCTION,
        ),
        (
            "def f(xs):\n    def body(x):\n        y = tf.sin(x)\n"
            "        return tf.gradients(y, x)[0]\n    return tf.map_fn(body, xs)",
            Shape.LOOP_BODY,
        ),
    ],
)
def test_shapes(program: str, shape: Shape) -> None:
    (site,) = sites(program + "\n")
    assert site.code is None, site.message
    assert site.shape is shape


@pytest.mark.parametrize(
    ("program", "applicability"),
    [
        ("def f():\n    x = tf.ones(3)\n    y = tf.sin(x)\n    return tf.gradients(y, x)", "safe"),
        ("def f(x):\n    y = tf.sin(x)\n    return tf.gradients(y, x)", "safe"),
        ("def f(x, w):\n    y = tf.sin(x) * w\n    return tf.gradients(y, x)", "review"),
        ("def f(x, n: int):\n    y = tf.sin(x) * n\n    return tf.gradients(y, x)", "safe"),
        ("def f(x, n=2.0):\n    y = tf.sin(x) * n\n    return tf.gradients(y, x)", "safe"),
        ("def f(x, w):\n    y = tf.sin(x) * w\n    return tf.gradients(y, [x, w])", "review"),
    ],
)
def test_applicability(program: str, applicability: str) -> None:
    (site,) = sites(program + "\n")
    assert site.code is None, site.message
    assert site.applicability is Applicability(applicability), site.message
