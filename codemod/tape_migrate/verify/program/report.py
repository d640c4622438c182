"""The proof of a program as text and as JSON."""

from __future__ import annotations

import json
from typing import Any

from tape_migrate.verify.program.outcome import (
    DeviceProof,
    Finding,
    ProgramProof,
    SideInfo,
    SiteProof,
)
from tape_migrate.verify.schema import VERSION, number

_HEADERS = ("call", "function", "device", "verdict", "worst error", "evaluations", "remark")


def text_table(proof: ProgramProof, *, details: bool = True) -> str:
    """A table with a line for each migrated call, what ran the sides, and a summary line.

    With `details`, excerpts of values that differ and tracebacks of programs that failed follow.
    """
    lines: list[tuple[str, ...]] = [_HEADERS]
    for device in proof.devices:
        if device.not_run:
            lines.append(("", "", device.device, "not run", "", "", device.not_run))
        lines += [_line(site, device) for site in device.sites]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEADERS) - 1)]
    out = []
    for row, line in enumerate(lines):
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        out.append("  ".join([*cells, line[-1]]).rstrip())
        if row == 0:
            out.append("  ".join("-" * width for width in [*widths, len(_HEADERS[-1])]))
    out.append("")
    for device in proof.ran:
        for name, side in (("old", device.old), ("new", device.new)):
            if side is not None:
                out.append(f"{name} on {device.device}: {describe_side(side)}")
        out += [f"note: {note}" for note in device.notes]
    out += [f"note: {note}" for note in proof.notes]
    if details:
        out += _details(proof)
    out.append(f"{proof.program}: {summary(proof)}")
    return "\n".join(out) + "\n"


def _line(site: SiteProof, device: DeviceProof) -> tuple[str, ...]:
    judged = site.judged
    worst = "" if judged.worst is None else f"{judged.worst:.1e}"
    counts = ""
    if judged.old_evaluations or judged.new_evaluations:
        counts = str(judged.old_evaluations)
        if judged.old_evaluations != judged.new_evaluations:
            counts = f"{judged.old_evaluations}/{judged.new_evaluations}"
    remark = "; ".join(
        part for part in (judged.sentence, *judged.notes, site.double, site.differences) if part
    )
    place = f"{site.path}:{site.line}"
    return place, site.function, device.device, judged.finding.value, worst, counts, remark


def _details(proof: ProgramProof) -> list[str]:
    out: list[str] = []
    for device in proof.ran:
        for site in device.sites:
            if site.judged.excerpt:
                out.append(f"{site.path}:{site.line} on {device.device}:")
                out.append(f"    old: {site.old_text}")
                out.append(f"    new: {site.new_text}")
                out += [f"    {line}" for line in site.judged.excerpt.splitlines()]
        for name, side in (("old", device.old), ("new", device.new)):
            if side is None:
                continue
            shown = side.traceback if side.error else side.output if side.exit_code else ""
            if shown:
                out.append(f"the {name} program:")
                out += [f"    {line}" for line in shown.splitlines()[-24:]]
    return out


def describe_side(side: SideInfo) -> str:
    """``as-is, TensorFlow 2.21.0, Python 3.11.7``."""
    if not side.tensorflow:
        return side.error
    text = f"{side.mode}, TensorFlow {side.tensorflow}, Python {side.python}"
    return f"{text}, exit code {side.exit_code}" if side.exit_code else text


def counts(proof: ProgramProof) -> dict[str, int]:
    """How many calls ended how, over all devices that were run."""
    found = [site.judged.finding for device in proof.ran for site in device.sites]
    return {finding.value: found.count(finding) for finding in Finding}


def summary(proof: ProgramProof) -> str:
    """``3 calls: 2 equal, 1 not reached in 9.9 s``."""
    parts = [f"{count} {name}" for name, count in counts(proof).items() if count]
    total = sum(counts(proof).values())
    plural = "call" if total == 1 else "calls"
    return f"{total} migrated {plural}: {', '.join(parts) or 'none'} in {proof.seconds:.1f} s"


def json_text(proof: ProgramProof) -> str:
    """The evidence as JSON, with a final newline; ``verify/schema.json`` has its fields."""
    return json.dumps(as_json(proof), indent=2, allow_nan=False) + "\n"


def as_json(proof: ProgramProof) -> dict[str, Any]:
    """Plain values for JSON."""
    return {
        "version": VERSION,
        "kind": "program",
        "program": proof.program,
        "command": proof.command,
        "seed": proof.seed,
        "files": [file.name for file in proof.files],
        "devices": [
            {
                "device": device.device,
                "not_run": device.not_run or None,
                "counts": device.counts,
                "old": _side(device.old),
                "new": _side(device.new),
                "notes": list(device.notes),
                "sites": [_site(site) for site in device.sites],
            }
            for device in proof.devices
        ],
        "notes": list(proof.notes),
        "summary": {key.replace(" ", "_"): value for key, value in counts(proof).items()},
        "proven": proof.proven(),
        "seconds": round(proof.seconds, 3),
    }


def _side(side: SideInfo | None) -> dict[str, Any] | None:
    if side is None:
        return None
    return {
        "mode": side.mode,
        "tensorflow": side.tensorflow,
        "python": side.python,
        "numpy": side.numpy,
        "keras": side.keras or None,
        "seconds": round(side.seconds, 3),
        "exit_code": side.exit_code,
        "error": side.error or None,
    }


def _site(site: SiteProof) -> dict[str, Any]:
    judged = site.judged
    return {
        "path": site.path,
        "line": site.line,
        "function": site.function,
        "old": site.old_text,
        "new": site.new_text or None,
        "new_line": site.new_line,
        "verdict": judged.finding.value,
        "message": judged.sentence,
        "worst_relative_error": number(judged.worst),
        "bit_equal": judged.bit_equal if judged.compared else None,
        "tensors": judged.compared,
        "evaluations": {"old": judged.old_evaluations, "new": judged.new_evaluations},
        "shapes": list(judged.shapes),
        "errors": [number(error) for error in judged.errors],
        "excerpt": judged.excerpt or None,
        "notes": list(judged.notes),
        "float64": site.double or None,
        "finite_differences": site.differences or None,
    }
