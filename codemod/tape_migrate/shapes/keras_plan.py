"""What is decided of one ``K.function`` and the graph behind it (see ``keras_function``)."""

from __future__ import annotations

import ast
import enum
from dataclasses import dataclass

from tape_migrate.shapes.keras_compiled import Feed
from tape_migrate.shapes.keras_fed import Fed
from tape_migrate.shapes.keras_leaves import Leaf
from tape_migrate.shapes.keras_moves import Slice


class Result(enum.Enum):
    """What the compiled function gives back."""

    LIST = "list"
    SINGLE = "single"
    NESTED = "nested"


@dataclass(frozen=True)
class KerasPlan:
    """How one ``K.function`` and the graph behind it become a compiled function."""

    call: ast.Call
    stmt: ast.stmt
    name: str | None
    """The name that the compiled function is assigned to, if it plainly is."""
    slice: Slice
    feeds: tuple[Feed, ...]
    leaves: tuple[Leaf, ...]
    """Outputs of the sub-model."""
    input_places: tuple[tuple[ast.expr, str], ...]
    """Reads of inputs among the moved code, and the text that stands for them there."""
    direct: str | None
    """The model to be called itself, where all that is read of it is its output."""
    outputs: ast.expr
    result: Result
    flat: bool
    """Whether callers may give one array instead of a list."""
    fed: tuple[Fed, ...]
    """Model inputs that are given a tensor computed in the function."""
    phase: int | None
    """Position of the learning phase among the inputs, if it is passed on."""
    dropped: tuple[ast.stmt, ...]
    """Statements that only named what are parameters now."""
    bound: bool
    """Made in a loop and kept: it has to hold on to what is made in this turn."""
    constants: tuple[ast.expr, ...]
    """``K.variable`` callees where a constant is meant."""
    values: tuple[ast.expr, ...] | None
    """What the function is called with at once, in the place of a Session's run."""
    assumptions: tuple[str, ...]
    sites: tuple[ast.Call, ...]
