"""Tables in text: ``data/<module>.txt``, one program a case.

A group begins with ``=== name``, and lines with a program in which ``@1``, ``@2`` and so on stand
for the parts of a case. A case begins with ``- `` and goes on in lines indented by two spaces; its
parts are separated by ``;;``. A part that takes the place of a whole line is indented like it::

    === what is multiplied
    @2
    def main(x, z, flag, n):
        y = x * @1
        return tf.gradients(y, x)

    - 2.0
    - k ;; k = 3.0

``=== name (open)`` rules no calls from elsewhere out; otherwise --assume-closed holds. A program of
a group ``(keras)`` is migrated open, and begins with the imports of Keras. After a line
``# --- name.py`` stands a further module of the program, as it is.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tape_migrate.api import migrate_source
from tape_migrate.linking import migrate_project
from tape_migrate.model import Applicability, Migration, Options, Shape

DATA = Path(__file__).parent / "data"
_HEAD = "import numpy as np\nimport tensorflow as tf\n"
_KERAS = "import numpy as np\nimport tensorflow as tf\nfrom tensorflow.keras import backend as K\n"
_PART = re.compile(r"@(\d)")
_MODULE = re.compile(r"^# --- (\w+)\.py\n", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """``words`` are those of the table, ``text`` is the program, ``others`` are further modules."""

    words: str
    text: str
    closed: bool
    keras: bool
    others: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Cases in one frame."""

    table: str
    name: str
    cases: tuple[Case, ...]

    def __str__(self) -> str:
        return f"{self.table}: {self.name}"


def groups() -> list[Group]:
    """All of all tables."""
    return [group for path in sorted(DATA.glob("*.txt")) for group in _groups_of(path)]


def _groups_of(path: Path) -> list[Group]:
    found = []
    for part in path.read_text(encoding="utf-8").split("=== ")[1:]:
        name, _, rest = part.partition("\n")
        frame, *words = re.split(r"^- ", rest, flags=re.MULTILINE)
        keras, closed = "(keras)" in name, "(open)" not in name and "(keras)" not in name
        cases = []
        for each in words:
            text, *others = _MODULE.split(_program(frame, each, keras=keras))
            modules = dict(zip(others[::2], others[1::2], strict=True))
            cases.append(Case(each.rstrip("\n"), text, closed, keras, modules))
        found.append(Group(path.stem, name.partition(" (")[0], tuple(cases)))
    return found


def _program(frame: str, words: str, *, keras: bool) -> str:
    parts = [
        "\n".join(line.removeprefix("  ") for line in part.strip("\n ").split("\n"))
        for part in words.split(";;")
    ]
    lines = []
    for line in frame.rstrip("\n").split("\n"):
        whole = _PART.fullmatch(line.strip())
        if whole is None:
            lines.append(_PART.sub(lambda match: _of(parts, match), line))
            continue
        indent = line[: len(line) - len(line.lstrip())]
        lines += [indent + each if each else each for each in _of(parts, whole).split("\n")]
    return (_KERAS if keras else _HEAD) + "\n\n" + "\n".join(lines).strip("\n") + "\n"


def _of(parts: list[str], match: re.Match[str]) -> str:
    number = int(match[1]) - 1
    return parts[number] if number < len(parts) else ""


def outcome(case: Case) -> str:
    """What is said of each call, and what is put where."""
    lines = [f"- {case.words}"]
    for name, text, migration in _migrated(case):
        assert migration.internal_error is None, migration.internal_error
        lines += [f"    # --- {name}.py"] if name else []
        for site in migration.sites:
            how = site.code or " ".join(filter(None, map(_word, (site.shape, site.applicability))))
            lines.append(f"    {site.site.line}: {how}: {site.message}")
        old, new = text.splitlines(), migration.new.decode().splitlines()
        for line in list(difflib.unified_diff(old, new, n=0, lineterm=""))[2:]:
            if not line.startswith("-"):
                lines.append(f"    {line}".rstrip())
    return "\n".join(lines) + "\n"


def _migrated(case: Case) -> Iterator[tuple[str, str, Migration]]:
    """The name (none: the main one), the text and the migration of each module."""
    options = Options(assume_closed=case.closed)
    if not case.others:
        yield "", case.text, migrate_source(case.text.encode(), options)
        return
    texts = {"": case.text, **case.others}
    sources = {f"{name or 'main'}.py": text.encode() for name, text in texts.items()}
    found = migrate_project(sources, options)
    for name, text in texts.items():
        migration = found[f"{name or 'main'}.py"]
        assert isinstance(migration, Migration), migration
        yield name, text, migration


def _word(value: Shape | Applicability | None) -> str:
    return value.value if value is not None else ""
