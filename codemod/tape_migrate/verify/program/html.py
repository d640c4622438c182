"""The proof of a program as one self-contained page: no scripts, nothing from the network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from tape_migrate.reports.diff import terminal_lines, unified_diff
from tape_migrate.verify.compare import RTOL
from tape_migrate.verify.program.outcome import (
    DeviceProof,
    FileDiff,
    Finding,
    ProgramProof,
    SideInfo,
    SiteProof,
    Tolerance,
)
from tape_migrate.verify.program.report import counts, summary
from tape_migrate.verify.program.style import STYLE
from tape_migrate.verify.program.svg import error_plot, scatter_plot

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_MARKS = {
    Finding.EQUAL: "good",
    Finding.NOT_REACHED: "quiet",
    Finding.DIFFERENT: "bad",
    Finding.STRUCTURE: "bad",
    Finding.SIDE_FAILED: "bad",
    Finding.UNMATCHED: "bad",
}
_WORDS = {"bold": "head", "cyan": "hunk", "green": "added", "red": "removed", "": ""}


@dataclass(frozen=True)
class Hunk:
    """A piece of a file's diff: its lines as (style, text), and the lines it covers."""

    lines: tuple[tuple[str, str], ...]
    old: range
    new: range


def page(proof: ProgramProof, tolerance: Tolerance | None = None) -> str:
    """The page as text, to be written as UTF-8."""
    proven = proof.proven()
    verdict = "proven equal" if proven else "not proven"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(proof.program)}: {verdict}</title>",
        f"<style>{STYLE}</style></head><body><main>",
        "<header>",
        '<p class="kind">tape-migrate verify: gradients of a program, before and after</p>',
        f"<h1><code>{escape(proof.program)}</code></h1>",
        f'<p class="verdict {"good" if proven else "bad"}">{verdict}</p>',
        f"<p>{escape(summary(proof))}</p>",
        _chips(proof),
        "</header>",
        *_overview(proof),
        *(f'<p class="note">{escape(note)}</p>' for note in _notes(proof)),
    ]
    for device in proof.shown:
        parts += _device(proof, device, tolerance or Tolerance())
    parts += _footer(proof)
    parts.append("</main></body></html>")
    return "\n".join(parts) + "\n"


def _chips(proof: ProgramProof) -> str:
    chips = []
    for finding in Finding:
        number = counts(proof)[finding.value]
        if number:
            mark = _MARKS.get(finding, "doubt")
            chips.append(f'<span class="chip {mark}">{number} {escape(finding.value)}</span>')
    for device in proof.devices:
        text = f"not run: {device.not_run}" if device.not_run else "run"
        text += ", as an extra" if text == "run" and not device.counts else ""
        mark = "quiet" if device.not_run else "plain"
        chips.append(f'<span class="chip {mark}">{escape(device.device)}: {escape(text)}</span>')
    return f'<p class="chips">{" ".join(chips)}</p>'


def _notes(proof: ProgramProof) -> list[str]:
    return [*proof.notes, *(note for device in proof.ran for note in device.notes)]


def _overview(proof: ProgramProof) -> Iterator[str]:
    yield '<div class="wide"><table><thead><tr>'
    for name in ("call", "function", "device", "verdict", "worst error", "tensors", "remark"):
        yield f"<th>{name}</th>"
    yield "</tr></thead><tbody>"
    for device in proof.shown:
        for number, site in enumerate(device.sites):
            judged = site.judged
            worst = "" if judged.worst is None else f"{judged.worst:.1e}"
            mark = _MARKS.get(judged.finding, "doubt")
            remark = "; ".join(part for part in (judged.sentence, *judged.notes) if part)
            yield (
                f'<tr><td><a href="#{_anchor(device, number)}">{escape(site.path)}:{site.line}</a>'
                f"</td><td><code>{escape(site.function)}</code></td><td>{device.device}</td>"
                f'<td><span class="chip {mark}">{escape(judged.finding.value)}</span></td>'
                f'<td class="number">{worst}</td><td class="number">{judged.compared or ""}</td>'
                f"<td>{escape(remark)}</td></tr>"
            )
    yield "</tbody></table></div>"


def _anchor(device: DeviceProof, number: int) -> str:
    return f"{device.device.replace(':', '').replace(' ', '-')}-{number}"


