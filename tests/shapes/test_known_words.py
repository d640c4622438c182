"""Names that the engine knows by heart name something: a word that nothing has guards nothing.

Names of TensorFlow's are held against a list (``tensorflow.txt``, written by ``--force-regen``),
and the list against the real TensorFlow.
"""

from __future__ import annotations

import ast
import builtins
import collections
import contextlib
import importlib
import sys
import unittest
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from tape_migrate.verify import Case, Verifier
from tape_migrate.verify.harness import run_side
from tape_migrate.verify.results import Scalar, Tree

LISTED = Path(__file__).parent / "test_known_words" / "tensorflow.txt"

PYTHON: dict[str, tuple[object, ...]] = {
    "flow.suppressing._SUPPRESSORS": (contextlib, unittest.TestCase, pytest),
    "flow.fence._EXEC_NAMES": (builtins,),
    "flow.symbols._HARMLESS_STATEMENTS": (builtins,),
    "flow.symbols._MUTATORS": (list, dict, collections.deque),
    "shapes.may_hold._PLAIN": (builtins,),
    "shapes.members.TAKES_OUT": (list, dict, set, collections.deque),
    "shapes.changes_made._BUILTINS": (builtins,),
    "shapes.changes_made._ONE_OPERAND": (np,),
    "shapes.changes_made._RUN_GIVEN": (builtins,),
    "shapes.changes_made._TWO_OPERANDS": (np,),
    "shapes.context._PLAIN_BUILTINS": (builtins,),
    "shapes.copies._NEW_ARRAYS": (np,),
    "shapes.dependence.HARMLESS_BUILTINS": (builtins,),
    "shapes.keepers.RUNS_ARGUMENTS": (builtins,),
    "shapes.hazards._LEAVING_BUILTINS": (builtins,),
    "shapes.held._BEHIND": (builtins, object, type),
    "shapes.held._BUILTINS": (builtins,),
    "shapes.kept_tape._FIRST": (unittest.TestCase,),
    "shapes.keras_calls._COLLECT": (builtins,),
    "shapes.keras_calls._GIVE_TENSORS": (list, dict),
    "shapes.keras_calls._TELL": (builtins,),
    "shapes.keras_moves._BUILT_IN_MUTATORS": (list, dict, set),
    "shapes.keras_moves._QUIET_BUILTINS": (builtins,),
    "shapes.keras_moves._QUIET_NUMPY": (np,),
    "shapes.keras_structures.ITERATORS": (builtins,),
    "shapes.keras_structures._VIEWS": (dict,),
    "shapes.one_object._ADD": (list, dict, set, collections.deque),
    "shapes.one_object._EVERYTHING": (builtins,),
    "shapes.one_object._NUMBERS": (builtins,),
    "shapes.one_object._OBJECTS": (builtins,),
    "shapes.members._PUTS_IN": (list, set, collections.deque),
    "shapes.outer_readers._PLAIN_METHODS": (list, dict, str),
    "shapes.purity._PYTHON": (builtins,),
    "shapes.settings_use._NUMBERS": (builtins,),
    "shapes.sources._COLLECTORS": (builtins,),
    "shapes.barriers._BUILTINS": (builtins,),
    "shapes.made_here._MAKERS": (builtins,),
}

TENSORFLOW = {
    "edits.keras_program._EAGER_SWITCHES": "",
    "edits.keras_program._STANDALONE": "keras.backend.",
    "edits.names._TENSORFLOW": "",
    "shapes.barriers._BLOCKING": "",
    "shapes.barriers._PREDICATES": "",
    "shapes.connected.OF_ALL": "",
    "shapes.connected._OF_BRANCHES": "",
    "shapes.connected.OF_FIRST": "",
    "shapes.connected._OF_LOOPS": "",
    "shapes.functional_model._MODELS": "",
    "shapes.hazards.ASSIGNING": "",
    "shapes.hazards._LEAVING_BACKEND": "keras.backend.",
    "shapes.hazards._LEAVING_METHODS": "Variable.",
    "shapes.hazards.LOOKUPS": "Graph.",
    "shapes.branches._MAY_NOT_CALL": "",
    "shapes.changes_made._OF_MODELS": "keras.Model.",
    "shapes.keras_moves._QUIET_MODULES": "",
    "shapes.keras_captures._OF_MODELS": "keras.Model.",
    "shapes.kind_by_use._ONLY_TENSORS_HAVE": "Variable.",
    "shapes.kind_by_use._TENSOR_ARGUMENT": "",
    "shapes.leaves._NO_VALUES": "",
    "shapes.model_sources._ALL": "keras.Model.",
    "shapes.model_sources._TRAINABLE": "keras.Model.",
    "shapes.modes.V2_OFF": "",
    "shapes.nested._TAKES": "GradientTape.",
    "shapes.optimizers._KERAS": "",
    "shapes.optimizers._PLAIN": "",
    "shapes.purity._EFFECTS": "",
    "shapes.purity._SHAPES": "TensorShape.",
    "shapes.purity._TAPE": "GradientTape.",
    "shapes.settings_use._JOINS": "",
    "shapes.settings_use._MAKERS": "",
    "shapes.tensorflow_facts.COLLECTED_ATTRIBUTES": "keras.Model.",
    "shapes.tensorflow_facts.COLLECTED_VARIABLES": "",
    "shapes.tensorflow_facts.COLLECTIONS": "",
    "shapes.tensorflow_facts.MAY_RETURN_ARGUMENT": "",
    "shapes.tensorflow_facts.NO_TENSOR": "",
    "shapes.tensorflow_facts.SEVERAL_RESULTS": "",
    "shapes.loop_stops._OF_CELLS": "",
    "shapes.tensorflow_facts.TENSOR_LOOPS": "",
    "shapes.tensorflow_facts.V1_CONTROL_FLOW": "",
    "shapes.tensorflow_facts.VARIABLE_MAKERS": "",
    "shapes.tensorflow_facts._OTHER_MODULES": "",
    "shapes.unconnected._LOOPS": "",
    "shapes.unseen._GETTERS": "",
    "shapes.unseen._LAYERS": "",
    "shapes.variables._TRAINABLE_ATTRIBUTES": "keras.Model.",
}
"""Where the words of a table are looked for, in front of each."""

