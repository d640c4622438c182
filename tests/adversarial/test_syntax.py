"""Odd syntax around gradient calls: the outcome, the text, and the numbers of both sides."""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.model import Migration, Outcome
from tape_migrate.verify import Case, Verdict, Verifier, parse_input

from .programs import Program, read_programs

PROGRAMS = [
    program
    for theme in ("expressions", "statements", "strings")
    for program in read_programs(theme)
]
CHANGED = [program for program in PROGRAMS if "migrated" in program.outcomes]


def each(programs: list[Program]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("program", [pytest.param(p, id=p.name) for p in programs])


def migrate(program: Program) -> Migration:
    migration = migrate_source(program.source)
    assert migration.internal_error is None
    return migration


@each(PROGRAMS)
def test_outcome(program: Program) -> None:
    migration = migrate(program)
    words = tuple(
        "migrated" if site.outcome is Outcome.MIGRATED else str(site.code)
        for site in migration.sites
    )
    assert words == program.outcomes
    assert migration.changed == ("migrated" in words)
    assert all(site.message for site in migration.sites)


@each(CHANGED)
def test_the_text(program: Program) -> None:
    """Parses, keeps every comment and every string, and a second run changes nothing."""
    new = migrate(program).new
    assert migrate_source(new).new == new
    assert tokens(program.source, tokenize.COMMENT) == tokens(new, tokenize.COMMENT)
    assert not (strings(program.source) - strings(new))


def tokens(source: bytes, kind: int) -> Counter[str]:
    found = tokenize.tokenize(io.BytesIO(source).readline)
    return Counter(token.string.rstrip() for token in found if token.type == kind)


def strings(source: bytes) -> Counter[str]:
    """Literal text outside the gradient calls, whose ``name=`` goes."""
    tree = ast.parse(source)
    inside = {
        id(node)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg == "name"
        for node in ast.walk(keyword.value)
    }
    return Counter(
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if id(node) not in inside
    )


@each(CHANGED)
def test_the_numbers(program: Program, verifier: Verifier) -> None:
    inputs = tuple((name, parse_input("float32[3]")) for name in "xz")
    case = Case(
        program.name,
        program.source,
        migrate(program).new,
        "main",
        inputs=inputs,
        modes=program.modes,
    )
    evidence = verifier.verify(case)
    rows = {row.mode: f"{row.verdict.value}: {row.sentence}" for row in evidence.rows}
    assert evidence.verdict is Verdict.EQUAL, rows
    assert any(row.mode == "eager" and row.tensors for row in evidence.rows), rows
