"""One generated program."""

from __future__ import annotations

from dataclasses import dataclass, field, replace


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