def _device(proof: ProgramProof, device: DeviceProof, tolerance: Tolerance) -> Iterator[str]:
    for file in proof.files:
        mine = [(n, site) for n, site in enumerate(device.sites) if site.path == file.name]
        for hunk in hunks(file):
            here = [(n, site) for n, site in mine if site.line in hunk.old]
            if not here:
                continue
            yield '<section class="card">'
            yield f"<h2>{escape(file.name)} <small>on {escape(device.device)}</small></h2>"
            yield '<div class="pair"><pre class="diff">'
            yield "".join(
                f'<span class="{_WORDS.get(style, "")}">{escape(text)}\n</span>'
                for style, text in hunk.lines
            )
            yield '</pre><div class="numbers">'
            for number, site in here:
                yield from _site(device, number, site, tolerance)
            yield "</div></div></section>"


def _site(device: DeviceProof, number: int, site: SiteProof, tolerance: Tolerance) -> Iterator[str]:
    judged = site.judged
    mark = _MARKS.get(judged.finding, "doubt")
    yield f'<article id="{_anchor(device, number)}">'
    yield (
        f'<h3>line {site.line} <span class="chip {mark}">{escape(judged.finding.value)}</span></h3>'
    )
    yield f'<p class="calls"><code>{escape(site.old_text)}</code>'
    yield f"<br>→ <code>{escape(site.new_text or 'nothing')}</code></p>"
    yield f"<p>{escape('; '.join(p for p in (judged.sentence, *judged.notes) if p))}</p>"
    if judged.compared:
        yield (
            f"<p class='quiet'>tensors compared: {judged.compared}; evaluations: "
            f"{judged.old_evaluations} old, {judged.new_evaluations} new; "
            f"{escape(', '.join(judged.shapes))}</p>"
        )
        yield '<div class="plots">'
        yield error_plot(judged.errors, _limit(judged.shapes, tolerance))
        yield scatter_plot(judged.scatter)
        yield "</div>"
    for extra in (site.double, site.differences):
        if extra:
            yield f"<p>{escape(extra)}</p>"
    if judged.excerpt:
        yield f"<pre>{escape(judged.excerpt)}</pre>"
    yield "</article>"


def _limit(shapes: tuple[str, ...], tolerance: Tolerance) -> float:
    if tolerance.rtol is not None:
        return tolerance.rtol
    dtypes = {shape.partition("[")[0] for shape in shapes}
    return max((RTOL.get(dtype, 0.0) for dtype in dtypes), default=0.0)


def hunks(file: FileDiff) -> list[Hunk]:
    """The pieces of a file's diff, as people are shown them."""
    found: list[Hunk] = []
    lines: list[tuple[str, str]] = []
    old = new = range(0)
    shown = terminal_lines(unified_diff(file.name, file.old, file.new))
    for style, text in shown:
        match = _HUNK.match(text) if style == "cyan" else None
        if match is None:
            lines.append((style, text))
            continue
        if old:
            found.append(Hunk(tuple(lines), old, new))
        old, new = _range(match[1], match[2]), _range(match[3], match[4])
        lines = [(style, text)]
    if old or lines:
        found.append(Hunk(tuple(lines), old, new))
    return found


def _range(start: str, length: str | None) -> range:
    first = int(start)
    return range(first, first + int(length or 1))


def _footer(proof: ProgramProof) -> Iterator[str]:
    yield '<section class="card"><h2>What ran</h2><div class="wide"><table><thead><tr>'
    names = ("side", "device", "mode", "TensorFlow", "Keras", "numpy", "Python", "seconds", "end")
    yield "".join(f"<th>{name}</th>" for name in names)
    yield "</tr></thead><tbody>"
    for device in proof.ran:
        for name, side in (("old", device.old), ("new", device.new)):
            if side is not None:
                yield _side_row(name, device.device, side)
    yield "</tbody></table></div>"
    yield f"<p>Seed of all random numbers: {proof.seed}. oneDNN off on both sides."
    yield "Tolerance by dtype, relative to the largest entry of the tensor.</p>"
    if proof.command:
        yield f"<p>To reproduce:</p><pre>{escape(proof.command)}</pre>"
    for device in proof.ran:
        for name, side in (("old", device.old), ("new", device.new)):
            if side is not None and side.error and side.traceback:
                yield f"<p>The {name} program on {escape(device.device)}:</p>"
                yield f"<pre>{escape(side.traceback)}</pre>"
    yield "</section>"


def _side_row(name: str, device: str, side: SideInfo) -> str:
    end = side.error or f"exit code {side.exit_code}"
    cells = (
        name, device, side.mode, side.tensorflow, side.keras, side.numpy, side.python,
        f"{side.seconds:.1f}", end,
    )  # fmt: skip
    return "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>"
