"""Sources of all kinds for the tests of batches."""

from __future__ import annotations

import io
import sqlite3
import tarfile
import zipfile
from pathlib import Path

from tests.safety.repository import make_repository
from tests.test_cli import LOCAL, NOTHING, REFUSED

FILES = {"pkg/a.py": LOCAL, "pkg/b.py": REFUSED, "pkg/c d.py": NOTHING, "README": b"text\n"}


def folder(path: Path) -> Path:
    for name, data in FILES.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return path


def repository(path: Path) -> Path:
    return make_repository(path, FILES)


def sdist(path: Path) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in FILES.items():
            info = tarfile.TarInfo(f"proj-1.0/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        # What would lead out of the copy.
        for name in ("../evil.py", "/evil.py", "proj-1.0/../../evil.py"):
            info = tarfile.TarInfo(name)
            info.size = len(LOCAL)
            tar.addfile(info, io.BytesIO(LOCAL))
        link = tarfile.TarInfo("proj-1.0/link.py")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return path


def wheel(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as bundle:
        for name, data in FILES.items():
            bundle.writestr(name, data)
        bundle.writestr("../evil.py", LOCAL)
    return path


def slow(path: Path, seconds_worth: int = 400) -> Path:
    """A folder that takes a while: many files with calls."""
    path.mkdir(parents=True)
    for number in range(seconds_worth):
        (path / f"m{number:03}.py").write_bytes(LOCAL * 8)
    return path


def done(out: Path) -> int:
    """How many sources of the batch in ``out`` are done."""
    try:
        with sqlite3.connect(out / "state.sqlite") as db:
            query = "SELECT count(*) FROM sources WHERE status = 'done'"
            return int(db.execute(query).fetchone()[0])
    except sqlite3.OperationalError:
        return 0
