"""The page of one run: totals, reasons by frequency, and every call with its diff."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from tape_migrate.model import Outcome, Shape
from tape_migrate.reports.explain import shape_sentence
from tape_migrate.reports.html import parts
from tape_migrate.reports.html.evidence import EvidenceFile
from tape_migrate.reports.html.excerpts import Excerpts
from tape_migrate.reports.html.parts import text
from tape_migrate.reports.text import place

if TYPE_CHECKING:
    from tape_migrate.model import SiteResult
    from tape_migrate.results import FileResult, RunResult


def page(
    result: RunResult,
    *,
    title: str = "tape-migrate",
    wrote: bool = False,
    evidence: EvidenceFile | None = None,
) -> str:
    """Return the page of a run."""
    evidence = evidence or EvidenceFile()
    counts = result.summary()
    done = "changed" if wrote else "would change"
    body = [
        parts.cards(
            [
                ("gradient calls", counts.sites, ""),
                ("migrated", counts.migrated, "good"),
                ("share migrated", parts.percent(counts.migrated, counts.sites), "good"),
                ("refused", counts.refused, "bad" if counts.refused else ""),
                ("skipped", counts.skipped, ""),
                (f"of {counts.files_scanned} files {done}", counts.files_changed, ""),
                ("files failed", counts.files_failed, "bad" if counts.files_failed else ""),
            ]
        ),
        parts.share(counts.migrated, counts.refused, counts.skipped),
        _reasons(result),
        _shapes(result),
        _cases(evidence),
        _failures(result),
        _sites(result, evidence),
    ]
    subtitle = "What a run did." if wrote else "What a run would do; nothing was written."
    return parts.document(title, subtitle, "\n".join(part for part in body if part))


def ranked(codes: Counter[str]) -> list[tuple[str, int]]:
    """Return codes by count, most frequent first; the order of equals is that of the codes."""
    return sorted(codes.items(), key=lambda item: (-item[1], item[0]))


def _reasons(result: RunResult) -> str:
    codes = Counter(site.code for site in result.sites if site.code is not None)
    if not codes:
        return ""
    return "<h2>Why calls were left alone</h2>" + parts.reasons(ranked(codes), linked=True)


def _shapes(result: RunResult) -> str:
    shapes = Counter(site.shape for site in result.sites if site.shape is not None)
    if not shapes:
        return ""
    most = max(shapes.values())
    rows = [
        [
            f'<a href="#sites" data-set="shape={shape.value}">{shape.value}</a>',
            str(shapes[shape]),
            parts.bar(shapes[shape], most),
            text(shape_sentence(shape)),
        ]
        for shape in sorted(shapes, key=lambda shape: (-shapes[shape], shape.value))
    ]
    head = [("shape", ""), ("calls", "number"), ("", "optional"), ("what becomes of it", "")]
    return "<h2>What calls become</h2>" + parts.table(head, rows)


def _cases(evidence: EvidenceFile) -> str:
    if not evidence.cases:
        return ""
    rows = [[text(c.name), _verdict(c.verdict), text(c.message)] for c in evidence.cases]
    head = [("case", ""), ("verdict", ""), ("", "")]
    return "<h2>Proofs</h2>" + parts.table(head, rows)


def _failures(result: RunResult) -> str:
    failed = [entry for entry in result.results if entry.status.value == "failed"]
    if not failed:
        return ""
    rows = [[text(e.path), "" if e.line is None else str(e.line), text(e.message)] for e in failed]
    head = [("file", ""), ("line", "number"), ("why", "")]
    return "<h2>Files that failed</h2>" + parts.table(head, rows)


def _sites(result: RunResult, evidence: EvidenceFile) -> str:
    entries = [
        _site(entry, site, excerpts, evidence)
        for entry in result.results
        if entry.migration is not None
        for excerpts in [Excerpts(entry.migration, notebook=entry.path.endswith(".ipynb"))]
        for site in entry.migration.sites
    ]
    if not entries:
        return "<h2>Calls</h2><p>No gradient call was found.</p>"
    folders = sorted(
        {_folder(e.path) for e in result.results if e.migration is not None and e.migration.sites}
    )
    codes = sorted({site.code for site in result.sites if site.code is not None})
    shapes = [shape for shape in Shape if any(site.shape is shape for site in result.sites)]
    filters = "".join(
        [
            parts.select("folder", "Folder", [(f, f or ".") for f in folders if f]),
            parts.select("outcome", "Outcome", [(o.value, o.value) for o in Outcome]),
            parts.select("code", "Code", [(code, code) for code in codes]),
            parts.select("shape", "Shape", [(shape.value, shape.value) for shape in shapes]),
            '<label>Text<input type="search" data-filter="text"></label>',
        ]
    )
    return (
        f'<h2 id="sites">Calls</h2><div class="filters">{filters}</div>'
        f'<p class="quiet" id="shown" aria-live="polite"></p>{"".join(entries)}'
    )


def _site(entry: FileResult, site: SiteResult, excerpts: Excerpts, evidence: EvidenceFile) -> str:
    shape = "" if site.shape is None else site.shape.value
    applicability = "" if site.applicability is None else site.applicability.value
    badges = parts.badge(site.outcome.value)
    if shape:
        badges += parts.badge("", shape)
    if applicability:
        badges += parts.badge(applicability)
    code = ""
    if site.code:
        badges += f'<a href="#{text(site.code)}">{parts.badge("", site.code)}</a>'
        code = site.code
    found = evidence.of(entry.path, site.site.cell, site.site.line)
    proof = ""
    if found is not None:
        badges += _verdict(found.verdict)
        proof = f'<p class="quiet">verify: {text(found.message)}</p>' if found.message else ""
    what = "diff" if site.new_lines is not None else "code"
    opened = " open" if site.new_lines is not None else ""
    return (
        f'<article data-entry data-folder="{text(_folder(entry.path))}" data-code="{text(code)}" '
        f'data-shape="{shape}" data-outcome="{site.outcome.value}">'
        f"<h3>{text(place(entry.path, site.site))}</h3>"
        f'<p>{badges}<span class="quiet">{text(site.site.api.value)} in '
        f"{text(site.site.function)}</span></p><p>{text(site.message)}</p>{proof}"
        f"<details{opened}><summary>{what}</summary>{parts.diff(excerpts.of(site))}</details>"
        "</article>\n"
    )


def _verdict(verdict: str) -> str:
    kinds = {"equal": "equal", "different": "different", "failed": "failed"}
    return parts.badge(kinds.get(verdict, ""), verdict)


def _folder(path: str) -> str:
    return os.path.dirname(path)
