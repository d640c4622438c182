"""A gradient that may be skipped: what is watched of a source that may be no tensor there."""

from __future__ import annotations

import pytest

from tests.migrating import codes, rewritten

ONE = "tape.watch([x] if tf.is_tensor(x) else [])"
PLAIN = "tape.watch(x)"


def watched(body: str, head: str = "def _f(x, want):") -> str:
    """The line that watches, of a function of this body."""
    text = f"{head}\n" + "".join(f"    {line}\n" for line in body.splitlines())
    lines = [line.strip() for line in rewritten(text).splitlines() if ".watch(" in line]
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize(
    "body",
    [
        "y = -x\nreturn tf.gradients(y, x)[0]",
        "y = -x\nfor _ in want:\n    g = tf.gradients(y, x)[0]\nreturn g",
        "y = -x\nwith want:\n    g = tf.gradients(y, x)[0]\nreturn g",
        "y = -x\ntry:\n    g = tf.gradients(y, x)[0]\nfinally:\n    want()\nreturn g",
        "if want:\n    return x\ny = -x\nreturn tf.gradients(y, x)[0]",
        "y = -x\nif want:\n    raise ValueError\nreturn tf.gradients(y, x)[0]",
        "y = -x\nfor a in want:\n    if a:\n        break\nreturn tf.gradients(y, x)[0]",
        "y = -x\ndef inner():\n    return 1\nreturn tf.gradients(y, x)[0]",
    ],
)
def test_what_is_taken_anyway_is_watched_plainly(body: str) -> None:
    assert watched(body) == PLAIN


@pytest.mark.parametrize(
    "body",
    [
        "y = -x\nif want:\n    return tf.gradients(y, x)[0]\nreturn y",
        "y = -x\nif want:\n    pass\nelse:\n    return tf.gradients(y, x)[0]\nreturn y",
        "y = -x\nif want:\n    return y\nreturn tf.gradients(y, x)[0]",
        "y = -x\nfor a in want:\n    if a:\n        return y\nreturn tf.gradients(y, x)[0]",
        "y = -x\nfor a in want:\n    if a:\n        continue\n    tf.gradients(y, x)[0]\nreturn a",
        "y = -x\nfor a in want:\n    pass\nelse:\n    return tf.gradients(y, x)[0]\nreturn y",
        "y = -x\ntry:\n    want()\nexcept ValueError:\n    return tf.gradients(y, x)[0]\nreturn y",
        "y = -x\nreturn tf.gradients(y, x)[0] if want else y",
        "y = -x\nreturn want and tf.gradients(y, x)[0]",
        "y = -x\nreturn [tf.gradients(y, x)[0] for a in want if a]",
    ],
)
def test_what_may_be_skipped_is_watched_if_it_is_a_tensor(body: str) -> None:
    assert watched(body) == ONE


@pytest.mark.parametrize(
    "made",
    [
        "x = tf.sin(want)",
        "x = tf.sin(want) if want else tf.cos(want)",
        "x = -tf.sin(want)",
        "x = 2.0 * tf.sin(want)",
        "x = tf.sin(want)[0]",
        "x = tf.sin(want)\nx += 1.0",
        "x = want\nx += tf.sin(want)",
        "x, z = tf.unstack(want)",
        "h = tf.sin(want)\nx = h",
        "x.get_shape()",
    ],
)
def test_what_is_certainly_a_tensor_is_watched_plainly(made: str) -> None:
    assert watched(f"{made}\ny = x * x\nif want:\n    return tf.gradients(y, x)[0]\nreturn y") in (
        PLAIN,
        "tape.watch([x])",
    )


@pytest.mark.parametrize(
    "made",
    [
        "x = tf.sin(want) if want else want",
        "if want:\n    x = tf.sin(want)\nelse:\n    x = want",
        "x = want[0]",
        "if want:\n    x.get_shape()",
        "x = want.made()",
        "x = [tf.sin(1.0)] + want",
        "x = want + [tf.sin(1.0)]",
    ],
)
def test_what_may_be_an_array_is_not(made: str) -> None:
    line = watched(f"{made}\ny = tf.add_n(x)\nif want:\n    return tf.gradients(y, x)[0]\nreturn y")
    assert "is_tensor" in line


def test_an_annotation_and_a_loop_body_are_evidence() -> None:
    body = "y = -x\nif want:\n    return tf.gradients(y, x)[0]\nreturn y"
    assert watched(body, "def _f(x: tf.Tensor, want):") == PLAIN
    text = (
        f"def g(xs, want):\n    def body(x):\n{_indented(body, 8)}    return tf.map_fn(body, xs)\n"
    )
    assert PLAIN in rewritten(text)


def _indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.splitlines())


def test_an_attribute_that_may_not_be_there_is_refused() -> None:
    use = (
        "        y = tf.sin(x)\n        if want:\n            y = y * self.w\n        z = y + 1.0\n"
        "        if want:\n            return tf.gradients(z, self.w)[0]\n        return z\n"
    )
    where = "    def _f(self, x, want):\n"
    maybe = "class A:\n    def __init__(self, w):\n        if w:\n            self.w = w\n\n"
    surely = "class A:\n    def __init__(self, w):\n        self.w = w\n\n"
    assert codes(maybe + where + use) == ["TM127"]
    assert codes(surely + where + use) == [None]
    assert codes(maybe + where + "        v = self.w.shape\n" + use) == [None]
    assert codes(maybe + where + "        v = want and self.w\n" + use) == ["TM127"]


def test_a_kept_tape_and_a_skipping_helper_watch_with_care() -> None:
    kept = """
        class A:
            def __init__(self, x):
                self.x = x
                self.y = -self.x

            def slope(self):
                return tf.gradients(self.y, self.x)[0]
        """
    assert "self._tape.watch([self.x] if tf.is_tensor(self.x) else [])" in rewritten(kept)
    helper = """
        def _grad(y, x):
            {}
            return tf.gradients(y, x)[0]

        def f(x):
            return _grad(-x, x)
        """
    assert ONE in rewritten(helper.format("if y is None:\n                return y"))
    assert ONE not in rewritten(helper.format("y = y"))
