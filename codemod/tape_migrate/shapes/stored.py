"""What the statements of a module put into a collection or an object, in whatever function."""

from __future__ import annotations

import ast

from tape_migrate.flow.symbols import Symbol, is_prefix, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.dependence import CONTAINER_METHODS


def put_into(module: Module, symbol: Symbol) -> list[ast.expr]:
    """What any statement of the module puts into a collection, or an object, of this name."""
    found: list[ast.expr] = []
    for node in module.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            holder = symbol_of(node.func.value)
            fills = node.func.attr in CONTAINER_METHODS and node.func.attr != "watch"
            if holder is not None and fills and is_prefix(symbol, holder):
                found += [*node.args, *(k.value for k in node.keywords)]
        elif isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for part in (t for target in targets for t in ast.walk(target)):
                if not isinstance(part, (ast.Subscript, ast.Attribute)):
                    continue
                written = symbol_of(part) or symbol_of(part.value)
                if written is None or isinstance(part.ctx, ast.Load) or node.value is None:
                    continue
                deeper = written != symbol or symbol_of(part) is None
                if deeper and is_prefix(symbol, written):
                    found.append(node.value)
    return found
