"""Lambdas that are helpers: a tape is handed in, or they stay as they were."""

from __future__ import annotations

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.linking import migrate_project
from tape_migrate.model import Migration, Options, Outcome

HEAD = "import tensorflow as tf\n\n"
CALLER = "\n\ndef run(x):\n    y = tf.sin(x) * x\n    return {call}\n"


def migrate(text: str, call: str = "grad(y, x)") -> Migration:
    source = (HEAD + text + CALLER.format(call=call)).encode()
    migration = migrate_source(source, Options(assume_closed=True))
    assert migration.internal_error is None
    return migration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "grad = lambda y, x: tf.gradients(y, x)[0]",
            "grad = lambda tape, y, x: tape.gradient(y, x)",
        ),
        (
            "grad = lambda y, x, *, k=2.0: k * tf.gradients(y, x)[0]  # why",
            "grad = lambda tape, y, x, *, k=2.0: k * tape.gradient(y, x)  # why",
        ),
        (
            "grad = lambda y, x: (\n    # the slope\n    tf.gradients(y, x)[0]\n)",
            "grad = lambda tape, y, x: (\n    # the slope\n    tape.gradient(y, x)\n)",
        ),
        (
            "grad = lambda y, x: tf.gradients(tf.exp(y), x)[0]",
            "def grad(tape, y, x):\n    with tape:\n        target = tf.exp(y)\n"
            "    return tape.gradient(target, x)",
        ),
        (
            "grad = lambda y, x: tf.gradients(tf.gradients(y, x)[0], x)[0]",
            "def grad(tape, y, x):\n    with tape:\n        gradient = tape.gradient(y, x)\n"
            "    return tape.gradient(gradient, x)",
        ),
    ],
)
def test_a_lambda_takes_a_tape(text: str, expected: str) -> None:
    migration = migrate(text)
    assert all(site.outcome is Outcome.MIGRATED for site in migration.sites)
    new = migration.new.decode()
    assert f"{expected}\n" in new
    assert "return grad(tape, y, x)" in new


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("grad = lambda y, x: tf.gradients(y, x)[0]\ngrad = lambda y, x: y", "grad(y, x)"),
        ("grad = g = lambda y, x: tf.gradients(y, x)[0]", "grad(y, x)"),
        ("grad: object = lambda y, x: tf.gradients(y, x)[0]", "grad(y, x)"),
        ("grad = (lambda y, x: tf.gradients(y, x)[0])", "grad(y, x)"),
        ("grad = [lambda y, x: tf.gradients(y, x)[0]]", "grad[0](y, x)"),
        ("grad = lambda *a: tf.gradients(*a)[0]", "grad(y, x)"),
        ("grad = lambda y, x: tf.gradients(y, x)[0]", "grad(*[y, x])"),
        ("grad = lambda y, x: tf.gradients(y, x)[0]", "map(grad, [y], [x])"),
        ("grad = lambda y, x: tf.gradients(y, x)[0]", "(lambda f: f(y, x))(grad)"),
        ("grad = lambda y, x=0.0: tf.gradients(y, x)[0]", "grad(y)"),
        ("grad = lambda y, x: tf.gradients(y, x)[0]", "globals()['grad'](y, x)"),
        ("z = tf.ones([2])\ngrad = lambda y, x: tf.gradients(y * z, x)[0]", "grad(y, x)"),
        (
            "grad = lambda y, x: tf.gradients(y, x)[0]\nslope = lambda y, x: grad(y, x)",
            "list(map(slope, [y], [x]))",
        ),
        (
            "grad = lambda y, x: tf.gradients(y, x)[0]\nslope = lambda y, x: grad(y, x)",
            "[slope(y, x), grad]",
        ),
        ("grad = lambda y, x: tf.gradients(y, x)[0]", "y.numpy()"),
    ],
)
def test_a_lambda_stays_as_it_was(text: str, call: str) -> None:
    migration = migrate(text, call)
    assert not migration.changed
    assert {site.outcome for site in migration.sites} == {Outcome.REFUSED}


def test_one_caller_in_another_file_keeps_all_as_they_were() -> None:
    utils = HEAD + "grad = lambda y, x: tf.gradients(y, x)[0]\n"
    main = "import tensorflow as tf\nfrom utils import grad\n" + CALLER.format(call="grad(y, x)")
    other = "from utils import grad\n\n\ndef at(y, x):\n    return grad(y, x)\n"
    sources = {"utils.py": utils.encode(), "main.py": main.encode()}
    found = migrate_project(sources)
    assert all(isinstance(m, Migration) and m.changed for m in found.values())
    found = migrate_project({**sources, "other.py": other.encode()})
    assert not any(isinstance(m, Migration) and m.changed for m in found.values())


def test_lambdas_that_call_lambdas() -> None:
    text = (
        "grad = lambda y, x: tf.gradients(y, x)[0]\n"
        "slope = lambda y, x: 2.0 * grad(y, x)\n"
        "curvature = lambda y, x: slope(grad(y, x), x)"
    )
    new = migrate(text, "curvature(y, x)").new.decode()
    assert "grad = lambda tape, y, x: tape.gradient(y, x)\n" in new
    assert "slope = lambda tape, y, x: 2.0 * grad(tape, y, x)\n" in new
    assert "        gradient = grad(tape, y, x)\n    return slope(tape, gradient, x)\n" in new
