"""A function that is given away may be called with what its surroundings were computed from."""

from __future__ import annotations

import textwrap

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.model import Outcome, SiteResult

INNER = """\
import tensorflow as tf


def run(x, other):
    y = x * x

    def step(v):
        return tf.gradients(tf.reduce_sum(tf.sin(v) * y), v)[0]

{use}
"""
OUTER = """\
import tensorflow as tf

x = tf.constant([1.0, 2.0])
y = x * x
other = tf.constant([1.0, 2.0])


def step(v):
    return tf.gradients(tf.reduce_sum(tf.sin(v) * y), v)[0]


{use}
"""


def site_of(text: str) -> SiteResult:
    (site,) = migrate_source(text.encode()).sites
    return site


@pytest.mark.parametrize(
    ("use", "where"),
    [
        ("return apply(step, x)", "where line 10 uses"),
        ("return apply(step)", "where line 10 uses"),
        ("return apply(fn=step)", "where line 10 uses"),
        ("again = step\nreturn again(x)", "before this function was entered"),
        ("return [step][0](x)", "before this function was entered"),
        ("other.step = step\nreturn other.step(x)", "before this function was entered"),
        ("return step, x", "where line 10 uses"),
    ],
)
def test_a_function_inside_another_that_is_given_away_is_refused(use: str, where: str) -> None:
    site = site_of(INNER.format(use=textwrap.indent(use, "    ")))
    assert (site.outcome, site.code) == (Outcome.REFUSED, "TM105")
    assert f"y may have been computed from v {where}" in site.message


@pytest.mark.parametrize("use", ["return step(other)", "return tf.map_fn(step, x)", "return step"])
def test_calls_that_are_seen_and_loops_are_not_in_the_way(use: str) -> None:
    site = site_of(INNER.format(use=textwrap.indent(use, "    ")))
    assert site.outcome is Outcome.MIGRATED, site.message


@pytest.mark.parametrize("use", ["return step"])
def test_a_function_that_is_returned_is_called_by_whoever_calls_its_maker(use: str) -> None:
    text = INNER.format(use=textwrap.indent(use, "    "))
    assert site_of(text + "\n\nz = run(a, b)(a)\n").code == "TM105"


@pytest.mark.parametrize(
    ("use", "code"),
    [
        ("z = apply(step, x)", "TM105"),
        ("z = apply(fn=step, at=2.0 * y)", "TM105"),
        ("again = step", "TM105"),
        ("z = apply(step, other)", None),
        ("z = apply(step)", None),
    ],
)
def test_a_function_of_the_module_is_refused_if_what_goes_with_it_shows_why(
    use: str, code: str | None
) -> None:
    assert site_of(OUTER.format(use=use)).code == code


PARAMETERS = """\
import tensorflow as tf


def mixed(y, x):
    return tf.gradients(tf.reduce_sum(y * x), x)[0]


{use}
"""


@pytest.mark.parametrize(
    ("use", "code"),
    [
        ("z = apply(mixed, f(x), x)", "TM105"),
        ("again = mixed", "TM105"),
        ("table = [mixed]", "TM105"),
        ("z = mixed(v, x)", None),
        ("z = tf.foldl(mixed, x)", None),
    ],
)
def test_parameters_of_a_function_that_is_given_away(use: str, code: str | None) -> None:
    assert site_of(PARAMETERS.format(use=use)).code == code


def test_two_sources_of_a_function_that_is_given_away() -> None:
    text = "import tensorflow as tf\n\n\ndef both(x, w):\n    return tf.gradients(x * w, [x, w])\n"
    assert site_of(text).outcome is Outcome.MIGRATED
    assert site_of(text + "\n\nagain = both\n").code == "TM105"


def test_a_method_under_another_name() -> None:
    text = """\
import tensorflow as tf


class Operators:
    def mixed(self, y, x):
        return tf.gradients(tf.reduce_sum(y * x), x)[0]

    def run(self, x):
        {use}
"""
    assert site_of(text.format(use="return self.mixed(self.v, x)")).outcome is Outcome.MIGRATED
    site = site_of(text.format(use="step = self.mixed\n        return step(tf.sin(x), x)"))
    assert (site.outcome, site.code) == (Outcome.REFUSED, "TM105")
