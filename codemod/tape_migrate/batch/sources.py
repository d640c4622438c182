"""What the arguments of a batch mean: folders, git repositories, archives, distributions."""

from __future__ import annotations

import enum
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")
_URL = re.compile(r"(?:git\+)?(?:https?|ssh|git|file)://|[\w.-]+@[\w.-]+:")


class Kind(enum.Enum):
    """Where a source comes from."""

    FOLDER = "folder"
    GIT = "git"
    ARCHIVE = "archive"
    DISTRIBUTION = "distribution"


class SourcesError(Exception):
    """An argument is no source; the message says which and why."""


@dataclass(frozen=True)
class Source:
    """One source; ``location`` is a path, a URL or the name of a distribution."""

    name: str
    """Unique within a batch, and a good name for a folder."""
    kind: str
    location: str

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def resolve(arguments: Sequence[str], distributions: Sequence[str] = ()) -> list[Source]:
    """Turn arguments into sources, in their order and each once.

    A folder that holds git repositories, and is none itself, stands for them; a text file for
    the sources in its lines (paths relative to the file; ``#`` starts a comment).

    Raises SourcesError.
    """
    found = dict.fromkeys(_all(arguments))
    found.update(dict.fromkeys((Kind.DISTRIBUTION, name) for name in distributions))
    if not found:
        raise SourcesError("no sources: name folders, repositories, archives, or --dist NAME")
    names: set[str] = set()
    sources = []
    for kind, location in found:
        name = _unique(_name(kind, location), names)
        sources.append(Source(name, kind.value, location))
    return sources


def _all(arguments: Iterable[str]) -> Iterator[tuple[Kind, str]]:
    for argument in arguments:
        if _URL.match(argument):
            yield Kind.GIT, argument.removeprefix("git+")
            continue
        path = os.path.abspath(argument)
        if os.path.isdir(path):
            yield from _folder(path)
        elif not os.path.isfile(path):
            raise SourcesError(f"{argument}: no such file or folder, and no URL")
        elif path.lower().endswith(ARCHIVES):
            yield Kind.ARCHIVE, path
        else:
            yield from _list(path)


def _folder(path: str) -> Iterator[tuple[Kind, str]]:
    if _is_repository(path):
        yield Kind.GIT, path
        return
    inner = [os.path.join(path, name) for name in sorted(os.listdir(path))]
    repositories = [entry for entry in inner if os.path.isdir(entry) and _is_repository(entry)]
    if repositories:
        yield from ((Kind.GIT, entry) for entry in repositories)
    else:
        yield Kind.FOLDER, path


def _is_repository(path: str) -> bool:
    if os.path.exists(os.path.join(path, ".git")):
        return True
    # A bare repository.
    return path.endswith(".git") and os.path.isfile(os.path.join(path, "HEAD"))


def _list(path: str) -> Iterator[tuple[Kind, str]]:
    try:
        with open(path, encoding="utf-8") as handle:
            lines = [line.partition(" #")[0].strip() for line in handle]
    except (OSError, UnicodeDecodeError) as error:
        raise SourcesError(f"{path}: neither an archive nor a list of sources") from error
    folder = os.path.dirname(path)
    for line in lines:
        if not line or line.startswith("#"):
            continue
        if _URL.match(line):
            yield from _all([line])
            continue
        target = os.path.join(folder, line)
        if os.path.isfile(target) and not target.lower().endswith(ARCHIVES):
            raise SourcesError(f"{path}: {line} is no archive; a list cannot hold lists")
        yield from _all([target])


def _name(kind: Kind, location: str) -> str:
    name = re.split(r"[/\\:]", location.rstrip("/\\"))[-1]
    if kind is Kind.ARCHIVE:
        suffix = next(suffix for suffix in ARCHIVES if name.lower().endswith(suffix))
        name = name[: -len(suffix)]
        if suffix == ".whl":
            name = "-".join(name.split("-")[:2])
    name = name.removesuffix(".git")
    return re.sub(r"[^\w.-]+", "_", name).strip(".") or "source"


def _unique(name: str, taken: set[str]) -> str:
    chosen, number = name, 2
    while chosen.lower() in taken:
        chosen = f"{name}-{number}"
        number += 1
    taken.add(chosen.lower())
    return chosen
