"""What a review shows."""

from __future__ import annotations

from collections.abc import Iterator

from tape_migrate.reports.diff import terminal_lines, unified_diff
from tape_migrate.reports.escape import printable, printable_path
from tape_migrate.reports.explain import explanation
from tape_migrate.reports.text import place
from tape_migrate.review.session import Session
from tape_migrate.review.units import Unit

Line = tuple[str, str]
"""Style of ``rich`` and text."""

HELP = """\
y  migrate this        n  leave it as it is
a  this and all others in this file (or in the files that change with it)
d  neither this nor any other in this file
A  this and all that are left
e  edit the file with this migrated        u  undo the last answer
?  explain             q  stop here and write what was accepted
Ctrl-C leaves without writing; the answers are kept for the next --review
"""


def unit_lines(session: Session, index: int, unit: Unit) -> Iterator[Line]:
    """Yield what there is to say of a unit: where, what, under which assumption, and its diff."""
    part = session.parts[index]
    total = sum(len(p.units.units) for p in session.parts)
    left = sum(len(p.undecided()) for p in session.parts)
    first = unit.calls[0]
    number = f"[{total - left + 1}/{total}] "
    yield "bold", f"{number}{place(first.path, first.result.site)}  {_what(unit)}"
    step = part.step(unit)
    if len(step) > 1:
        files = ", ".join(printable_path(path) for path in step)
        yield "", f"{len(step)} files that change together: {files}"
    if len(unit.calls) > 1:
        yield "", f"{len(unit.calls)} calls that move together, in {_where(unit)}"
    for message in dict.fromkeys(call.result.message for call in unit.calls):
        yield "yellow" if "assumes" in message else "", printable(message)
    for path, (before, after) in step.items():
        yield from diff_lines(path, before.new, after.new)


def _where(unit: Unit) -> str:
    lines: dict[str, list[str]] = {}
    for call in unit.calls:
        lines.setdefault(call.path, []).append(str(call.result.site.line))
    if len(lines) == 1:
        return "lines " + ", ".join(*lines.values())
    return ", ".join(
        f"{printable_path(path)}:{number}" for path, numbers in lines.items() for number in numbers
    )


def diff_lines(path: str, old: bytes, new: bytes) -> Iterator[Line]:
    """Yield the lines of a diff."""
    if path.endswith(".ipynb"):
        from tape_migrate.reports.notebookdiff import cell_diffs  # noqa: PLC0415

        yield from terminal_lines(cell_diffs(path, old, new))
        return
    from tape_migrate.sources.text import decode  # noqa: PLC0415

    yield from terminal_lines(unified_diff(path, old, new), decode(old).encoding)


def explain_lines(unit: Unit) -> Iterator[Line]:
    """Yield the keys and what the shapes of a unit are."""
    for line in HELP.splitlines():
        yield "cyan", line
    for shape in dict.fromkeys(c.result.shape for c in unit.calls if c.result.shape is not None):
        yield "", ""
        for line in (explanation(shape.value) or "").splitlines():
            yield "", line


def _what(unit: Unit) -> str:
    results = [call.result for call in unit.calls]
    shapes = dict.fromkeys(result.shape.value for result in results if result.shape is not None)
    kinds = {r.applicability.value for r in results if r.applicability is not None}
    kind = "review" if "review" in kinds else "safe"
    functions = dict.fromkeys(result.site.function for result in results)
    return printable(f"{' and '.join(shapes)}/{kind} in {', '.join(functions)}")
