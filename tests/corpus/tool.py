"""Run the command line on a tree, and read its JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from tests.benchmarks.measure import run

ROOT = Path(__file__).resolve().parents[2]


class ToolError(Exception):
    """The command line died, or said something that is not its JSON."""


@dataclass(frozen=True)
class ReportedSite:
    """One gradient call as the tool reports it; ``path`` is relative to the tree."""

    path: str
    line: int
    api: str
    outcome: str
    shape: str | None
    applicability: str | None
    code: str | None
    message: str
    new_lines: tuple[int, int] | None


@dataclass(frozen=True)
class Report:
    """What one run of the tool said, and what it cost in seconds and bytes."""

    sites: tuple[ReportedSite, ...]
    failed: dict[str, str]
    """Files the tool could not read, with the reason."""
    changed: frozenset[str]
    summary: dict[str, int]
    wall: float
    cpu: float
    peak: int


def environment() -> dict[str, str]:
    """What a child needs to import the checkout's own ``tape_migrate``."""
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(ROOT / "codemod"), *([inherited] if inherited else [])])
    return {"PYTHONPATH": path, "PYTHONHASHSEED": "0", "NO_COLOR": "1"}


def migrate_tree(tree: Path, paths: tuple[str, ...] = (".",), *, write: bool) -> Report:
    """Run ``tape-migrate PATHS --format json`` inside ``tree``.

    Raises ``ToolError`` if the exit code is none of those that mean a finished run (0 and,
    for trees that hold files which are not Python, 3), or if the output is no JSON object.
    """
    command = [sys.executable, "-m", "tape_migrate", *paths, "--format", "json"]
    if write:
        command.append("--write")
    done = run(command, cwd=tree, env=environment())
    if done.exit_code not in (0, 3):
        tail = done.stderr.decode("utf-8", "replace").strip().splitlines()[-12:]
        raise ToolError(f"exit code {done.exit_code}\n" + "\n".join(tail))
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        raise ToolError(f"stdout is not JSON: {error}") from error
    return Report(
        sites=tuple(_sites(found["sites"], tree)),
        failed={
            _relative(f["path"], tree): f["message"]
            for f in found["files"]
            if f["status"] == "failed"
        },
        changed=frozenset(
            _relative(f["path"], tree) for f in found["files"] if f["status"] == "changed"
        ),
        summary=found["summary"],
        wall=done.wall,
        cpu=done.cpu,
        peak=done.peak,
    )


def _sites(rows: list[dict[str, Any]], tree: Path) -> Iterator[ReportedSite]:
    for row in rows:
        lines = row["new_lines"]
        yield ReportedSite(
            path=_relative(row["path"], tree),
            line=row["line"],
            api=row["api"],
            outcome=row["outcome"],
            shape=row["shape"],
            applicability=row["applicability"],
            code=row["code"],
            message=row["message"],
            new_lines=None if lines is None else (lines[0], lines[1]),
        )


def _relative(path: str, tree: Path) -> str:
    pure = PurePath(path)
    return (pure.relative_to(tree) if pure.is_absolute() else pure).as_posix()
