"""Write ``optimizer.compute_gradients(loss, variables)`` as a tape's gradient and a ``zip``."""

from __future__ import annotations

import ast

from tape_migrate.edits.draft import Draft, Keep, Piece
from tape_migrate.edits.names import fresh_name
from tape_migrate.edits.scan import scan_call
from tape_migrate.edits.tape_block import first_comment_line
from tape_migrate.flow.symbols import symbol_of
from tape_migrate.model import Api
from tape_migrate.module import Module
from tape_migrate.shapes.nested_sources import may_be_nested
from tape_migrate.shapes.optimizers import roles_of
from tape_migrate.shapes.plan import Candidate, Kind, Refusal, Request


def rewrite_optimizer_call(
    module: Module,
    draft: Draft,
    candidate: Candidate,
    *,
    tape: str,
    tf: str,
    target_name: str | None,
    names: set[str],
    by: bytes,
) -> None:
    """Edit ``candidate``'s call in place.

    ``names`` are taken in the function; its statement is indented ``by`` so much more than it was.
    """
    request = candidate.request
    target: Piece = _kept(module, request.target)
    if target_name is not None:
        target = target_name.encode()
    gradient = [f"{tape}.gradient(".encode(), target, b", "]
    call = request.call
    start, end = module.start(call), module.end(call)
    _keep_comments(module, draft, request)
    if request.found.site.api is Api.OPTIMIZER_GET_GRADIENTS:
        draft.replace(start, end, *gradient, *_as_list(module, candidate, tf), b")")
        return
    variables = _kept(module, request.source)
    if not _is_plain_list(module, candidate):
        name = fresh_name("variables", names)
        value: tuple[Piece, ...] = _as_list(module, candidate, tf)
        if request.all_variables:
            value = (f"{_version_1(module, candidate, tf)}.trainable_variables()".encode(),)
            if request.found.site.api is Api.OPTIMIZER_MINIMIZE:
                # Eagerly, nobody keeps a list of the variables.
                value = (f"{tape}.watched_variables()".encode(),)
        stmt = module.statement_of(call)
        line = first_comment_line(module, stmt)
        text = b"".join(_text(module, piece) for piece in value)
        given = module.indent_of(stmt) + name.encode() + b" = " + text
        # The line's own additional white space is there already, and serves the new line.
        draft.insert(module.margin(line), given + module.newline + by)
        variables_piece: Piece = name.encode()
    else:
        variables_piece = variables
    extra: list[Piece] = []
    if request.output_gradients is not None:
        extra = [b", output_gradients=", _kept(module, request.output_gradients)]
    again = _text(module, variables_piece)
    pairs = [b"zip(", *gradient, variables_piece, *extra, b"), ", again, b")"]
    if request.found.site.api is Api.OPTIMIZER_MINIMIZE:
        draft.replace(start, end, *_apply(module, request, pairs))
        return
    if not _read_once(module, call):
        pairs = [b"list(", *pairs, b")"]
    draft.replace(start, end, *pairs)


def _keep_comments(module: Module, draft: Draft, request: Request) -> None:
    """Put the comments between the arguments above the statement."""
    roles = roles_of(request.found)
    assert not isinstance(roles, Refusal)
    dropped = [note.split()[1].rstrip("=,") for note in request.notes]
    spans = [
        (module.start(expr), module.end(expr))
        for name, expr in roles.items()
        if name not in dropped
    ]
    stmt = module.statement_of(request.call)
    for start, end in scan_call(module, request.call).comments:
        if not any(first <= start < last for first, last in spans):
            text = module.indent_of(stmt) + module.text[start:end] + module.newline
            draft.insert(module.line_start(first_comment_line(module, stmt)), text)


def _apply(module: Module, request: Request, pairs: list[Piece]) -> list[Piece]:
    """``optimizer.apply_gradients(…)``, with what it takes of the arguments of ``minimize``."""
    func = request.call.func
    roles = roles_of(request.found)
    assert isinstance(func, ast.Attribute)
    assert not isinstance(roles, Refusal)
    pieces: list[Piece] = [_kept(module, func.value), b".apply_gradients(", *pairs]
    for name in ("global_step", "name"):
        if name in roles:
            pieces += [f", {name}=".encode(), _kept(module, roles[name])]
    return [*pieces, b")"]


def _text(module: Module, piece: Piece) -> bytes:
    return module.text[piece.start : piece.end] if isinstance(piece, Keep) else piece


def _kept(module: Module, expr: ast.expr) -> Keep:
    return Keep(module.start(expr), module.end(expr))


def _is_plain_list(module: Module, candidate: Candidate) -> bool:
    """Whether the variables are a list under a name, which may be read twice."""
    request = candidate.request
    several = candidate.kinds[0] in (Kind.LIST, Kind.TUPLE)
    if request.all_variables or not several or symbol_of(request.source) is None:
        return False
    return not _is_nested(module, request)


def _is_nested(module: Module, request: Request) -> bool:
    """Whether the variables are flattened by the call: ``get_gradients`` takes a flat list."""
    if request.found.site.api is Api.OPTIMIZER_GET_GRADIENTS:
        return False
    return may_be_nested(module, request.source, request.found.scope)


def _as_list(module: Module, candidate: Candidate, tf: str) -> tuple[Piece, ...]:
    source = candidate.request.source
    kept = _kept(module, source)
    if isinstance(source, (ast.List, ast.ListComp)) or candidate.kinds[0] is Kind.LIST:
        if not _is_nested(module, candidate.request):
            return (kept,)
        return (f"{tf}.nest.flatten(".encode(), kept, b")")
    if candidate.kinds[0] is Kind.TENSOR and not isinstance(source, ast.Tuple):
        return (b"[", kept, b"]")
    return (f"{tf}.nest.flatten(".encode(), kept, b")")


def _version_1(module: Module, candidate: Candidate, tf: str) -> str:
    """``tf.compat.v1`` unless ``tf`` means that already (or TensorFlow 1 itself)."""
    scope = candidate.request.found.scope
    meaning = module.names.meaning_of_name(tf, scope)
    written_for_1 = meaning == "tensorflow" and b"compat.v1" not in module.text
    return tf if meaning == "tensorflow.compat.v1" or written_for_1 else f"{tf}.compat.v1"


def _read_once(module: Module, call: ast.Call) -> bool:
    """Whether the pairs are run through where they stand: no list is needed."""
    parent = module.parent_of(call)
    if isinstance(parent, (ast.For, ast.comprehension)):
        return parent.iter is call
    if isinstance(parent, ast.Starred):
        return True
    return (
        isinstance(parent, ast.Call)
        and isinstance(parent.func, ast.Attribute)
        and parent.func.attr == "apply_gradients"
        and bool(parent.args)
        and parent.args[0] is call
    )
