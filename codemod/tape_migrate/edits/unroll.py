"""A ``K.function`` of its own, and a loop for a comprehension (see ``shapes.keras_unroll``)."""

from __future__ import annotations

import ast

from tape_migrate.edits.draft import Draft, Keep, Piece
from tape_migrate.edits.names import fresh_name, used_names
from tape_migrate.edits.tape_block import first_comment_line
from tape_migrate.module import Module
from tape_migrate.shapes.keras_compiled import Compiled
from tape_migrate.shapes.keras_unroll import Run, Unrolled


def write_run(module: Module, plan: Run, backend: str) -> Draft:
    """A draft that compiles the graph of a Session's run before the loop around it.

    ``backend`` is the text by which the Keras backend is known.
    """
    draft = Draft(module.text)
    compiled = plan.compiled
    call = compiled.call
    name = fresh_name("gradient_function", used_names(module, module.scope_of(call)))
    line = module.first_line(plan.before)
    head: list[Piece] = [module.indent_of(plan.before), f"{name} = {backend}.function(".encode()]
    inputs = _listed(module, compiled.inputs)
    outputs = [Keep(module.start(compiled.outputs), module.end(compiled.outputs))]
    draft.insert(module.line_start(line), *head, *inputs, b", ", *outputs, b")", module.newline)
    if compiled.session is not None and plan.in_block(module, compiled.session):
        session = compiled.session
        first, last = module.first_line(session), module.last_line(session)
        draft.delete(module.line_start(first), module.line_end(last))
    given = _listed(module, compiled.values or ())
    draft.replace(module.start(call), module.end(call), f"{name}(".encode(), *given, b")")
    return draft


def _listed(module: Module, exprs: tuple[ast.expr, ...]) -> list[Piece]:
    pieces: list[Piece] = [b"["]
    for index, expr in enumerate(exprs):
        comma = b", " if index else b""
        pieces += [comma, module.segment(expr)]
    return [*pieces, b"]"]


def write_run_in_place(module: Module, compiled: Compiled, backend: str) -> Draft:
    """A draft that compiles the graph of a Session's run where it is run."""
    draft = Draft(module.text)
    call = compiled.call
    outputs = Keep(module.start(compiled.outputs), module.end(compiled.outputs))
    pieces: list[Piece] = [f"{backend}.function(".encode(), *_listed(module, compiled.inputs)]
    pieces += [b", ", outputs, b")(", *_listed(module, compiled.values or ()), b")"]
    draft.replace(module.start(call), module.end(call), *pieces)
    return draft


def write_unrolled(module: Module, plan: Unrolled) -> Draft:
    """A draft that makes a comprehension a loop."""
    draft = Draft(module.text)
    node, stmt = plan.comprehension, plan.stmt
    indent, unit, nl = module.indent_of(stmt), module.indent_unit, module.newline
    used = used_names(module, module.scope_of(node))
    name = ast.unparse(plan.target) if plan.target is not None else fresh_name("functions", used)
    is_list = isinstance(node, ast.ListComp)
    generator = node.generators[0]
    target, over = (module.segment(part) for part in (generator.target, generator.iter))
    pieces: list[Piece] = [indent, name.encode(), b" = []" if is_list else b" = {}", nl]
    pieces += [indent, b"for ", target, b" in ", over, b":", nl]
    depth = unit
    for condition in generator.ifs:
        pieces += [indent, depth, b"if ", module.segment(condition), b":", nl]
        depth += unit
    pieces += [indent, depth]
    if isinstance(node, ast.ListComp):
        value: ast.expr = node.elt
        pieces += [name.encode(), b".append(", Keep(module.start(value), module.end(value)), b")"]
    else:
        value = node.value
        assert node.key is not None
        pieces += [name.encode(), b"[", module.segment(node.key), b"] = "]
        pieces.append(Keep(module.start(value), module.end(value)))
    pieces.append(nl)
    if plan.target is None:
        pieces += [indent, b"return ", name.encode(), nl]
    first, last = module.first_line(stmt), module.last_line(stmt)
    draft.replace(module.line_start(first), module.line_end(last), *pieces)
    return draft


def comments_stay(module: Module, plan: Unrolled) -> bool:
    """Whether the statement holds no comment that the loop would lose."""
    first, last = first_comment_line(module, plan.stmt), module.last_line(plan.stmt)
    lines = range(module.first_line(plan.stmt), last + 1)
    return first <= last and not any(b"#" in module.line_text(line) for line in lines)
