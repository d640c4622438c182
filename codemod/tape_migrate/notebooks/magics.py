"""What IPython adds to Python in a cell: each such line becomes a placeholder, and back.

A placeholder keeps line numbers and says to the engine what the line could do: nothing that matters
(a string), give a value (``x = !ls``), or anything (``exec``, over which no tape is laid).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_RUNS_PYTHON = frozenset({"time", "capture", "prun"})
"""Cell magics whose body is run as the cell itself would be."""
_OTHER_LANGUAGES = frozenset(
    {"!", "bash", "cmd", "css", "file", "html", "javascript", "js", "latex", "markdown", "perl",
     "pypy", "python", "python2", "python3", "ruby", "script", "sh", "svg", "sx", "system",
     "writefile"}
)  # fmt: skip
"""Cell magics whose body cannot touch the notebook's names (unless told to store its output)."""
_HARMLESS = frozenset(
    {"alias", "alias_magic", "autoawait", "autoreload", "cat", "cd", "clear", "colors", "conda",
     "config", "cp", "dirs", "env", "hist", "history", "load_ext", "logoff", "logon", "logstart",
     "logstop", "ls", "lsmagic", "magic", "mamba", "man", "matplotlib", "mkdir", "more", "mv",
     "notebook", "page", "pdb", "pdef", "pdoc", "pfile", "pinfo", "pinfo2", "pip", "precision",
     "psearch", "psource", "pwd", "reload_ext", "rm", "rmdir", "set_env", "sx", "system",
     "tensorboard", "tensorflow_version", "unload_ext", "uv", "watermark", "who", "whos",
     "writefile", "xmode"}
)  # fmt: skip
"""Line magics that neither bind names nor run the notebook's own code."""

_CELL_MAGIC = re.compile(r"\s*%%([\w!.]+)(.*)")
_LINE_MAGIC = re.compile(r"([ \t]*)(?:%([A-Za-z_]\w*)(?!\w)|(!))")
_HELP = re.compile(r"([ \t]*)(?:\?{1,2}[ \t]*%{0,2}[\w.*]+|%{0,2}[\w.*\[\]]+\?{1,2})[ \t]*;?[ \t]*")
_ASSIGNED = re.compile(r"([ \t]*[A-Za-z_][\w., \t\[\]]*?[ \t]*=[ \t]*)(?:%[A-Za-z_]|!)")
_STORES_OUTPUT = re.compile(r"(?:^|\s)(?:--out|--err|--proc|-o)\b")
_STRING = re.compile(r"(?i)(?:\b[rbfut]{1,2})?('''|\"\"\"|'|\")")
_OF_NOTE = re.compile(r"(?i)(?:\b[rbfut]{1,2})?(?:'''|\"\"\"|'|\")|[#(\[{)\]}\\]")


@dataclass(frozen=True)
class Placeholder:
    """What stands in the program for one line."""

    text: str
    """What to look for in the program."""
    original: str
    """What it stands for."""


@dataclass(frozen=True)
class PythonCell:
    """A cell as the engine can read it, with as many lines as it has."""

    text: str
    placeholders: tuple[Placeholder, ...]
    has_cell_magic: bool
    opaque: tuple[tuple[int, str], ...]
    """1-based lines (and their text) that could hold Python which is not looked at."""


class Translator:
    """Makes placeholders that occur nowhere in a notebook's sources."""

    def __init__(self, sources: str) -> None:
        self._mark = "tape-migrate"
        while self._mark in sources:
            self._mark += "-"
        self._count = 0

    def marker(self, number: int) -> str:
        """Return the statement that stands before the cell with this number."""
        return f'"{self._mark} cell {number}"'

    @property
    def marker_pattern(self) -> re.Pattern[str]:
        """Matches the line of a marker: indentation, number."""
        return re.compile(rf'^([ \t]*)"{re.escape(self._mark)} cell (\d+)"[ \t]*\r?$')

    def translate(self, source: str) -> PythonCell:
        """Return a cell with its magics, shell and help lines as placeholders."""
        return _Translation(self, source).result()

    def literal(self) -> str:
        """Return a new text literal."""
        self._count += 1
        return f'"{self._mark} line {self._count}"'


