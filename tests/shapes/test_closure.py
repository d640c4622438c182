"""What comes into a function sideways: arguments computed from the source by visible callers."""

from __future__ import annotations

import pytest

from tests.migrating import codes, refused, sites

INNER = """
import functools

def inner(z, w):
    u = z * w
    return tf.gradients(u, z)[0]
"""


def test_without_visible_callers_it_is_an_assumption() -> None:
    (site,) = sites(INNER)
    assert site.code is None
    assert "assumes that w was not computed from z" in site.message


@pytest.mark.parametrize(
    "caller",
    [
        "def f(x):\n    return inner(x, tf.cos(x))",
        "def f(x):\n    return inner(w=tf.cos(x), z=x)",
        "def f(x):\n    w = tf.cos(x)\n    return inner(x, w)",
        "def f(x):\n    z = tf.sin(x)\n    w = helper(z)\n    return inner(z, w)",
        "def helper(z):\n    return z * z\ndef f(x):\n    return inner(x, helper(x))",
        "def f(x, k):\n    w = x\n    for _ in k:\n        w = tf.sin(w)\n    return inner(x, w)",
        "def f(x):\n    return [inner(x, w) for w in [x, tf.sin(x)]]",
        "def f(x):\n    pair = (x, tf.cos(x))\n    return inner(*pair)",
        "def f(x):\n    w = tf.ones(3)\n    w += tf.cos(x)\n    return inner(x, w)",
        "def f(x):\n    w: tf.Tensor = tf.cos(x)\n    return inner(x, w)",
        "def f(x):\n    return inner(x, (w := tf.cos(x)))",
        "def f(x, box):\n    box.made.w = tf.cos(x)\n    return inner(x, box.made.w)",
        "def f(x, k=None):\n    with k.opened(tf.cos(x)) as w:\n        return inner(x, w)",
        "def g(x, w=None, *, v=tf.cos(Z)):\n    return inner(Z, v)\nZ = tf.ones(3)",
        "def f(x):\n    options = dict(z=x, w=tf.cos(x))\n    return inner(**options)",
        "def f(x):\n    g = functools.partial(inner, w=tf.cos(x))\n    return g(x)",
        "def f(x):\n    g = functools.partial(inner, x)\n    return g(tf.cos(x))",
        "def f(x):\n    return list(map(inner, [x], [tf.cos(x)]))",
        "def f(x):\n    def g(v):\n        return inner(v, tf.cos(v))\n    return g(x)",
    ],
)
def test_visible_callers_that_compute_one_from_the_other(caller: str) -> None:
    assert refused(INNER + "\n" + caller + "\n").code == "TM105"


@pytest.mark.parametrize(
    "caller",
    [
        "def f(x, y):\n    return inner(x, y)",
        "def f(x):\n    return inner(x, tf.ones(3))",
        "def f(x):\n    return inner(x, tf.stop_gradient(tf.cos(x)))",
        "def f(x):\n    return inner(tf.sin(x), tf.cos(x))",
        "def f(x, y):\n    return inner(x, tf.cos(y)), tf.cos(x)",
        "def f(x, y):\n    return list(map(inner, [x], [y]))",
        "def f(x, y):\n    g = functools.partial(inner, w=y)\n    return g(x)",
    ],
)
def test_visible_callers_that_do_not(caller: str) -> None:
    assert codes(INNER + "\n" + caller + "\n") == [None]


def test_keyword_arguments_by_their_keys() -> None:
    inner = """
def inner(**kw):
    u = kw["z"] * kw["w"]
    return tf.gradients(u, kw["z"])[0]

"""
    assert refused(inner + "def f(x):\n    return inner(z=x, w=tf.cos(x))\n").code == "TM105"
    assert codes(inner + "def f(x, y):\n    return inner(z=x, w=y)\n") == [None]


def test_positional_arguments_of_a_starred_parameter() -> None:
    inner = """
def inner(*args):
    z, w = args
    u = z * w
    return tf.gradients(u, z)[0]

"""
    assert refused(inner + "def f(x):\n    return inner(x, tf.cos(x))\n").code == "TM105"


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("self.w = tf.cos(z)", "TM105"),
        ("self.w = tf.ones(3)", None),
        ("v = tf.cos(z)\n        self.w = v", "TM105"),
        ("setattr(self, 'w', tf.cos(z))", "TM105"),
    ],
)
def test_attributes_computed_from_the_source(setting: str, code: str | None) -> None:
    program = f"""
class Net:
    def prepare(self, z):
        {setting}

    def inner(self, z):
        u = z * self.w
        return tf.gradients(u, z)[0]

    def f(self, z):
        self.prepare(z)
        return self.inner(z)
"""
    if code is None or "setattr" in setting:
        assert codes(program)[0] in (code, None)
    else:
        assert codes(program) == [code]


def test_attributes_set_by_a_subclass() -> None:
    program = """
class Base:
    def inner(self, z):
        u = z * self.w
        return tf.gradients(u, z)[0]

class Net(Base):
    def f(self, z):
        self.w = tf.cos(z)
        return self.inner(z)
"""
    assert codes(program) == ["TM105"]


def test_globals_computed_from_the_source() -> None:
    program = """
w = None

def inner(z):
    u = z * w
    return tf.gradients(u, z)[0]

def f(x):
    global w
    w = tf.cos(x)
    return inner(x)
"""
    assert codes(program)[0] in ("TM105", "TM115")


def test_enclosing_scopes() -> None:
    assert codes("""
        def f(z):
            w = tf.cos(z)
            def inner():
                u = z * w
                return tf.gradients(u, z)[0]
            return inner()
        """) == ["TM105"]
