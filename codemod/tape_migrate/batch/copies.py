"""Where a source can be looked at without touching it: a folder as it is, else a clean copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from tape_migrate.batch.sources import Kind, Source
from tape_migrate.sources.discover import SKIPPED_FOLDERS, SUFFIXES

_WANTED = {".gitignore", "pyproject.toml"}


class CopyError(Exception):
    """No copy could be made; the message says why."""


def copy(source: Source, folder: str, *, everything: bool = False) -> str:
    """Make a copy of ``source`` below ``folder``, which must be empty; return where it is.

    Of archives and distributions only Python files, notebooks and what steers the search are
    copied, unless ``everything``. Of a git repository it is what HEAD holds.

    Raises CopyError.
    """
    target = os.path.join(folder, source.name)
    kind = Kind(source.kind)
    try:
        if kind is Kind.GIT:
            clone(source.location, target)
        elif kind is Kind.FOLDER:
            _copy_folder(source.location, target)
        elif kind is Kind.DISTRIBUTION:
            _copy_distribution(source.location, target)
        else:
            os.makedirs(target)
            _unpack(source.location, target, everything)
    except (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError, shutil.Error) as error:
        raise CopyError(f"{type(error).__name__}: {error}") from error
    # Most source archives hold one folder, which says nothing; a wheel's folders are packages.
    inner = os.listdir(target)
    if kind is Kind.ARCHIVE and len(inner) == 1 and not source.location.endswith(".whl"):
        only = os.path.join(target, inner[0])
        if os.path.isdir(only) and not os.path.exists(os.path.join(only, "__init__.py")):
            return only
    return target


def place_of(source: Source, folder: str) -> str:
    """Where a source can be looked at: a folder where it is, of all else a copy below ``folder``.

    Copying files costs as much as looking for calls in them. Raises CopyError.
    """
    if Kind(source.kind) is not Kind.FOLDER:
        return copy(source, folder)
    if not os.path.isdir(source.location):
        raise CopyError(f"no folder {source.location}")
    return source.location


def clone(location: str, target: str) -> None:
    """Clone a repository without asking anybody anything; raises CopyError."""
    shallow = [] if os.path.isdir(location) else ["--depth", "1"]
    command = ["git", "-c", "core.hooksPath=/dev/null", "clone", "--quiet", "--no-tags", *shallow]
    # Links become files that hold their targets: one that leads out of the copy would be followed.
    command += ["-c", "core.symlinks=false"]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    environment = {**kept, "GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -oBatchMode=yes"}
    try:
        done = subprocess.run(
            [*command, "--", location, target],
            env=environment,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except OSError as error:
        raise CopyError(f"git cannot be run: {error.strerror or error}") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise CopyError(said[-1] if said else f"git clone ended with {done.returncode}")
    head = ["git", "rev-parse", "--verify", "--quiet", "HEAD"]
    known = subprocess.run(head, cwd=target, env=environment, capture_output=True, check=False)
    if known.returncode != 0:
        raise CopyError("the repository holds no commit; commit its files, or give a copy of them")


def _wanted(name: str) -> bool:
    return name.endswith(SUFFIXES) or name in _WANTED


def _copy_folder(source: str, target: str) -> None:
    for folder, folders, names in os.walk(source):
        folders[:] = sorted(set(folders) - SKIPPED_FOLDERS)
        inner = os.path.relpath(folder, source)
        place = target if inner == "." else os.path.join(target, inner)
        os.makedirs(place, exist_ok=True)
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                shutil.copyfile(path, os.path.join(place, name))


def _copy_distribution(name: str, target: str) -> None:
    from importlib import metadata  # noqa: PLC0415

    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError as error:
        raise CopyError(f"no distribution {name} is installed here") from error
    os.makedirs(target)
    for file in found.files or ():
        path = os.path.abspath(str(found.locate_file(file)))
        inner = PurePosixPath(str(file))
        if ".." in inner.parts or not _wanted(inner.name) or not os.path.isfile(path):
            continue
        place = os.path.join(target, *inner.parts)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        shutil.copyfile(path, place)


def _unpack(archive: str, target: str, everything: bool) -> None:
    if archive.lower().endswith((".whl", ".zip")):
        with zipfile.ZipFile(archive) as bundle:
            for info in bundle.infolist():
                inner = _inner(info.filename)
                if inner and not info.is_dir() and (everything or _wanted(inner[-1])):
                    _store(target, inner, iter([bundle.read(info)]))
        return
    with tarfile.open(archive) as tar:
        for member in tar:
            inner = _inner(member.name)
            if inner and member.isfile() and (everything or _wanted(inner[-1])):
                stream = tar.extractfile(member)
                assert stream is not None
                _store(target, inner, iter(lambda: stream.read(1 << 20), b""))  # noqa: B023


def _inner(name: str) -> tuple[str, ...]:
    """The parts of a name in an archive; empty if it would lead out of it."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return () if name.startswith("/") or ".." in parts or ":" in name else parts


def _store(target: str, inner: tuple[str, ...], chunks: Iterator[bytes]) -> None:
    path = os.path.join(target, *inner)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as handle:
        for chunk in chunks:
            handle.write(chunk)
