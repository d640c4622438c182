"""From the paths of a command line to the Python files and notebooks to look at."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tape_migrate.sources.gitignore import IgnoreRules
from tape_migrate.sources.patterns import Filters

SKIPPED_FOLDERS = frozenset(
    {
        ".bzr",
        ".direnv",
        ".eggs",
        ".git",
        ".hg",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".svn",
        ".tox",
        ".venv",
        "__pycache__",
        "__pypackages__",
        "_build",
        "build",
        "dist",
        "node_modules",
        "venv",
    }
)
"""Folders that hold no sources of the project. Named on the command line they are walked."""

SUFFIXES = (".py", ".ipynb")
"""How files are called that are looked at without being named."""

_MARKERS = frozenset({".gitignore", "pyvenv.cfg"})
"""Files that say something about their folder."""

_Scope = tuple[IgnoreRules, int]
"""Rules, and the length of the prefix that makes a path relative to their folder."""


class PathError(Exception):
    """A path of the command line cannot be looked at at all; the message names it."""


@dataclass(frozen=True)
class Failure:
    """A file or folder found in a walk that could not be read."""

    path: str
    message: str


@dataclass(frozen=True)
class Discovery:
    """The Python files and notebooks behind some paths."""

    files: tuple[str, ...]
    """Sorted, each file once, spelled the way the paths of the command line were."""
    folders: tuple[str, ...]
    """Those of the given paths that are folders."""
    failures: tuple[Failure, ...]


def discover(
    paths: Sequence[str], filters: Filters | None = None, *, alone: bool = False
) -> Discovery:
    """Collect the files that ``paths`` name, and ``.py`` and ``.ipynb`` files in their folders.

    A file named outright is taken whatever it is called and whatever ``.gitignore`` says.
    Inside folders ``.gitignore`` files count, as do those of the enclosing folders of the same
    git work tree; links to folders are not followed, links to files are. With ``alone`` only what
    stands in the folders themselves counts: no rules of enclosing ones, no links.

    Raises PathError for a path that does not exist or is neither a file nor a folder.
    """
    walk = _Walk(filters or Filters(), alone)
    folders = []
    for path in paths:
        try:
            mode = os.stat(path).st_mode
        except OSError as error:
            raise PathError(f"{path}: {error.strerror or error}") from error
        except ValueError as error:
            raise PathError(f"{path}: {error}") from error
        if stat.S_ISDIR(mode):
            folders.append(path)
            walk.folder(path)
        elif stat.S_ISREG(mode):
            walk.named_file(path)
        else:
            raise PathError(f"{path}: neither a file nor a folder")
    files = walk.unique_files(len(paths) > 1)
    if filters:
        files = filters.keep(files)
    return Discovery(files, tuple(folders), tuple(walk.failures))


class _Folder(NamedTuple):
    """A folder still to be walked."""

    prefix: str
    """Its path as the walk spells it, with a slash at the end (empty for the current folder)."""
    scopes: tuple[_Scope, ...]
    """The ignore rules in force, outermost first."""


class _Walk:
    """The state of one discovery."""

    def __init__(self, filters: Filters, alone: bool) -> None:
        self._filters = filters
        self._alone = alone
        self.files: list[str] = []
        self.links: list[str] = []
        self.failures: list[Failure] = []

    def named_file(self, path: str) -> None:
        (self.links if os.path.islink(path) else self.files).append(path)

    def unique_files(self, several_paths: bool) -> tuple[str, ...]:
        """Sort and drop repetitions: the same path twice, or a link beside what it links to."""
        if not self.links and not several_paths:
            return tuple(sorted(self.files))
        seen: dict[str, str] = {}
        real_folders: dict[str, str] = {}
        for path in self.files:
            folder, name = os.path.split(path)
            real = real_folders.get(folder)
            if real is None:
                real = real_folders[folder] = os.path.realpath(folder)
            seen.setdefault(os.path.join(real, name), path)
        for path in self.links:
            seen.setdefault(os.path.realpath(path), path)
        return tuple(sorted(seen.values()))

    def folder(self, root: str) -> None:
        """Walk one folder of the command line."""
        # "." would give "./a.py"; everyone expects "a.py".
        start = "" if root in {".", "./"} else root if root.endswith("/") else root + "/"
        pending = [_Folder(start, () if self._alone else self._outer_scopes(root, start))]
        while pending:
            folder = pending.pop()
            try:
                content = _read_folder(folder.prefix or ".")
            except OSError as error:
                message = error.strerror or str(error)
                self.failures.append(Failure(folder.prefix or ".", message))
                continue
            if "pyvenv.cfg" in content.markers and folder.prefix != start:
                continue
            if ".gitignore" in content.markers:
                folder = self._with_rules(folder)
            prefix, scopes = folder
            self.files += _kept(folder, content.modules, False)
            if not self._alone:
                self.links += _kept(folder, content.links, False)
            pending += [
                _Folder(f"{path}/", scopes)
                for path in _kept(folder, content.folders, True)
                if path[len(prefix) :] not in SKIPPED_FOLDERS and self._filters.enters(path)
            ]

    def _with_rules(self, folder: _Folder) -> _Folder:
        rules = _load(folder.prefix + ".gitignore")
        if not rules:
            return folder
        return _Folder(folder.prefix, (*folder.scopes, (rules, len(folder.prefix))))

    def _outer_scopes(self, root: str, start: str) -> tuple[_Scope, ...]:
        """Collect the rules above ``root``, up to the top of its git work tree if it has one."""
        folder = os.path.realpath(root)
        inner = folder
        outer: list[tuple[str, IgnoreRules]] = []
        while True:
            top = os.path.exists(os.path.join(folder, ".git"))
            if top:
                exclude = _load(os.path.join(folder, ".git", "info", "exclude"))
                if exclude:
                    outer.append((folder, exclude))
            if folder != inner:
                rules = _load(os.path.join(folder, ".gitignore"))
                if rules:
                    outer.append((folder, rules))
            if top:
                break
            parent = os.path.dirname(folder)
            if parent == folder:
                return ()
            folder = parent
        return tuple(
            (_Below(rules, os.path.relpath(inner, above)), len(start))
            for above, rules in reversed(outer)
        )


class _Below(IgnoreRules):
    """Rules of a folder above the walked one: its entries' paths get the part between back."""

    def __init__(self, rules: IgnoreRules, between: str) -> None:
        super().__init__(())
        self._outer = rules
        self._between = "" if between == "." else between.replace(os.sep, "/") + "/"

    def __bool__(self) -> bool:
        return True

    def decide(self, name: str, path: str, is_folder: bool) -> bool | None:
        return self._outer.decide(name, self._between + path, is_folder)


