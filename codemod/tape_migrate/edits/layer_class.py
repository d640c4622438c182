"""Give a layer class the model that computes what it differentiates.

The gradient call stays where it is; putting a tape around the model is the business of the other
recipes.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from tape_migrate.edits.draft import Draft
from tape_migrate.edits.gradient_layer import (
    compiled_class,
    lines_of,
    names_of,
    one_model,
    tensorflow_of,
    top_of,
)
from tape_migrate.edits.keras_program import remove_statement
from tape_migrate.edits.names import add_import, fresh_name
from tape_migrate.edits.tape_block import first_comment_line
from tape_migrate.module import Module
from tape_migrate.shapes.compiled_models import CompiledModels
from tape_migrate.shapes.layer_class import LayerClassPlan, pair_of, place_of
from tape_migrate.shapes.layer_uses import LayerUse

_INIT = """\
def __init__(self, {name}, **kwargs):
    super().__init__(**kwargs)
    self.{name} = {name}
"""


def write_class(module: Module, plan: LayerClassPlan) -> Draft:
    """A draft by which the class calls the model itself, and is given the source alone."""
    draft = Draft(module.text)
    _write_init(module, draft, plan)
    _write_call(module, draft, plan)
    for part in plan.shapes:
        draft.replace(module.start(part), module.end(part), module.segment(part.value))
    _write_uses(module, draft, plan.uses, plan.models)
    return draft


def write_uses(module: Module, uses: Sequence[LayerUse], models: CompiledModels) -> Draft:
    """A draft by which a class of another module is given the model, and the source alone."""
    draft = Draft(module.text)
    _write_uses(module, draft, uses, models)
    return draft


def _write_uses(
    module: Module, draft: Draft, uses: Sequence[LayerUse], models: CompiledModels
) -> None:
    for use in uses:
        _write_use(module, draft, use)
    if models.calls:
        pieces = compiled_class(module, draft, models, names_of(module))
        top = min((top_of(module, made) for made in models.calls), key=lambda s: s.lineno)
        draft.insert(module.line_start(first_comment_line(module, top)), *pieces)


def _write_init(module: Module, draft: Draft, plan: LayerClassPlan) -> None:
    name = plan.attribute
    if plan.init is None:
        first = next(stmt for stmt in plan.node.body if isinstance(stmt, ast.FunctionDef))
        text = lines_of(module, _INIT.format(name=name))
        draft.insert(module.line_start(first_comment_line(module, first)),
                     _indented(module, first, text), module.newline)  # fmt: skip
        return
    assert plan.initialised is not None
    draft.insert(module.end(plan.init.args.args[0]), f", {name}".encode())
    line = lines_of(module, f"self.{name} = {name}\n")
    end = module.line_end(module.last_line(plan.initialised))
    draft.insert(end, _indented(module, plan.initialised, line))


def _write_call(module: Module, draft: Draft, plan: LayerClassPlan) -> None:
    """The target is what the model gives for the source."""
    given, call = plan.parameter, plan.call
    suffix = plan.uses[0].suffix if plan.uses else None
    part = b"" if suffix is None else module.text[module.end(suffix.value) : module.end(suffix)]
    for stmt in module.inside(call):
        names = pair_of(stmt, given)
        if names is None or not isinstance(stmt, ast.Assign):
            continue
        target, source = names[plan.target], names[1 - plan.target]
        model = f"{target} = self.{plan.attribute}({source})".encode() + part
        pieces = f"{source} = {given}".encode(), module.newline, _indented(module, stmt, model)
        draft.replace(module.start(stmt), module.end(stmt), *pieces)
        _list_source(module, draft, plan.site.args[1])
        return
    target = fresh_name("outputs", {n.id for n in ast.walk(call) if isinstance(n, ast.Name)})
    first = call.body[1 if ast.get_docstring(call) is not None else 0]
    model = f"{target} = self.{plan.attribute}({given})".encode() + part + module.newline
    draft.insert(module.line_start(first_comment_line(module, first)),
                 _indented(module, first, model))  # fmt: skip
    read = plan.site.args[1]
    for use in module.inside(call):
        if isinstance(use, ast.Name) and use.id == given:
            parent = module.parent_of(use)
            assert isinstance(parent, ast.Subscript)
            new = target if place_of(parent, use) == plan.target else given
            new = f"[{new}]" if parent is read else new
            draft.replace(module.start(parent), module.end(parent), new.encode())
    _list_source(module, draft, read)


def _list_source(module: Module, draft: Draft, source: ast.expr) -> None:
    """The source is one tensor: a list of it gives a tensor's gradient at the first place."""
    if isinstance(source, ast.Name):
        draft.insert(module.start(source), b"[")
        draft.insert(module.end(source), b"]")


def _write_use(module: Module, draft: Draft, use: LayerUse) -> None:
    made = use.made
    if use.chain is None:
        model = module.segment(use.forward.func)
    else:
        line = top_of(module, made).lineno
        tf = tensorflow_of(module, made, line) or add_import(module, draft)
        model = one_model(module, draft, use.chain, tf)
    arguments: list[ast.expr | ast.keyword] = [*made.args, *made.keywords]
    if arguments:
        draft.insert(module.start(arguments[0]), model, b", ")
    else:
        func = module.segment(made.func)
        draft.replace(module.start(made), module.end(made), func, b"(", model, b")")
    draft.replace(module.start(use.pair), module.end(use.pair), module.segment(use.source))
    if use.named is not None:
        remove_statement(module, draft, use.named)


def _indented(module: Module, stmt: ast.stmt, text: bytes) -> bytes:
    """``text`` with the indentation of a statement."""
    line = module.line_text(stmt.lineno)
    indent = line[: len(line) - len(line.lstrip(b" \t"))]
    return b"".join(indent + each for each in text.splitlines(keepends=True))
