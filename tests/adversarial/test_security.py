"""Code that is read is never run, and names, archives and repositories reach nothing outside."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tape_migrate.batch.copies import CopyError, copy
from tape_migrate.batch.sources import Source, SourcesError, resolve
from tape_migrate.verify.environment import without_secrets
from tests.safety.repository import make_repository

GOOD = b"import tensorflow as tf\n\n\ndef f(x):\n    y = x * x\n    return tf.gradients(y, x)[0]\n"
MARK = (
    "import os\nopen(os.path.join(os.path.dirname(os.path.abspath(__file__)) or '.', 'MARK'), 'a')"
    ".write(__name__ + '\\n')\n"
)
MODULES = (
    "tensorflow",
    "numpy",
    "conftest",
    "sitecustomize",
    "usercustomize",
    "setup",
    "tokenize",
    "json",
    "ast",
    "difflib",
    "tomllib",
    "sqlite3",
    "tarfile",
    "typer",
    "click",
    "rich",
    "libcst",
    "keras",
)
SCRIPT = Path(sys.executable).with_name("tape-migrate")
STARTS = {"module": (sys.executable, "-m", "tape_migrate"), "script": (str(SCRIPT),)}

Done = subprocess.CompletedProcess[bytes]


def tool(folder: Path, *arguments: str, start: str = "module", **environment: str) -> Done:
    return subprocess.run(
        [*STARTS[start], *arguments],
        cwd=folder,
        env={**os.environ, "TAPE_MIGRATE_STATE": str(folder / ".state"), **environment},
        capture_output=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def marked(tmp_path: Path) -> Path:
    """A tree in which every module leaves a mark when it is imported or run."""
    for name in MODULES:
        text = f"{MARK}import tensorflow as tf\ny = x * x\ng = tf.gradients(y, x)\n"
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text(f"{MARK}from .inner import grad\n")
    (tmp_path / "pkg" / "inner.py").write_text(
        f"{MARK}import tensorflow as tf\n\n\ndef grad(y, x):\n    return tf.gradients(y, x)\n"
    )
    (tmp_path / "use.py").write_text(f"{MARK}from pkg import grad\ng = grad(x * x, x)\n")
    (tmp_path / "evil.pth").write_text("import os; open('MARK', 'w')\n")
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "setup"\nbackend-path = ["."]\n'
        "[tool.tape-migrate]\nannotate = true\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        (".",),
        ("--write", "--allow-dirty", "."),
        ("--format", "json", "."),
        ("--format", "sarif", "--html", "page.html", "."),
        ("config",),
        ("batch", ".", "--out", "out"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("start", STARTS)
def test_what_is_read_is_never_run(marked: Path, arguments: tuple[str, ...], start: str) -> None:
    if start == "script" and not SCRIPT.exists():
        pytest.skip("not run: the console script is not installed")
    done = tool(marked, *arguments, start=start)
    assert b"Traceback" not in done.stderr, done.stderr
    assert done.returncode in (0, 3), done
    assert not (marked / "MARK").exists(), (marked / "MARK").read_text()


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Names and code that mean something to terminals, browsers and GitHub."""
    names = [
        "a%0A::error::injected.py",
        "b\n::error file=x::injected.py",
        "c\x1b]0;title\x07.py",
        "<script>alert(3)<.py",
        "d,line=1::e.py",
    ]
    source = GOOD.decode().replace("y = x * x", f"y = x * x  # {HOSTILE} ]]> \x1b[31m\x9b31m &amp;")
    for name in names:
        (tmp_path / name).write_text(source)
    (tmp_path / "refused.py").write_text(
        f"import tensorflow as tf\nS = '''\n::error::x\n{HOSTILE}'''\n\n\n"
        "def grad(y, x):\n    return tf.gradients(y, x)\n"
    )
    (tmp_path / "broken.py").write_text(f"gradients = '{HOSTILE}\n")
    return tmp_path


def test_terminals_and_workflows_see_no_commands(hostile: Path) -> None:
    for output in ("text", "github"):
        done = tool(
            hostile, "--format", output, *([] if output == "github" else ["--no-diff"]), "."
        )
        for stream in (done.stdout, done.stderr):
            text = stream.decode()
            assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text.replace("\r", "!"))
            if output == "github":
                for line in text.splitlines():
                    assert "injected" not in re.sub(r"file=[^,:]*", "", line), line
                    properties = line.split("::")[1] if line.startswith("::") else ""
                    assert properties.count(",line=") <= 1, line


def test_files_for_other_programs_are_whole(hostile: Path) -> None:
    report = json.loads(tool(hostile, "--format", "json", ".").stdout)
    assert report["summary"]["migrated"] == 5
    assert json.loads(tool(hostile, "--format", "sarif", ".").stdout)["version"] == "2.1.0"
    ET.fromstring(tool(hostile, "--format", "junit", ".").stdout.decode())


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags_of(page: Path) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser.found


def test_pages_hold_no_script_of_the_code_they_show(hostile: Path) -> None:
    tool(hostile, "--html", "page.html", ".")
    tool(hostile, "batch", ".", "--out", "out")
    pages = [hostile / "page.html", *(hostile / "out").rglob("*.html")]
    assert len(pages) >= 2
    for page in pages:
        tags = tags_of(page)
        assert sum(tag == "script" for tag, _ in tags) <= 1, page
        assert not any(tag == "img" for tag, _ in tags), page
        assert not any(name.startswith("on") for _, found in tags for name in found), page
        assert "alert(" in page.read_text(encoding="utf-8") or page.name != "page.html"


