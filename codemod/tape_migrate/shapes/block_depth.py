"""A call inside as many blocks as Python allows: there a tape would be one too many.

Python compiles no more than twenty ``with``, ``for``, ``while`` and ``try`` statements inside one
another (it parses them, though). Tapes nest where each forward pass goes on from the last one::

    h = f(h); a = tf.gradients(h, x)[0]
    h = f(h); b = tf.gradients(h, x)[0]  # its tape encloses that of a

A function in between counts anew.
"""

from __future__ import annotations

import ast

from tape_migrate.flow.bindings import FUNCTION_NODES, TRY_STATEMENTS
from tape_migrate.model import Shape
from tape_migrate.module import Module
from tape_migrate.shapes.plan import Candidate, Refusal

_MOST = 20
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_OTHER_CODE = (*FUNCTION_NODES, ast.ClassDef)


def refuse_depth(module: Module, candidate: Candidate) -> Refusal | None:
    """Whether the tape of ``candidate`` would make a block too many."""
    call = module.statement_of(candidate.request.call)
    stmts = [*candidate.region.stmts, call]
    around = 0
    for parent in module.parents(stmts[0]):
        if isinstance(parent, _OTHER_CODE):
            break
        around += _blocks(parent)
    tapes = 2 if candidate.shape is Shape.HESSIANS else 1
    if around + tapes + max(map(_depth, stmts)) <= _MOST:
        return None
    return Refusal(
        "TM122",
        f"Python allows {_MOST} blocks inside one another, and a tape here would be one too many",
    )


def _depth(stmt: ast.stmt) -> int:
    """How many blocks stand inside one another in a statement, itself included."""
    deepest = 0
    stack: list[tuple[ast.AST, int]] = [(stmt, 0)]
    while stack:
        node, depth = stack.pop()
        depth += _blocks(node)
        deepest = max(deepest, depth)
        if isinstance(node, _OTHER_CODE):
            continue
        for field in _BLOCKS:
            below = getattr(node, field, ())
            if isinstance(below, list):
                stack += [(part, depth) for part in below]
    return deepest


def _blocks(node: ast.AST) -> int:
    """As how many blocks Python counts a statement."""
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return len(node.items)
    if isinstance(node, TRY_STATEMENTS):
        # A handler counts twice, for it forgets its exception at the end; `finally` is around it.
        return 2 + bool(getattr(node, "handlers", ()) and getattr(node, "finalbody", ()))
    return int(isinstance(node, (ast.For, ast.AsyncFor, ast.While)))
