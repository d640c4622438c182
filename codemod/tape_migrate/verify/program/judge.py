"""Compare what two sides recorded of one call. Pure functions over numpy arrays.

Each side's record of a call is a stream of gradient tensors in order of time. Streams of equal
length are compared tensor by tensor. Where the new side evaluates less often (it computes a
gradient only where the program asks for it, a Session also where a fetch happens to need it), each
of its tensors must be equal to one of the old side's, in order. Loop bodies may run their turns in
any order; there each tensor must find its equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tape_migrate.verify.compare import RTOL
from tape_migrate.verify.program.matching import Item, Match, align, allowed, is_wrong, wide
from tape_migrate.verify.program.outcome import MOST_POINTS, Finding, Judged, Tolerance
from tape_migrate.verify.program.pairing import Part
from tape_migrate.verify.program.records import Evaluation, Recorded, Value

SCATTER = 400


def judge(
    old: Recorded,
    new: Recorded,
    old_call: int,
    parts: Sequence[tuple[int, Part]],
    tolerance: Tolerance,
) -> Judged:
    """Compare an old call with the new calls that stand for it: (number, part) each."""
    if not parts:
        return Judged(Finding.UNMATCHED, "no call of the new text stands for it")
    children = _in_children(old, new, old_call, parts)
    missing = _missing(old, new, old_call, parts)
    if missing is not None:
        return _unseen(missing, children, (*old.processes, *new.processes))
    old_evaluations = list(old.evaluations.get(old_call, ()))
    new_evaluations = [e for number, _ in parts for e in new.evaluations.get(number, ())]
    notes = [f"also {children}"] if children else []
    kept_old, kept_new = _asked_for(old_evaluations, new_evaluations)
    only_extra = all(e.extra for e in kept_old) != all(e.extra for e in kept_new)
    old_stream, new_stream = streams(old, new, old_call, parts)
    if bool(old_stream) != bool(new_stream):
        text = "one side returns nothing where the other returns gradients"
        return Judged(Finding.STRUCTURE, text)
    matches, more = align(old_stream, new_stream, tolerance)
    notes += more
    judged = _conclude(matches, tolerance)
    judged = replace(
        judged,
        old_evaluations=len(old_evaluations),
        new_evaluations=len(new_evaluations),
        notes=(*judged.notes, *notes),
    )
    if old.dropped or new.dropped:
        apart = len(old_stream) != len(new_stream) or old.dropped != new.dropped
        if judged.finding is Finding.DIFFERENT and apart:
            sentence = f"there was no room to record every evaluation: {judged.sentence}"
            return replace(judged, finding=Finding.NOT_COMPARABLE, sentence=sentence)
        judged = replace(
            judged, notes=(*judged.notes, "there was no room to record every evaluation")
        )
    if only_extra and judged.finding in (Finding.DIFFERENT, Finding.STRUCTURE):
        sentence = f"only one side's program evaluates it: {judged.sentence}"
        return replace(judged, finding=Finding.NOT_COMPARABLE, sentence=sentence)
    return judged


def _in_children(
    old: Recorded, new: Recorded, old_call: int, parts: Sequence[tuple[int, Part]]
) -> str:
    """That a call ran where nothing is recorded, if so."""
    if old_call in old.in_children or any(number in new.in_children for number, _ in parts):
        return "run in a process that the program starts, where nothing is recorded"
    return ""


def _unseen(missing: Judged, children: str, processes: Sequence[str]) -> Judged:
    """A call without values is not known to be unreached where processes were started."""
    if missing.finding is Finding.NOT_REACHED and children:
        return replace(missing, finding=Finding.NOT_COMPARABLE, sentence=children)
    if missing.finding is Finding.NOT_REACHED and processes:
        more = f"; it starts processes ({processes[0]}), which are not recorded"
        return replace(missing, sentence=missing.sentence + more)
    return missing


def streams(
    old: Recorded, new: Recorded, old_call: int, parts: Sequence[tuple[int, Part]]
) -> tuple[list[Item], list[Item]]:
    """The tensors of both sides, in order, that belong to each other."""
    found = [(part, list(new.evaluations.get(number, ()))) for number, part in parts]
    kept_old, kept_new = _asked_for(
        list(old.evaluations.get(old_call, ())),
        [evaluation for _, group in found for evaluation in group],
    )
    chosen = {number for _, part in parts for number, _ in part.items or ()}
    old_stream = _stream(kept_old, sorted(chosen) if chosen else None)
    counted = {id(evaluation) for evaluation in kept_new}
    new_stream: list[Item] = []
    for part, group in found:
        wanted = None if part.items is None else [n for _, n in sorted(part.items)]
        new_stream += _stream([e for e in group if id(e) in counted], wanted)
    return old_stream, new_stream


def _missing(
    old: Recorded, new: Recorded, old_call: int, parts: Sequence[tuple[int, Part]]
) -> Judged | None:
    """The verdict where a side recorded no value."""
    built = [
        old.built.get(old_call, []),
        [items for number, _ in parts for items in new.built.get(number, [])],
    ]
    had = [
        bool(old.evaluations.get(old_call)),
        any(new.evaluations.get(number) for number, _ in parts),
    ]
    if old_call in old.vectorised or any(number in new.vectorised for number, _ in parts):
        return Judged(
            Finding.NOT_COMPARABLE, "in a body of tf.vectorized_map, no turn of which can be seen"
        )
    if all(had):
        return None
    if not built[0] and not built[1]:
        return Judged(Finding.NOT_REACHED, "the program never comes here")
    if not built[0] or not built[1]:
        said = old.raised.get(old_call) or next(
            (new.raised[number] for number, _ in parts if number in new.raised), None
        )
        side, other = ("old", "new") if built[0] else ("new", "old")
        if said is not None:
            first = said.splitlines()[0] if said else ""
            return Judged(Finding.SIDE_FAILED, f"the call raised on the {other} side: {first}")
        return Judged(
            Finding.NOT_COMPARABLE, f"the {side} program comes here, the {other} one does not"
        )
    nothing = [all(item is None for items in side for item in items) for side in built]
    if all(nothing):
        return Judged(Finding.VACUOUS, "every gradient is None on both sides")
    if any(nothing):
        which = ("old", "new") if nothing[0] else ("new", "old")
        return Judged(
            Finding.STRUCTURE, f"None on the {which[0]} side, a tensor on the {which[1]} side"
        )
    sides = " and ".join(name for name, has in zip(("old", "new"), had, strict=True) if not has)
    if not any(had):
        return Judged(Finding.NOT_REACHED, "built, but no run of the program could evaluate it")
    return Judged(Finding.NOT_COMPARABLE, f"never evaluated on the {sides} side")


def _asked_for(
    old: list[Evaluation], new: list[Evaluation]
) -> tuple[list[Evaluation], list[Evaluation]]:
    """Drop evaluations that only the recorder asked for, where the program's own suffice."""
    own = [[e for e in side if not e.extra] for side in (old, new)]
    if all(own):
        return own[0], own[1]
    return own[0] or old, own[1] or new


