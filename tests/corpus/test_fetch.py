"""Archives are checked before they are trusted, and cannot write outside their folder."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.corpus.fetch import FetchError, fetch, unpack, unpacked
from tests.corpus.releases import Release


def sdist(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return path


def release(archive: Path, sha256: str | None = None) -> Release:
    digest = sha256 or hashlib.sha256(archive.read_bytes()).hexdigest()
    return Release("p", "1", archive.name, digest)


@pytest.mark.parametrize("name", ["../evil.py", "/evil.py", "p/../../evil.py", "p\\..\\evil.py"])
def test_names_that_lead_outside_are_refused(tmp_path: Path, name: str) -> None:
    archive = sdist(tmp_path / "p-1.tar.gz", {name: b"x = 1\n"})
    with pytest.raises(FetchError, match="unsafe member name"):
        unpack(archive, tmp_path / "out")
    assert not list(tmp_path.rglob("evil.py"))


def test_zip_names_that_lead_outside_are_refused(tmp_path: Path) -> None:
    archive = tmp_path / "p-1-py3-none-any.whl"
    with zipfile.ZipFile(archive, "w") as wheel:
        wheel.writestr("../evil.py", "x = 1\n")
    with pytest.raises(FetchError, match="unsafe member name"):
        unpack(archive, tmp_path / "out")


def test_links_are_left_out(tmp_path: Path) -> None:
    archive = sdist(tmp_path / "p-1.tar.gz", {"p/a.py": b"a = 1\n"}, {"p/b.py": "/etc/hostname"})
    assert unpack(archive, tmp_path / "out") == ["p/a.py"]
    assert [f.name for f in (tmp_path / "out" / "p").iterdir()] == ["a.py"]


def test_only_python_files_unless_all_are_wanted(tmp_path: Path) -> None:
    archive = sdist(tmp_path / "p-1.tar.gz", {"p/a.py": b"a = 1\r\n", "p/d.csv": b"1,2"})
    assert unpack(archive, tmp_path / "few") == ["p/a.py"]
    assert (tmp_path / "few/p/a.py").read_bytes() == b"a = 1\r\n"
    assert unpack(archive, tmp_path / "all", only_python=False) == ["p/a.py", "p/d.csv"]


def test_a_cached_archive_with_another_hash_is_refused(tmp_path: Path) -> None:
    archive = sdist(tmp_path / "p-1.tar.gz", {"p/a.py": b""})
    with pytest.raises(FetchError, match="sha256"):
        fetch(release(archive, "0" * 64), tmp_path)


def test_unpacked_cleans_up(tmp_path: Path) -> None:
    archive = sdist(tmp_path / "p-1.tar.gz", {"p/a.py": b"a = 1\n"})
    with unpacked(release(archive), tmp_path) as tree:
        assert (tree / "p/a.py").read_bytes() == b"a = 1\n"
    assert not tree.exists()
