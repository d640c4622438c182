"""What a migration must keep, checked on one program."""

from __future__ import annotations

import ast
import contextlib
import enum
import io
import re
import signal
import threading
import tokenize
from collections import Counter
from dataclasses import dataclass, replace

from tape_migrate.linking import migrate_project
from tape_migrate.model import Migration, Options, Outcome, Shape
from tests.fuzz.program import Program
from tests.fuzz.running import difference, run_compiled, run_eagerly, run_in_graph

_TAKES_TAPE = re.compile(r"(\w+)\(\) takes the tape")
"""What is said of a function that gets a parameter for the tape."""
_WRITTEN_OUT = re.compile(r"(\w+)\(\) (?:is|are) written out")
"""What is said of a function whose body stands where it was called; it may be gone."""


class Verdict(enum.Enum):
    """What became of one program."""

    INVALID = "old program fails"
    """The old program does not run in a graph: it says nothing."""
    EQUAL = "equal"
    """Every call was migrated, and the new program computes the same."""
    PARTLY = "partly refused"
    """Some calls were refused; the rest still computes the same in a graph."""
    REFUSED = "refused"
    """Every call was refused and nothing was changed."""
    TRAP_REFUSED = "trap refused"
    """The call that must be refused was."""
    WRONG = "wrong"


@dataclass(frozen=True)
class Checked:
    """The verdict on one program."""

    verdict: Verdict
    detail: str = ""
    gradients: int = 0
    """Values the program returned that are not None."""
    codes: tuple[str, ...] = ()
    """Codes of the refused calls."""
    new: str = ""
    sites: int = 0
    """Gradient calls found."""


class _TooLongError(BaseException):
    """Not to be taken for an error of the program or of the engine."""


def check_program(program: Program, *, n: int = 2, seconds: int = 120) -> Checked:
    """Migrate ``program`` and run it before and after.

    What takes longer than ``seconds`` says nothing: gradients of gradients of loops can blow up
    until no memory is left. (Off the main thread there is no such limit.)
    """
    if threading.current_thread() is not threading.main_thread():
        return _check(program, n=n)

    def stop(*_: object) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        return _check(program, n=n)
    except _TooLongError:
        return Checked(Verdict.INVALID, f"takes longer than {seconds} s")
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _check(program: Program, *, n: int) -> Checked:
    old = None
    if not program.trap:
        try:
            old = run_in_graph(program, n=n)
        except Exception as error:
            return Checked(Verdict.INVALID, f"{type(error).__name__}: {error}"[:300])
    try:
        migrations = migrate(program)
    except Exception as error:
        return Checked(Verdict.WRONG, f"the engine fails: {type(error).__name__}: {error}")
    sites = [site for migration in migrations.values() for site in migration.sites]
    codes = tuple(s.code or "" for s in sites if s.outcome is not Outcome.MIGRATED)
    texts = {path: migration.new.decode() for path, migration in migrations.items()}
    main, *others = texts.items()
    new = "\n".join([main[1], *(f"# --- {path}\n{text}" for path, text in others)])
    found = Checked(Verdict.WRONG, codes=codes, new=new, sites=len(sites))

    fault = _text_faults(program, migrations)
    if fault is not None:
        return replace(found, detail=fault)
    if program.trap:
        return _check_trap(program, migrations["main.py"], found)
    assert old is not None
    if len(codes) == len(sites):
        if any(migration.changed for migration in migrations.values()):
            return replace(found, detail="nothing was migrated, yet the text was changed")
        return replace(found, verdict=Verdict.REFUSED)
    migrated = replace(
        program, source=main[1], helpers={path.removesuffix(".py"): text for path, text in others}
    )
    fault = _run_new(program, migrated, old, codes, n)
    if fault is not None:
        return replace(found, detail=fault)
    count = sum(not isinstance(leaf, (str, type(None))) for leaf in old)
    return replace(found, verdict=Verdict.PARTLY if codes else Verdict.EQUAL, gradients=count)


def migrate(program: Program) -> dict[str, Migration]:
    """The migrations of all modules of ``program``, the main one first."""
    sources = {path: text.encode() for path, text in program.paths().items()}
    options = Options(assume_closed=True) if program.helpers else Options()
    results = migrate_project(sources, options)
    found = {path: result for path, result in results.items() if isinstance(result, Migration)}
    assert found.keys() == sources.keys()
    return {path: found[path] for path in sources}


def _run_new(
    program: Program, migrated: Program, old: list[object], codes: tuple[str, ...], n: int
) -> str | None:
    modes = {"graph": run_in_graph} if codes else {"eager": run_eagerly}
    if "def main(" in program.source and not program.arrays:
        if "    v = tf.Variable(" not in program.source:  # made anew at each call
            modes["function"] = run_compiled
    for mode, run in modes.items():
        try:
            new = run(migrated, n=n)
        except Exception as error:
            if codes and mode == "function":
                continue  # a call that is left may need a graph: `stop_gradients` of a variable
            return f"{mode}: {type(error).__name__}: {error}"[:600]
        found = difference(old, new)
        if found is not None and codes and mode == "function":
            # A call that is left may give something else there: `None` for zeros behind a branch.
            with contextlib.suppress(Exception):
                found = difference(run(program, n=n), new)
        if found is not None:
            return f"{mode}: {found}"
    return None


