"""Give a function a tape as a parameter, and hand it in where the function is called.

Until its caller has a tape, a call hands in ``None``: so the arguments keep their places.
"""

from __future__ import annotations

import ast

from tape_migrate.edits.draft import Draft
from tape_migrate.edits.scan import scan_call
from tape_migrate.module import Module


def add_parameter(
    module: Module, draft: Draft, function: ast.FunctionDef, name: str, *, method: bool
) -> None:
    """Make ``name`` the first parameter of ``function`` (after ``self`` of a method)."""
    args = [*function.args.posonlyargs, *function.args.args]
    index = int(method)
    if index < len(args):
        draft.insert(module.start(args[index]), f"{name}, ".encode())
    else:
        draft.insert(module.end(args[-1]), f", {name}".encode())


def make_room(module: Module, draft: Draft, call: ast.Call, tape: str = "None") -> None:
    """Insert ``tape`` as the first argument of ``call``."""
    spans = scan_call(module, call).spans
    if not spans:
        draft.insert(module.end(call) - 1, tape.encode())
        return
    start, end = spans[0]
    text = module.text[start:end]
    offset = start if text.lstrip().startswith(b"#") else start + len(text) - len(text.lstrip())
    draft.insert(offset, f"{tape}, ".encode())


def hand_in(module: Module, draft: Draft, call: ast.Call, tape: str) -> None:
    """Make ``tape`` the first argument of ``call``, for which there is room."""
    first = call.args[0]
    draft.replace(module.start(first), module.end(first), tape.encode())
