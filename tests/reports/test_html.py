"""The page of a run: complete, self-contained, and right in a real browser."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tape_migrate.model import Options
from tape_migrate.reports.html.evidence import EvidenceError, read
from tape_migrate.reports.html.parts import reasons
from tape_migrate.reports.html.run import page
from tape_migrate.results import RunResult
from tape_migrate.runner import run
from tests.reports.browser import BROWSER, look
from tests.reports.runs import make_tree
from tests.test_cli import LOCAL
from tests.test_cli import run as run_tool

needs_browser = pytest.mark.skipif(BROWSER is None, reason="not run: no Chromium here")


@pytest.fixture
def result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunResult:
    make_tree(tmp_path)
    monkeypatch.chdir(tmp_path)
    return run(["."], Options())


class Tags(HTMLParser):
    """Checks that tags are closed in order, and collects what points elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "input", "br"}:
            self.open.append(tag)
        for name, value in attrs:
            if name in {"href", "src"}:
                self.links.append(value or "")
            if name == "id":
                self.ids.add(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def tags(text: str) -> Tags:
    found = Tags()
    found.feed(text)
    assert found.open == []
    return found


def test_the_page_is_whole_and_points_nowhere_else(result: RunResult) -> None:
    text = page(result)
    found = tags(text)
    assert {link[0] for link in found.links} == {"#"}
    assert {link[1:] for link in found.links} <= found.ids
    assert not re.search(r"https?://|url\(|@import", text)
    assert text.count("data-entry") == result.summary().sites + 1  # and the script
    assert "src/&lt;b&gt;&amp;&#x27;é.py" in text
    assert "<b>&amp;'é" not in text


def test_calls_are_shown_with_their_diff_or_their_code(result: RunResult) -> None:
    text = page(result)
    assert '<span class="a">+    with tf.GradientTape() as tape:</span>' in text
    assert "nb/n.ipynb:cell 3:2:5" in text
    assert '<span class="d">-y = x * x</span>' in text
    assert re.search(r"&gt; 5  +return tf\.gradients", text)
    assert "Files that failed" in text


def test_evidence_is_shown_beside_its_call(result: RunResult, tmp_path: Path) -> None:
    file = tmp_path / "e.json"
    content = {
        "version": 1,
        "cases": [{"name": "a.py::slope", "verdict": "equal", "message": "bit-equal", "rows": []}],
        "sites": [
            {"path": "src/a.py", "line": 6, "verdict": "different", "message": "off by 1"},
            {"path": "nb/n.ipynb", "cell": 3, "line": 2, "verdict": "equal",
             "worst_relative_error": 1e-7},
        ],
    }  # fmt: skip
    file.write_text(json.dumps(content))
    text = page(result, evidence=read(str(file)))
    tags(text)
    assert "Proofs" in text
    assert "a.py::slope" in text
    article = text[text.index("<h3>src/a.py:6:12") :].partition("</article>")[0]
    assert "verify: off by 1" in article
    cell = text[text.index("<h3>nb/n.ipynb:cell 3") :].partition("</article>")[0]
    assert "worst relative error 1.0e-07" in cell


def test_of_several_calls_in_a_file_each_is_shown_with_its_own_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = LOCAL.decode()
    other = "\n\ndef steep(t):\n    u = t * t * t\n    return tf.gradients(u, t)[0]\n"
    (tmp_path / "a.py").write_text(text + "\n\nX = 1\nY = 2\nZ = 3\n" + other)
    monkeypatch.chdir(tmp_path)
    shown = page(run(["."], Options()))
    first, second = shown.split("<h3>a.py:")[1:]
    assert "u = t * t * t" not in first
    assert "u = t * t * t" in second.partition("</article>")[0]
    assert "y = x" not in second.partition("</article>")[0]


def test_what_a_page_says_of_a_code_that_it_does_not_know() -> None:
    """A state written by a newer release may hold one."""
    shown = reasons([("TM999", 3), ("TM101", 1)], linked=False)
    tags(shown)
    row = shown.partition("TM999")[2].partition("</tr>")[0]
    assert ">3<" in row
    assert "What to do" not in row
    assert shown.count("What to do") == 1


def test_evidence_without_a_place_is_beside_no_call(result: RunResult, tmp_path: Path) -> None:
    file = tmp_path / "e.json"
    entries = [{"path": "src/a.py", "verdict": "different", "message": "off by 1"},
               {"line": 6, "verdict": "different", "message": "off by 2"}]  # fmt: skip
    file.write_text(json.dumps({"version": 1, "sites": entries}))
    assert read(str(file)).sites == {}
    assert "off by" not in page(result, evidence=read(str(file)))


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "not JSON"), ("[]", "no evidence"), ("{}", "no evidence"), (None, "No such file")],
)
def test_files_that_are_no_evidence(tmp_path: Path, content: str | None, message: str) -> None:
    file = tmp_path / "e.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(EvidenceError, match=message):
        read(str(file))


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    make_tree(tmp_path)
    assert run_tool("--html", "out.html", "src/a.py", cwd=tmp_path).returncode == 0
    tags((tmp_path / "out.html").read_text(encoding="utf-8"))
    done = run_tool("--html", "no/such/out.html", "src/a.py", cwd=tmp_path)
    assert done.returncode == 2
    assert b"no/such/out.html: No such file" in done.stderr
    done = run_tool("--evidence", "e.json", "src/a.py", cwd=tmp_path)
    assert b"give --html FILE, too" in done.stderr


