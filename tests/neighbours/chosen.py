"""The neighbours that the tests run: lines of ``data/<folder of fixtures>.tsv``.

Each line names the fixture, the variations, whether calls from elsewhere are ruled out, what
becomes of each call, and a checksum of the text and of all that is said.
"""

from __future__ import annotations

from pathlib import Path

from .making import BETWEEN, Neighbour

DATA = Path(__file__).parent / "data"


def read(path: Path) -> dict[Neighbour, str]:
    """What is expected of each neighbour in a file."""
    found: dict[Neighbour, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        case, names, how, expected = line.split("\t", 3)
        neighbour = Neighbour(
            f"{path.stem}/{case}", tuple(names.split(BETWEEN)), closed=how == "closed"
        )
        found[neighbour] = expected
    return found


def write(path: Path, expected: dict[Neighbour, str]) -> None:
    """The opposite of ``read``, sorted."""
    lines = sorted(f"{neighbour}\t{words}\n" for neighbour, words in expected.items())
    path.write_text("".join(lines), encoding="utf-8")


def chosen() -> list[Neighbour]:
    """All of them, in the order of the files."""
    return [neighbour for path in sorted(DATA.glob("*.tsv")) for neighbour in read(path)]
