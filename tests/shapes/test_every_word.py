"""Every word that the engine has in a table is a name of something: none is misspelled.

Python's own are held against the running Python; the others against a list (``names.txt``, written
by ``--force-regen``), and the list against the names of the real TensorFlow, Keras and what they
take as parameters. ``test_known_words`` says of many tables where each word must be found.
"""

from __future__ import annotations

import ast
import builtins
import collections
import contextlib
import functools
import importlib
import keyword
import os
import re
import subprocess
import sys
import types
import unittest
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import tape_migrate

LISTED = Path(__file__).parent / "test_every_word" / "names.txt"
_OF_SOME = frozenset({"assert_", "call", "failUnlessRaises"})
"""What not every Python has."""
ROOMS = ("edits", "flow", "shapes")
_STANDARD = (
    *("argparse", "bisect", "collections", "contextlib", "copy", "csv", "datetime", "functools"),
    *(
        "glob",
        "heapq",
        "io",
        "itertools",
        "json",
        "logging",
        "operator",
        "pickle",
        "random",
        "threading",
    ),
    *("types", "typing", "weakref"),
)
_TYPES = (list, dict, set, str, float, type, property, np.ndarray, np.random, collections.deque)
_MORE = (unittest.TestCase, contextlib.ExitStack, types.FunctionType, types.CodeType, pytest, np)

GONE = frozenset(
    {
        # Of TensorFlow 1, or of the inside of TensorFlow: no name that can be imported shows them.
        *("AdagradDA", "ProximalAdagrad", "GradientDescent", "ProximalGradientDescent", "Momentum"),
        *("CrossShard", "TransformGraph", "import_scoped_meta_graph", "parallel_for"),
        *("_gradient_override_map", "image_dim_ordering", "_keras_shape", "train_function"),
        # Other libraries, and what is theirs.
        *("PIL", "absl", "gym", "horovod", "matplotlib", "sonnet", "statsmodels", "tensorflow_hub"),
        *("tensorflow_probability", "tf_keras", "tf_slim", "tqdm", "test_context", "assert_raises"),
        # Of numpy, where numpy does not list them or has them no more.
        *("as_strided", "sliding_window_view", "itemset"),
        # Parts of names, and names that are put together of a part and a number of dimensions.
        *("D", "AveragePooling", "Cropping", "Global", "MaxPooling", "Pooling", "UpSampling"),
        *("ZeroPadding", "_pooling", "d_transpose", "crossentropy", "__", "disable_", "enable_"),
        *("non_trainable_", "trainable_", "reduce_", "val_loss", "init_subclass"),
        # The engine's own.
        *("_Flow", "gating", "outside", "TryStar"),
        # Of unittest, until Python 3.12.
        "failUnlessRaises",
    }
)
"""Names of the list that the TensorFlow of these tests does not have."""


def words() -> Iterator[str]:
    """The parts of all texts in what a module of the engine makes when it is imported."""
    home = Path(next(iter(tape_migrate.__path__)))
    for room in ROOMS:
        for path in sorted((home / room).glob("*.py")):
            for stmt in ast.parse(path.read_bytes()).body:
                if isinstance(stmt, (ast.Assign, ast.AnnAssign)) and not _exports(stmt):
                    for node in ast.walk(stmt):
                        if isinstance(node, ast.Constant) and isinstance(node.value, str):
                            if re.fullmatch(r"[\w.]+", node.value):
                                yield from filter(None, node.value.split("."))


def _exports(stmt: ast.Assign | ast.AnnAssign) -> bool:
    target = stmt.targets[0] if isinstance(stmt, ast.Assign) else stmt.target
    return isinstance(target, ast.Name) and target.id == "__all__"


@functools.cache
def of_python() -> frozenset[str]:
    """The names that Python and numpy have."""
    found = {*sys.stdlib_module_names, *dir(builtins), *keyword.kwlist}
    for name in _STANDARD:
        module = importlib.import_module(name)
        found.update(dir(module))
        for kind in vars(module).values():
            found.update(dir(kind) if isinstance(kind, type) else ())
    for home in (*_TYPES, *_MORE):
        found.update(dir(home))
    for kind in vars(ast).values():
        found.update(getattr(kind, "_fields", ()))
    return frozenset(found) - _OF_SOME


def test_names_that_python_has_not(pytestconfig: pytest.Config) -> None:
    unknown = {*words()} - of_python()
    if pytestconfig.getoption("force_regen"):
        LISTED.write_text("\n".join(sorted(unknown)) + "\n", encoding="utf-8")
    listed = set(LISTED.read_text(encoding="utf-8").split())
    assert unknown - listed == set()
    assert listed <= {*words()}, "no word of the engine any more"


PROGRAM = """
import inspect, sys, types
import tensorflow as tf
import tf_keras, keras

found, seen = set(), set()


def look(value, depth):
    if id(value) in seen or depth > 5:
        return
    seen.add(id(value))
    for name in dir(value):
        found.add(name)
        try:
            part = getattr(value, name)
        except Exception:
            continue
        if isinstance(part, (types.ModuleType, type)):
            look(part, depth + 1)
        if callable(part):
            try:
                found.update(inspect.signature(part).parameters)
            except (TypeError, ValueError):
                pass


for module in (tf, tf.compat.v1, tf_keras, keras):
    look(module, 0)
found |= {name.lower() for name in dir(tf.raw_ops)}
print("\\n".join(sorted(found)))
"""


def test_the_list_is_of_what_there_is() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "TF_USE_LEGACY_KERAS": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    known = set(done.stdout.split())
    listed = set(LISTED.read_text(encoding="utf-8").split())
    assert len(known) > 5_000
    assert listed - known - GONE == set()
    assert listed >= GONE, "no word of the engine any more"
