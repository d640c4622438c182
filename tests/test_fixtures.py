"""Every case under fixtures/: the outcome, the text, and the numbers of both sides.

The text is compared with ``after.py`` and the gradients with ``gradients.csv``, both beside the
case, and what is said of each call with ``said.tsv``, one for all cases of a shape;
``--force-regen`` (or ``--regen-all``) writes them anew. Whatever the goldens say, the new code is
run on the real TensorFlow against the old code in a graph, each time.
"""

from __future__ import annotations

import ast
import csv
import difflib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytest_regressions.file_regression import FileRegressionFixture
from pytest_regressions.num_regression import NumericRegressionFixture

from tape_migrate.api import migrate_source
from tape_migrate.model import Outcome, Shape
from tape_migrate.sources.text import decode
from tape_migrate.verify import Case, Verdict, Verifier, load_case
from tape_migrate.verify.compare import RTOL
from tape_migrate.verify.evidence import Evidence, Row
from tape_migrate.verify.results import Array, Leaf, Node, Scalar, Slices, describe, leaves

from .fixture_cases import FixtureCase, all_cases, migrated, report
from .keeping import KeepingVerifier

CASES = all_cases()
CHANGED = [case for case in CASES if case.changes]
UNCHANGED = [case for case in CASES if not case.changes]
KERAS_2 = re.compile(r"Keras 3|TensorFlow 2\.21")


def each(cases: list[FixtureCase] | tuple[FixtureCase, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in cases])


@each(CASES)
def test_outcome(case: FixtureCase) -> None:
    migration = migrated(case)
    assert migration.internal_error is None, report(migration)
    got = [site.outcome.value for site in migration.sites]
    if case.outcome == "untouched":
        expected = []
    elif case.outcome == "mixed":
        expected = list(case.outcomes)
        assert set(expected) > {"migrated"}, "a mixed case has migrated sites and others"
    elif case.outcome == "migrated":
        assert got, "no gradient call was found"
        expected = ["migrated"] * len(got)
    else:
        assert case.codes, "a refused or skipped case lists a code for each site"
        expected = [case.outcome] * len(case.codes)
    assert got == expected, report(migration)
    codes = [site.code for site in migration.sites if site.outcome is not Outcome.MIGRATED]
    assert codes == list(case.codes), report(migration)
    if case.shape is not None:
        shapes = {site.shape.value for site in migration.sites if site.shape}
        assert case.shape in shapes, report(migration)


@each(CASES)
def test_every_site_has_one_outcome(case: FixtureCase) -> None:
    migration = migrated(case)
    count = {
        outcome: sum(site.outcome is outcome for site in migration.sites) for outcome in Outcome
    }
    assert sum(count.values()) == len(migration.sites)
    places = [(site.site.line, site.site.column) for site in migration.sites]
    assert places == sorted(set(places))
    for site in migration.sites:
        done = site.outcome is Outcome.MIGRATED
        assert (site.code is None) == done
        assert (site.shape is not None) == done
        assert (site.applicability is not None) == done
        assert (site.new_lines is not None) == done
        assert site.message


@each(CHANGED)
def test_new_lines_hold_the_tape_and_the_gradient(case: FixtureCase) -> None:
    migration = migrated(case)
    lines = python_lines(migration.new)
    for site in migration.sites:
        if site.new_lines is None:
            continue
        first, last = site.new_lines
        assert 1 <= first <= last <= len(lines)
        held = "\n".join(lines[first - 1 : last])
        # A helper's tape is opened by its callers, a kept one by another method.
        opened_elsewhere = site.shape in (Shape.HELPER, Shape.KEPT_TAPE)
        assert "GradientTape(" in held or opened_elsewhere, held
        assert ".gradient(" in held or ".jacobian(" in held, held


def python_lines(source: bytes) -> list[str]:
    """The lines of a source as Python numbers them (``str.splitlines`` also ends one at \\f)."""
    text = decode(source).text
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


@each(CASES)
def test_a_second_run_changes_nothing(case: FixtureCase) -> None:
    migration = migrated(case)
    again = migrate_source(migration.new, case.options)
    assert again.new == migration.new, report(again)
    left = [s.code for s in migration.sites if s.outcome is not Outcome.MIGRATED]
    assert [s.code for s in again.sites] == left, report(again)


@each(CASES)
def test_output_parses(case: FixtureCase) -> None:
    compile(migrated(case).new, case.name, "exec", ast.PyCF_ONLY_AST)


