"""What a review shows."""

from __future__ import annotations

from collections.abc import Iterator

from tape_migrate.reports.diff import terminal_lines, unified_diff
from tape_migrate.reports.escape import printable
from tape_migrate.reports.explain import explanation
from tape_migrate.reports.text import place
from tape_migrate.review.session import Session
from tape_migrate.review.units import Unit

Line = tuple[str, str]
"""Style of ``rich`` and text."""

HELP = """\
y  migrate this        n  leave it as it is
a  this and all others in this file        A  this and all that are left
e  edit the file with this migrated        u  undo the last answer
?  explain             q  stop here and write what was accepted
Ctrl-C leaves without writing; the answers are kept for the next --review
"""


def unit_lines(session: Session, index: int, unit: Unit) -> Iterator[Line]:
    """Yield what there is to say of a unit: where, what, under which assumption, and its diff."""
    file = session.files[index]
    total = sum(len(f.units.units) for f in session.files)
    left = sum(len(f.undecided()) for f in session.files)
    first = unit.sites[0]
    number = f"[{total - left + 1}/{total}] "
    yield "bold", f"{number}{place(file.path, first.site)}  {_what(unit)}"
    if len(unit.sites) > 1:
        lines = ", ".join(str(site.site.line) for site in unit.sites)
        yield "", f"{len(unit.sites)} calls that move together, in lines {lines}"
    for message in dict.fromkeys(site.message for site in unit.sites):
        yield "yellow" if "assumes" in message else "", printable(message)
    before, after = file.step(unit)
    yield from diff_lines(file.path, before.new, after.new)


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
    for shape in dict.fromkeys(site.shape for site in unit.sites if site.shape is not None):
        yield "", ""
        for line in (explanation(shape.value) or "").splitlines():
            yield "", line


def _what(unit: Unit) -> str:
    shapes = dict.fromkeys(site.shape.value for site in unit.sites if site.shape is not None)
    kinds = {site.applicability.value for site in unit.sites if site.applicability is not None}
    kind = "review" if "review" in kinds else "safe"
    functions = dict.fromkeys(site.site.function for site in unit.sites)
    return printable(f"{' and '.join(shapes)}/{kind} in {', '.join(functions)}")
