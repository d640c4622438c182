"""Rounds: what is followed through them, tried and taken back, skipped, annotated."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tape_migrate
from tape_migrate.api import migrate_source
from tape_migrate.model import Applicability, Migration, Options, Outcome, Shape, TfFunction

from .migrating import HEAD, check, codes, migrate, program, refused, sites

ANNOTATE = Options(annotate=True)


def held(migration: Migration) -> list[str]:
    """The text of each site's new lines."""
    lines = migration.new.decode().split("\n")
    return [
        "\n".join(lines[site.new_lines[0] - 1 : site.new_lines[1]])
        for site in migration.sites
        if site.new_lines is not None
    ]


def test_a_chain_of_derivatives_is_nested_in_rounds() -> None:
    body = """
        def f(x):
            y = tf.sin(x)
            a = tf.gradients(y, x)[0]
            b = tf.gradients(a, x)[0]
            c = tf.gradients(b, x)[0]
            return c
        """
    check(
        body,
        """
        def f(x):
            with tf.GradientTape() as tape3:
                tape3.watch(x)
                with tf.GradientTape() as tape2:
                    tape2.watch(x)
                    with tf.GradientTape() as tape:
                        tape.watch(x)
                        y = tf.sin(x)
                    a = tape.gradient(y, x)
                b = tape2.gradient(a, x)
            c = tape3.gradient(b, x)
            return c
        """,
    )
    assert [site.shape for site in sites(body)] == [Shape.LOCAL, Shape.NESTED, Shape.NESTED]


def test_new_lines_are_those_of_the_final_text() -> None:
    migration = migrate("""
        def f(x):
            y = tf.sin(x)
            a = tf.gradients(y, x)[0]
            return a

        def g(x):
            y = tf.cos(x)
            a = tf.gradients(y, x)[0]
            b = tf.gradients(a, x)[0]
            return b
        """)
    first, second, third = held(migration)
    assert first.startswith("    with tf.GradientTape() as tape:\n        tape.watch(x)\n")
    assert first.endswith("    a = tape.gradient(y, x)")
    assert "tf.sin(x)" in first
    assert second.lstrip().startswith("with tf.GradientTape() as tape:")
    assert second.endswith("        a = tape.gradient(y, x)")
    assert third.startswith("    with tf.GradientTape() as tape2:")
    assert third.endswith("    b = tape2.gradient(a, x)")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_new_lines_with_any_line_end(newline: str) -> None:
    text = program("def f(x):\n    y = tf.sin(x)\n    return tf.gradients(y, x)[0]\n")
    migration = migrate_source(text.replace("\n", newline).encode())
    assert [site.new_lines for site in migration.sites] == [(6, 9)]


def test_new_lines_after_an_annotation() -> None:
    migration = migrate(
        """
        def helper(y, x):
            return tf.gradients(y, x)[0]

        def f(x):
            y = tf.sin(x)
            return tf.gradients(y, x)[0]
        """,
        ANNOTATE,
    )
    (lines,) = held(migration)
    assert lines.startswith("    with tf.GradientTape() as tape:")
    assert lines.endswith("    return tape.gradient(y, x)")


def test_a_lambda_is_lifted_only_where_its_call_is_migrated() -> None:
    assert codes("f = lambda x: tf.gradients(tf.sin(x), x)[0]") == [None]
    refused("f = lambda y, x: tf.gradients(y, x)[0]")
    # One of two: the other stays a lambda.
    migration = migrate("""
        f = lambda y, x: tf.gradients(y, x)[0]
        g = lambda x: tf.gradients(tf.sin(x), x)[0]
        """)
    assert [site.code for site in migration.sites] == ["TM101", None]
    assert b"f = lambda y, x: tf.gradients(y, x)[0]\ndef g(x):\n" in migration.new


def test_lines_are_split_only_where_that_is_of_use() -> None:
    check(
        """
        def f(x):
            y = tf.sin(x); return tf.gradients(y, x)[0]
        """,
        """
        def f(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = tf.sin(x)
            return tape.gradient(y, x)
        """,
    )
    refused("def f(y, x): z = y; return tf.gradients(z, x)[0]\n")


