"""Which new calls stand for which old one.

A migrated site is known by the lines that it takes up in the new file; a hand migration only by
the function. Within these, the names that results go to decide (so that two gradients that were
swapped are held against each other as the program will use them), then the texts of target and
sources, then the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tape_migrate.verify.program.calls import Call


@dataclass(frozen=True)
class Part:
    """Items of one new call: all of them in order, or a selection (old item, new item)."""

    call: int
    """Index among the new calls."""
    items: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True)
class Pair:
    """An old call and what stands for it now; no part if nothing was found."""

    old: int
    parts: tuple[Part, ...] = ()


def pair(
    old: Sequence[Call],
    new: Sequence[Call],
    spans: Sequence[tuple[int, int] | None],
    functions: frozenset[str] = frozenset(),
) -> list[Pair]:
    """Match old calls to new ones; ``spans`` are the lines of each old call's replacement.

    Without a span, a new call in a function that the old text has too (``functions``) stands for
    a call of that function only.

    One new call may stand for several old ones (``u_t, u_x = tape.gradient(u, [t, x])``).
    """
    taken: dict[int, int] = {}
    pairs: list[Pair] = [Pair(number) for number in range(len(old))]
    order = sorted(range(len(old)), key=lambda i: -_best(old[i], new, spans[i], functions))
    for number in order:
        call, span = old[number], spans[number]
        ranked: list[tuple[float, int]] = []
        for index, candidate in enumerate(new):
            score = _score(call, candidate, span, functions)
            if score is None:
                continue
            if taken.get(index) and not _shares(call, candidate):
                continue
            # Of two that look alike the one in the same place of the order.
            rank = _rank(old, number, call) - _rank(new, index, candidate)
            ranked.append((score - abs(rank) * 0.01 - 0.5 * taken.get(index, 0), index))
        if not ranked:
            continue
        _, index = max(ranked, key=lambda entry: (entry[0], -entry[1]))
        taken[index] = taken.get(index, 0) + 1
        pairs[number] = Pair(number, (Part(index, _items(call, new[index])),))
    return pairs


def leftover(new: Sequence[Call], pairs: Sequence[Pair]) -> list[int]:
    """New calls that stand for no old one."""
    used = {part.call for item in pairs for part in item.parts}
    return [index for index in range(len(new)) if index not in used]


def _best(
    call: Call, new: Sequence[Call], span: tuple[int, int] | None, functions: frozenset[str]
) -> float:
    scores = [_score(call, candidate, span, functions) for candidate in new]
    return max((score for score in scores if score is not None), default=0.0)


def _rank(calls: Sequence[Call], index: int, call: Call) -> int:
    return sum(1 for other in calls[:index] if other.function == call.function)


def _score(
    old: Call, new: Call, span: tuple[int, int] | None, functions: frozenset[str]
) -> float | None:
    """How well a new call fits, or None if it cannot be the one."""
    score = 0.0
    if span is not None:
        if not span[0] <= new.line <= span[1]:
            return None
        # A replacement ends with the call itself.
        score += 4.0 * (new.last_line == span[1])
    elif old.function == new.function:
        score += 8.0
    elif new.function in functions:
        return None
    elif old.function.rpartition(".")[2] == new.function.rpartition(".")[2]:
        score += 4.0
    elif not new.function.startswith(old.function + "."):
        # Taken out into a function of its own at most.
        score -= 4.0
    if _common_names(old, new):
        score += 40.0
    if (old.method == "hessians") == (new.method == "jacobian"):
        score += 20.0
    if old.target and old.target == new.target:
        score += 10.0
    if old.sources:
        if old.sources == new.sources:
            score += 6.0
        elif set(old.sources) <= set(new.sources):
            score += 3.0
    return score


def _common_names(old: Call, new: Call) -> list[tuple[int | None, int | None]]:
    return [
        (item, other)
        for item, name in old.names
        for other, name2 in new.names
        if name == name2 and name != "_"
    ]


def _shares(old: Call, new: Call) -> bool:
    """Whether a new call that stands for another old one may stand for this one too."""
    common = _common_names(old, new)
    if any(other is not None for _, other in common):
        return True
    return (
        bool(old.sources)
        and len(new.sources) > len(old.sources)
        and (set(old.sources) <= set(new.sources))
    )


def _items(old: Call, new: Call) -> tuple[tuple[int, int], ...] | None:
    """Which items of the new result are the old ones; None for all, in order."""
    if new.method != "gradient":
        return None
    common = _common_names(old, new)
    chosen = []
    for item, other in common:
        if item is None and other is None:
            return None
        chosen.append((item or 0, other or 0))
    if chosen:
        return tuple(chosen)
    if len(new.sources) > len(old.sources) >= 1 and set(old.sources) <= set(new.sources):
        return tuple((n, new.sources.index(text)) for n, text in enumerate(old.sources))
    return None
