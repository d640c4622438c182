"""Symbols (``x``, ``self.x``, ``out[0]``): the places that statements read and write."""

from __future__ import annotations

import ast
import enum
from dataclasses import dataclass
from typing import NamedTuple


class Symbol(NamedTuple):
    """A variable, or a constant path of attributes and subscripts from one.

    Path elements read as in source: ``.attr``, ``[0]``, ``['key']``. A tuple, for symbols are
    looked up some hundred times as often as anything else.
    """

    root: str
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.root + "".join(self.path)

    @property
    def parent(self) -> Symbol | None:
        """The symbol one step shorter, or None for a plain variable."""
        return Symbol(self.root, self.path[:-1]) if self.path else None


class DefKind(enum.Enum):
    """How a definition changes its symbol."""

    STRONG = "strong"
    """Rebinds it: assignment, for target, ``with … as``, import, def, class, except, walrus."""
    AUGMENTED = "augmented"
    """``x += e``: reads it and rebinds it."""
    MUTATION = "mutation"
    """Weak: the object may have changed in place. Never hides earlier definitions."""
    DELETE = "delete"
    """``del x``: unbound from here on."""
    PARAMETER = "parameter"
    """A parameter of the function, at entry."""
    EXTERNAL = "external"
    """No definition in this scope on some path from entry: the value comes from outside."""
    REMOTE = "remote"
    """A nested function rebinds it (``nonlocal``/``global``), so at any time after its def."""

    __hash__ = object.__hash__  # that of enumerations is written in Python


class Part(enum.Enum):
    """Which part of a ``for`` header is meant: the iterable once, the target at each turn."""

    ALL = "all"
    ITER = "iter"
    TARGET = "target"


class Use(NamedTuple):
    """A read of ``symbol`` by the expression ``node`` (or the class/def statement itself).

    ``reference`` marks the base of a store (``self`` in ``self.x = e``): the variable is needed,
    but what it holds is not read.
    """

    symbol: Symbol
    node: ast.AST
    reference: bool = False


class Def(NamedTuple):
    """A change of ``symbol`` made by ``node``.

    ``conditional`` marks a change that part of the statement may skip (a walrus in ``a and …``).
    """

    symbol: Symbol
    kind: DefKind
    node: ast.AST
    conditional: bool = False

    @property
    def kills(self) -> bool:
        """Whether definitions before this one can no longer be seen."""
        return self.kind is not DefKind.MUTATION and not self.conditional


@dataclass(frozen=True)
class Effects:
    """Uses and definitions of one node; ``events`` interleaves them in evaluation order."""

    uses: tuple[Use, ...] = ()
    defs: tuple[Def, ...] = ()
    events: tuple[Use | Def, ...] = ()


def _path_element(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and type(node.value) in (int, str):
        return f"[{node.value!r}]"
    if (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
        and type(node.operand.value) is int
    ):
        return f"[{-node.operand.value}]"
    return None


def split_path(expr: ast.expr) -> tuple[ast.expr, list[str]]:
    """The innermost expression below attributes and constant subscripts, and the path to it."""
    path: list[str] = []
    while True:
        if isinstance(expr, ast.Attribute):
            path.append("." + expr.attr)
        elif isinstance(expr, ast.Subscript):
            element = _path_element(expr.slice)
            if element is None:
                break
            path.append(element)
        else:
            break
        expr = expr.value
    path.reverse()
    return expr, path


def symbol_of(expr: ast.expr) -> Symbol | None:
    """The symbol that ``expr`` spells, or None if it is anything but a name with a fixed path."""
    base, path = split_path(expr)
    return Symbol(base.id, tuple(path)) if isinstance(base, ast.Name) else None


def is_prefix(a: Symbol, b: Symbol) -> bool:
    """Whether ``a`` is ``b`` or something that ``b`` is a part of (``self`` of ``self.x``)."""
    return a.root == b.root and b.path[: len(a.path)] == a.path


def _same_place(a: str, b: str) -> bool:
    if a == b:
        return True
    # out[-1] and out[3] may be one element; two indices of one sign never are.
    negative = (a.startswith("[-"), b.startswith("[-"))
    indices = a[0] == b[0] == "[" and a[1] != "'" != b[1] and a[1] != '"' != b[1]
    return indices and negative[0] != negative[1]


def may_overlap(a: Symbol, b: Symbol) -> bool:
    """Whether a change of ``a`` can be seen by reading ``b``."""
    return a.root == b.root and all(map(_same_place, a.path, b.path))
