"""The values that a verification ends in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tape_migrate.verify.compare import Verdict
from tape_migrate.verify.finite import DifferenceCheck
from tape_migrate.verify.schema import number


@dataclass(frozen=True)
class Row:
    """One run of the new code held against the old one.

    ``mode`` is ``eager``, ``tf.function`` or ``graph``; ``device`` a TensorFlow device name
    (``CPU:0``) or ``GPU`` where there is none. Where ``required`` is false, a row that could not
    be run does not count against the case.
    """

    mode: str
    device: str
    verdict: Verdict
    sentence: str
    worst: float | None = None
    bit_equal: bool | None = None
    tensors: int = 0
    notes: tuple[str, ...] = ()
    seed: int = 0
    required: bool = True
    traceback: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "mode": self.mode,
            "device": self.device,
            "verdict": self.verdict.value,
            "message": self.sentence,
            "worst_relative_error": number(self.worst),
            "bit_equal": self.bit_equal,
            "tensors": self.tensors,
            "notes": list(self.notes),
            "seed": self.seed,
            "required": self.required,
        }


@dataclass(frozen=True)
class Side:
    """What ran a side: mode and versions."""

    mode: str
    tensorflow: str
    python: str


@dataclass(frozen=True)
class Evidence:
    """Everything found out about one case, and the one word for it."""

    name: str
    verdict: Verdict
    sentence: str
    rows: tuple[Row, ...] = ()
    old: Side | None = None
    new: Side | None = None
    differences: DifferenceCheck | None = None
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        sides = {
            key: None
            if side is None
            else {"mode": side.mode, "tensorflow": side.tensorflow, "python": side.python}
            for key, side in (("old", self.old), ("new", self.new))
        }
        check = self.differences
        return {
            "name": self.name,
            "verdict": self.verdict.value,
            "message": self.sentence,
            **sides,
            "rows": [row.as_json() for row in self.rows],
            "finite_differences": None
            if check is None
            else {
                "opinion": check.opinion.value,
                "message": check.sentence,
                "worst_relative_error": number(check.worst),
            },
            "seconds": round(self.seconds, 3),
        }


def conclude(rows: tuple[Row, ...], modes: Iterable[str]) -> tuple[Verdict, str]:
    """The verdict over all rows: the worst one, if any run was equal or worse at all.

    A case is equal only if at least one run in one of `modes` was compared and is equal, and no
    run says otherwise.
    """
    severity = list(Verdict)
    counting = [row for row in rows if row.required or row.verdict is not Verdict.FAILED]
    bad = [r for r in counting if r.verdict not in {Verdict.EQUAL, Verdict.NOT_RUN}]
    if bad:
        row = max(bad, key=lambda r: severity.index(r.verdict))
        return row.verdict, f"{row.mode} on {row.device}: {row.sentence}"
    equal = [r for r in counting if r.verdict is Verdict.EQUAL and r.mode in modes]
    if not equal:
        reasons = [row.sentence for row in rows if row.verdict is Verdict.NOT_RUN]
        return Verdict.NOT_RUN, reasons[0] if reasons else "nothing was run"
    worst = max(row.worst or 0.0 for row in equal)
    modes = " and ".join(dict.fromkeys(row.mode for row in equal))
    how = "bit-equal" if all(row.bit_equal for row in equal) else f"worst error {worst:.1e}"
    return Verdict.EQUAL, f"{modes}: {how}"
