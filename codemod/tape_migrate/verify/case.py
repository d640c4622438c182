"""A case: one program before and after its migration, and how to run both."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tape_migrate.verify.inputs import Input, InputError, parse_input

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

OLD_MODES = ("graph", "autograph", "auto", "v1", "keras-2")
MODES = ("eager", "tf.function", "graph")
KERAS_MODES = ("eager", "eager, Keras 2")
"""How the new side of a Keras graph is run: on the Keras that TensorFlow has, and on Keras 2."""
OUTCOMES = ("migrated", "mixed", "refused", "skipped", "untouched")

_KEYS: dict[str, type | tuple[type, ...]] = {
    "description": str,
    "entry": str,
    "outputs": list,
    "outcome": str,
    "outcomes": list,
    "codes": list,
    "shape": str,
    "expect": dict,
    "old_mode": str,
    "inputs": dict,
    "options": dict,
    "allow_zero": bool,
    "allow_none": bool,
    "reason": str,
    "seeds": list,
    "finite_differences": dict,
    "tf_function": str,
    "not_run": str,
    "modes": list,
}
_DIFFERENCE_KEYS = {"target", "source", "gradient", "skip"}


class CaseError(ValueError):
    """A case that cannot be read; the message names the file and the fault."""


@dataclass(frozen=True)
class Differences:
    """What the finite-difference check needs to know, or why it does not apply.

    ``target`` is a Python expression, evaluated in the module, for a callable that returns the
    value differentiated (summed if not scalar); ``source`` the argument or module variable to
    vary; ``gradient`` an index path into the entry's result (``[0]``) or, for a module-level
    program, an expression (``g[0]``). ``skip`` is the reason where the check is meaningless.
    """

    target: str = ""
    source: str = ""
    gradient: str = ""
    skip: str | None = None


@dataclass(frozen=True)
class Case:
    """One program to prove.

    ``entry`` is a Python expression for the function to call (``net_f``, ``Net().net_f``), or
    None for a module-level program, whose ``outputs`` are then read by name. ``old_mode`` says
    how the old side runs: ``graph`` in a ``tf.Graph`` with a Session, ``autograph`` the same with
    the old code AutoGraph-converted, ``auto`` the first and, if it fails on Python control flow,
    the second (``v1`` for a source that calls ``disable_v2_behavior``), ``v1`` a graph with all
    TensorFlow 2 behaviour off, where ``import tensorflow`` means ``tensorflow.compat.v1`` unless
    the source speaks of ``compat.v1`` itself, ``keras-2`` a graph on Keras 2, which is also
    what ``import keras`` means there.
    """

    name: str
    before: bytes | str
    after: bytes | str | None
    """None where nothing was migrated (a refusal): then there is nothing to compare."""
    entry: str | None = None
    outputs: tuple[str, ...] = ()
    inputs: tuple[tuple[str, Input], ...] = ()
    expect: tuple[tuple[str, Any], ...] = ()
    """Known values by output name; for an entry, by index path (``[0]``) or ``result``."""
    old_mode: str = "graph"
    seeds: tuple[int, ...] = (0,)
    description: str = ""
    allow_zero: str | None = None
    """Why all-zero gradients are the right answer here, or None if they prove nothing."""
    allow_none: str | None = None
    """Why a result of nothing but None is the right answer here."""
    modes: tuple[str, ...] = MODES
    """How the new code is run; ``("graph",)`` where a Session remains."""
    skip_function: str | None = None
    """Why the new code is not to be run under ``tf.function``."""
    differences: Differences | None = None
    path: str = "case.py"
    not_run: str | None = None
    """Why this case is text only."""
    package: str = ""
    """Dotted package of the module, for its relative imports."""
    sys_path: tuple[str, ...] = ()


def load_case(folder: Path) -> Case:
    """Read ``before.py``, ``after.py`` and ``case.toml`` from a folder.

    Where the case's outcome is ``migrated`` or ``mixed`` (some calls are, ``outcomes`` says which)
    and there is no ``after.py``, the migration is made now. Raises ``CaseError`` for a missing
    file, an unknown key or a value of the wrong type.
    """
    toml = folder / "case.toml"
    try:
        data = tomllib.loads(toml.read_text(encoding="utf-8"))
        before = (folder / "before.py").read_bytes()
    except FileNotFoundError as error:
        raise CaseError(f"{error.filename}: no such file") from None
    except tomllib.TOMLDecodeError as error:
        raise CaseError(f"{toml}: {error}") from None
    _check_keys(toml, data)
    options = data.get("options", {})
    after_path = folder / "after.py"
    after: bytes | None = None
    if after_path.exists():
        after = after_path.read_bytes()
    elif data.get("outcome", "migrated") in ("migrated", "mixed"):
        after, _ = migrated(before, options)
    inputs: list[tuple[str, Input]] = []
    for name, value in data.get("inputs", {}).items():
        try:
            inputs.append((name, parse_input(value)))
        except InputError as error:
            raise CaseError(f"{toml}: input {name}: {error}") from None
    reason = data.get("reason")
    return Case(
        name=f"{folder.parent.name}/{folder.name}",
        before=before,
        after=after,
        entry=data.get("entry"),
        outputs=tuple(data.get("outputs", ())),
        inputs=tuple(inputs),
        expect=tuple(data.get("expect", {}).items()),
        old_mode=data.get("old_mode", "graph"),
        seeds=tuple(data.get("seeds", (0,))),
        description=data.get("description", ""),
        allow_zero=reason if data.get("allow_zero") else None,
        allow_none=reason if data.get("allow_none") else None,
        modes=tuple(data.get("modes", _default_modes(data))),
        skip_function=data.get("tf_function"),
        differences=_differences(toml, data),
        path=str(folder / "before.py"),
        not_run=data.get("not_run"),
    )


def _default_modes(data: dict[str, Any]) -> tuple[str, ...]:
    return KERAS_MODES if data.get("old_mode") == "keras-2" else MODES


def migrated(before: bytes, options: dict[str, Any] | None = None) -> tuple[bytes | None, str]:
    """What the engine makes of a source, or None if it changes nothing; and what it left alone."""
    from tape_migrate.api import migrate_source  # noqa: PLC0415
    from tape_migrate.model import Options, Outcome, TfFunction  # noqa: PLC0415

    given = options or {}
    chosen = Options(
        tf_function=TfFunction(given.get("tf_function", "auto")),
        assume_closed=bool(given.get("assume_closed", False)),
    )
    migration = migrate_source(before, chosen)
    left = "; ".join(
        f"line {result.site.line}: {result.code} {result.message}"
        for result in migration.sites
        if result.outcome is not Outcome.MIGRATED
    )
    return migration.new if migration.changed else None, left or "no gradient call found"


def _check_keys(toml: Path, data: dict[str, Any]) -> None:
    unknown = sorted(set(data) - set(_KEYS))
    if unknown:
        known = ", ".join(sorted(_KEYS))
        raise CaseError(f"{toml}: unknown key {unknown[0]!r}; known are {known}")
    for key, value in data.items():
        if not isinstance(value, _KEYS[key]):
            raise CaseError(f"{toml}: {key} has the wrong type ({type(value).__name__})")
    outcome = data.get("outcome", "migrated")
    if outcome not in OUTCOMES:
        raise CaseError(f"{toml}: outcome {outcome!r} is none of {', '.join(OUTCOMES)}")
    if data.get("old_mode", "graph") not in OLD_MODES:
        raise CaseError(f"{toml}: old_mode {data['old_mode']!r} is none of {', '.join(OLD_MODES)}")
    known_modes = (*MODES, *KERAS_MODES[1:])
    if not set(data.get("modes", MODES)) <= set(known_modes) or data.get("modes") == []:
        raise CaseError(f"{toml}: modes are some of {', '.join(known_modes)}")
    if "entry" in data and "outputs" in data:
        raise CaseError(f"{toml}: give entry (a function to call) or outputs (names), not both")
    if (data.get("allow_zero") or data.get("allow_none")) and not data.get("reason"):
        raise CaseError(f"{toml}: allow_zero and allow_none need a reason")


def _differences(toml: Path, data: dict[str, Any]) -> Differences | None:
    table = data.get("finite_differences")
    if table is None:
        return None
    unknown = sorted(set(table) - _DIFFERENCE_KEYS)
    if unknown:
        raise CaseError(f"{toml}: finite_differences: unknown key {unknown[0]!r}")
    if "skip" not in table:
        for key in ("target", "source"):
            if key not in table:
                raise CaseError(f"{toml}: finite_differences needs {key} (or skip, with a reason)")
    return Differences(
        table.get("target", ""),
        table.get("source", ""),
        table.get("gradient", ""),
        table.get("skip"),
    )
