"""The catalogue of reasons: complete, unique, and covered by cases."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import tape_migrate
from tape_migrate.api import migrate_source
from tape_migrate.model import Outcome
from tape_migrate.refusals import Reason, all_refusals, find

from .fixture_cases import all_cases

PACKAGE = Path(tape_migrate.__file__).parent
CODES = [reason.code for reason in all_refusals()]

WITHOUT_A_FIXTURE = {
    "TM002": "stands for an option; tested in test_selection",
    "TM003": "stands for an answer; tested in review/test_review",
    "TM004": "stands for a comment, not a call; tested in test_ignores",
    "TM005": "stands for a file, not a call; tested in sources/test_frameworks",
    "TM150": "occurs in notebooks only; tested in notebooks/test_migrate",
    "TM129": "its function lives in a private module of TensorFlow; tested in shapes/test_decide",
    "TM199": "stands for a fault of the tool itself; tested in test_engine",
}


def emitted() -> set[str]:
    """Codes written anywhere in the package but in the catalogue."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name != "refusals":
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    if re.fullmatch(r"TM\d{3}", node.value):
                        found.add(node.value)
    return found


def test_codes_and_slugs_are_unique_and_in_order() -> None:
    assert sorted(set(CODES)) == CODES
    slugs = [reason.slug for reason in all_refusals()]
    assert len(set(slugs)) == len(slugs)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug) for slug in slugs)


@pytest.mark.parametrize("reason", all_refusals(), ids=CODES)
def test_every_entry_says_why_and_what_to_do(reason: Reason) -> None:
    assert re.fullmatch(r"TM[01]\d\d", reason.code)
    for text in (reason.sentence, reason.advice):
        assert text[0].isupper() or text.startswith(("stop_gradients ", "pfor's "))
        assert text.endswith(".")
        assert "  " not in text
        assert "\n" not in text
    if reason.code != "TM199":
        assert reason.example


def test_every_code_of_the_package_is_in_the_catalogue() -> None:
    assert emitted() <= set(CODES)


def test_nothing_in_the_catalogue_is_unused() -> None:
    assert set(CODES) <= emitted()


def test_every_code_has_a_case() -> None:
    covered = {code for case in all_cases() for code in case.codes}
    missing = emitted() - covered
    assert missing == set(WITHOUT_A_FIXTURE) - covered


@pytest.mark.parametrize("reason", all_refusals(), ids=CODES)
def test_entries_are_found_by_code_and_by_slug(reason: Reason) -> None:
    assert find(reason.code) is reason
    assert find(reason.code.lower()) is reason
    assert find(reason.slug) is reason
    assert find(reason.slug.upper()) is reason


@pytest.mark.parametrize("key", ["", "TM", "TM998", "nonsense", "104"])
def test_unknown_entries(key: str) -> None:
    assert find(key) is None


IMPORTS = """import numpy as np
import tensorflow as tf
from tensorflow.keras import backend as K
from tensorflow.python.ops.parallel_for import gradients as pfor

"""
EXAMPLES = [
    # Fragments that are Python on their own and hold all that the refusal is about.
    reason
    for reason in all_refusals()
    if reason.code in {"TM001", "TM101", "TM104", "TM109", "TM110", "TM113", "TM115", "TM122"}
]


@pytest.mark.parametrize("reason", EXAMPLES, ids=[reason.code for reason in EXAMPLES])
def test_examples_are_refused_with_their_code(reason: Reason) -> None:
    example = reason.example
    if "gradients(" not in example:
        example += "\ng = tf.gradients(tf.sin(x), x)"
    body = "".join(f"    {line}\n" for line in example.splitlines())
    program = f"{IMPORTS}def outer(x, kwargs, f, graph):\n    y = f(x)\n{body}    return g\n"
    migration = migrate_source(program.encode())
    assert migration.new == program.encode()
    assert [site.code for site in migration.sites] == [reason.code], migration.sites
    assert all(site.outcome is not Outcome.MIGRATED for site in migration.sites)
