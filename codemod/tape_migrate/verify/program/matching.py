"""Hold the tensors of two streams against each other. Pure functions over numpy arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tape_migrate.verify.compare import RTOL, relative_error
from tape_migrate.verify.program.outcome import Tolerance
from tape_migrate.verify.program.records import Value
from tape_migrate.verify.results import Array

WINDOW = 256
"""How far ahead an equal is looked for where the sides do not evaluate equally often."""


@dataclass(frozen=True)
class Item:
    """One tensor of a stream, and the number of the evaluation that it belongs to."""

    value: Value
    evaluation: int
    kind: str


@dataclass(frozen=True)
class Match:
    """Two tensors held against each other."""

    old: Item
    new: Item
    error: float | None
    """None where nothing can be compared (both None, or not computed)."""
    structure: str = ""


def align(old: list[Item], new: list[Item], tolerance: Tolerance) -> tuple[list[Match], list[str]]:
    """Which tensor of one stream is held against which of the other, and remarks on that."""
    if len(old) == len(new):
        matches = [_match(a, b, tolerance) for a, b in zip(old, new, strict=True)]
        wrong = any(is_wrong(match, tolerance) for match in matches)
        if not wrong or not any(item.kind == "traced" for item in (*old, *new)):
            return matches, []
        shuffled = _in_any_order(old, new, tolerance)
        if shuffled is None:
            return matches, []
        return shuffled, ["turns of a loop ran in another order"]
    return _in_order(old, new, tolerance)


def _in_order(
    old: list[Item], new: list[Item], tolerance: Tolerance
) -> tuple[list[Match], list[str]]:
    """Find for each new tensor, in order, its equal among the old ones."""
    matches: list[Match] = []
    last, used = 0, set()
    for item in new:
        best = None
        for index in range(last, min(len(old), last + WINDOW)):
            match = _match(old[index], item, tolerance)
            if not is_wrong(match, tolerance):
                best = (index, match)
                break
        if best is None:
            # Held against what stands in its place, so that the difference can be shown.
            place = min(last + (last in used), len(old) - 1)
            return [*matches, _match(old[place], item, tolerance)], [
                f"evaluated {len(old)} times on the old side, {len(new)} on the new"
            ]
        last, match = best
        used.add(last)
        matches.append(match)
    left = len(old) - len(used)
    return matches, [f"{left} of {len(old)} old tensors have no counterpart"] if left else []


def _in_any_order(old: list[Item], new: list[Item], tolerance: Tolerance) -> list[Match] | None:
    free = list(old)
    matches = []
    for item in new:
        for index, candidate in enumerate(free[:WINDOW]):
            match = _match(candidate, item, tolerance)
            if not is_wrong(match, tolerance):
                matches.append(match)
                del free[index]
                break
        else:
            return None
    return matches


def _match(old: Item, new: Item, tolerance: Tolerance) -> Match:
    a, b = old.value, new.value
    if "not computed" in (a.kind, b.kind):
        return Match(old, new, None)
    if a.kind != b.kind or a.kind == "object":
        return Match(old, new, None, "" if a.kind == b.kind else _structure(a, b))
    if a.kind == "none":
        return Match(old, new, None)
    if (a.dtype, a.shape) != (b.dtype, b.shape):
        return Match(old, new, None, _structure(a, b))
    return Match(old, new, value_error(a, b, tolerance.atol))


def _structure(old: Value, new: Value) -> str:
    return f"old is {old.text}, new is {new.text}"


def value_error(old: Value, new: Value, atol: float = 0.0) -> float:
    """Relative error of one tensor against another of the same dtype and shape.

    ``max|new - old| / max|old|``; differences of at most ``atol`` count as none. Tensors of which
    only a digest was kept are compared by their samples and norms.
    """
    assert old.array is not None
    assert new.array is not None
    if old.digest is None and new.digest is None:
        if atol and _within(old.array, new.array, atol):
            return 0.0
        return relative_error(old.array, new.array)
    if old.digest is not None and new.digest is not None:
        if old.digest.sha1 == new.digest.sha1:
            return 0.0
        if old.digest.finite != new.digest.finite:
            return float("inf")
        norms = relative_error(np.asarray(old.digest.norm), np.asarray(new.digest.norm))
        return max(norms, _sample_error(old.array, new.array, old.digest.largest))
    whole, part = (old, new) if old.digest is None else (new, old)
    assert whole.array is not None
    assert part.array is not None
    assert part.digest is not None
    flat = whole.array.reshape(-1)
    places = np.linspace(0, flat.size - 1, part.array.size).astype(np.int64)
    return _sample_error(part.array, flat[places], part.digest.largest)


def _sample_error(old: Array, new: Array, largest: float) -> float:
    difference = float(np.max(np.abs(wide(new) - wide(old)))) if old.size else 0.0
    if difference == 0.0:
        return 0.0
    return difference / largest if largest else float("inf")


def _within(old: Array, new: Array, atol: float) -> bool:
    with np.errstate(all="ignore"):
        return bool(np.all(np.abs(wide(new) - wide(old)) <= atol))


def wide(array: Array) -> Array:
    """The array in the widest floating type, so that differences are taken exactly."""
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def allowed(dtype: str, tolerance: Tolerance) -> float:
    """The relative error that still counts as equal."""
    return RTOL.get(dtype, 0.0) if tolerance.rtol is None else tolerance.rtol


def is_wrong(match: Match, tolerance: Tolerance) -> bool:
    """Whether two tensors differ in structure, or by more than is allowed."""
    if match.structure:
        return True
    return match.error is not None and match.error > allowed(match.old.value.dtype, tolerance)
