"""The mutants themselves: each is one fault, and the harness tells killed from surviving."""

from __future__ import annotations

import ast
import importlib.util
import random
from pathlib import Path
from typing import Any

import pytest

from tape_migrate.verify import Verifier
from tests.mutation.__main__ import ROOT, interval
from tests.mutation.migrations import Fate, candidates, table, try_edit
from tests.mutation.mutants import mutants_below, mutants_of
from tests.mutation.patching import lines_of, live_functions, put_in, stands_in_a_function
from tests.mutation.recording import record
from tests.mutation.wrong_edits import wrong_edits

_SOURCE = b'''"""Words."""


def f(a: int, b):
    """More."""
    if a == 1 and not b:
        return a + 2
    for x in b:
        g(x)
        continue
    return None
'''
_PROGRAM = """\
import tensorflow as tf


def f(x, t):
    h = t * 2.0
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, t])
        k = x * t
        y = k * h
    g = tape.gradient(y, [x, t], output_gradients=h)
    return g
"""


def test_each_mutant_is_one_fault_that_parses() -> None:
    mutants = mutants_of("m.py", _SOURCE)
    found = {(m.line, m.kind, m.text) for m in mutants}
    assert found == {
        (6, "condition", "True"),
        (6, "condition", "False"),
        (6, "and/or", " or "),
        (6, "comparison", " != "),
        (6, "constant", "2"),
        (6, "not dropped", ""),
        (7, "return", "None"),
        (7, "operator", " - "),
        (7, "constant", "3"),
        (9, "statement dropped", "pass"),
        (10, "continue", "break"),
    }
    for mutant in mutants:
        changed = mutant.apply(_SOURCE)
        assert changed != _SOURCE
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(_SOURCE))


def test_what_had_several_lines_still_has_them() -> None:
    source = (
        b"def f(a):\n    g(\n        a,\n    )\n    if h(\n        a\n    ):\n        return a\n"
    )
    for mutant in mutants_of("m.py", source):
        tree = ast.parse(mutant.apply(source))
        assert isinstance(tree.body[0], ast.FunctionDef)
        assert tree.body[0].end_lineno == 8
        assert "\n" not in str(mutant)


def test_a_mutant_is_put_into_functions_that_are_in_use(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_bytes(_SOURCE.replace(b"return a + 2", b"return [a + i for i in b]"))
    spec = importlib.util.spec_from_file_location("mutated", tmp_path / "m.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    used = module.f
    assert used(1, []) == []
    source = (tmp_path / "m.py").read_bytes()
    mutant = next(m for m in mutants_of("m.py", source) if m.kind == "return")
    put_in(mutant, tmp_path, live_functions(tmp_path))
    assert used(1, []) is None


def test_where_a_fault_stands() -> None:
    source = b"A = 1\n\n\ndef f(a=2):\n    return (\n        a +\n        3\n    )\n"
    found = {
        m.text.strip(): (stands_in_a_function(m, source), [*lines_of(m, source)])
        for m in mutants_of("m.py", source)
        if m.kind == "constant"
    }
    assert found == {"2": (False, [1]), "3": (False, [4]), "4": (True, [5, 6, 7])}


def test_recorded_is_which_test_executes_which_line(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    path.write_text("def f(a):\n    if a:\n        return 1\n    return 2\n")
    space: dict[str, Any] = {}
    exec(compile(path.read_bytes(), str(path), "exec"), space)
    recording = record(2, [tmp_path], space["f"])
    assert recording.faults == {0: "2", 1: "1"}, "whatever a test gives is a fault"
    found = recording.tests
    assert found[str(path), 2] == (0, 1)
    assert found[str(path), 3] == (1,)
    assert found[str(path), 4] == (0,)


def test_the_engine_offers_many_places() -> None:
    mutants = mutants_below(ROOT / "codemod" / "tape_migrate", ("shapes", "flow", "edits"))
    assert len({mutant.path for mutant in mutants}) > 50
    assert len(mutants) > 10_000


def test_the_interval_holds_the_share() -> None:
    low, high = interval(90, 100)
    assert 0.82 < low < 0.9 < high < 0.95
    assert interval(0, 10)[0] == pytest.approx(0.0, abs=1e-12)


def test_wrong_edits_cover_every_kind() -> None:
    edits = wrong_edits(_PROGRAM)
    assert {edit.kind for edit in edits} == {
        "watch dropped",
        "watch a line down",
        "region ends too early",
        "region begins too late",
        "region begins too early",
        "region ends too late",
        "sources swapped",
        "output_gradients dropped",
        "persistent off",
        "stale name",
    }
    late = next(edit.text for edit in edits if edit.kind == "watch a line down")
    assert "        k = x * t\n        tape.watch([x, t])\n" in late
    early = next(edit.text for edit in edits if edit.kind == "region ends too early")
    assert "        k = x * t\n    y = k * h\n" in early


def test_verify_lets_no_wrong_migration_pass(verifier: Verifier) -> None:
    """A sample; ``python -m tests.mutation.migrations`` tries as many as asked for."""
    chosen = random.Random(7).sample(candidates(), 10)
    tried = [try_edit(verifier, case, edit) for case, edit in chosen]
    assert not [one for one in tried if one.fate is Fate.ESCAPED], table(tried)
    assert sum(one.fate is Fate.CAUGHT for one in tried) >= 5, table(tried)
