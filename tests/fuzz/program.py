"""One generated program."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

FOUND = Path(__file__).parent / "found"
"""Programs that came out wrong once; the tests run them again."""

NO_FLAG = ", flag=False"


@dataclass(frozen=True)
class Program:
    """Source texts of a program, and what is known of it."""

    source: str
    """The module that defines ``main``, or leaves its results in ``OUTS``."""
    features: frozenset[str] = frozenset()
    """What it holds: the rows of the table of coverage."""
    flag: bool = True
    """The Python bool that ``main`` is given."""
    helpers: dict[str, str] = field(default_factory=dict)
    """Further modules of the project, by name."""
    trap: bool = False
    """The calls whose line ends in ``# trap`` must be refused; the program is not run."""

    arrays: bool = False
    """``main`` takes one numpy array (an image batch), ``flag`` and ``n``, and gives arrays."""

    def with_source(self, source: str) -> Program:
        """The same with another text."""
        return replace(self, source=source)

    def paths(self) -> dict[str, str]:
        """All texts by path."""
        return {"main.py": self.source, **{f"{n}.py": t for n, t in self.helpers.items()}}


def load(path: Path) -> tuple[Program, str]:
    """A saved program, and the verdict that its first line says it must get."""
    head, _, text = path.read_text().partition("\n")
    expected = head.removeprefix("# expect: ")
    flag = not expected.endswith(NO_FLAG)
    expected = expected.removesuffix(NO_FLAG)
    main, *others = text.split("# --- ")
    helpers = {}
    for other in others:
        name, _, body = other.partition("\n")
        helpers[name.removesuffix(".py")] = body
    arrays = "def main(data," in main
    return Program(main, flag=flag, helpers=helpers, arrays=arrays), expected
