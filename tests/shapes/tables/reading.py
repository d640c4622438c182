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
a group ``(keras)`` is migrated open, and begins with the imports of Keras; those of a group
``(graph)`` use what only a graph has, before and after. What follows a line
``# --- lib.py`` is another module of the project; it gets the imports unless it has its own, or the
line is ``# --- lib.py bare``. Where one stands in a folder (``# --- pkg/models.py``), Python
imports all of them as it does in a program; a folder is a package by itself, too, but not ``src``.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from tape_migrate.api import migrate_source
from tape_migrate.linking import migrate_project
from tape_migrate.model import Applicability, Migration, Options, Shape

DATA = Path(__file__).parent / "data"
_HEAD = "import numpy as np\nimport tensorflow as tf\n"
_KERAS = "import numpy as np\nimport tensorflow as tf\nfrom tensorflow.keras import backend as K\n"
_PART = re.compile(r"@(\d)")


@dataclass(frozen=True)
class Case:
    """``words`` are those of the table, ``text`` is the program."""

    words: str
    text: str
    closed: bool
    keras: bool
    graph: bool = False

    @property
    def modules(self) -> dict[str, str]:
        """All modules of the program by path, the main one first."""
        main, *others = re.split(r"^# --- (\S+)( bare)?\n", self.text, flags=re.MULTILINE)
        head = main[: main.index("\n\n")] + "\n\n"
        texts = [
            text if bare or "import tensorflow" in text else head + text
            for bare, text in zip(others[1::3], others[2::3], strict=True)
        ]
        return {"main.py": main, **dict(zip(others[::3], texts, strict=True))}


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
        graph = "(graph)" in name
        cases = [
            Case(each.rstrip("\n"), _program(frame, each, keras=keras), closed, keras, graph)
            for each in words
        ]
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
    for path, migration in _migrations(case).items():
        assert migration.internal_error is None, migration.internal_error
        place = "" if path == "main.py" else f"{path}:"
        for site in migration.sites:
            how = site.code or " ".join(filter(None, map(_word, (site.shape, site.applicability))))
            lines.append(f"    {place}{site.site.line}: {how}: {site.message}")
        old, new = migration.old.decode().splitlines(), migration.new.decode().splitlines()
        for line in list(difflib.unified_diff(old, new, n=0, lineterm=""))[2:]:
            if not line.startswith("-"):
                lines.append(f"    {line}".rstrip())
    return "\n".join(lines) + "\n"


def _migrations(case: Case) -> dict[str, Migration]:
    options = Options(assume_closed=case.closed)
    sources = {path: text.encode() for path, text in case.modules.items()}
    if len(sources) == 1:
        return {"main.py": migrate_source(sources["main.py"], options)}
    found = migrate_project(sources, options)
    return {path: m for path, m in found.items() if isinstance(m, Migration)}


def _word(value: Shape | Applicability | None) -> str:
    return value.value if value is not None else ""
