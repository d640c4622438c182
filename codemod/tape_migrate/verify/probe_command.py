"""What ``tape-migrate probe`` does, without the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tape_migrate.model import SourceError
from tape_migrate.verify.case import CaseError
from tape_migrate.verify.command import (
    EXIT_EQUAL,
    EXIT_FAILED,
    EXIT_NOT_PROVEN,
    EXIT_USAGE,
    MISSING,
)
from tape_migrate.verify.schema import VERSION

if TYPE_CHECKING:
    from tape_migrate.verify.probe import Probed


def run_probe(
    files: Sequence[str],
    *,
    device: str = "cpu",
    json_path: str | None = None,
    old_python: str | None = None,
    new_python: str | None = None,
    tf_function: str = "auto",
) -> tuple[str, int]:
    """Probe the functions of some modules; returns the report and the exit code.

    Exit codes: 0 every function that holds a migrated call is equal, 1 some is not or no input
    was found for it, 2 a file cannot be read, 3 a side cannot be run.
    """
    try:
        from tape_migrate.verify.harness import Verifier  # noqa: PLC0415
        from tape_migrate.verify.probe import probe_module  # noqa: PLC0415
        from tape_migrate.verify.process import TensorFlowMissingError  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        return f"{MISSING}\n", EXIT_FAILED
    found: list[tuple[str, Probed]] = []
    try:
        with Verifier(old_python, new_python, device, job_limit_s=30.0) as verifier:
            for file in files:
                found += [(file, item) for item in probe_module(Path(file), verifier, tf_function)]
    except (CaseError, SourceError) as error:
        return f"{error}\n", EXIT_USAGE
    except TensorFlowMissingError as error:
        return f"{MISSING}\n({error})\n", EXIT_FAILED
    proven = bool(found) and all(_is_equal(item) for _, item in found)
    data = json.dumps(_as_json(found), indent=2, allow_nan=False) + "\n"
    if json_path is not None and json_path != "-":
        Path(json_path).write_text(data, encoding="utf-8")
    return data if json_path == "-" else _text(found), EXIT_EQUAL if proven else EXIT_NOT_PROVEN


def _is_equal(item: Probed) -> bool:
    return item.evidence is not None and item.evidence.verdict.value == "equal"


def _text(found: list[tuple[str, Probed]]) -> str:
    lines = []
    for file, item in found:
        name = f"{file}::{item.entry}"
        if item.evidence is None:
            lines.append(f"{name}: not probed: {item.reason}")
            continue
        given = ", ".join(item.inputs) or "no arguments"
        evidence = item.evidence
        lines.append(f"{name}: {evidence.verdict.value}: {evidence.sentence} ({given})")
    equal = sum(_is_equal(item) for _, item in found)
    probed = sum(item.evidence is not None for _, item in found)
    plural = "function" if len(found) == 1 else "functions"
    lines.append(f"{len(found)} {plural} with migrated calls: {probed} probed, {equal} equal")
    return "\n".join(lines) + "\n"


def _as_json(found: list[tuple[str, Probed]]) -> dict[str, object]:
    return {
        "version": VERSION,
        "kind": "functions",
        "functions": [
            {
                "path": file,
                "function": item.entry,
                "inputs": list(item.inputs),
                "tries": item.tries,
                "reason": item.reason or None,
                "evidence": None if item.evidence is None else item.evidence.as_json(),
            }
            for file, item in found
        ],
    }
