"""``tf.hessians(y, x)[0]``: the Jacobian of a gradient.

Before::

    y = f(x)
    h = tf.hessians(y, x)[0]

After::

    with tf.GradientTape() as tape2:
        tape2.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        gradient = tape.gradient(y, x)
    h = tape2.jacobian(gradient, x)

Exact: ``tf.hessians`` differentiates each component of ``tf.gradients(y, x)`` with respect to the
same ``x``; so does ``jacobian``, with the shape ``x.shape + x.shape`` in both. Several sources give
one block each (no mixed blocks) in both.
"""

from __future__ import annotations

import ast

from tape_migrate.edits.call import sources_pieces, taken_first
from tape_migrate.edits.draft import Draft
from tape_migrate.edits.tape_block import Block, Tape, write_block
from tape_migrate.module import Module
from tape_migrate.shapes.arguments import elements
from tape_migrate.shapes.plan import Candidate, Kind, Refusal


def refuse_hessian(module: Module, candidate: Candidate) -> Refusal | None:
    """Uses that have no plain counterpart."""
    if candidate.inside or candidate.repeated:
        return Refusal("TM127", "the Hessian is taken over and over on one forward pass")
    if candidate.zero_unconnected:
        return Refusal("TM127", "the Hessian goes through tf.cond or a tensor loop")
    if _is_tried(module, candidate.request.call):
        return Refusal("TM115", "tf.hessians raises where there is none, and that may be caught")
    source = candidate.request.source
    first = taken_first(module, candidate.request)
    if first is not None and len(elements(source)) > 1:
        return Refusal("TM127", "the Hessian of several sources is computed and only one is used")
    return None


def _is_tried(module: Module, call: ast.Call) -> bool:
    below: ast.AST = call
    for around in module.parents(call):
        if isinstance(around, ast.Try) and around.handlers and below in around.body:
            return True
        if isinstance(around, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return False
        below = around
    return False


def write_hessian(
    module: Module,
    draft: Draft,
    candidate: Candidate,
    *,
    names: tuple[str, str, str, str],
    tf: str,
    target_line: str | None,
    target: str,
) -> None:
    """Write both tapes; ``names`` are those of the outer tape, inner tape, gradient, loop name."""
    outer, inner, gradient, each = names
    request = candidate.request
    source = request.source
    first = taken_first(module, request)
    members = elements(source)
    single = members[0] if len(members) == 1 and candidate.kinds == (Kind.TENSOR,) else None
    call_span = module.start(request.call), module.end(request.call)
    if single is not None:
        what = module.segment(single).decode()
        gradient_line = f"{gradient} = {inner}.gradient({target}, {what})"
        text = f"{outer}.jacobian({gradient}, {what})"
        if first is not None:
            call_span = call_span[0], module.end(first)
        else:
            text = f"[{text}]"
    else:
        pieces = sources_pieces(module, candidate, tf)
        what = b"".join(
            p if isinstance(p, bytes) else module.text[p.start : p.end] for p in pieces
        ).decode()
        gradient_line = f"{gradient} = {inner}.gradient({target}, {what})"
        text = f"[{outer}.jacobian(g, {each}) for g, {each} in zip({gradient}, {what})]"
    block = Block(
        region=candidate.region,
        tapes=(
            Tape(outer, candidate.watches, persistent=single is None),
            Tape(inner, candidate.watches),
        ),
        tf=tf,
        before=statement(module, request.call),
        last_lines=(target_line,) if target_line is not None else (),
        outer_lines=(gradient_line,),
    )
    write_block(module, draft, block)
    draft.replace(*call_span, text.encode())


def statement(module: Module, call: ast.Call) -> ast.stmt:
    return module.statement_of(call)
