"""State that objects keep: what was computed before, and what a call sets on the way."""

from __future__ import annotations

import pytest

from tests.migrating import codes, refused, rewritten


@pytest.mark.parametrize("first", ["", "self.h = tf.cos(x)"])
def test_a_source_that_a_method_sets_on_the_way(first: str) -> None:
    site = refused(f"""
        class Net:
            def forward(self, x):
                self.h = tf.sin(x)
                return self.h * x

            def f(self, x):
                {first or "pass"}
                y = self.forward(x)
                return tf.gradients(y, self.h)
        """)
    assert site.code == "TM104"


def test_a_method_that_is_called_for_its_effect_may_set_anything() -> None:
    site = refused("""
        class Net:
            def prepare(self, x):
                self.h = tf.sin(x)

            def f(self, x, again):
                if again:
                    self.prepare(x)
                y = tf.exp(self.h)
                return tf.gradients(y, self.h)[0]
        """)
    assert site.code == "TM104"


def test_what_is_kept_by_an_object_is_not_missed() -> None:
    program = """
        class Net:
            def encode(self, x):
                self.h = tf.sin(x)

            def head(self, x):
                return self.h * x

            def f(self, x):
                self.encode(x)
                y = self.head(x)
                return tf.gradients(y, x)[0]
        """
    (code,) = codes(program)
    if code is None:
        new = rewritten(program)
        assert new.index("GradientTape") < new.index("self.encode(x)\n"), new
    else:
        assert code == "TM105"


def test_a_cache_filled_by_an_earlier_call() -> None:
    site = refused("""
        class Net:
            def __init__(self):
                self.cache = {}

            def features(self, x):
                if "h" not in self.cache:
                    self.cache["h"] = tf.sin(x)
                return self.cache["h"]

            def f(self, x):
                y = self.features(x) * x
                return tf.gradients(y, x)[0]
        """)
    assert site.code == "TM105"


UNSEEN = """
from lib import Net, push
import lib


def f(x, given):
    box = {make}
    h = {call}
    y = {target}
    return tf.gradients(y, x)[0], h
"""


@pytest.mark.parametrize(
    ("make", "call", "target"),
    [
        ("Net()", "box.build(x * x)", "box.loss * x"),
        ("lib.Net()", "box.build(x * x)", "tf.add_n(box.losses) * x"),
        ("make()", "box.build(x * x)", "box.loss * x"),
        ("given", "box.build(x * x)", "box.loss * x"),
        ("given", "box(x * x)", "box.loss * x"),
        ("[]", "push(x * x, box)", "box[0] * x"),
        ("[]", "push(x * x, [1, box])", "box[0] * x"),
        ("dict()", "lib.push(x * x, to=box)", "box['a'] * x"),
        ("lib.Box()", "[push(x * x, box)]", "box.v * x"),
    ],
)
def test_what_is_not_seen_may_keep_what_it_is_given(make: str, call: str, target: str) -> None:
    new = rewritten(UNSEEN.format(make=make, call=call, target=target))
    assert new.index("GradientTape") < new.index("x * x")


@pytest.mark.parametrize(
    ("make", "call", "target"),
    [
        ("[]", "push(x * x, [])", "x * x * x"),
        ("[1.0]", "len(box) * (x * x)", "box[0] * x"),
        ("[1.0]", "tf.add_n([x * x, *box])", "box[0] * x"),
        ("given", "push(x * x, box)", "box * x"),
    ],
)
def test_what_keeps_nothing_of_it_stays_outside(make: str, call: str, target: str) -> None:
    new = rewritten(UNSEEN.format(make=make, call=call, target=target))
    assert new.index("x * x") < new.index("GradientTape")


@pytest.mark.parametrize(
    ("make", "call", "target"),
    [
        ("[]", "push(x * x, box)", "box[0] * 2.0"),
        ("[]", "lib.push(x * x, *box)", "tf.add_n(box)"),
        ("{}", "[push(x * x, box)]", "tf.add_n(list(box.values()))"),
        ("dict(a=1)", "push(x * x, box)", "box['a'] * 2.0"),
        ("[]", "tf.nest.map_structure(box.append, x * x)", "box[0] * 2.0"),
        ("given.graph", "tf.sin(x, name='h')", "box.get_tensor_by_name('h:0') * x"),
    ],
)
def test_what_may_have_been_kept_is_not_taken_for_unconnected(
    make: str, call: str, target: str
) -> None:
    site = refused(UNSEEN.format(make=make, call=call, target=target))
    assert site.code in ("TM103", "TM105")