def test_what_depends_on_a_refused_call_is_refused() -> None:
    assert codes("""
        class Net:
            def f(self, x):
                u = self.net(x)
                u_x = tf.gradients(u, x, **self.options)[0]
                return tf.gradients(u_x, x)[0]

            def net(self, x):
                return tf.sin(x)
        """) == ["TM113", "TM126"]


def test_a_refused_call_does_not_stand_in_the_way_of_others() -> None:
    migration = migrate("""
        def f(x, y):
            z = tf.sin(x)
            a = tf.gradients(z, x)[0]
            b = tf.gradients(y, x)[0]
            return a + b
        """)
    assert [site.code for site in migration.sites] == [None, "TM101"]
    assert b"    b = tf.gradients(y, x)[0]\n" in migration.new


@pytest.mark.parametrize(
    "call",
    [
        "return tf.gradients(y, x)[0]  # tape-migrate: ignore",
        "return tf.gradients(y, x)[0]  #tape-migrate:ignore",
        "return tf.gradients(y, x)[0]  # tape-migrate: ignore, please",
        "return tf.gradients(y,  # tape-migrate: ignore\n                     x)[0]",
        "return (  # tape-migrate: ignore\n        tf.gradients(y, x)[0])",
    ],
)
def test_ignored_calls(call: str) -> None:
    migration = migrate(f"def f(x):\n    y = tf.sin(x)\n    {call}\n")
    (site,) = migration.sites
    assert (site.outcome, site.code) == (Outcome.SKIPPED, "TM001")
    assert migration.new == migration.old


@pytest.mark.parametrize("codes", ["TM101", "TM102, TM101", "tm101"])
def test_codes_in_brackets_silence_that_refusal(codes: str) -> None:
    migration = migrate(
        f"def f(y, x):\n    return tf.gradients(y, x)[0]  # tape-migrate: ignore[{codes}]\n"
    )
    (site,) = migration.sites
    assert (site.outcome, site.code) == (Outcome.SKIPPED, "TM001")


def test_codes_in_brackets_silence_nothing_else() -> None:
    refused = migrate(
        "def f(y, x):\n    return tf.gradients(y, x)[0]  # tape-migrate: ignore[TM105]\n"
    )
    migrated = migrate(
        "def f(x):\n    y = tf.sin(x)\n"
        "    return tf.gradients(y, x)[0]  # tape-migrate: ignore[TM105]\n"
    )
    assert [site.code for site in refused.sites] == ["TM101"]
    assert [site.outcome for site in migrated.sites] == [Outcome.MIGRATED]


@pytest.mark.parametrize("comment", ["# tape-migrate", "# tape-migrate: ignored", "# ignore"])
def test_other_comments_ignore_nothing(comment: str) -> None:
    assert codes(f"def f(x):\n    y = tf.sin(x)\n    return tf.gradients(y, x)  {comment}\n") == [
        None
    ]


def test_an_ignored_call_is_not_annotated_and_not_waited_for() -> None:
    migration = migrate(
        """
        def f(x):
            y = tf.sin(x)
            g = tf.gradients(y, x)[0]  # tape-migrate: ignore
            return g

        def h(x):
            y = tf.sin(x)
            return tf.gradients(y, x)[0]
        """,
        ANNOTATE,
    )
    assert [site.code for site in migration.sites] == ["TM001", None]
    assert b"TODO" not in migration.new


def test_annotations_are_written_once() -> None:
    body = """
        def f(y, x):
            # an old comment
            return tf.gradients(y, x)[0]
        """
    once = migrate(body, ANNOTATE)
    expected = (
        "def f(y, x):\n    # an old comment\n"
        "    # TODO(tape-migrate) TM101: the target y is a parameter, and f may be called from "
        "outside (--assume-closed says that nothing else calls it)\n"
        "    return tf.gradients(y, x)[0]\n"
    )
    assert once.new.decode() == HEAD + expected
    twice = migrate_source(once.new, ANNOTATE)
    assert twice.new == once.new
    assert [site.code for site in twice.sites] == ["TM101"]


