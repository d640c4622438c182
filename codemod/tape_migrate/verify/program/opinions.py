"""Second and third opinions on a call: a float64 run of both sides, central differences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tape_migrate.verify.compare import ARBITRATION_FACTOR, RTOL, relative_error
from tape_migrate.verify.finite import ACCEPT, EPS, DifferenceCheck, Opinion
from tape_migrate.verify.finite import judge as judge_differences
from tape_migrate.verify.program.judge import judge, streams
from tape_migrate.verify.program.matching import Item
from tape_migrate.verify.program.outcome import Finding, Tolerance
from tape_migrate.verify.program.pairing import Part
from tape_migrate.verify.program.records import Recorded
from tape_migrate.verify.results import Array

Parts = Sequence[tuple[int, Part]]


def float64_opinion(old: Recorded, new: Recorded, call: int, parts: Parts) -> tuple[bool, str]:
    """Whether both sides agree in float64, and a sentence."""
    judged = judge(old, new, call, parts, Tolerance())
    narrow = [shape for shape in judged.shapes if not shape.startswith("float64")]
    if judged.finding is Finding.EQUAL and narrow:
        return False, f"float64: the program insists on {narrow[0]}"
    if judged.finding is Finding.EQUAL:
        return True, f"float64: equal, {judged.sentence}"
    return False, f"float64: {judged.finding.value}, {judged.sentence}"


def rounding_only(
    narrow: tuple[Recorded, Recorded], wide: Recorded, call: int, parts: Parts
) -> str | None:
    """Whether float32 results differ by rounding alone, given that float64 agrees.

    So it is if neither side is more than 8 times as far from the float64 result as the other,
    wherever they differ beyond the tolerance. Returns a sentence, or None.
    """
    old, new = streams(narrow[0], narrow[1], call, parts)
    exact, _ = streams(wide, narrow[1], call, parts)
    if not len(old) == len(new) == len(exact):
        return None
    worst = None
    for a, b, reference in zip(old, new, exact, strict=True):
        one, two, right = _whole(a), _whole(b), _whole(reference)
        if one is None or two is None or right is None:
            return None
        if not one.shape == two.shape == right.shape:
            return None
        if relative_error(one, two) <= RTOL.get(a.value.dtype, 0.0):
            continue
        errors = sorted((relative_error(right, one), relative_error(right, two)))
        if not np.isfinite(errors[1]) or errors[1] > ARBITRATION_FACTOR * errors[0]:
            return None
        worst = max(worst or 0.0, errors[1])
    if worst is None:
        return None
    return f"rounding only: in float64 both sides agree, and both are within {worst:.1e} of it"


def _whole(item: Item) -> Array | None:
    return None if item.value.digest is not None else item.value.array


def differences_opinion(old: Recorded, call: int) -> DifferenceCheck:
    """What central differences say of a call of the old side."""
    rows = [sample for sample in old.differences.get(call, []) if len(sample)]
    if not rows:
        why = old.undifferenced.get(call, "only gradients of a graph can be held against them")
        return DifferenceCheck(Opinion.SKIPPED, f"skipped: {why}")
    worst: DifferenceCheck | None = None
    order = (Opinion.AGREES, Opinion.SKIPPED, Opinion.INCONCLUSIVE, Opinion.DISAGREES)
    for sample in rows:
        found = judge_differences(sample)
        scale = float(np.max(np.abs(sample[:, 5])))
        # Rounding of the target alone, beside what is looked for.
        if float(np.max(np.abs(sample[:, 0]))) * 4e-16 / EPS > 0.5 * ACCEPT * scale:
            if found.opinion is Opinion.DISAGREES:
                text = "inconclusive: the target is too large beside its gradient"
                found = DifferenceCheck(Opinion.INCONCLUSIVE, text, found.worst)
        if worst is None or order.index(found.opinion) > order.index(worst.opinion):
            worst = found
    assert worst is not None
    return worst