METHODS = (
    "shapes.barriers._OF_TENSORS",
    "shapes.dependence.CONTAINER_METHODS",
    "shapes.held._READS",
    "shapes.keras_moves._QUIET_METHODS",
    "shapes.leaves._PLAIN_METHODS",
    "shapes.quiet.TENSOR_METHODS",
    "shapes.quiet._PLAIN_METHODS",
)
"""Of Python's containers, texts and numpy's arrays; what none of these has, of TensorFlow's."""
_PLAIN = (list, dict, set, str, collections.deque, np.ndarray, np.random.RandomState)

GONE = frozenset(
    {
        # Of TensorFlow 1, in its last release but in none of TensorFlow 2, or of its inside.
        *("contrib", "core", "estimator", "examples", "parallel_for", "python", "unpack"),
        *("layers", "layers.dense", "with_dependencies"),
        # What layers and optimizers of other libraries call their variables.
        *("keras.Model.params", "keras.Model.vars"),
        # Methods of tensors in eager execution, of Operation, of a Session and of numpy arrays.
        *("Variable.item", "Variable.numpy", "Variable.op", "Variable.run", "Variable.tolist"),
        "TensorShape.get_shape",
        *("numpy", "get_input_at", "get_output_at"),
        # Of Keras 2 only.
        *(f"keras.optimizers.legacy.{name}" for name in ("Adadelta", "Adamax", "Nadam")),
    }
)
"""Names that the TensorFlow of these tests need not have."""

PROBE = """
import keras
import tensorflow as tf

NAMES = [...]


def missing():
    def found(name, module):
        for part in name.split("."):
            if not hasattr(module, part):
                return False
            module = getattr(module, part)
        return True

    places = (
        tf, tf.compat.v1, tf.keras.backend, tf.math, tf.nn, tf.Variable, tf.TensorShape,
        tf.GradientTape, tf.keras.Model, tf.data.Dataset, tf.compat.v1.data, tf.data.Iterator,
    )
    return ["count", str(len(NAMES))] + [
        name for name in NAMES if not any(found(name, place) for place in places)
    ]
"""


RECIPES = frozenset({"ignored"})
"""Names of functions that many projects write for themselves."""


def words(table: str) -> list[str]:
    module, _, name = table.rpartition(".")
    return sorted(getattr(importlib.import_module(f"tape_migrate.{module}"), name))


@pytest.mark.parametrize("table", PYTHON)
def test_words_of_python(table: str) -> None:
    known = words(table)
    assert known
    homes = PYTHON[table]
    leaves = {word.rpartition(".")[2] for word in known} - RECIPES
    assert {leaf for leaf in leaves if not any(hasattr(home, leaf) for home in homes)} == set()


def test_fields_of_syntax_trees_that_hold_no_nodes() -> None:
    known = set(words("flow.bindings._LEAF_FIELDS"))
    fields = {name for kind in vars(ast).values() for name in getattr(kind, "_fields", ())}
    assert known <= fields, "what no node has"


def test_modules_of_python() -> None:
    others = {"absl", "gym", "keras", "matplotlib", "numpy", "pandas", "scipy", "tensorflow"}
    for table in ("shapes.leaves._PLAIN_MODULES", "names.KNOWN_MODULES"):
        assert set(words(table)) <= set(sys.stdlib_module_names) | others, table


def tensorflow_words() -> Iterable[str]:
    for table, prefix in TENSORFLOW.items():
        for word in words(table):
            name = word.removeprefix("tensorflow.")
            yield prefix + ("keras" if name == "tensorflow" else name)
    for table in METHODS:
        yield from (w for w in words(table) if not any(hasattr(home, w) for home in _PLAIN))


def test_words_of_tensorflow(file_regression: FileRegressionFixture) -> None:
    listed = "\n".join(sorted(set(tensorflow_words()) - GONE))
    file_regression.check(listed, basename=LISTED.stem)


def test_the_list_is_of_what_tensorflow_has(verifier: Verifier) -> None:
    names = LISTED.read_text(encoding="utf-8").split()
    program = PROBE.replace("[...]", repr(names))
    case = Case("missing", program, program, "missing")
    run = run_side(verifier.new, case, program, mode="eager", device="CPU:0", seed=0)
    assert run.error is None, run.error
    assert isinstance(run.value, Tree)
    said = [ast.literal_eval(item.text) for item in run.value.items if isinstance(item, Scalar)]
    assert said == ["count", str(len(names))]
