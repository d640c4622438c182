"""The page of evidence: whole, closed, and harmless."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

from tape_migrate.verify.program.html import hunks, page
from tape_migrate.verify.program.outcome import (
    DeviceProof,
    FileDiff,
    Finding,
    Judged,
    ProgramProof,
    SideInfo,
    SiteProof,
    Tolerance,
)
from tape_migrate.verify.program.svg import error_plot, scatter_plot

SIDE = SideInfo("graph", "3.11.7", "2.21.0", "2.4.6", "", 1.5, 0)
OLD = b"".join(b"line %d\n" % n for n in range(1, 40))
NEW = OLD.replace(b"line 3\n", b"<script>alert(1)</script>\n").replace(b"line 30\n", b"")


def proof(finding: Finding = Finding.EQUAL) -> ProgramProof:
    judged = Judged(
        finding,
        "bit-equal & <fine>",
        0.0,
        True,
        3,
        3,
        3,
        ("float32[2]",),
        (0.0, 1e-7, float("inf")),
        ((1.0, 1.0), (2.0, 2.5)),
    )
    sites = tuple(
        SiteProof("m.py", line, "f<x>", "tf.gradients(y, x)", "tape.gradient(y, x)", line, judged)
        for line in (3, 30)
    )
    devices = (
        DeviceProof("CPU:0", sites, SIDE, SIDE, notes=("a note",)),
        DeviceProof("GPU", (), not_run="no GPU"),
    )
    return ProgramProof("python m.py", "/p", devices, (FileDiff("m.py", OLD, NEW),), 0, "cmd")


class Checker(HTMLParser):
    VOID = ("meta", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_closed_and_holds_no_script_and_no_link_out() -> None:
    text = page(proof())
    checker = Checker()
    checker.feed(text)
    assert not checker.open
    assert "script" not in checker.seen
    assert all(link.startswith("#") for link in checker.links)
    assert checker.seen.count("svg") == 4
    assert "http" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "not run: no GPU" in text


def test_the_page_says_at_once_whether_it_is_a_proof() -> None:
    assert "proven equal" in page(proof())
    assert "not proven" in page(proof(Finding.DIFFERENT))


def test_each_call_stands_beside_its_piece_of_the_diff() -> None:
    first, second = hunks(FileDiff("m.py", OLD, NEW))
    assert (3 in first.old, 30 in first.old) == (True, False)
    assert (3 in second.old, 30 in second.old) == (False, True)


def test_plots_take_whatever_comes() -> None:
    assert error_plot((), 1e-5) == ""
    assert error_plot((0.0, float("inf"), 1e-30, 3.0), 0.0).count("<circle") == 4
    assert scatter_plot(()) == ""
    assert scatter_plot(((1.0, 1.0), (float("nan"), 1.0))).count("<circle") == 1


def test_what_differs_and_what_others_say_of_it() -> None:
    told = proof()
    device = told.devices[0]
    judged = replace(device.sites[0].judged, excerpt="entry 0: old <2>", compared=0)
    site = replace(
        device.sites[0], judged=judged, double="float64: equal", differences="differences: agree"
    )
    failed = replace(SIDE, error="ValueError", traceback="Traceback <x>")
    told = replace(told, devices=(replace(device, sites=(site,), new=failed),), command="")
    text = page(told, Tolerance(rtol=0.25))
    assert "<pre>entry 0: old &lt;2&gt;</pre>" in text
    assert "<p>float64: equal</p>" in text
    assert "<p>differences: agree</p>" in text
    assert "<p>The new program on CPU:0:</p>\n<pre>Traceback &lt;x&gt;</pre>" in text
    assert "<svg" not in text, "nothing was compared"
    assert "To reproduce" not in text
    assert text.count('<section class="card">') == page(proof(), Tolerance()).count(
        '<section class="card">'
    ) - 1, "a part of the diff without a call is not shown"  # fmt: skip


def test_a_tolerance_that_was_asked_for_is_drawn() -> None:
    assert page(proof(), Tolerance(rtol=0.25)) != page(proof(), Tolerance())


def test_a_side_that_was_not_run_has_no_row() -> None:
    told = proof()
    one = replace(told, devices=(replace(told.devices[0], new=None),))
    assert page(told, Tolerance()).count("<td>new</td>") == 1
    assert page(one, Tolerance()).count("<td>new</td>") == 0
    assert page(one, Tolerance()).count("<td>old</td>") == 1