def _check_trap(program: Program, migration: Migration, found: Checked) -> Checked:
    lines = _lines(program.source)
    trapped = [s for s in migration.sites if lines[s.site.line - 1].endswith("# trap")]
    for site in trapped:
        if site.outcome is Outcome.MIGRATED:
            return replace(found, detail=f"the trap in line {site.site.line} was migrated")
    patched = not migration.sites and "tf.gradients = " in program.source
    if not trapped and not patched:
        return replace(found, detail="the trap was not found")
    return replace(found, verdict=Verdict.TRAP_REFUSED)


def _text_faults(program: Program, migrations: dict[str, Migration]) -> str | None:
    for path, source in program.paths().items():
        fault = _text_fault(source, migrations[path])
        if fault is not None:
            return f"{path}: {fault}" if program.helpers else fault
    again = migrate(
        replace(
            program,
            source=migrations["main.py"].new.decode(),
            helpers={name: migrations[f"{name}.py"].new.decode() for name in program.helpers},
        )
    )
    changed = any(migration.changed for migration in again.values())
    return "a second run changes the result" if changed else None


def _text_fault(source: str, migration: Migration) -> str | None:
    """A fault of the new text that shows without running it."""
    if migration.internal_error is not None:
        return f"a guard failed: {migration.internal_error}"
    new = migration.new.decode()
    try:
        tree = ast.parse(new)
    except SyntaxError as error:
        return f"the result does not parse: {error}"
    lost = _comments(source) - _comments(new)
    if lost:
        return f"comments lost: {sorted(lost)}"
    if any(s.code == "TM199" for s in migration.sites):
        return "an internal error was reported"
    fault = _lines_lost(source, new, migration)
    if fault is not None:
        return fault
    after = Counter(_unindented(new, node) for node in ast.walk(tree) if isinstance(node, ast.Call))
    before = Counter[str]()
    places = {
        (s.site.line, s.site.column - 1)
        for s in migration.sites
        if s.outcome is not Outcome.MIGRATED
    }
    moved = {(s.site.line, s.site.column - 1) for s in migration.sites} - places
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and (node.lineno, node.col_offset) in places:
            if any((n.lineno, n.col_offset) in moved for n in ast.walk(node)
                   if isinstance(n, ast.Call)):  # fmt: skip
                continue
            before[_unindented(source, node)] += 1
    changed = before - after
    return f"a refused call was changed: {next(iter(changed))}" if changed else None


def _unindented(source: str, node: ast.Call) -> str:
    """The text of a call without what its lines begin with: a tape around them indents them."""
    text = ast.get_source_segment(source, node) or ""
    return "\n".join(line.strip() for line in text.splitlines())


def _lines_lost(source: str, new: str, migration: Migration) -> str | None:
    """A line outside every function that holds a migrated call must still be there as it was."""
    touched: set[int] = set()
    tree = ast.parse(source)
    moved = {s.site.line for s in migration.sites if s.outcome is Outcome.MIGRATED}
    scopes = [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    shapes = {s.shape for s in migration.sites}
    for line in moved:
        around = [n for n in scopes if n.lineno <= line <= (n.end_lineno or n.lineno)]
        if not around:
            return None  # at module level any line may be part of the tape's block
        outermost = max(around, key=lambda n: (n.end_lineno or n.lineno) - n.lineno)
        touched.update(range(outermost.lineno, (outermost.end_lineno or outermost.lineno) + 1))
        # What a Keras graph is built by may be written out where it is called.
        for stmt in tree.body if Shape.KERAS_FUNCTION in shapes else ():
            if any(isinstance(n, ast.Name) and n.id == outermost.name for n in ast.walk(stmt)):
                if not isinstance(stmt, (ast.FunctionDef, ast.ClassDef)):
                    return None
                touched.update(range(stmt.lineno, (stmt.end_lineno or stmt.lineno) + 1))
    written_out = {name for s in migration.sites for name in _WRITTEN_OUT.findall(s.message)}
    for scope in scopes:
        if scope.name in written_out and f"def {scope.name}(" not in new:
            touched.update(range(scope.lineno, (scope.end_lineno or scope.lineno) + 1))
    takers = {name for s in migration.sites for name in _TAKES_TAPE.findall(s.message)}
    for scope in scopes:
        if scope.name in takers:
            touched.update(range(scope.lineno, max(scope.lineno + 1, scope.body[0].lineno)))
    if not moved or shapes & {Shape.HELPER, Shape.GRADIENT_LAYER}:
        return None  # callers change with their helper, uses with their class
    kept = set(_lines(new))
    for number, text in enumerate(_lines(source), 1):
        if number not in touched and text not in kept and not text.startswith(("import", "from")):
            return f"line {number} was changed: {text!r}"
    return None


def _lines(text: str) -> list[str]:
    """Lines as Python counts them: a form feed ends none, whatever ``str.splitlines`` says."""
    return re.split("\r\n|\r|\n", text)


def _comments(text: str) -> Counter[str]:
    return Counter(
        token.string.rstrip()
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    )
