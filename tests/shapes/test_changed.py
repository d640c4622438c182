"""Values on the way that are changed under another name, inside a call, or by an assignment."""

from __future__ import annotations

import pytest

from tests.migrating import codes, rewritten


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("e = d\n            e['a'] = tf.sin(z)", "TM104"),
        ("e = d\n            e.update(a=z)", "TM104"),
        ("e = d\n            e |= {'a': z}", "TM104"),
        ("k = fill(d, z)", "TM104"),
        ("k = pass_on(d, z)", "TM104"),
    ],
)
def test_a_source_that_is_changed_is_refused(change: str, code: str) -> None:
    program = f"""
        def fill(o, v):
            o['a'] = tf.sin(v)
            return o
        def pass_on(o, v):
            return fill(o, v)
        def f(x, z):
            d = {{'a': x * 2.0}}
            {change}
            y = d['a'] * x
            return tf.gradients(y, d['a'])
        """
    assert codes(program) == [code]


def test_what_a_called_function_changes_is_inside_the_tape() -> None:
    new = rewritten("""
        def fill(values, v):
            values[0] = tf.sin(v)
            return values
        def f(x, z):
            xs = [x * 2.0, z]
            ys = fill(xs, z)
            y = xs[0] * xs[1]
            return tf.gradients(y, z)
        """)
    assert new.index("tape.watch(z)") < new.index("ys = fill(xs, z)")


def test_a_change_after_the_gradient_does_not_matter() -> None:
    program = """
        def f(x, z):
            xs = [x * 2.0]
            ys = xs
            y = xs[0] * z
            g = tf.gradients(y, xs[0])
            ys.append(g)
            return ys
        """
    assert codes(program) == [None]


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("v.assign(x)", "", "TM118"),
        ("w = v\n            w.assign_add(x)", "", "TM118"),
        ("tf.compat.v1.assign(v, x)", "", "TM118"),
        ("reset()", "", "TM118"),
        ("", "v.assign(x)", None),
    ],
)
def test_a_variable_assigned_before_it_is_read(before: str, after: str, code: str | None) -> None:
    program = f"""
        v = tf.Variable(1.0)
        def reset():
            v.assign(3.0)
        def f(x):
            {before or "pass"}
            y = v * x
            {after or "pass"}
            return tf.gradients(y, x)
        """
    assert codes(program) == [code]


def test_a_module_level_object_that_a_function_sets() -> None:
    program = """
        STATE = {}
        def remember(v):
            STATE['last'] = v
        def f(x, z):
            STATE['last'] = x
            kept = remember(z)
            y = STATE['last'] * 2.0
            return tf.gradients(y, STATE['last'])
        """
    assert codes(program) == ["TM104"]
