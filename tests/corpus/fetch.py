"""Download the releases of the corpus with pip, check them, and unpack them safely.

Nothing of a release is ever run or installed. ``pip download`` normally asks a source
archive's own ``setup.py`` for its metadata; here pip is given, through ``PYTHONPATH``, build
backends of our own (``_BACKEND``) that read the archive's ``PKG-INFO`` instead. So even
archives whose ``setup.py`` fails, or wants a Python of 2017, come down, and from whichever
index pip is configured with.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from tests.corpus.releases import Release

_BACKEND_MODULES = (
    "setuptools/build_meta",
    "poetry/core/masonry/api",
    "poetry/masonry/api",
    "flit_core/buildapi",
    "hatchling/build",
)

_BACKEND = '''
import email
import os


class _MetadataOnly:
    """A build backend that answers from PKG-INFO and runs nothing of the archive."""

    def get_requires_for_build_wheel(self, config_settings=None):
        return []

    def prepare_metadata_for_build_wheel(self, metadata_directory, config_settings=None):
        with open("PKG-INFO", encoding="utf-8", errors="replace") as handle:
            found = email.message_from_file(handle)
        folder = "%s-%s.dist-info" % (found["Name"].replace("-", "_"), found["Version"])
        os.makedirs(os.path.join(metadata_directory, folder))
        path = os.path.join(metadata_directory, folder, "METADATA")
        with open(path, "w", encoding="utf-8") as handle:
            handle.write("Metadata-Version: 2.1\\nName: %s\\nVersion: %s\\n"
                         % (found["Name"], found["Version"]))
        return folder


__legacy__ = _MetadataOnly()
get_requires_for_build_wheel = __legacy__.get_requires_for_build_wheel
prepare_metadata_for_build_wheel = __legacy__.prepare_metadata_for_build_wheel
'''


class FetchError(Exception):
    """A release could not be downloaded, or is not the archive the facts were taken from."""


def default_cache() -> Path:
    """The platform's folder for caches of this user, with a folder of ours in it."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "tape-migrate" / "corpus"


def fetch(release: Release, cache: Path) -> Path:
    """Return the release's archive in ``cache``, downloading it first if it is not there.

    Raises ``FetchError`` if pip fails or the archive's sha256 is not the recorded one.
    """
    cache.mkdir(parents=True, exist_ok=True)
    archive = cache / release.file
    if not archive.exists():
        with tempfile.TemporaryDirectory(dir=cache, prefix=".fetch-") as folder:
            downloaded = _download(release, Path(folder))
            _check(release, downloaded)
            downloaded.replace(archive)
    _check(release, archive)
    return archive


def _check(release: Release, archive: Path) -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != release.sha256:
        raise FetchError(f"{archive.name}: sha256 is {digest}, expected {release.sha256}")


def _download(release: Release, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--ignore-requires-python", "--dest", str(folder / "out")]
    if release.is_wheel:
        command += ["--only-binary", ":all:"]
    else:
        command += ["--no-binary", ":all:", "--no-build-isolation", "--use-pep517"]
    backends = folder / "backends"
    _write_backends(backends)
    done = subprocess.run(
        [*command, f"{release.name}=={release.version}"],
        env={**os.environ, "PYTHONPATH": str(backends)},
        capture_output=True,
        text=True,
        check=False,
    )
    found = folder / "out" / release.file
    if done.returncode != 0 or not found.exists():
        tail = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise FetchError(f"{release.label}: pip download gave no {release.file}\n{tail}")
    return found


def _write_backends(folder: Path) -> None:
    for name in _BACKEND_MODULES:
        module = folder / f"{name}.py"
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(_BACKEND, encoding="utf-8")
        # A package without __init__.py would lose to an installed one of the same name.
        for parent in module.relative_to(folder).parents[:-1]:
            (folder / parent / "__init__.py").touch()


def unpack(archive: Path, target: Path, *, only_python: bool = True) -> list[str]:
    """Write the archive's regular files under ``target`` and return their paths, sorted.

    With ``only_python`` other files than ``*.py`` are left out. Links, devices and anything
    that is not a plain file are left out always; nothing keeps its mode or owner.

    Raises ``FetchError`` for a member whose name would lead out of ``target``.
    """
    written = []
    for name, source in _members(archive):
        if only_python and not name.endswith(".py"):
            continue
        path = target / _inside(name, archive)
        path.parent.mkdir(parents=True, exist_ok=True)
        with source as stream, path.open("wb") as out:
            shutil.copyfileobj(stream, out)
        written.append(path.relative_to(target).as_posix())
    return sorted(written)


def _inside(name: str, archive: Path) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise FetchError(f"{archive.name}: unsafe member name {name!r}")
    return path


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for info in wheel.infolist():
                if not info.is_dir():
                    yield info.filename, wheel.open(info)
        return
    with tarfile.open(archive) as sdist:
        for member in sdist:
            stream = sdist.extractfile(member) if member.isfile() else None
            if stream is not None:
                yield member.name, stream


@contextmanager
def unpacked(release: Release, cache: Path) -> Iterator[Path]:
    """A temporary folder that holds the Python files of ``release``; removed at the end."""
    archive = fetch(release, cache)
    with tempfile.TemporaryDirectory(prefix="tape-migrate-corpus-") as folder:
        # Resolved, because a report may name files by their real path.
        target = Path(folder).resolve()
        unpack(archive, target)
        yield target
