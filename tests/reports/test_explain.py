"""What ``explain`` prints: every code and shape, with code before and after."""

from __future__ import annotations

import ast

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.model import Outcome, Shape
from tape_migrate.refusals import all_refusals, find
from tape_migrate.reports.by_hand import BY_HAND
from tape_migrate.reports.explain import explanation
from tests.test_refusals import IMPORTS

COMMANDS = {"TM002", "TM003", "TM005"}
MIGRATES = [
    code for code, text in BY_HAND.items()
    if "tf.gradients(" in text and code not in {"TM150"}
]  # fmt: skip


def test_the_list_names_every_code_and_shape() -> None:
    text = explanation(None) or ""
    for reason in all_refusals():
        assert f"{reason.code}  {reason.slug} " in text
    for shape in Shape:
        assert f"\n{shape.value} " in text


@pytest.mark.parametrize("shape", [shape.value for shape in Shape])
def test_every_shape_is_told_with_its_old_and_new_code(shape: str) -> None:
    text = explanation(shape) or ""
    assert text.startswith(f"{shape}\n\n")
    assert "gradients(" in text or "hessians(" in text
    assert "tape" in text
    assert text.count(":\n") >= 2, "before and after"


@pytest.mark.parametrize("code", [reason.code for reason in all_refusals()])
def test_every_code_is_told_with_an_example_and_what_a_person_makes_of_it(code: str) -> None:
    reason, text = find(code), explanation(code) or ""
    assert reason is not None
    assert text.startswith(f"{code} {reason.slug}\n")
    assert code == "TM199" or ("\nExample:\n" in text) == ("\nBy hand:\n" in text) is True


@pytest.mark.parametrize("code", sorted(set(BY_HAND) - COMMANDS))
def test_what_a_person_makes_of_it_is_python_without_that_fault(code: str) -> None:
    body = "".join(f"    {line}\n" for line in BY_HAND[code].splitlines())
    names = "x, z, n, f, a, ready, weights, model, layer, images, settings, self, w, rate, loss"
    program = f"{IMPORTS}def outer({names}):\n    v = tf.Variable(1.0)\n{body}    return x\n"
    ast.parse(program)
    migration = migrate_source(program.encode())
    assert code not in {site.code for site in migration.sites}, migration.sites


@pytest.mark.parametrize("code", MIGRATES)
def test_calls_that_are_left_in_it_are_migrated(code: str) -> None:
    lines = [line for line in BY_HAND[code].splitlines() if line != "return slope"]
    body = "".join(f"    {line}\n" for line in lines)
    setting = "    v = tf.Variable(1.0)\n    y = tf.sin(x)\n    f = tf.sin\n"
    program = f"import tensorflow as tf\n\n\ndef outer(x, z, a, ready, weights):\n{setting}{body}"
    migration = migrate_source(program.encode())
    assert [s.outcome for s in migration.sites] == [Outcome.MIGRATED], migration.sites
