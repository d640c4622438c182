"""Short ways to write a case and to read its evidence."""

from __future__ import annotations

from typing import Any

from tape_migrate.verify import Case, Verdict, parse_input
from tape_migrate.verify.evidence import Evidence

HEAD = "import tensorflow as tf\n\n\n"


def case(before: str, after: str, entry: str | None = "f", **more: Any) -> Case:
    inputs = more.pop("inputs", {"x": "float32[4,3]"} if entry else {})
    parsed = tuple((name, parse_input(value)) for name, value in inputs.items())
    return Case("test", HEAD + before, HEAD + after, entry, inputs=parsed, **more)


def rows(evidence: Evidence) -> dict[str, Verdict]:
    return {row.mode: row.verdict for row in evidence.rows if row.device != "GPU"}


ALL_EQUAL = {"eager": Verdict.EQUAL, "tf.function": Verdict.EQUAL, "graph": Verdict.EQUAL}
