"""Sources that a function has put together: a tape opened afterwards misses what relates them."""

from __future__ import annotations

import pytest

from tape_migrate.model import Options
from tests.migrating import codes, rewritten

_RUN = """

def run(x):
    z = x * 2.0
    sources = {given}
    y = sources[0] * sources[1]
    return tf.gradients(y, sources)
"""
_PUT_TOGETHER = {
    "a list call": "return list([a, b])",
    "appended": "held = [a]\n    held.append(b)\n    return held",
    "put into a place": "held = dict()\n    held[1] = b\n    return held",
    "added": "held = [a]\n    held += [b]\n    return held",
    "a sum of lists": "return [a] + [b]",
    "a sum with a named list": "held = [a]\n    return held + [b]",
    "either": "return [a, b] if a is not None else [b, a]",
    "or": "return [] or [a, b]",
    "sorted": "return sorted([a, b], key=id)",
    "spread": "return [*[a, b]]",
    "a spread dictionary": "return {**{1: a, 2: b}}",
    "in a list": "return [[a, b]]",
    "in a dictionary": "return {1: [a, b]}",
    "picked out": "return [[a, b]][0]",
    "a slice": "return [a, b, a][:2]",
    "a copy": "return [a, b].copy()",
    "flattened": "return tf.nest.flatten([a, b])",
    "of keywords": "return dict(a=a, b=b)",
    "zipped": "return zip([a], [b])",
    "named": "return (held := [a, b])",
    "annotated": "held: list = [a, b]\n    return held",
    "from a pair": "held, n = [a, b], 1\n    return held",
    "a comprehension": "return [v for v in (a, b)]",
    "a generator": "yield a\n    yield b",
    "a function inside": "def both():\n        return [a, b]\n\n    return both()",
    "a lambda inside": "both = lambda: [a, b]\n    return both()",
    "too deep to be followed": "return [[[[[[[[[[a]]]]]]]]]]",
    "or nothing": "if a is None:\n        return\n    return [a, b]",
}
_ONE = {
    "a product": "return a * b",
    "one in a list": "return [tf.sin(a)]",
    "each by itself": "return [tf.sin(v) for v in range(2)]",
    "an unknown call": "return unheard_of(a)",
    "a sum": "total = a\n    total += b\n    return total",
    "a sum of products": "return a * 2.0 + b",
    "beside another": "held = tf.sin(a)\n    other = {}\n    other[0] = b\n    return held",
    "a list inside another function": "def other():\n        return [a, b]\n\n    return tf.sin(a)",
}


@pytest.mark.parametrize("body", _PUT_TOGETHER.values(), ids=_PUT_TOGETHER)
def test_several_tensors(body: str) -> None:
    function = f"def collect(a, b):\n    {body}\n"
    assert codes(function + _RUN.format(given="collect(x, z)")) == ["TM105"]


@pytest.mark.parametrize("body", _ONE.values(), ids=_ONE)
def test_what_is_no_collection_of_several(body: str) -> None:
    function = f"def collect(a, b):\n    {body}\n"
    assert codes(function + _RUN.format(given="collect(x, z)")) == [None]


@pytest.mark.parametrize(
    ("defined", "given"),
    [
        ("def collect(*held):\n    return held\n", "collect(x, z)"),
        ("def collect(*held):\n    return [v for v in held]\n", "collect(x, z)"),
        ("def collect(**held):\n    return tuple(held.values())\n", "collect(a=x, b=z)"),
        ("def collect(held):\n    return held\n", "collect([x, z])"),
        ("def collect(held):\n    return list(held)\n", "collect(held=(x, z))"),
        ("def collect(held):\n    return held\n\n\ndef more(a, b):\n    return collect([a, b])\n",
         "more(x, z)"),
        ("collect = lambda a, b: [a, b]\n", "collect(x, z)"),
        ("class C:\n    def collect(self, a, b):\n        return [a, b]\n\n\nc = C()\n",
         "c.collect(x, z)"),
        ("class C:\n    @staticmethod\n    def collect(a, b):\n        return [a, b]\n",
         "C.collect(x, z)"),
        ("import types\n", "tf.nest.map_structure(tf.identity, [x, z])"),
    ],
)  # fmt: skip
def test_what_calls_are_given(defined: str, given: str) -> None:
    assert codes(defined + _RUN.format(given=given)) == ["TM105"]


def test_a_function_that_calls_itself_is_not_followed_for_ever() -> None:
    function = "def collect(a, b):\n    return collect(a, b)\n"
    assert codes(function + _RUN.format(given="collect(x, z)")) == ["TM105"]


@pytest.mark.parametrize(
    ("defined", "code"),
    [
        ("class C:\n    def __init__(self, a, b):\n        self.held = [a, b]\n", "TM105"),
        ("class C:\n    held: list = None\n\n\ndef fill(c, a):\n    c.held: list = list([a, a])\n",
         "TM105"),
        ("class C:\n    @property\n    def held(self):\n        return [self.a, 1]\n", "TM105"),
        ("class C:\n    @property\n    def held(self):\n        yield self.a\n", "TM105"),
        ("class C:\n    def __init__(self, a, b):\n        self.held = a * b\n", None),
        ("class C:\n    def fill(self):\n        self.held: list\n", None),
        ("class C:\n    @property\n    def held(self):\n        if self.a is None:\n"
         "            return\n        return self.a\n", None),
        ("class C:\n    def __init__(self, a, b):\n        self.other = [a, b]\n", None),
        ("class C:\n    @property\n    def held(self):\n        return self.a\n", None),
    ],
)  # fmt: skip
def test_attributes(defined: str, code: str | None) -> None:
    run = "\n\ndef run(x):\n    c = C(x, x * 2.0)\n    s = c.held\n    y = s[0] * s[1]\n"
    assert codes(f"{defined}{run}    return tf.gradients(y, s)\n") == [code]


def test_what_is_not_seen_is_said() -> None:
    body = (
        "def run(x):\n    s = x.parts.held()\n    y = s[0] * s[1]\n    return tf.gradients(y, s)\n"
    )
    assert "watch(s)" in rewritten(body, Options(assume_closed=True))
    body = body.replace("held()", 'held["k"]')
    assert "watch(s)" in rewritten(body, Options(assume_closed=True))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('return {"k": [a, b]}', "TM105"),
        ("return dict(k=[a, b])", "TM105"),
        ('held = {"n": 1, "k": list((a, b))}\n    return held', "TM105"),
        ('return {"k": a, "n": b}', None),
        ("return dict(k=a)", None),
        ("return a.parts", None),
    ],
)
def test_a_part_of_what_a_function_gives(body: str, code: str | None) -> None:
    function = f"def collect(a, b):\n    {body}\n"
    run = _RUN.replace("sources = {given}", 'held = collect(x, z)\n    sources = held["k"]')
    assert codes(function + run) == [code]


@pytest.mark.parametrize(("made", "code"), [("Pair(a, b)", "TM105"), ("Pair(a)", None)])
def test_named_tuples(made: str, code: str | None) -> None:
    pair = 'import collections\n\nPair = collections.namedtuple("Pair", "a b")\n\n\n'
    function = f"def collect(a, b):\n    return {made}\n"
    assert codes(pair + function + _RUN.format(given="collect(x, z)")) == [code]
