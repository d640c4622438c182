"""All fixtures as one project: a folder of modules, and a program that calls each of them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tape_migrate.model import Options
from tape_migrate.verify import Case, load_case
from tape_migrate.verify.inputs import Input, Literal, Nested, TensorSpec, draw
from tests.fixture_cases import FIXTURES, all_cases

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DRIVER = """
import contextlib
import importlib
import inspect
import os
import sys
import traceback

import numpy as np
import tensorflow as tf

CALLS = {calls!r}
PROJECTS = {projects!r}
ARRAYS = np.load(os.path.join(os.path.dirname(os.path.abspath(__file__)), "arrays.npz"))


def given(what):
    kind, value = what[0], what[1]
    if kind == "value":
        return value
    if kind == "list":
        return [given(item) for item in value]
    if kind == "tuple":
        return tuple(given(item) for item in value)
    if kind == "dict":
        return {{key: given(item) for key, item in value.items()}}
    array = ARRAYS[value]
    if what[2] == "bfloat16":
        return tf.cast(tf.constant(array), "bfloat16")
    return {{"tensor": tf.constant, "variable": tf.Variable, "numpy": np.array}}[kind](array)


def entry_of(module, entry):
    owner, _, method = entry.rpartition(".")
    cls = getattr(module, owner, None) if owner.isidentifier() else None
    if inspect.isclass(cls):
        if not isinstance(inspect.getattr_static(cls, method), (staticmethod, classmethod)):
            return getattr(cls(), method)
    return eval(entry, module.__dict__)


for name, entry, arguments, symbolic, convert in CALLS:
    # A graph of its own for each: what is in one graph grows with every case.
    alone = symbolic or not tf.executing_eagerly()
    with tf.Graph().as_default() if alone else contextlib.ExitStack():
        try:
            module = importlib.import_module("cases." + name)
            if entry is not None:
                function = entry_of(module, entry)
                if convert and not tf.executing_eagerly():
                    bound = getattr(function, "__self__", None)
                    plain = tf.autograph.to_graph(getattr(function, "__func__", function))
                    function = plain if bound is None else plain.__get__(bound)
                function(**{{key: given(what) for key, what in arguments}})
        except Exception:
            print("failed", name)
            traceback.print_exc()

for name, symbolic in PROJECTS:
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "projects", name)
    for known in [n for n, m in sys.modules.items() if "projects" in str(m)]:
        del sys.modules[known]
    sys.path.insert(0, folder)
    with tf.Graph().as_default() if symbolic else contextlib.ExitStack():
        importlib.import_module("main").run(tf.constant(np.linspace(0.5, 1.5, 5), tf.float32))
    del sys.path[0]
"""


def chosen(modes: Sequence[str] = ("graph", "autograph", "auto")) -> list[tuple[str, Case]]:
    """Migrated cases whose old side runs in one of these modes, by module name.

    The program is closed: nothing outside it calls the functions of the cases.
    """
    found = []
    for case in all_cases():
        options = replace(case.options, assume_closed=False)
        if not case.changes or case.not_run is not None or options != Options():
            continue
        if case.outcome == "mixed":
            continue  # what is left alone needs a graph, and would take the whole program there
        if case.name == "local/branch_before_minimize":
            continue  # so does the minimize of a tensor
        loaded = load_case(FIXTURES / case.name)
        if loaded.old_mode in modes:
            found.append((case.name.replace("/", "_").replace("-", "_"), loaded))
    return found


def projects() -> list[tuple[str, bool]]:
    """The cases of several files that change: (name, runs in a graph only)."""
    found = []
    for path in sorted((FIXTURES / "projects").glob("*/project.toml")):
        settings = tomllib.loads(path.read_text("utf-8"))
        if path.parent.name == "helper_chain":
            continue  # two gradients of gradients in one sum: their calls come in another order
        if settings["changed"] and settings["modes"] != ["keras"]:
            found.append((path.parent.name, settings["modes"] == ["graph"]))
    return found


def write_project(
    folder: Path,
    cases: Sequence[tuple[str, Case]],
    several: Sequence[tuple[str, bool]] = (),
) -> None:
    """Write ``cases/NAME.py``, ``driver.py`` and the arrays that it hands to the functions.

    Of cases of several files each gets a folder below ``projects``.
    """
    for name, _ in several:
        shutil.copytree(FIXTURES / "projects" / name / "before", folder / "projects" / name)
    arrays: dict[str, Any] = {}
    calls = []
    (folder / "cases").mkdir(parents=True)
    (folder / "cases" / "__init__.py").write_bytes(b"")
    for name, case in cases:
        source = case.before if isinstance(case.before, bytes) else case.before.encode()
        (folder / "cases" / f"{name}.py").write_bytes(source)
        arguments = [
            (key, _spell(value, key, f"{name}:{key}", case.seeds[0], arrays))
            for key, value in case.inputs
        ]
        convert = case.old_mode != "graph"
        calls.append((name, case.entry, arguments, case.modes == ("graph",), convert))
    np.savez(folder / "arrays.npz", **arrays)
    (folder / "driver.py").write_text(
        DRIVER.format(calls=calls, projects=list(several)), encoding="utf-8"
    )


def _spell(value: Input, name: str, key: str, seed: int, arrays: dict[str, Any]) -> Any:
    if isinstance(value, Literal):
        return ("value", value.value)
    if isinstance(value, TensorSpec):
        arrays[key] = draw(value, name, seed)
        return (value.role, key, value.dtype)
    assert isinstance(value, Nested)
    parts = [_spell(item, name, f"{key}.{n}", seed, arrays) for n, item in enumerate(value.items)]
    if value.kind == "dict":
        return ("dict", dict(zip(value.keys, parts, strict=True)))
    return (value.kind, parts)
