"""Make a failing program small: drop statements as long as it stays wrong in the same way."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator

from tests.fuzz.checking import Checked, Verdict, check_program
from tests.fuzz.program import Program


def shrink(
    program: Program, checked: Checked, *, seconds: float = 180.0
) -> tuple[Program, Checked]:
    """A smaller program that is still wrong (comments are dropped where it is so without).

    Stops after ``seconds``. A program with a trap stays as it is: without some of its statements it
    would hold none.
    """
    end = time.monotonic() + seconds
    current, result = program, checked
    progress = not program.trap
    while progress:
        progress = False
        for candidate in _smaller(current.source):
            if len(candidate) >= len(current.source):
                continue
            if time.monotonic() > end:
                return current, result
            tried = check_program(current.with_source(candidate))
            if tried.verdict is Verdict.WRONG and _way(tried) == _way(checked):
                current, result, progress = current.with_source(candidate), tried, True
                break
    return current, result


def _way(checked: Checked) -> str:
    """``eager`` of ``eager: leaf 3: …``: a crash must not stand in for a wrong number."""
    parts = checked.detail.split(": ")
    return f"{parts[0]} {parts[1].split()[0] if len(parts) > 1 else ''}"


def _smaller(source: str) -> Iterator[str]:
    tree = ast.parse(source)
    yield ast.unparse(tree) + "\n"
    for block in _blocks(tree):
        for index in range(len(block) - 1, -1, -1):
            removed = block.pop(index)
            if block or isinstance(removed, ast.Pass):
                yield ast.unparse(tree) + "\n"
            for inner in (getattr(removed, "body", None), getattr(removed, "orelse", None)):
                if isinstance(inner, list) and inner and not _opens_scope(removed):
                    block[index:index] = inner
                    yield ast.unparse(tree) + "\n"
                    del block[index : index + len(inner)]
            block.insert(index, removed)
    for node in ast.walk(tree):
        if isinstance(node, (ast.List, ast.Tuple)) and len(node.elts) > 1:
            for index in range(len(node.elts)):
                item = node.elts.pop(index)
                yield ast.unparse(tree) + "\n"
                node.elts.insert(index, item)
        if isinstance(node, ast.Assign):
            for simple in _parts(node.value):
                value, node.value = node.value, simple
                yield ast.unparse(tree) + "\n"
                node.value = value


def _opens_scope(node: ast.stmt) -> bool:
    return isinstance(node, (ast.FunctionDef, ast.ClassDef))


def _parts(expr: ast.expr) -> list[ast.expr]:
    """Tensor expressions inside ``expr``."""
    found: list[ast.expr] = []
    for node in ast.walk(expr):
        if isinstance(node, (ast.Name, ast.Call, ast.BinOp)) and node is not expr:
            found.append(node)
    return found[:12]


def _blocks(tree: ast.Module) -> list[list[ast.stmt]]:
    found: list[list[ast.stmt]] = []
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                found.append(block)
    return found
