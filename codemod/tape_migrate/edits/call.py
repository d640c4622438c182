"""Turn a gradient call into ``tape.gradient``, touching as little of its text as possible."""

from __future__ import annotations

import ast

from tape_migrate.edits.draft import Draft, Keep, Piece
from tape_migrate.edits.scan import scan_call
from tape_migrate.module import Module
from tape_migrate.shapes.arguments import elements
from tape_migrate.shapes.plan import Candidate, Kind, Request


def taken_first(module: Module, request: Request) -> ast.Subscript | None:
    """The subscript in ``call[0]``, if nothing but white space stands between."""
    return subscript_of_first(module, request.call)


def subscript_of_first(module: Module, call: ast.Call) -> ast.Subscript | None:
    """``call[0]``, if that is what becomes of ``call`` and only white space stands between."""
    parent = module.parent_of(call)
    if (
        isinstance(parent, ast.Subscript)
        and parent.value is call
        and isinstance(parent.slice, ast.Constant)
        and parent.slice.value == 0
        and isinstance(parent.slice.value, int)
        and not isinstance(parent.slice.value, bool)
    ):
        between = module.text[module.end(call) : module.start(parent.slice)]
        if not between.replace(b"[", b"", 1).strip():
            return parent
    return None


def single_tensor(module: Module, candidate: Candidate) -> ast.expr | None:
    """The one source whose gradient is taken at once with ``[0]``, if it is one tensor."""
    request = candidate.request
    if taken_first(module, request) is None:
        return None
    members = elements(request.source)
    if len(members) == 1 and candidate.kinds == (Kind.TENSOR,):
        # A comment inside the brackets would be lost with them.
        return None if b"#" in module.segment(request.source) else members[0]
    return None


def sources_pieces(module: Module, candidate: Candidate, tf: str) -> tuple[Piece, ...]:
    """The text of the sources, as a list (or as the one tensor that is wanted)."""
    source = candidate.request.source
    start, end = module.start(source), module.end(source)
    single = single_tensor(module, candidate)
    if single is not None:
        return (Keep(module.start(single), module.end(single)),)
    if isinstance(source, (ast.List, ast.ListComp)):
        return (Keep(start, end),)
    if isinstance(source, ast.Tuple):
        # As an argument, it stands in parentheses.
        return (b"[", Keep(start + 1, end - 1), b"]")
    kind = candidate.kinds[0]
    if kind is Kind.TENSOR:
        return (b"[", Keep(start, end), b"]")
    if kind is Kind.LIST:
        return (Keep(start, end),)
    if kind is Kind.TUPLE:
        return (b"list(", Keep(start, end), b")")
    return (tf.encode() + b".nest.flatten(", Keep(start, end), b")")


def rewrite_call(
    module: Module,
    draft: Draft,
    candidate: Candidate,
    *,
    tape: str,
    tf: str,
    target_name: str | None,
) -> None:
    """Edit ``candidate``'s call in place; an inline target gives way to ``target_name``."""
    request = candidate.request
    call = request.call
    draft.replace(module.start(call.func), module.end(call.func), f"{tape}.gradient".encode())
    _rename_keywords(module, draft, request)
    _drop_arguments(module, draft, request)
    if target_name is not None:
        draft.replace(
            module.start(request.target), module.end(request.target), target_name.encode()
        )
    source = request.source
    draft.replace(module.start(source), module.end(source), *sources_pieces(module, candidate, tf))
    if request.output_gradients is not None:
        _fill_none(module, draft, request, tf, target_name)
    if candidate.zero_unconnected:
        zero = f", unconnected_gradients={tf}.UnconnectedGradients.ZERO".encode()
        draft.insert(_last_argument_end(module, request), zero)
    first = taken_first(module, request)
    if first is not None and single_tensor(module, candidate) is not None:
        draft.delete(module.end(call), module.end(first))


def _last_argument_end(module: Module, request: Request) -> int:
    """Just after the last argument that is kept, parentheses around it included."""
    spans = [
        (start, end)
        for start, end in scan_call(module, request.call).spans
        if not any(start <= module.start(part) < end for part in request.dropped)
    ]
    start, end = spans[-1]
    text = module.text[start:end]
    if b"#" in text:
        return max(module.end(request.target), module.end(request.source))
    return start + len(text.rstrip())