@each(UNCHANGED)
def test_what_is_refused_stays_byte_identical(case: FixtureCase) -> None:
    assert migrated(case).new == case.before
    assert not (case.folder / "after.py").exists()


@each(CASES)
def test_annotations_only_add_comments(case: FixtureCase) -> None:
    plain = migrated(case)
    options = replace(case.options, annotate=True)
    once = migrate_source(case.before, options)
    twice = migrate_source(once.new, options)
    assert twice.new == once.new
    mark = b"# TODO(tape-migrate) "
    kept = [line for line in once.new.splitlines(keepends=True) if not is_mark(line, mark)]
    assert b"".join(kept) == b"".join(plain.new.splitlines(keepends=True))
    written = [line.lstrip()[len(mark) :].split(b":")[0].decode() for line in once.new.splitlines()
               if is_mark(line, mark)]  # fmt: skip
    refused = [s.code for s in plain.sites if s.outcome is Outcome.REFUSED]
    assert set(written) <= set(refused)
    if refused and not has_one_line_suite(case.before):
        assert set(written) == set(refused)


def is_mark(line: bytes, mark: bytes) -> bool:
    return line.lstrip().startswith(mark)


def has_one_line_suite(source: bytes) -> bool:
    """Whether a statement stands behind a colon, where no comment line can be put above it."""
    return any(
        isinstance(body := getattr(node, "body", None), list) and body[0].lineno == node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.stmt)
    )


@each(CASES)
def test_what_is_said(case: FixtureCase, request: pytest.FixtureRequest) -> None:
    """Line, column, outcome, shape, applicability, code and message of each call."""
    golden = case.folder.parent / "said.tsv"
    own = f"{case.folder.name}\t"
    obtained = [
        own + "\t".join(
            (
                str(site.site.line), str(site.site.column), site.outcome.value,
                site.shape.value if site.shape else "",
                site.applicability.value if site.applicability else "",
                site.code or "", site.message,
            )
        )
        for site in migrated(case).sites
    ]  # fmt: skip
    lines = golden.read_text(encoding="utf-8").splitlines() if golden.exists() else []
    expected = [line for line in lines if line.startswith(own)]
    if obtained != expected and asked_to_write(request):
        kept = [line for line in lines if not line.startswith(own)]
        text = "".join(f"{line}\n" for line in sorted([*kept, *obtained], key=case_and_place))
        golden.write_text(text, encoding="utf-8")
        pytest.fail(f"{golden.name} was written")
    assert obtained == expected


def case_and_place(line: str) -> tuple[str, int, int]:
    name, row, column, *_ = line.split("\t")
    return name, int(row), int(column)


@each(CHANGED)
def test_text(
    case: FixtureCase, file_regression: FileRegressionFixture, request: pytest.FixtureRequest
) -> None:
    golden = case.folder / "after.py"
    must_exist(golden, request)
    file_regression.check(
        migrated(case).new,
        fullpath=golden,
        binary=True,
        extension=".py",
        check_fn=same_bytes,
    )


def must_exist(golden: Path, request: pytest.FixtureRequest) -> None:
    """Goldens are written only when that is asked for, never because they are missing."""
    if not asked_to_write(request):
        assert golden.is_file(), f"{golden.name} is missing: run again with --regen-all"


def asked_to_write(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("force_regen") or request.config.getoption("regen_all"))


def same_bytes(obtained: Path, expected: Path) -> None:
    new, old = obtained.read_bytes(), expected.read_bytes()
    diff = difflib.unified_diff(
        old.decode("latin-1").splitlines(keepends=True),
        new.decode("latin-1").splitlines(keepends=True),
        "after.py",
        "obtained",
    )
    assert new == old, "the text changed (--force-regen accepts it)\n" + "".join(diff)


@each(CHANGED)
def test_proof(
    case: FixtureCase,
    verifier: KeepingVerifier,
    num_regression: NumericRegressionFixture,
    record_proof: Callable[[Evidence], None],
    request: pytest.FixtureRequest,
) -> None:
    if case.not_run is not None:
        pytest.skip(f"text only: {case.not_run}")
    prepared = replace(load_case(case.folder), after=migrated(case).new)
    evidence = verifier.verify(prepared)
    record_proof(evidence)
    shown = "\n".join(
        [f"{evidence.verdict.value}: {evidence.sentence}", *map(line_of, evidence.rows)]
    )
    assert evidence.verdict is Verdict.EQUAL, shown
    modes = {row.mode for row in evidence.rows if row.device.startswith("CPU")}
    assert modes == set(prepared.modes), shown
    for row in evidence.rows:
        if row.verdict is Verdict.NOT_RUN:
            assert row.sentence, "a row that was not run says why"
            assert row.mode != "eager", shown
        else:
            assert row.verdict is Verdict.EQUAL, shown
    golden = case.folder / "gradients.csv"
    must_exist(golden, request)
    single = case.folder.parent.name == "keras-function"
    table, tolerances = gradients_of(prepared, verifier, single=single)
    num_regression.check(table, fullpath=golden, tolerances=tolerances)
    with open(golden, encoding="utf-8", newline="") as file:
        assert next(csv.reader(file))[1:] == list(table)