class _Content(NamedTuple):
    """The names of interest in one folder."""

    modules: list[str]
    links: list[str]
    """Links called like modules that lead to files."""
    folders: list[str]
    markers: list[str]


def _read_folder(path: str) -> _Content:
    """List a folder; pipes, sockets, broken links and links to folders are left out."""
    content = _Content([], [], [], [])
    modules, links, folders, markers = content
    with os.scandir(path) as entries:
        for entry in entries:
            name = entry.name
            if name.endswith(SUFFIXES):
                if entry.is_file(follow_symlinks=False):
                    modules.append(name)
                    continue
                if entry.is_symlink() and _links_to_file(entry):
                    links.append(name)
            if entry.is_dir(follow_symlinks=False):
                folders.append(name)
            elif name in _MARKERS:
                markers.append(name)
    return content


def _links_to_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that turns in a circle
        return False


def _kept(folder: _Folder, names: list[str], are_folders: bool) -> list[str]:
    """Return the paths of the entries that no rule ignores."""
    prefix, scopes = folder
    if not scopes:
        return [prefix + name for name in names]
    return [
        prefix + name for name in names if not _ignored(scopes, name, prefix + name, are_folders)
    ]


def _load(path: str) -> IgnoreRules | None:
    """Read a file of ignore rules; None where there is none, or none that can be read."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as lines:
            rules = IgnoreRules(lines)
    except OSError:
        return None
    return rules if rules else None


def _ignored(scopes: tuple[_Scope, ...], name: str, path: str, is_folder: bool) -> bool:
    """Say whether the innermost rules with an opinion ignore this entry."""
    for rules, skip in reversed(scopes):
        decision = rules.decide(name, path[skip:], is_folder)
        if decision is not None:
            return decision
    return False
