"""Are two results equal? Pure functions over numpy arrays; nothing here runs TensorFlow.

Tolerances are per tensor and normwise, ``max|new-old| <= rtol * max|old|``, because single
entries near zero carry rounding errors of their larger neighbours. ``rtol`` is by dtype, one
order of magnitude above what equal programs were measured to differ by; wrong migrations differ
by three orders more. Bit-equality is reported and never required.
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tape_migrate.verify.results import (
    Array,
    Leaf,
    Node,
    Opaque,
    RunResult,
    Scalar,
    Slices,
    Tree,
    describe,
    leaves,
)

RTOL = {
    "float64": 1e-10,
    "complex128": 1e-10,
    "float32": 2e-5,
    "complex64": 2e-5,
    "float16": 5e-3,
    "bfloat16": 4e-2,
}
ARBITRATION_FACTOR = 8.0
"""How far apart the two float32 errors against float64 may lie and still count as rounding."""


class Verdict(enum.Enum):
    """What the evidence says, best first."""

    EQUAL = "equal"
    NOT_RUN = "not run"
    VACUOUS = "vacuous"
    DIFFERENT = "different"
    STRUCTURE_DIFFERS = "structure differs"
    FAILED = "failed"


@dataclass(frozen=True)
class Comparison:
    """One comparison of a new result against an old one.

    ``worst`` is the largest relative error over all tensors (None where nothing was compared),
    ``tensors`` how many floating-point tensors were compared, ``notes`` what else should be said.
    """

    verdict: Verdict
    sentence: str
    worst: float | None = None
    bit_equal: bool | None = None
    tensors: int = 0
    notes: tuple[str, ...] = ()


def compare(
    old: RunResult,
    new: RunResult,
    *,
    in_function: bool = False,
    allow_zero: bool = False,
    allow_none: bool = False,
) -> Comparison:
    """Compare two runs: errors, structure, Nones, shapes, dtypes, values, and whether they say
    anything at all.

    `in_function` accepts a tensor where the old side has a Python number, which is what
    ``tf.function`` makes of one. `allow_zero` and `allow_none` accept results that are all zero
    or all None, which otherwise prove nothing.
    """
    for side, run in (("old", old), ("new", new)):
        if run.not_run is not None:
            return Comparison(Verdict.NOT_RUN, f"{side} side not run: {run.not_run}")
    for side, run in (("old", old), ("new", new)):
        if run.error is not None:
            return Comparison(Verdict.FAILED, f"the {side} code raised {run.error.sentence}")
    difference = structure_difference(old.value, new.value, in_function=in_function)
    if difference is not None:
        return Comparison(Verdict.STRUCTURE_DIFFERS, difference)
    compared = _compare_values(old.value, new.value)
    if compared.verdict is not Verdict.EQUAL:
        return compared
    empty = vacuous(old.value, allow_zero=allow_zero, allow_none=allow_none)
    if empty is not None:
        return replace(compared, verdict=Verdict.VACUOUS, sentence=empty)
    return replace(compared, notes=_notes(old.value, new.value))


def structure_difference(
    old: Node, new: Node, path: str = "result", *, in_function: bool = False
) -> str | None:
    """The first difference in structure, None-ness, shape or dtype, as a sentence, or None."""
    if isinstance(old, Tree) and isinstance(new, Tree):
        same = (old.kind, old.name, len(old.items)) == (new.kind, new.name, len(new.items))
        if not same:
            return f"{path}: old is a {describe(old)}, new is a {describe(new)}"
        if sorted(old.keys) != sorted(new.keys):
            return f"{path}: old has keys {list(old.keys)}, new has {list(new.keys)}"
        for number, item in enumerate(old.items):
            label = repr(old.keys[number]) if old.keys else str(number)
            where = new.keys.index(old.keys[number]) if old.keys else number
            inner = structure_difference(
                item, new.items[where], f"{path}[{label}]", in_function=in_function
            )
            if inner is not None:
                return inner
        return None
    if in_function and isinstance(old, Scalar) and isinstance(new, Leaf) and not new.shape:
        return None
    if type(old) is not type(new):
        return f"{path}: old is {describe(old)}, new is {describe(new)}"
    if isinstance(old, Slices) and isinstance(new, Slices):
        if (old.dense is None) != (new.dense is None):
            return f"{path}: only one side's IndexedSlices knows its dense shape"
        pairs = [(old.dense, new.dense)] if old.dense else [(old.values, new.values)]
        for one, other in pairs:
            inner = structure_difference(one, other, path)
            if inner is not None:
                return inner
        return None
    if isinstance(old, Leaf) and isinstance(new, Leaf):
        if (old.dtype, old.shape) != (new.dtype, new.shape):
            return f"{path}: old is {describe(old)}, new is {describe(new)}"
    elif isinstance(old, Scalar | Opaque):
        assert isinstance(new, Scalar | Opaque)
        if old.type != new.type:
            return f"{path}: old is {describe(old)}, new is {describe(new)}"
    return None


def relative_error(reference: Array, other: Array) -> float:
    """``max|other-reference| / max|reference|``; 0.0 if equal, inf if only the reference is 0.

    NaN and infinities count as equal to themselves in the same place, and as infinitely wrong
    anywhere else.
    """
    reference, other = _wide(reference), _wide(other)
    with np.errstate(all="ignore"):
        same = (reference == other) | (np.isnan(reference) & np.isnan(other))
        if same.all():
            return 0.0
        if not (np.isfinite(reference[~same]).all() and np.isfinite(other[~same]).all()):
            return float("inf")
        finite = reference[np.isfinite(reference)]
        scale = float(np.max(np.abs(finite))) if finite.size else 0.0
        error = float(np.max(np.abs(other[~same] - reference[~same])))
    return error / scale if scale else float("inf")


def vacuous(node: Node, *, allow_zero: bool = False, allow_none: bool = False) -> str | None:
    """Why a result proves nothing, or None if it does prove something.

    One NaN or infinity makes the whole result worthless: such an input is badly chosen.
    """
    found = list(leaves(node))
    floats = [(path, leaf) for path, leaf in _float_leaves(found)]
    for path, leaf in floats:
        if not np.isfinite(_wide(leaf.array)).all():
            return f"{path} holds NaN or infinity: choose other inputs"
    if not floats:
        if found and all(leaf is None for _, leaf in found):
            return None if allow_none else "every gradient is None on both sides"
        if allow_none and any(leaf is None for _, leaf in found):
            return None
        return "the result holds no floating-point tensor, so no gradient was compared"
    if all(not _wide(leaf.array).any() for _, leaf in floats):
        return None if allow_zero else "every gradient is zero on both sides"
    return None


def arbitrate(old: RunResult, new: RunResult, old64: RunResult, new64: RunResult) -> str | None:
    """Decide whether a difference beyond the tolerance is rounding, by a float64 run of both.

    Returns the sentence that excuses it, or None: either float64 disagrees too, or one side's
    error against float64 is more than 8 times the other's, or float64 could not be run, or no
    value is beyond its tolerance (then the difference is of another kind).
    """
    wide = compare(old64, new64, allow_zero=True, allow_none=True)
    if wide.verdict is not Verdict.EQUAL:
        return None
    groups = [dict(_float_leaves(list(leaves(run.value)))) for run in (old, new, old64, new64)]
    if any(list(group) != list(groups[0]) for group in groups):
        return None
    worst = None
    for path in groups[0]:
        one, other, exact, _ = (group[path].array for group in groups)
        if relative_error(one, other) <= RTOL[groups[0][path].dtype]:
            continue
        errors = sorted((relative_error(exact, one), relative_error(exact, other)))
        if not np.isfinite(errors[1]) or errors[1] > ARBITRATION_FACTOR * errors[0]:
            return None
        worst = max(worst or 0.0, errors[1])
    if worst is None:
        return None
    return (
        f"rounding only: in float64 both sides agree to {wide.worst:.1e}, "
        f"and both are within {worst:.1e} of it"
    )


def unexpected(node: Node, expect: Iterable[tuple[str, Any]]) -> str | None:
    """The first known value that a result misses, as a sentence, or None.

    Keys are output names, index paths (``[0]``) or ``result``; ``"None"`` stands for None.
    """
    for key, value in expect:
        try:
            got = _at(node, key)
        except (ValueError, IndexError, TypeError, SyntaxError):
            return f"expected a value for {key}, but the result has none"
        problem = _mismatch(got, value, key)
        if problem is not None:
            return problem
    return None


def _mismatch(got: Node, value: Any, path: str) -> str | None:
    wrong = f"{path}: expected {value!r}, got {describe(got)}"
    if value == "None" or got is None:
        return None if value == "None" and got is None else wrong
    if isinstance(got, Tree):
        if not isinstance(value, list) or len(value) != len(got.items):
            return wrong
        pairs = enumerate(zip(got.items, value, strict=True))
        found = (_mismatch(item, part, f"{path}[{i}]") for i, (item, part) in pairs)
        return next((problem for problem in found if problem is not None), None)
    if isinstance(got, Scalar):
        return None if got.text == repr(value) else wrong
    leaf = got.dense or got.values if isinstance(got, Slices) else got
    if not isinstance(leaf, Leaf):
        return wrong
    known = np.asarray(value)
    if known.shape != leaf.shape:
        return f"{path}: expected shape {list(known.shape)}, got {describe(leaf)}"
    if relative_error(known, leaf.array) > RTOL.get(leaf.dtype, 0.0):
        return f"{path}: expected {value!r}, got {leaf.array.tolist()!r}"
    return None


def _at(node: Node, key: str) -> Node:
    if key == "result":
        return node
    steps: list[Any] = [key]
    if key.startswith("["):
        steps = [ast.literal_eval(part) for part in key.strip("[]").split("][")]
    for step in steps:
        if not isinstance(node, Tree):
            raise TypeError(key)
        node = node.items[node.keys.index(step) if isinstance(step, str) else step]
    return node


def _compare_values(old: Node, new: Node) -> Comparison:
    worst, bit_equal, tensors = 0.0, True, 0
    others = dict(_arrays(leaves(new)))
    for path, leaf in _arrays(leaves(old)):
        other = others[path]
        if leaf.dtype not in RTOL:
            if not np.array_equal(leaf.array, other.array):
                return Comparison(Verdict.DIFFERENT, f"{path}: {describe(leaf)} values differ")
            continue
        tensors += 1
        error = relative_error(leaf.array, other.array)
        bit_equal = bit_equal and _bits(leaf.array) == _bits(other.array)
        worst = max(worst, error)
        if error > RTOL[leaf.dtype]:
            text = f"{path}: relative error {error:.2g}, allowed {RTOL[leaf.dtype]:.0e}"
            return Comparison(Verdict.DIFFERENT, text, worst, False, tensors)
    plain = [dict(leaves(side)) for side in (old, new)]
    for path, value in plain[0].items():
        if isinstance(value, Scalar):
            problem = _scalar_difference(value, plain[1][path], path)
            if problem is not None:
                return Comparison(Verdict.DIFFERENT, problem, worst, False, tensors)
    how = "bit-equal" if bit_equal else f"worst relative error {worst:.1e}"
    return Comparison(Verdict.EQUAL, how, worst if tensors else None, bit_equal, tensors)


def _scalar_difference(old: Scalar, new: Node, path: str) -> str | None:
    if isinstance(new, Scalar):
        if old.text == new.text:
            return None
        # Equal up to float32 rounding: a number read out of a float32 tensor.
        if (
            old.type == "float"
            and relative_error(np.asarray(float(old.text)), np.asarray(float(new.text)))
            <= RTOL["float32"]
        ):
            return None
        return f"{path}: old is {old.text}, new is {new.text}"
    assert isinstance(new, Leaf)
    if old.type == "str":
        same = new.array.tolist() == ast.literal_eval(old.text).encode()
    else:
        known = np.asarray(ast.literal_eval(old.text))
        same = relative_error(known, new.array) <= RTOL["float32"]
    return None if same else f"{path}: old is {old.text}, new is {new.array.tolist()!r}"


def _notes(old: Node, new: Node) -> tuple[str, ...]:
    notes = []
    found = list(leaves(old))
    nones = [path for path, leaf in found if leaf is None]
    zeros = [path for path, leaf in _float_leaves(found) if not _wide(leaf.array).any()]
    if nones:
        notes.append(f"None on both sides: {', '.join(nones)}")
    if zeros:
        notes.append(f"zero on both sides: {', '.join(zeros)}")
    others = dict(leaves(new))
    for path, leaf in found:
        other = others[path]
        if (
            isinstance(leaf, Slices)
            and isinstance(other, Slices)
            and not np.array_equal(leaf.indices.array, other.indices.array)
        ):
            notes.append(f"{path}: the IndexedSlices list other rows for the same dense gradient")
    return tuple(notes)


def _arrays(found: Iterable[tuple[str, Node]]) -> list[tuple[str, Leaf]]:
    """The arrays to compare: leaves, and the dense form of slices where there is one."""
    result = []
    for path, leaf in found:
        if isinstance(leaf, Leaf):
            result.append((path, leaf))
        elif isinstance(leaf, Slices) and leaf.dense is not None:
            result.append((path, leaf.dense))
        elif isinstance(leaf, Slices):
            result += [(f"{path}.values", leaf.values), (f"{path}.indices", leaf.indices)]
    return result


def _float_leaves(found: Iterable[tuple[str, Node]]) -> list[tuple[str, Leaf]]:
    return [(path, leaf) for path, leaf in _arrays(found) if leaf.dtype in RTOL]


def _wide(array: Array) -> Array:
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def _bits(array: Array) -> bytes:
    # -0.0 and 0.0 are the same gradient.
    return (array + np.zeros((), array.dtype)).tobytes()