def _rename_keywords(module: Module, draft: Draft, request: Request) -> None:
    for keyword, name in request.renamed:
        assert keyword.arg is not None
        start = module.start(keyword)
        draft.replace(start, start + len(keyword.arg.encode()), name.encode())
    for expr, name in request.named:
        start = _slot_start(module, request.call, expr)
        draft.insert(start, f"{name}=".encode())


def _slot_start(module: Module, call: ast.Call, expr: ast.expr) -> int:
    """First byte of the argument that ``expr`` is, parentheses around it included."""
    for start, end in scan_call(module, call).spans:
        if start <= module.start(expr) < end:
            text = module.text[start:end]
            skipped = len(text) - len(text.lstrip())
            # A comment before the argument ends with a newline; the argument is after it.
            while text[skipped : skipped + 1] == b"#":
                line_end = text.index(b"\n", skipped) + 1
                rest = text[line_end:]
                skipped = line_end + len(rest) - len(rest.lstrip())
            return start + skipped
    return module.start(expr)


def _drop_arguments(module: Module, draft: Draft, request: Request) -> None:
    if not request.dropped:
        return
    slots = scan_call(module, request.call)
    dropped = {
        index
        for index, (start, end) in enumerate(slots.spans)
        if any(start <= module.start(part) < end for part in request.dropped)
    }
    kept = [index for index in range(len(slots.spans)) if index not in dropped]
    for index in sorted(dropped):
        start, end = slots.spans[index]
        if kept and index > kept[0]:
            start -= 1  # the comma before
        else:
            end += 1  # the comma after
            while module.text[end : end + 1] in (b" ", b"\t"):
                end += 1
        comments = [
            module.text[a:b] + module.newline for a, b in slots.comments if start <= a < end
        ]
        if comments:
            stmt = module.statement_of(request.call)
            line = module.first_line(stmt)
            for comment in comments:
                draft.insert(module.line_start(line), module.indent_of(stmt) + comment)
        draft.delete(start, end)


def _fill_none(
    module: Module, draft: Draft, request: Request, tf: str, target_name: str | None
) -> None:
    """``grad_ys=[None, v]``: a tape takes no None, so ones of the target's shape are written."""
    grads = request.output_gradients
    if not isinstance(grads, (ast.List, ast.Tuple)):
        return
    if all(isinstance(grad, ast.Constant) and grad.value is None for grad in grads.elts):
        draft.replace(module.start(grads), module.end(grads), b"None")
        return
    targets = elements(request.target)
    named = (target_name or module.segment(request.target).decode()).encode()
    for index, grad in enumerate(grads.elts):
        if isinstance(grad, (ast.List, ast.Tuple)):
            # A tape would take the numbers of a nested list for as many gradients.
            start, end = module.start(grad), module.end(grad)
            draft.replace(start, end, tf.encode() + b".constant(", Keep(start, end), b")")
        is_none = isinstance(grad, ast.Constant) and grad.value is None
        if is_none or _may_be_none(module, grad):
            if target_name is None and len(targets) == len(grads.elts):
                name = module.segment(targets[index])
            elif len(grads.elts) == 1:
                name = named
            else:  # several gradients are given: it is the name of several tensors
                name = named + b"[%d]" % index
            ones = tf.encode() + b".ones_like(" + name + b")"
            if not is_none:
                given = module.segment(grad)
                ones += b" if " + given + b" is None else " + given
            draft.replace(module.start(grad), module.end(grad), ones)


def _may_be_none(module: Module, expr: ast.expr) -> bool:
    """Whether a name is one of a parameter that is None by default, or was given None."""
    if not isinstance(expr, ast.Name):
        return False
    scope = module.scope_of(expr)
    owner = module.scopes.resolve(expr.id, scope)
    values = [
        bound.value
        for bound in module.names.bindings(expr.id, scope)
        if isinstance(bound, ast.Assign)
    ]
    if owner is not None and owner.args is not None:
        args = owner.args
        pairs = [
            *zip(reversed([*args.posonlyargs, *args.args]), reversed(args.defaults), strict=False),
            *zip(args.kwonlyargs, args.kw_defaults, strict=True),
        ]
        values += [value for arg, value in pairs if arg.arg == expr.id and value is not None]
    return any(isinstance(value, ast.Constant) and value.value is None for value in values)
