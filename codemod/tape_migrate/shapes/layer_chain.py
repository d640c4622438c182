"""Layers and models that are called one after another, where others have one model.

::

    features = convolution(averaged)
    validity = head(features)  # or head(convolution(averaged)), or Dense(1)(Flatten()(averaged))

A ``Sequential`` of the same layers, in that order, is a model that computes the same from
``averaged``. It can stand where the last of them was called as long as nothing but the next layer
reads what a layer gives, and nothing in between makes layers, whose weights come in turn.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.shapes.layer_hazards import gives_model
from tape_migrate.shapes.loss_program import only_here
from tape_migrate.shapes.program import others_of


@dataclass(frozen=True)
class Chain:
    """``head(convolution(averaged))``."""

    call: ast.Call
    """The last call."""
    links: tuple[ast.expr, ...]
    """The layers, in the order in which they are called."""
    given: ast.Name
    """What the first of them is called on."""
    stmts: tuple[ast.Assign, ...]
    """Statements that call the others, which go."""


def chain_of(
    module: Module, call: ast.Call, source: str, user: ast.stmt | None = None
) -> Chain | str:
    """The layers between ``source`` and what ``call`` gives, or why they cannot be called anew.

    That is done in ``user``, if it is another statement than that of ``call``.
    """
    links: list[ast.expr] = []
    stmts: list[ast.Assign] = []
    node: ast.expr = call
    while True:
        if not isinstance(node, ast.Call) or isinstance(node.func, ast.Lambda):
            return f"{ast.unparse(node)} is no layer's output"
        given = node.args[0] if len(node.args) == 1 else None
        if given is None or node.keywords or isinstance(given, ast.Starred):
            return f"{ast.unparse(node)} gives a layer more than its input"
        links.append(node.func)
        node = given
        if not isinstance(node, ast.Name):
            continue
        if node.id == source:
            break
        stmt = _only_for(module, node)
        if isinstance(stmt, str):
            return stmt
        stmts.append(stmt)
        node = stmt.value
    chain = Chain(call, tuple(reversed(links)), node, tuple(reversed(stmts)))
    later = user if makes_layers(chain) else None
    return _refuse_place(module, chain, later) or _refuse_links(module, chain) or chain


def _only_for(module: Module, read: ast.Name) -> ast.Assign | str:
    """The statement that sets what ``read`` reads, if nothing else reads it."""
    scope = module.scope_of(read)
    owner = module.scopes.resolve(read.id, scope)
    reached = module.facts(scope).reaching_at(read, Symbol(read.id))
    stmt = next(iter(reached)).stmt if len(reached) == 1 else None
    if owner is not scope or not isinstance(stmt, ast.Assign) or len(stmt.targets) != 1:
        return f"what {read.id} is, is not seen"
    if not isinstance(stmt.targets[0], ast.Name):
        return f"what {read.id} is, is not seen"
    if scope is module.scopes.module and not only_here(module, read.id):
        return f"another module names {read.id}"
    for node in module.nodes:
        if not isinstance(node, ast.Name) or node.id != read.id or node is read:
            continue
        inner = module.scope_of(node)
        if module.scopes.resolve(node.id, inner) is not owner:
            continue
        if inner is not scope:
            return f"line {node.lineno} uses {read.id} in another function"
        if isinstance(node.ctx, ast.Load):
            here = module.facts(scope).reaching_at(node, Symbol(read.id))
            if any(each.stmt is stmt for each in here):
                return f"line {node.lineno} uses {read.id}, too"
    return stmt


def _refuse_place(module: Module, chain: Chain, user: ast.stmt | None) -> str | None:
    """What may happen between the first call and the last, or ``user``."""
    stmts = (*chain.stmts, module.statement_of(chain.call))
    last = user or stmts[-1]
    if stmts[0] is last:
        return None
    block = module.place_of(last).block
    if any(module.place_of(stmt).block is not block for stmt in stmts):
        return "the layers are called in different blocks"
    lines = [module.text[module.start(s) : module.line_end(module.last_line(s))] for s in stmts]
    if any(b"#" in text for text in lines):
        return "a comment stands between the layers"
    first = module.place_of(stmts[0]).index
    roots = {_root(link) for link in chain.links} - {None}
    for stmt in block[first : module.place_of(last).index]:
        for node in _run_in(stmt):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in roots:
                return f"line {node.lineno} binds {node.id}, which is called there"
            if stmt in stmts:
                continue
            stored = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
            if stored and isinstance(node, ast.Attribute) and node.attr != "__name__":
                return f"line {node.lineno} comes between the layers"
            partial = isinstance(node, ast.Call) and module.names.resolve(node.func)
            if isinstance(node, ast.Call) and partial != "functools.partial":
                return f"line {node.lineno} comes between the layers"
            if isinstance(node, (ast.Await, ast.Yield, ast.YieldFrom)):
                return f"line {node.lineno} comes between the layers"
    return None


def _run_in(stmt: ast.stmt) -> Iterator[ast.AST]:
    """What runs when ``stmt`` does: of a function only what stands before its body."""
    if isinstance(stmt, ast.FunctionDef):
        yield ast.Name(stmt.name, ast.Store(), lineno=stmt.lineno)
        for expr in (*stmt.decorator_list, *stmt.args.defaults, *stmt.args.kw_defaults):
            yield from ast.walk(expr) if expr is not None else ()
        return
    yield from ast.walk(stmt)


def _root(link: ast.expr) -> str | None:
    while isinstance(link, ast.Attribute):
        link = link.value
    return link.id if isinstance(link, ast.Name) else None


def _refuse_links(module: Module, chain: Chain) -> str | None:
    texts = [ast.unparse(link) for link in chain.links]
    named = [text for text, link in zip(texts, chain.links, strict=True) if _is_named(link)]
    twice = [text for text in named if named.count(text) > 1]
    if twice:
        return f"{twice[0]} is called twice, one after the other"
    made = False
    for link, text in zip(chain.links, texts, strict=True):
        if _is_named(link):
            if gives_model(module, link) is False:
                return f"{text} is not seen to be a model or a layer"
            continue
        resolved = module.names.resolve(link.func) if isinstance(link, ast.Call) else ""
        name = resolved.rpartition(".")[2]
        if not resolved.startswith("keras.layers.") or not name[:1].isupper() or name == "Input":
            return f"{text} is not seen to be a layer of Keras"
        if b"\n" in module.segment(link) or b"#" in module.segment(link):
            return f"{ast.unparse(link)} is made in several lines"
        made = True
    return _refuse_names(module) if made else None


def makes_layers(chain: Chain) -> bool:
    """Whether one of the layers is made where it is called."""
    return not all(_is_named(link) for link in chain.links)


def _is_named(link: ast.expr) -> bool:
    return isinstance(link, (ast.Name, ast.Attribute))


def _refuse_names(module: Module) -> str | None:
    """Layers that are made in another order have each other's names."""
    for each in (module, *others_of(module)):
        for node in each.nodes:
            if isinstance(node, ast.Attribute) and node.attr == "get_layer":
                return f"line {node.lineno} looks layers up by their names"
    return None