class _Translation:
    """The state of one cell's translation."""

    def __init__(self, translator: Translator, source: str) -> None:
        self._translator = translator
        self._source = source
        self._lines = source.split("\n")
        self._made: list[Placeholder] = []
        self._out: list[str] = []
        self._opaque: list[tuple[int, str]] = []
        self._cell_magic = False

    def result(self) -> PythonCell:
        lines = self._lines
        first = next((i for i, line in enumerate(lines) if line.strip()), len(lines))
        match = _CELL_MAGIC.match(lines[first]) if first < len(lines) else None
        index = 0
        if match is not None:
            self._cell_magic = True
            self._out += lines[:first]
            if match[1] not in _RUNS_PYTHON:
                self._whole_cell(first, match)
                index = len(lines)
            else:
                self._put(lines[first], "", "{}")
                index = first + 1
        scanner = _LogicalLines()
        while index < len(lines):
            line = lines[index]
            taken = self._magic(index) if scanner.at_start else 0
            if not taken:
                self._out.append(line)
                scanner.feed(line)
                taken = 1
            index += taken
        return PythonCell(
            "\n".join(self._out), tuple(self._made), self._cell_magic, tuple(self._opaque)
        )

    def _whole_cell(self, first: int, match: re.Match[str]) -> None:
        harmless = match[1] in _OTHER_LANGUAGES and not _STORES_OUTPUT.search(match[2])
        for number, line in enumerate(self._lines[first:], first):
            if not line.strip():
                self._out.append(line)
                continue
            self._put(line, "", "{}" if harmless or number > first else "exec({})")
            if not harmless:
                self._opaque.append((number + 1, line))

    def _magic(self, index: int) -> int:
        """Put placeholders for the magic that starts here; return how many lines it has."""
        line = self._lines[index]
        assigned = _ASSIGNED.match(line)
        magic = _LINE_MAGIC.match(line)
        if assigned is not None:
            indent, form = assigned[1], "get_ipython({})"
        elif _HELP.fullmatch(line) is not None:
            indent, form = line[: len(line) - len(line.lstrip())], "{}"
        elif magic is not None:
            harmless = magic[3] is not None or magic[2] in _HARMLESS
            indent, form = magic[1], "{}" if harmless else "exec({})"
            if not harmless:
                self._opaque.append((index + 1, line))
        else:
            return 0
        self._put(line[len(indent) :], indent, form)
        taken = 1
        margin = indent[: len(indent) - len(indent.lstrip())]
        while line.endswith("\\") and index + taken < len(self._lines):
            line = self._lines[index + taken]
            if line.startswith(margin):
                self._put(line[len(margin) :], margin, "{}")
            else:
                self._put(line, "", margin + "{}")
            taken += 1
        return taken

    def _put(self, original: str, before: str, form: str) -> None:
        text = form.format(self._translator.literal())
        self._made.append(Placeholder(text, original))
        self._out.append(before + text)


class _LogicalLines:
    """Follows strings and brackets from line to line."""

    def __init__(self) -> None:
        self._quote = ""
        self._depth = 0
        self._continued = False

    @property
    def at_start(self) -> bool:
        """Whether the next line starts a statement."""
        return not self._quote and not self._depth and not self._continued

    def feed(self, line: str) -> None:
        """Go over one line."""
        self._continued = False
        position = 0
        while position < len(line):
            if self._quote:
                position = self._in_string(line, position)
                continue
            found = _OF_NOTE.search(line, position)
            if found is None:
                break
            position = found.end()
            sign = found[0]
            string = _STRING.fullmatch(sign)
            if string is not None:
                self._quote = string[1]
            elif sign == "#":
                break
            elif sign == "\\":
                self._continued = position == len(line)
            else:
                self._depth = max(0, self._depth + (1 if sign in "([{" else -1))
        if len(self._quote) == 1 and not line.endswith("\\"):
            self._quote = ""  # an unclosed string is an error which the parser will tell

    def _in_string(self, line: str, position: int) -> int:
        while position < len(line):
            if line[position] == "\\":
                position += 2
            elif line.startswith(self._quote, position):
                position += len(self._quote)
                self._quote = ""
                return position
            else:
                position += 1
        return position
