"""Which mode a side is tried in, and what in a failure asks for another one."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tape_migrate.verify.results import RunError

_V1_OPT_IN = re.compile(
    rb"disable_v2_behavior|disable_eager_execution|compat\.v1\s*\.\s*(Session|InteractiveSession)"
    rb"|import\s+tensorflow\.compat\.v1|from\s+tensorflow\.compat"
)
_V1_NAMES = re.compile(
    rb"\b(tf|tensorflow)\.(placeholder|Session|InteractiveSession|get_variable|variable_scope"
    rb"|global_variables_initializer|initialize_all_variables|layers\.|train\.\w+Optimizer"
    rb"|trainable_variables\(|random_normal|random_uniform|truncated_normal|to_float|log\()"
)
_IN_FUNCTION = re.compile(rb"tf\.function|Graph\(\)\.as_default|K\.function|get_session")
_KERAS = re.compile(
    rb"\bK\.(function|gradients|get_session|set_session|learning_phase)\b|keras\.backend"
    rb"|from\s+keras\s+import\s+backend|keras\s+import\s+backend"
)
_EAGER_MARKS = (
    "is not supported when eager execution is enabled",
    "not compatible with eager execution",
    "not supported in eager",
    "when eager execution is enabled",
    "should be graph Tensor",
    "The Session graph is empty",
)
_NAME_MARK = re.compile(r"module '?tensorflow[\w.]*'? has no attribute|cannot import name")


def old_modes(sources: Iterable[bytes], asked: str) -> list[str]:
    """Modes to try for the old side, best guess first."""
    if asked != "auto":
        return [asked]
    text = b"\n".join(sources)
    # What asks for a Keras graph needs Keras 2, which is no part of newer TensorFlows.
    keras = ["keras-2"] if _KERAS.search(text) else []
    return [*keras, *_without_keras(text)]


def _without_keras(text: bytes) -> list[str]:
    if _V1_OPT_IN.search(text):
        return ["as-is", "v1", "graph", "v1-alias"]
    if _V1_NAMES.search(text):
        return ["v1-alias", "as-is"]
    if _IN_FUNCTION.search(text):
        return ["as-is", "graph", "v1-alias"]
    return ["graph", "as-is", "v1-alias"]


def new_modes(old: str, asked: str) -> list[str]:
    """Modes to try for the new side, after the old one ran in mode ``old``."""
    if asked != "auto":
        return [asked]
    if old in ("v1", "v1-alias"):
        # Its migration keeps the Session, so it still speaks TensorFlow 1.
        return [old, "as-is"]
    if old == "keras-2":
        return ["as-is", "keras-2"]
    return ["as-is", "v1-alias", *([old] if old != "as-is" else [])]


def raised_for_mode(messages: Iterable[str], mode: str) -> bool:
    """Whether watched calls raised because eager execution is on, whoever caught that."""
    return mode == "as-is" and any(mark in message for message in messages for mark in _EAGER_MARKS)


def asks_for_another(error: RunError | None, mode: str) -> bool:
    """Whether a failure is one of the mode rather than of the program."""
    if error is None:
        return False
    text = f"{error.type}: {error.message}"
    if mode != "v1-alias" and _NAME_MARK.search(text):
        return True
    if mode == "as-is" and any(mark in text for mark in _EAGER_MARKS):
        return True
    # What runs eagerly, or as TensorFlow 2, need not run otherwise.
    return mode in ("graph", "keras-2", "v1", "v1-alias") and error.type in (
        "AttributeError",
        "ImportError",
        "ModuleNotFoundError",
        "NotImplementedError",
        "RuntimeError",
        "OperatorNotAllowedInGraphError",
        "TypeError",
        "ValueError",
    )
