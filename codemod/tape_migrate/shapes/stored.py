"""What the statements of a module put into a collection or an object, in whatever function."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from tape_migrate.flow.symbols import Symbol, is_prefix, symbol_of
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.put_in import filled_by
from tape_migrate.shapes.tensorflow_facts import (
    VARIABLE_MAKERS,
    makes_one_tensor,
    tensorflow_function,
)


@dataclass(frozen=True)
class _Put:
    """``values`` go into what ``holder`` names, or (``plain``) become what it names."""

    holder: Symbol
    values: tuple[ast.expr, ...]
    plain: bool


def put_into(module: Module, symbol: Symbol) -> list[ast.expr]:
    """What any statement of the module puts into a collection, or an object, of this name."""
    found: list[ast.expr] = []
    for put in _puts(module):
        if is_prefix(symbol, put.holder) and not (put.plain and put.holder == symbol):
            found += put.values
    return found


def _puts(module: Module) -> list[_Put]:
    known = module.memo.get("puts")
    if not isinstance(known, list):
        known = module.memo["puts"] = list(_find_puts(module))
    return known


def _find_puts(module: Module) -> Iterator[_Put]:
    for node in module.nodes:
        if isinstance(node, ast.Call):
            filled = filled_by(module, node) if last_name(node.func) != "watch" else None
            holder = symbol_of(filled[0]) if filled is not None else None
            if filled is not None and holder is not None:
                yield _Put(holder, tuple(filled[1]), plain=False)
        elif isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            parts = (t for target in targets for t in module.inside(target))
            for part in parts:
                if not isinstance(part, (ast.Subscript, ast.Attribute)):
                    continue
                own = symbol_of(part)
                written = own or symbol_of(part.value)
                if written is None or isinstance(part.ctx, ast.Load) or node.value is None:
                    continue
                yield _Put(written, (node.value,), plain=own is not None)


def names_tensor(module: Module, expr: ast.expr) -> bool:
    """Whether a name or an attribute is visibly given a tensor: ``h`` after ``h = tf.sin(w)``.

    Or what an operator makes of a variable: ``h = -net.w``.
    """
    return any(is_tensor(module, value) for value in values_of(module, expr))


def is_tensor(module: Module, value: ast.expr) -> bool:
    """Whether ``value`` visibly makes a tensor, or is what an operator makes of a variable."""
    return any(makes_one_tensor(module.names.resolve(call.func)) for call in calls_in(value)) or (
        isinstance(value, (ast.UnaryOp, ast.BinOp)) and _reads_variable(module, value)
    )


def values_of(module: Module, expr: ast.AST) -> list[ast.expr]:
    """What a name, or an attribute of whatever object, is given by plain assignments."""
    values: list[ast.expr | None] = []
    if isinstance(expr, ast.Name):
        bound = module.names.bindings(expr.id, module.scope_of(expr))
        values = [node.value for node in bound if isinstance(node, (ast.Assign, ast.AnnAssign))]
    elif isinstance(expr, ast.Attribute):
        values = stored_anywhere(module, expr.attr)
    return [value for value in values if value is not None]


def _reads_variable(module: Module, expr: ast.expr) -> bool:
    made = (
        call for part in ast.walk(expr) for v in values_of(module, part) for call in calls_in(v)
    )
    names = (tensorflow_function(module.names.resolve(call.func)) or "" for call in made)
    return any(name.rpartition(".")[2] in VARIABLE_MAKERS for name in names)


def stored_anywhere(module: Module, name: str) -> list[ast.expr | None]:
    """What is given to an attribute of this name, of whatever object."""
    found: list[ast.expr | None] = []
    for node in module.attributes(name):
        symbol = symbol_of(node)
        if not isinstance(node.ctx, ast.Load) and symbol is not None:
            found.append(value_given_by(module.statement_of(node), symbol))
    return found
