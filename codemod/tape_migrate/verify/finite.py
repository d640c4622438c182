"""Judge finite differences: a third opinion that shares no code with either gradient.

The worker evaluates the target in float64 at ``x``, ``x ± eps·d`` and ``x ± eps/10·d`` for random
unit directions ``d`` (see ``worker.run_differences``); here the central difference is held
against the directional derivative that the gradient claims.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np

from tape_migrate.verify.results import Array

EPS = 1e-4
DIRECTIONS = 3
ACCEPT = 1e-6


class Opinion(enum.Enum):
    """What the finite differences say of a gradient."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    INCONCLUSIVE = "inconclusive"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class DifferenceCheck:
    """The opinion, the worst relative error (None where nothing was computed), a sentence."""

    opinion: Opinion
    sentence: str
    worst: float | None = None


def judge(rows: Array, eps: float = EPS) -> DifferenceCheck:
    """Judge samples ``[f(0), f(eps), f(-eps), f(eps/10), f(-eps/10), claimed]``, one row a
    direction.

    A gradient is refuted only where the function looks smooth: one-sided differences of a smooth
    function disagree by an amount proportional to the step, those at a kink do not.
    """
    if not np.isfinite(rows).all():
        return DifferenceCheck(Opinion.INCONCLUSIVE, "inconclusive: NaN or infinity near the input")
    scale = float(np.max(np.abs(rows[:, 5])))
    scale = max(scale, float(np.max(np.abs(rows[:, 1] - rows[:, 2]))) / (2 * eps))
    if scale == 0.0:
        return DifferenceCheck(Opinion.INCONCLUSIVE, "inconclusive: the target does not change")
    worst = 0.0
    for middle, up, down, up_small, down_small, claimed in rows:
        worst = max(worst, abs((up - down) / (2 * eps) - claimed) / scale)
        if worst > ACCEPT:
            wide = abs((up - middle) - (middle - down)) / eps
            narrow = abs((up_small - middle) - (middle - down_small)) / (eps / 10)
            if wide > ACCEPT * scale and not wide / 30 < narrow < wide / 3:
                text = "inconclusive: kink (one-sided differences disagree)"
                return DifferenceCheck(Opinion.INCONCLUSIVE, text, worst)
    if worst > ACCEPT:
        text = f"disagrees: relative error {worst:.1e}, allowed {ACCEPT:.0e}"
        return DifferenceCheck(Opinion.DISAGREES, text, worst)
    return DifferenceCheck(Opinion.AGREES, f"agrees to {worst:.1e}", worst)
