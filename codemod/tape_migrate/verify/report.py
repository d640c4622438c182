"""Evidence as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tape_migrate.verify.compare import Verdict
from tape_migrate.verify.evidence import Evidence
from tape_migrate.verify.schema import VERSION

_HEADERS = ("case", "new side", "device", "verdict", "worst error", "remark")


def text_table(evidence: Sequence[Evidence], *, details: bool = True) -> str:
    """A plain-text table, a line per run, then one line per case and a summary line.

    With `details`, tracebacks of failed runs follow the table.
    """
    lines: list[tuple[str, ...]] = [_HEADERS]
    for item in evidence:
        if not item.rows:
            lines.append((item.name, "", "", item.verdict.value, "", item.sentence))
        for row in item.rows:
            worst = "" if row.worst is None else f"{row.worst:.1e}"
            remark = "; ".join((row.sentence, *row.notes))
            lines.append((item.name, row.mode, row.device, row.verdict.value, worst, remark))
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEADERS) - 1)]
    out = []
    for number, line in enumerate(lines):
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        out.append("  ".join([*cells, line[-1]]).rstrip())
        if number == 0:
            out.append("  ".join("-" * width for width in [*widths, len(_HEADERS[-1])]))
    out.append("")
    for item in evidence:
        against = ""
        if item.old is not None and item.new is not None:
            old, new = item.old, item.new
            against = f" (old: {old.mode}, TensorFlow {old.tensorflow}; new: {new.tensorflow})"
        out.append(f"{item.name}: {item.verdict.value.upper()}: {item.sentence}{against}")
        if item.differences is not None:
            out.append(f"{item.name}: finite differences: {item.differences.sentence}")
        if details:
            shown = {row.traceback for row in item.rows if row.verdict is Verdict.FAILED}
            out += [f"    {line}" for text in sorted(shown) for line in text.splitlines()]
    out.append(summary(evidence))
    return "\n".join(out) + "\n"


def summary(evidence: Sequence[Evidence]) -> str:
    """``3 cases: 2 equal, 1 different in 4.2 s``."""
    counts = [
        f"{sum(item.verdict is verdict for item in evidence)} {verdict.value}"
        for verdict in Verdict
        if any(item.verdict is verdict for item in evidence)
    ]
    plural = "case" if len(evidence) == 1 else "cases"
    seconds = sum(item.seconds for item in evidence)
    return f"{len(evidence)} {plural}: {', '.join(counts) or 'nothing'} in {seconds:.1f} s"


def json_text(evidence: Sequence[Evidence]) -> str:
    """The evidence as JSON, with a final newline; ``verify/schema.json`` has its fields."""
    counts = {v.value: sum(item.verdict is v for item in evidence) for v in Verdict}
    data = {
        "version": VERSION,
        "kind": "cases",
        "cases": [item.as_json() for item in evidence],
        "summary": {"cases": len(evidence), **counts},
    }
    return json.dumps(data, indent=2, allow_nan=False) + "\n"
