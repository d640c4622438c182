"""Put a mutant into a process that has imported the engine: its functions get the new code."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType

from tests.mutation.mutants import Mutant

Key = tuple[str, str, int]
"""Of a function: its file, its name and its first line, which mutants leave alone."""


def live_functions(package: Path) -> dict[Key, list[FunctionType]]:
    """All functions of this process that stand in a file below ``package``."""
    found: dict[Key, list[FunctionType]] = {}
    for function in gc.get_objects():
        if isinstance(function, FunctionType):
            code = function.__code__
            if code.co_filename.startswith(str(package)) and code.co_name != "<lambda>":
                found.setdefault(_key(code), []).append(function)
    return found


def stands_in_a_function(mutant: Mutant, source: bytes) -> bool:
    """Whether the fault is executed when a function is called, not when the module is imported."""
    starts = _starts(source)
    return any(
        starts[node.body[0].lineno - 1] <= mutant.start
        and mutant.end <= starts[node.end_lineno or node.lineno]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )


def lines_of(mutant: Mutant, source: bytes) -> range:
    """From the beginning of the statement on: not every line of an expression is traced."""
    starts = _starts(source)
    first = max(
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.stmt)
        and starts[node.lineno - 1] + node.col_offset <= mutant.start
        and mutant.end <= starts[node.end_lineno or node.lineno]
    )
    return range(first, mutant.line + 1)


def _starts(source: bytes) -> list[int]:
    """Where each line begins, and the end."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def put_in(mutant: Mutant, package: Path, functions: dict[Key, list[FunctionType]]) -> None:
    """Give each function that differs in the mutant its new code.

    Raises:
        SyntaxError: the mutant does not parse.
        ValueError: a function closes over other variables in the mutant.
        LookupError: no function of this process differs.
    """
    path = package / mutant.path
    source = path.read_bytes()
    old = {_key(code): code for code in _codes(compile(source, str(path), "exec"))}
    changed = 0
    for code in _codes(compile(mutant.apply(source), str(path), "exec")):
        if old.get(_key(code)) != code:
            for function in functions.get(_key(code), ()):
                function.__code__ = code
                changed += 1
    if not changed:
        raise LookupError(str(mutant))


def _key(code: CodeType) -> Key:
    return code.co_filename, code.co_name, code.co_firstlineno


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)