def evil_tar(path: Path, outside: Path) -> None:
    with tarfile.open(path, "w:gz") as tar:

        def add(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            info.size = len(GOOD) if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(GOOD) if kind == tarfile.REGTYPE else None)

        add("proj/good.py")
        add("../up.py")
        add(str(outside / "absolute.py"))
        add("proj/../../../up.py")
        add("proj/link.py", tarfile.SYMTYPE, str(outside / "victim.py"))
        add("proj/folder", tarfile.SYMTYPE, str(outside))
        add("proj/folder/through.py")
        add("proj/hard.py", tarfile.LNKTYPE, "../../victim.py")
        add("proj/device.py", tarfile.CHRTYPE)
        add("proj/pipe.py", tarfile.FIFOTYPE)
        add("proj\\..\\..\\back.py")
        add("C:evil.py")


def evil_zip(path: Path, outside: Path) -> None:
    with zipfile.ZipFile(path, "w") as bundle:
        for name in ("proj/good.py", "../up.py", str(outside / "absolute.py"), "proj/../../up.py",
                     "..\\back.py", "C:/evil.py"):  # fmt: skip
            bundle.writestr(name, GOOD)
        link = zipfile.ZipInfo("proj/link.py")
        link.external_attr = 0o120777 << 16
        bundle.writestr(link, str(outside / "victim.py"))


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("kind", ["tar.gz", "zip", "whl"])
def test_archives_stay_in_their_folder(tmp_path: Path, kind: str, everything: bool) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim.py").write_bytes(b"mine\n")
    archive = tmp_path / f"proj-1.0.{kind}"
    (evil_tar if kind == "tar.gz" else evil_zip)(archive, outside)
    place = tmp_path / "deep" / "er" / "copy"
    place.mkdir(parents=True)
    copied = Path(copy(Source("proj", "archive", str(archive)), str(place), everything=everything))
    assert (copied / "good.py").exists() or (copied / "proj" / "good.py").exists()
    assert [path.name for path in outside.iterdir()] == ["victim.py"]
    assert (outside / "victim.py").read_bytes() == b"mine\n"
    inside = {path for path in tmp_path.rglob("*.py") if place in path.parents}
    assert {path.name for path in tmp_path.rglob("*.py")} - {p.name for p in inside} == {
        "victim.py"
    }
    assert not any(path.is_symlink() for path in place.rglob("*"))


def test_a_repository_whose_links_lead_out(tmp_path: Path) -> None:
    victim = tmp_path / "victim.py"
    victim.write_bytes(GOOD)
    repository = make_repository(tmp_path / "repository", {"a.py": GOOD})
    (repository / "link.py").symlink_to(victim)
    (repository / "folder").symlink_to(tmp_path, target_is_directory=True)
    for command in (["add", "--all"], ["commit", "--quiet", "--message", "links"]):
        subprocess.run(
            ["git", "-c", "user.name=n", "-c", "user.email=e@x", *command],
            cwd=repository, check=True, capture_output=True,
        )  # fmt: skip
    done = tool(tmp_path, "batch", str(repository), "--out", "out", "--commit")
    assert done.returncode in (0, 3), done
    assert victim.read_bytes() == GOOD
    assert (repository / "a.py").read_bytes() == GOOD
    patches = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*.patch"))
    assert b"a.py" in patches
    assert b"victim.py" not in patches
    assert b"link.py" not in patches


@pytest.mark.parametrize(
    "argument", ["--upload-pack=touch MARK", "-oProxyCommand=touch MARK", "ext::sh -c touch% MARK"]
)
def test_arguments_that_would_run_something(tmp_path: Path, argument: str) -> None:
    (tmp_path / "list.txt").write_text(argument + "\n")
    for arguments in ([argument], ["--", argument], ["list.txt"]):
        done = tool(tmp_path, "batch", "--out", "out", *arguments)
        assert done.returncode == 2, done
        assert not (tmp_path / "MARK").exists()
    with pytest.raises(SourcesError):
        resolve([argument])


@pytest.mark.parametrize(
    "location",
    [
        "ssh://-oProxyCommand=touch${IFS}MARK/x",
        "git@-oProxyCommand=touch:x",
        "file:///nowhere/--upload-pack=touch MARK",
        "--upload-pack=touch MARK",
        "ext::sh -c touch% MARK",
    ],
)
def test_urls_that_would_run_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CopyError):
        copy(Source("x", "git", location), str(tmp_path / "copy"))
    assert not (tmp_path / "MARK").exists()
    assert not (tmp_path / "copy" / "MARK").exists()


@pytest.mark.parametrize("name", ["..", ".", "-x", "a/../../b", "$(touch MARK)", "\x1b[2J"])
def test_names_of_sources_are_names_of_one_folder(name: str) -> None:
    (source,) = resolve([f"https://example.org/{name}.git"])
    assert re.fullmatch(r"[\w.-]+", source.name)
    assert source.name not in (".", "..")


def test_functions_get_no_secrets_of_the_environment() -> None:
    secrets = (
        "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN",
        "DB_PASSWORD", "GOOGLE_APPLICATION_CREDENTIALS", "OPENAI_API_KEY", "SSH_AUTH_SOCK",
        "my_secret", "TOKEN", "SSH_PRIVATE_KEY",
    )  # fmt: skip
    needed = ("PATH", "HOME", "LD_LIBRARY_PATH", "PYTHONPATH", "CUDA_HOME", "TF_CPP_MIN_LOG_LEVEL",
              "TOKENIZERS_PARALLELISM", "AUTHOR", "VIRTUAL_ENV", "LANG")  # fmt: skip
    kept = without_secrets(dict.fromkeys((*secrets, *needed), "x"))
    assert set(kept) == set(needed)