def _stream(evaluations: list[Evaluation], wanted: list[int] | None) -> list[Item]:
    items = []
    for number, evaluation in enumerate(evaluations):
        places = range(len(evaluation.values)) if wanted is None else wanted
        for place in places:
            if place >= len(evaluation.values) or place < -len(evaluation.values):
                continue
            items.append(Item(evaluation.values[place], number, evaluation.kind))
    return items


def _conclude(matches: list[Match], tolerance: Tolerance) -> Judged:
    compared = [match for match in matches if match.error is not None]
    errors = [match.error for match in compared if match.error is not None]
    shapes = tuple(dict.fromkeys(m.old.value.text for m in matches if m.old.value.kind != "none"))
    base = Judged(
        Finding.EQUAL,
        "",
        worst=max(errors, default=None),
        bit_equal=all(error == 0.0 for error in errors),
        compared=len(compared),
        shapes=shapes,
        errors=tuple(errors[:MOST_POINTS]),
        scatter=_scatter(compared),
    )
    for match in matches:
        where = f"evaluation {match.new.evaluation + 1}"
        if match.structure:
            return replace(base, finding=Finding.STRUCTURE, sentence=f"{where}: {match.structure}")
        if is_wrong(match, tolerance):
            limit = allowed(match.old.value.dtype, tolerance)
            return replace(
                base,
                finding=Finding.DIFFERENT,
                sentence=f"{where}: relative error {match.error:.2g}, allowed {limit:.0e}",
                excerpt=_excerpt(match),
            )
    return _worth(base, matches, compared)


