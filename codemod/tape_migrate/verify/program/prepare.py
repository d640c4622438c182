"""A copy of the project for one side: its files as they are, the changed ones prepared."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tape_migrate.sources.discover import SKIPPED_FOLDERS

LINKED_FROM = 32 << 20
"""Files of at least this many bytes are linked into the copy instead of copied."""
MOST_FILES = 50_000
MOST_BYTES = 2 << 30
_MARKERS = ("pyproject.toml", "setup.py", "setup.cfg", ".git")


class PrepareError(Exception):
    """The project cannot be copied; the message says why and what to do."""


@dataclass(frozen=True)
class Copy:
    """A prepared project."""

    root: str
    """Where the side runs: the copy, or the project itself (``in place``)."""
    files: Mapping[str, str]
    """Real path of a changed file in the project -> the prepared file."""
    linked: tuple[str, ...] = ()
    """Large files that both share with the project."""


def project_root(anchor: Path, here: Path) -> Path:
    """The folder to copy: the project that ``anchor`` (a file or folder) belongs to.

    That is the nearest folder above with a pyproject.toml, setup.py, setup.cfg or .git; without
    one, the current folder if it holds ``anchor``, else ``anchor``'s own folder.
    """
    anchor = anchor.resolve()
    folder = anchor if anchor.is_dir() else anchor.parent
    for candidate in (folder, *folder.parents):
        if any((candidate / marker).exists() for marker in _MARKERS):
            return candidate
    here = here.resolve()
    return here if folder.is_relative_to(here) else folder


def copy_project(root: Path, to: Path, prepared: Mapping[str, bytes]) -> Copy:
    """Copy ``root`` to ``to``, with ``prepared`` in place of files (paths relative to ``root``).

    Version control, caches and virtual environments stay behind.

    Raises:
        PrepareError: if there is too much to copy, or a file cannot be read.
    """
    linked: list[str] = []
    files = size = 0
    for folder, folders, names in os.walk(root):
        folders[:] = [
            name
            for name in folders
            if name not in SKIPPED_FOLDERS - {"build", "dist", "_build"}
            and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
            and os.path.join(folder, name) != str(to)
        ]
        target = to / os.path.relpath(folder, root)
        target.mkdir(parents=True, exist_ok=True)
        for name in names:
            source = os.path.join(folder, name)
            relative = os.path.relpath(source, root).replace(os.sep, "/")
            if relative in prepared:
                (target / name).write_bytes(prepared[relative])
                continue
            try:
                length = os.stat(source).st_size
                if not os.path.isfile(source):
                    continue
                if length >= LINKED_FROM:
                    os.symlink(source, target / name)
                    linked.append(relative)
                    continue
                shutil.copy2(source, target / name)
            except FileNotFoundError:
                continue  # a link to nothing
            except OSError as error:
                raise PrepareError(f"{source}: cannot be copied: {error.strerror}") from None
            files += 1
            size += length
            if files > MOST_FILES or size > MOST_BYTES:
                raise PrepareError(
                    f"{root}: too much to copy ({files} files, {size >> 20} MiB so far): "
                    "run from a smaller folder, or with --in-place"
                )
    originals = {os.path.realpath(root / name): str(to / name) for name in prepared}
    return Copy(str(to), originals, tuple(linked))


def in_place(root: Path, to: Path, prepared: Mapping[str, bytes]) -> Copy:
    """Only the prepared files, to be imported in place of the project's own."""
    files: dict[str, str] = {}
    for name, text in prepared.items():
        path = to / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
        files[os.path.realpath(root / name)] = str(path)
    return Copy(str(root), files)
