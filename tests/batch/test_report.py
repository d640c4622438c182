"""The combined report of a batch."""

from __future__ import annotations

from pathlib import Path

import pytest

from tape_migrate.batch.report import page, reasons, table, totals
from tape_migrate.batch.sources import Source
from tape_migrate.batch.state import Record
from tests.reports.browser import BROWSER, look

RECORDS = (
    Record(
        Source("a-package-with-a-rather-long-name-1.0.0", "archive", "/a.tar.gz"),
        "done",
        "",
        {"sites": 10, "migrated": 4, "refused": 5, "skipped": 1, "files_changed": 2},
        {"TM101": 4, "TM105": 1},
        1.5,
        1,
    ),
    Record(
        Source("b", "folder", "/b"), "done", "",
        {"sites": 2, "migrated": 0, "refused": 2}, {"TM105": 2}, 0.5, 1,
    ),
    Record(Source("<c>", "git", "/c"), "failed", "no <repository>", {}, {}, 0.1, 1),
    Record(Source("d", "folder", "/d"), "waiting", "", {}, {}, 0.0, 0),
)  # fmt: skip


def test_counts_are_summed_and_reasons_ranked_over_all_sources() -> None:
    assert totals(RECORDS)["sites"] == 12
    assert totals(RECORDS)["migrated"] == 4
    assert reasons(RECORDS) == [("TM101", 4), ("TM105", 3)]


def test_the_table_has_a_line_for_each_source_and_the_total() -> None:
    lines = table(RECORDS).splitlines()
    assert lines[2].split() == [
        "a-package-with-a-rather-long-name-1.0.0", "done", "10", "4", "40", "%", "5", "1", "1.5",
    ]  # fmt: skip
    assert lines[4].split()[:5] == ["<c>", "failed", "0", "0", "-"]
    assert lines[6].split() == ["total", "12", "4", "33", "%", "7", "1", "2.1"]
    assert lines[7] == "<c>: failed: no <repository>"


def test_the_page_links_to_what_there_is() -> None:
    text = page(RECORDS)
    assert 'href="a-package-with-a-rather-long-name-1.0.0/changes.patch"' in text
    assert 'href="b/report.html"' in text
    assert 'href="b/changes.patch"' not in text
    assert "no &lt;repository&gt;" in text
    assert "<c>" not in text
    assert text.index("TM101") < text.index("TM105")


@pytest.mark.skipif(BROWSER is None, reason="not run: no Chromium here")
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits(tmp_path: Path, width: int) -> None:
    file = tmp_path / "page.html"
    file.write_text(page(RECORDS), encoding="utf-8")
    script = """
    const root = frame.document.documentElement, panel = frame.document.querySelector(".wide");
    return [root.scrollWidth - root.clientWidth, panel.scrollWidth - panel.clientWidth];
    """
    assert look(file, script, width=width) == [0, 0]
