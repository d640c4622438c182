"""Short programs and the parts of them that tests need."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.module import Module

HEAD = b"import tensorflow as tf\n"


def module(text: str) -> Module:
    return Module(text.encode())


def calls(source: Module) -> list[ast.Call]:
    """Calls in the order of their first byte."""
    found = [node for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
    return sorted(found, key=source.start)


def only(source: Module, kind: type[ast.AST]) -> ast.AST:
    """The first node of one kind."""
    return next(walk(source, kind))


def walk(source: Module, kind: type[ast.AST]) -> Iterator[ast.AST]:
    return (node for node in ast.walk(source.tree) if isinstance(node, kind))