def gradients_of(
    case: Case, verifier: KeepingVerifier, *, single: bool
) -> tuple[dict[str, Array], dict[str, dict[str, float]]]:
    """The new code's results, one column a tensor, and how far each may be off.

    A column's name holds path, dtype and shape, so that a change of structure is seen too; None is
    a column without numbers. The tolerance is that of the proof: relative to the tensor's largest
    entry. What numpy makes of Keras' float32 is float64 by name only, and processors round
    differently: of programs with a Keras graph (``single``) it is that of float32.
    """
    if "eager" in case.modes:
        run = verifier.given["eager"]
    else:
        run = verifier.run_before(case)  # proven equal just now, and what remains is a graph
    assert run.error is None, run.error
    table: dict[str, Array] = {}
    tolerances: dict[str, dict[str, float]] = {}
    for path, node in leaves(run.value):
        name = f"{path} {describe(node)}"
        values, rtol = numbers(node)
        if rtol and single:
            rtol = max(rtol, RTOL["float32"])
        table[name] = values
        known = values[np.isfinite(values)]
        scale = float(np.max(np.abs(known))) if known.size else 0.0
        tolerances[name] = {"rtol": 0.0, "atol": rtol * scale}
    return table, tolerances


def numbers(node: Node) -> tuple[Array, float]:
    """The numbers of a leaf as a flat float64 array, and the tolerance of its dtype."""
    if isinstance(node, Slices):
        node = node.dense or node.values
    if isinstance(node, Leaf) and node.array.dtype.kind in "fiub":
        flat = node.array.reshape(-1).astype(np.float64)
        return flat if flat.size else np.array([np.nan]), RTOL.get(node.dtype, 0.0)
    if isinstance(node, Scalar) and node.type in ("float", "int", "bool"):
        return np.array([float(ast.literal_eval(node.text))]), RTOL["float32"]
    return np.array([np.nan]), 0.0


OTHER_PYTHON = os.environ.get("TAPE_MIGRATE_OTHER_PYTHON")


@pytest.fixture(scope="module")
def other_verifier() -> Iterator[Verifier]:
    with Verifier(OTHER_PYTHON, OTHER_PYTHON, devices="cpu") as shared:
        yield shared


@pytest.mark.skipif(
    not OTHER_PYTHON,
    reason="not run: no other TensorFlow (TAPE_MIGRATE_OTHER_PYTHON, the path of an interpreter)",
)
@each(CHANGED)
def test_proof_on_another_tensorflow(case: FixtureCase, other_verifier: Verifier) -> None:
    """Both sides under another interpreter; with Keras 2, its cases are run as well."""
    prepared = replace(load_case(case.folder), after=migrated(case).new, not_run=None)
    if prepared.entry is None and not prepared.outputs:
        pytest.skip("text only: it names nothing to run")
    if case.not_run is not None and not KERAS_2.search(case.not_run):
        pytest.skip(f"text only: {case.not_run}")
    evidence = other_verifier.verify(prepared)
    assert evidence.verdict is Verdict.EQUAL, "\n".join(map(line_of, evidence.rows))


@each(UNCHANGED)
def test_what_is_left_alone_is_code_that_runs(case: FixtureCase, verifier: Verifier) -> None:
    """In a graph, as it was written for; a case without an entry is text only."""
    loaded = load_case(case.folder)
    if loaded.entry is None and not loaded.outputs:
        pytest.skip("text only: it names nothing to run")
    if loaded.not_run is not None:
        pytest.skip(f"text only: {loaded.not_run}")
    run = verifier.run_before(loaded)
    assert run.error is None, run.error


def line_of(row: Row) -> str:
    return f"{row.mode} on {row.device}: {row.verdict.value}: {row.sentence}\n{row.traceback}"