def _worth(base: Judged, matches: list[Match], compared: list[Match]) -> Judged:
    """Whether equal values prove anything."""
    floats = [m for m in compared if m.old.value.dtype in RTOL]
    if not floats:
        text = "no floating-point gradient was compared"
        if any(m.old.value.kind == "none" for m in matches):
            text = "every gradient is None on both sides"
        return replace(base, finding=Finding.VACUOUS, sentence=text)
    finite = [m for m in floats if _finite(m.old.value)]
    if not finite:
        return replace(
            base, finding=Finding.VACUOUS, sentence="NaN or infinity at every evaluation"
        )
    telling = [m for m in finite if _any(m.old.value)]
    if not telling:
        return replace(
            base, finding=Finding.BOTH_ZERO, sentence="zero on both sides at every evaluation"
        )
    notes = []
    if len(finite) < len(floats):
        notes.append(f"{len(floats) - len(finite)} of {len(floats)} tensors hold NaN or infinity")
    if len(telling) < len(finite):
        notes.append(f"{len(finite) - len(telling)} of {len(floats)} tensors are zero")
    nones = sum(1 for m in matches if m.old.value.kind == "none")
    if nones:
        notes.append(f"None on both sides {nones} times")
    if any(m.old.value.digest is not None for m in compared):
        notes.append("large gradients compared by digest, norm and a sample of entries")
    how = "bit-equal" if base.bit_equal else f"worst relative error {base.worst:.1e}"
    return replace(base, sentence=how, notes=tuple(notes))


def _finite(value: Value) -> bool:
    if value.digest is not None:
        return value.digest.finite
    assert value.array is not None
    return bool(np.isfinite(wide(value.array)).all())


def _any(value: Value) -> bool:
    if value.digest is not None:
        return value.digest.largest > 0
    assert value.array is not None
    return bool(wide(value.array).any())


def _scatter(compared: list[Match]) -> tuple[tuple[float, float], ...]:
    """Entries of old and new tensors, at places spread over all evaluations."""
    points: list[tuple[float, float]] = []
    if not compared:
        return ()
    step = max(1, len(compared) // SCATTER)
    chosen = compared[::step]
    each = max(1, SCATTER // len(chosen))
    for match in chosen:
        a, b = match.old.value, match.new.value
        assert a.array is not None
        assert b.array is not None
        if a.array.shape != b.array.shape or a.array.dtype.kind not in "fiu" or not a.array.size:
            continue
        one, two = a.array.reshape(-1), b.array.reshape(-1)
        places = np.linspace(0, one.size - 1, min(each, one.size)).astype(np.int64)
        pairs = zip(one[places].tolist(), two[places].tolist(), strict=True)
        points += [(float(x), float(y)) for x, y in pairs if np.isfinite(x) and np.isfinite(y)]
    return tuple(points[: 2 * SCATTER])


def _excerpt(match: Match) -> str:
    a, b = match.old.value.array, match.new.value.array
    assert a is not None
    assert b is not None
    if a.shape != b.shape:
        return ""
    one, two = a.reshape(-1), b.reshape(-1)
    with np.errstate(all="ignore"):
        apart = np.nan_to_num(np.abs(wide(two) - wide(one)), nan=np.inf)
    place = int(np.argmax(apart)) if one.size else 0
    start = max(0, min(place - 2, one.size - 5))
    rows = [
        f"entry {index}: old {one[index]:.8g}, new {two[index]:.8g}"
        for index in range(start, min(start + 5, one.size))
    ]
    return "\n".join(rows)
