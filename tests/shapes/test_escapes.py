"""What is kept somewhere before the tape, and read from there inside it, must not be missed."""

from __future__ import annotations

import pytest

from tests.migrating import codes, rewritten

KEEPERS = {
    "global list": ("kept = []", "kept.append(tf.sin(x))", "kept[0]"),
    "global dict": ("kept = {}", "kept['a'] = tf.sin(x)", "kept['a']"),
    "global variable by function": (
        "kept = None\n\ndef keep(v):\n    global kept\n    kept = v",
        "keep(tf.sin(x))",
        "kept",
    ),
    "attribute of a class": (
        "class Kept:\n    value = None",
        "Kept.value = tf.sin(x)",
        "Kept.value",
    ),
    "attribute of a parameter": ("", "box.value = tf.sin(x)", "box.value"),
    "method of a parameter": ("", "box.put(tf.sin(x))", "box.get()"),
    "default argument": (
        "def keep(v, kept=[]):\n    kept.append(v)\n    return kept[0]",
        "keep(tf.sin(x))",
        "keep(None)",
    ),
    "function attribute": (
        "def keep(v):\n    keep.value = v\n\ndef recall():\n    return keep.value",
        "keep(tf.sin(x))",
        "recall()",
    ),
    "graph collection": (
        "",
        "tf.compat.v1.add_to_collection('kept', tf.sin(x))",
        "tf.compat.v1.get_collection('kept')[0]",
    ),
    "closure": (
        "",
        "h = tf.sin(x)\n    recall = lambda: h",
        "recall()",
    ),
    "generator": (
        "def steps(v):\n    yield v\n    yield v * v",
        "g = steps(x)\n    h = next(g)",
        "next(g) * h",
    ),
}


@pytest.mark.parametrize("name", KEEPERS)
@pytest.mark.parametrize("between", ["", "    print(x)\n"])
def test_the_tape_encloses_what_is_kept_or_the_call_is_refused(name: str, between: str) -> None:
    head, put, get = KEEPERS[name]
    program = (
        f"{head}\n\ndef f(x, box):\n    {put}\n{between}    y = {get} * x\n"
        "    return tf.gradients(y, x)[0]\n"
    )
    (code,) = codes(program)
    if code is None:
        new = rewritten(program)
        body = new[new.index("def f(") :]
        first = put.splitlines()[0].strip()
        assert body.index("GradientTape") < body.index(first), new


@pytest.mark.parametrize(
    "before",
    ["print(tf.sin(x))", "h = tf.sin(x)", "log = [tf.sin(x)]", "assert x is not None"],
)
def test_what_is_not_kept_stays_outside(before: str) -> None:
    new = rewritten(
        f"def f(x):\n    {before}\n    y = tf.cos(x) * x\n    return tf.gradients(y, x)[0]\n"
    )
    assert new.index(before) < new.index("GradientTape")