def test_a_run_without_calls_has_a_page_too(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    text = page(run([str(tmp_path)], Options()))
    tags(text)
    assert "No gradient call was found." in text


MEASURE = """
const doc = frame.document, root = doc.documentElement;
const style = frame.getComputedStyle(doc.body);
const set = (name, value) => {
  const field = doc.querySelector(`[data-filter=${name}]`);
  field.value = value; field.dispatchEvent(new frame.Event("input"));
  return [...doc.querySelectorAll("article")].filter((a) => a.getClientRects().length).length;
};
const light = (colour) => colour.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0);
const small = [...doc.querySelectorAll("select, input")].filter((e) => e.offsetHeight < 40).length;
const out = {
  overflow: root.scrollWidth - root.clientWidth, back: light(style.backgroundColor),
  text: light(style.color), columns: frame.getComputedStyle(doc.querySelector(".cards"))
    .gridTemplateColumns.split(" ").length, small, all: set("text", ""),
};
out.refused = set("outcome", "refused"); set("outcome", "");
out.code = set("code", "TM101"); set("code", "");
out.folder = set("folder", "nb"); set("folder", "");
out.shape = set("shape", "local"); set("shape", "");
out.nothing = set("text", "no such text anywhere"); set("text", "");
doc.querySelector('a[data-set="code=TM101"]').click();
out.clicked = [...doc.querySelectorAll("article")].filter((a) => !a.hidden).length;
out.shown = doc.getElementById("shown").textContent;
return out;
"""


@needs_browser
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (360, True)])
def test_it_is_right_in_a_browser(
    result: RunResult, tmp_path: Path, width: int, dark: bool
) -> None:
    file = tmp_path / "page.html"
    file.write_text(page(result), encoding="utf-8")
    found = look(file, MEASURE, width=width, dark=dark)
    counts = result.summary()
    assert "error" not in found, found
    assert found["overflow"] == 0  # nothing but diffs scrolls sideways
    assert (found["back"] < 200) == dark
    assert (found["text"] > 600) == dark
    assert found["columns"] == (7 if width > 1000 else 2)
    assert found["small"] == 0  # large enough for fingers
    assert found["all"] == counts.sites
    assert found["refused"] == found["code"] == found["clicked"] == counts.refused
    assert found["shape"] == counts.migrated
    assert found["folder"] == 2
    assert found["nothing"] == 0
    assert found["shown"] == f"{counts.refused} of {counts.sites} shown"
