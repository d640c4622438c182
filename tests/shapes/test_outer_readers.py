"""Statements that may read a source from outside without naming it have to be inside the tape."""

from __future__ import annotations

import pytest

from tests.migrating import codes, rewritten

_READERS = (
    ("net = lambda v: v * W", "net(x)"),
    ("def net0(v):\n            return v * W\n        net = net0", "net(x)"),
    ("def net0(v):\n            return v * W\n        NETS = {'a': net0}", "NETS['a'](x)"),
    ("class Net:\n            def __call__(self, v):\n                return v * W\n"
     "        net = Net()", "net(x)"),
    ("class Net:\n            @property\n            def h(self):\n                return W\n"
     "        net = Net()", "net.h * x"),
    ("class Net:\n            def __getitem__(self, i):\n                return W\n"
     "        net = Net()", "net[0] * x"),
    ("def net0(v):\n            return v * W\n        def twice(v, fn=net0):\n"
     "            return fn(fn(v))", "twice(x)"),
    ("def net0(v):\n            return v * W\n        def run(f, v):\n            return f(v)",
     "run(net0, x)"),
    ("def net0(v):\n            return v * W", "tf.map_fn(net0, x)"),
)  # fmt: skip


@pytest.mark.parametrize(("definition", "call"), _READERS)
def test_what_may_read_the_source_is_inside(definition: str, call: str) -> None:
    new = rewritten(f"""
        W = tf.Variable(1.0)
        {definition}
        def f(x):
            h = {call}
            y = h * W
            return tf.gradients(y, W)
        """)
    assert new.index("GradientTape") < new.index(f"h = {call}")


def test_what_is_seen_through_stays_outside() -> None:
    new = rewritten("""
        W = tf.Variable(1.0)
        def net(v):
            return tf.sin(v) * 2.0
        def f(x):
            h = net(x)
            y = h * W
            return tf.gradients(y, W)
        """)
    assert new.index("h = net(x)") < new.index("GradientTape")


def test_a_parameter_that_callers_hand_a_variable_of_the_module() -> None:
    program = """
        W = tf.Variable(1.0)
        net = lambda v: v * W
        def f(w, x):
            h = net(x)
            y = h * w
            return tf.gradients(y, w)
        def main(x):
            return f(W, x)
        """
    assert codes(program) == [None]
    new = rewritten(program)
    assert new.index("tape.watch(w)") < new.index("h = net(x)")
