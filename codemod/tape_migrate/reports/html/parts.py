"""What the pages are made of. Everything that goes in as text is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from tape_migrate import __version__
from tape_migrate.refusals import find
from tape_migrate.reports.escape import printable

_HERE = Path(__file__).parent
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def text(value: object) -> str:
    """Escape text for HTML, also within attributes; control characters are spelled out."""
    return escape(printable(str(value), keep="\n\t"), quote=True)


def document(title: str, subtitle: str, body: str) -> str:
    """Return a whole page."""
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{text(title)}</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1>{text(title)}</h1>
<p class="quiet">{text(subtitle)}</p>
</header>
<main>
{body}
</main>
<footer>tape-migrate {text(__version__)}</footer>
<script>
{script}</script>
</body>
</html>
"""


def cards(values: Iterable[tuple[str, object, str]]) -> str:
    """Return a row of numbers: name, value, class."""
    inner = "".join(
        f'<div class="card {kind}"><b>{text(value)}</b>{text(name)}</div>'
        for name, value, kind in values
    )
    return f'<div class="cards">{inner}</div>'


def share(migrated: int, refused: int, skipped: int) -> str:
    """Return a bar of three parts, with its meaning in words for those who cannot see it."""
    total = migrated + refused + skipped
    if not total:
        return ""
    parts = "".join(
        f'<i class="{kind}" style="width:{100 * count / total:.2f}%"></i>'
        for kind, count in (("good", migrated), ("bad", refused), ("wait", skipped))
    )
    label = f"{migrated} migrated, {refused} refused, {skipped} skipped"
    return f'<div class="share" role="img" aria-label="{label}">{parts}</div>'


def percent(part: int, whole: int) -> str:
    """Return a share, or a dash where there is nothing to have a share of."""
    return f"{100 * part / whole:.0f} %" if whole else "–"


def table(head: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of ready-made cells; ``head`` has names and classes of the columns."""
    top = "".join(f'<th class="{kind}">{text(name)}</th>' for name, kind in head)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{kind}">{cell}</td>' for cell, (_, kind) in zip(row, head, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    inner = f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="wide panel"><table>{inner}</table></div>'


def bar(part: int, whole: int) -> str:
    """Return a bar as long as ``part`` of ``whole``."""
    return f'<div class="bar"><i style="width:{100 * part / max(whole, 1):.1f}%"></i></div>'


def badge(kind: str, words: str | None = None) -> str:
    """Return a word in a coloured box."""
    return f'<span class="badge {text(kind)}">{text(words or kind)}</span>'


def reasons(counts: Sequence[tuple[str, int]], *, linked: bool) -> str:
    """Return the table of reasons, most frequent first, each with what to do about it."""
    most = max((count for _, count in counts), default=0)
    rows = []
    for code, count in counts:
        reason = find(code)
        name = text(reason.slug) if reason is not None else ""
        words = ""
        if reason is not None:
            example = f"<pre>{text(reason.example)}</pre>" if reason.example else ""
            words = (
                f'<details id="{text(code)}"><summary>{text(reason.sentence)}</summary>'
                f"<p><b>What to do:</b> {text(reason.advice)}</p>{example}</details>"
            )
        key = (
            f'<a href="#sites" data-set="code={text(code)}">{text(code)}</a>'
            if linked
            else text(code)
        )
        rows.append([key, name, str(count), bar(count, most), words])
    head = [("code", ""), ("name", "optional"), ("calls", "number"), ("", "optional"), ("why", "")]
    return table(head, rows)


def diff(lines: Iterable[str]) -> str:
    """Return the lines of a diff, coloured."""
    spans = []
    for line in lines:
        kind = {"+": "a", "-": "d", "@": "h"}.get(line[:1], "")
        spans.append(f'<span class="{kind}">{text(line) or " "}</span>')
    return f'<div class="diff" tabindex="0"><pre>{"".join(spans)}</pre></div>'


def select(name: str, label: str, options: Iterable[tuple[str, str]]) -> str:
    """Return a filter: a list of (value, words) under ``any``."""
    inner = "".join(f'<option value="{text(v)}">{text(words)}</option>' for v, words in options)
    return (
        f'<label>{text(label)}<select data-filter="{name}"><option value="">any</option>'
        f"{inner}</select></label>"
    )
