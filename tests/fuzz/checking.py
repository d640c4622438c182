"""What a migration must keep, checked on one program."""

from __future__ import annotations

import ast
import enum
import io
import tokenize
from collections import Counter
from dataclasses import dataclass

from tape_migrate import migrate_source
from tape_migrate.model import Migration, Outcome
from tests.fuzz.running import difference, run_compiled, run_eagerly, run_in_graph


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


def check_program(source: str, *, flag: bool = True, n: int = 2) -> Checked:
    """Migrate ``source`` and run it before and after."""
    try:
        old = run_in_graph(source, flag=flag, n=n)
    except Exception as error:
        return Checked(Verdict.INVALID, f"{type(error).__name__}: {error}"[:300])
    try:
        migration = migrate_source(source.encode())
    except Exception as error:
        return Checked(Verdict.WRONG, f"the engine fails: {type(error).__name__}: {error}")
    text = migration.new.decode()
    codes = tuple(s.code or "" for s in migration.sites if s.outcome is not Outcome.MIGRATED)

    def wrong(detail: str) -> Checked:
        return Checked(Verdict.WRONG, detail, codes=codes, new=text)

    fault = _text_fault(source, migration)
    if fault is not None:
        return wrong(fault)
    if len(codes) == len(migration.sites):
        if migration.changed:
            return wrong("nothing was migrated, yet the text was changed")
        return Checked(Verdict.REFUSED, codes=codes, new=text)
    modes = {"graph": run_in_graph}
    if not codes:
        modes = {"eager": run_eagerly}
        if "def main(" in source:
            modes["function"] = run_compiled
    for mode, run in modes.items():
        try:
            new = run(text, flag=flag, n=n)
        except Exception as error:
            return wrong(f"{mode}: {type(error).__name__}: {error}"[:600])
        found = difference(old, new)
        if found is not None:
            return wrong(f"{mode}: {found}")
    count = sum(not isinstance(leaf, (str, type(None))) for leaf in old)
    verdict = Verdict.PARTLY if codes else Verdict.EQUAL
    return Checked(verdict, gradients=count, codes=codes, new=text)


def _text_fault(source: str, migration: Migration) -> str | None:
    """A fault of the new text that shows without running it."""
    if migration.internal_error is not None:
        return f"a guard failed: {migration.internal_error}"
    new = migration.new.decode()
    try:
        tree = ast.parse(new)
    except SyntaxError as error:
        return f"the result does not parse: {error}"
    if migrate_source(migration.new).changed:
        return "a second run changes the result"
    lost = _comments(source) - _comments(new)
    if lost:
        return f"comments lost: {sorted(lost)}"
    if any(s.code == "TM199" for s in migration.sites):
        return "an internal error was reported"
    after = Counter(
        ast.get_source_segment(new, node) for node in ast.walk(tree) if isinstance(node, ast.Call)
    )
    before = Counter[str | None]()
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
            before[ast.get_source_segment(source, node)] += 1
    changed = before - after
    return f"a refused call was changed: {next(iter(changed))}" if changed else None


def _comments(text: str) -> Counter[str]:
    return Counter(
        token.string.rstrip()
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    )