def test_two_refused_calls_of_one_statement_are_annotated_once_a_code() -> None:
    migration = migrate(
        "def f(y, x):\n    return tf.gradients(y, x), tf.gradients(y, **x)\n", ANNOTATE
    )
    notes = [line for line in migration.new.splitlines() if b"TODO" in line]
    assert [note.split()[2] for note in notes] == [b"TM101:", b"TM113:"]
    assert migrate_source(migration.new, ANNOTATE).new == migration.new


def test_decorated_functions_are_annotated_above_the_decorator() -> None:
    migration = migrate("@d(tf.gradients(y, x))\ndef f():\n    pass\n", ANNOTATE)
    assert migration.new.decode().startswith(HEAD + "# TODO(tape-migrate) TM122: ")


def test_one_line_suites_are_not_annotated() -> None:
    migration = migrate("def f(y, x): return tf.gradients(y, x)\n", ANNOTATE)
    assert migration.new == migration.old
    assert [site.code for site in migration.sites] == ["TM101"]


def test_applicability_says_whether_something_is_assumed() -> None:
    (safe,) = sites(
        "def f():\n    x = tf.ones([3])\n    y = x * x\n    return tf.gradients(y, x)\n"
    )
    assert safe.applicability is Applicability.SAFE
    (review,) = sites("def f(net, x):\n    y = net(x)\n    return tf.gradients(y, x)\n")
    assert review.applicability is Applicability.REVIEW
    assert "assumes" in review.message


def test_a_file_without_calls_is_given_back_as_it_is() -> None:
    for text in (b"", b"\n", b"x = 1", b"\xef\xbb\xbfx = 1\r\n", b"# coding: latin-1\n# \xe4\n"):
        migration = migrate_source(text)
        assert (migration.new, migration.sites) == (text, ())


def test_encoding_and_mark_survive_a_migration() -> None:
    body = program("def f(x):\n    y = tf.sin(x)  # ä\n    return tf.gradients(y, x)[0]\n")
    for start, codec in ((b"\xef\xbb\xbf", "utf-8"), (b"# coding: latin-1\n", "latin-1")):
        migration = migrate_source(start + body.encode(codec))
        assert migration.new.startswith(start + HEAD.encode())
        assert "# ä".encode(codec) in migration.new
        assert b"tape.gradient(y, x)" in migration.new


@pytest.mark.parametrize("policy", list(TfFunction))
def test_every_policy_runs_to_a_fixed_point(policy: TfFunction) -> None:
    options = Options(tf_function=policy)
    once = migrate(
        """
        def f(x):
            if tf.reduce_sum(x) > 0.0:
                y = tf.sin(x)
            else:
                y = tf.cos(x)
            return tf.gradients(y, x)[0]
        """,
        options,
    )
    assert (b"@tf.function" in once.new) == (policy is not TfFunction.NEVER)
    for again in TfFunction:
        assert migrate_source(once.new, Options(tf_function=again)).new == once.new


SAME = """
import hashlib, sys
from tape_migrate.api import migrate_source
from tests.fixture_cases import all_cases
for case in all_cases():
    migration = migrate_source(case.before, case.options)
    told = repr([(s.code, s.message, s.new_lines) for s in migration.sites]).encode()
    print(case.name, hashlib.sha1(migration.new + told).hexdigest())
"""


def test_the_answer_is_the_same_in_every_process() -> None:
    """Sets have another order with every hash seed; texts and messages have not."""
    root = Path(tape_migrate.__file__).parents[2]
    path = os.pathsep.join([str(root), str(root / "codemod")])
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", SAME],
            env=dict(os.environ, PYTHONHASHSEED=seed, PYTHONPATH=path),
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2", "3")
    ]
    answers = [run.communicate()[0].splitlines() for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert answers[0]
    for other in answers[1:]:
        assert [pair for pair in zip(answers[0], other, strict=True) if pair[0] != pair[1]] == []


def test_below_comments_at_the_top_a_comment_is_written_once() -> None:
    text = b"# a\n# b\nprint(tf.gradients(y, 2))\nimport tensorflow as tf\n"
    options = Options(annotate=True)
    first = migrate_source(text, options)
    lines = first.new.splitlines()
    assert lines[:2] == [b"# a", b"# b"]
    assert lines[2].startswith(b"# TODO(tape-migrate) TM")
    assert len(lines) == 5
    assert migrate_source(first.new, options).new == first.new
