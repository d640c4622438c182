"""The command behind ``tests/benchmarks/run.py``: options, table, JSON, exit code."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from tests.benchmarks.cases import CASES
from tests.benchmarks.compare import CommandError, Row
from tests.benchmarks.setting import Setting
from tests.benchmarks.table import text_table
from tests.corpus.fetch import default_cache

_HEADER = (
    "benchmark", "against", "target", "reached", "by CPU time", "ours", "theirs", "verdict",
)  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Run the benchmarks named by ``argv`` (all by default); see ``run.py`` for exit codes."""
    parser = argparse.ArgumentParser(prog="tests/benchmarks/run.py")
    parser.add_argument("--only", action="append", default=[], choices=list(CASES))
    parser.add_argument("--rounds", type=int, default=7, help="measured runs of each command")
    parser.add_argument("--files", type=int, default=10_000, help="size of the tree without hits")
    parser.add_argument(
        "--cache", type=Path, default=default_cache(), help="archives of the corpus"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    options = parser.parse_args(argv)
    if options.rounds < 1 or options.files < 1:
        parser.error("--rounds and --files must be at least 1")

    setting = Setting(options.rounds, options.files, options.cache)
    rows: list[Row] = []
    for name in options.only or CASES:
        try:
            rows += CASES[name](setting)
        except CommandError as error:
            print(error)
            rows.append(Row(name, "", None, None, not_run="a command failed"))
    print(text_table(_HEADER, [_cells(row) for row in rows]))
    if options.json:
        found = [{**dataclasses.asdict(row), "verdict": row.verdict} for row in rows]
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return int(options.check and any(row.verdict == "MISSED" for row in rows))


def _cells(row: Row) -> list[str]:
    numbers = (row.target, row.reached, row.cpu_ratio)
    texts = ["" if n is None else f"{n:.2f}" for n in numbers]
    return [row.benchmark, row.against, *texts, row.ours, row.theirs, row.verdict]
