"""Functions with ``tf.cond`` or a tensor loop in them that a path may run by another name.

``step = pick``, ``TABLE = {"pick": pick}``, ``self.step = pick``, ``lambda v: pick(p, v, z)``: of
what is called so it is not seen that it branches (``branches``), nor whether zeros or None are
wanted. Names are told apart by their words alone, for functions go about.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from tape_migrate.flow.bindings import target_names
from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import TENSOR_LOOPS, tensorflow_function

_BRANCHES = frozenset({"cond", "case", "switch_case", "while_loop"})
_WORDS = (b"cond", b"case", b"while_loop", b"switch")


def branches_behind(module: Module, parts: Iterable[ast.AST]) -> ast.Call | None:
    """A call in ``parts`` that may run a function with a branch in it, which it does not name."""
    if not module.speaks_of(_WORDS):
        return None
    names, summaries = _names(module), Summaries.of(module)
    for call in (call for part in parts for call in calls_in(part)):
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        if any(_is_one(module, node, names) for part in given for node in _handed_on(module, part)):
            if tensorflow_function(module.names.resolve(call.func)) not in _BRANCHES:
                return call
        if module.names.resolve(call.func) == "keras.backend.switch" and any(
            isinstance(part, ast.Lambda) or summaries.mentioned(part) for part in given
        ):
            return call  # of values it chooses by `tf.where`
        if summaries.callee(call) is None and _may_be(module, call.func, names):
            return call
    return None


def _is_one(module: Module, node: ast.AST, names: frozenset[str]) -> bool:
    return _word(node) in names or _is_branch(module, node)


def _may_be(module: Module, func: ast.expr, names: frozenset[str]) -> bool:
    """Whether what is called may be such a function: a part of a table, ``getattr(net, "run")``."""
    if tensorflow_function(module.names.resolve(func)) in _BRANCHES:
        return False
    if isinstance(func, ast.Name) and "__call__" in names:
        if module.names.is_local(func.id, module.scope_of(func)):
            return True
    return any(
        _is_one(module, node, names)
        or (isinstance(node, ast.Constant) and node.value in names | _BRANCHES)
        for node in ast.walk(func)
    )


def _word(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _is_branch(module: Module, node: ast.AST) -> bool:
    if not isinstance(node, (ast.Name, ast.Attribute)):
        return False
    return tensorflow_function(module.names.resolve(node)) in _BRANCHES


def _handed_on(module: Module, expr: ast.AST) -> Iterator[ast.AST]:
    """What ``expr`` gives, or hands to a call, to be called later: loops give no functions."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, ast.Call):
            if tensorflow_function(module.names.resolve(node.func)) in TENSOR_LOOPS:
                continue
            stack += [*node.args, *(keyword.value for keyword in node.keywords)]
        elif isinstance(node, ast.Lambda):
            yield from ast.walk(node.body)
        else:
            stack += ast.iter_child_nodes(node)


def _names(module: Module) -> frozenset[str]:
    """Names and attributes that may hold a function with a branch in it."""
    known = module.memo.get("names of branches")
    if not isinstance(known, frozenset):
        known = module.memo["names of branches"] = frozenset(_find_names(module))
    return known


def _find_names(module: Module) -> set[str]:
    inside = [(f.name, list(module.inside(f))) for f in module.of_kind(ast.FunctionDef)]
    inside += [(f.name, list(module.inside(f))) for f in module.of_kind(ast.AsyncFunctionDef)]
    given = [(word, list(_handed_on(module, value))) for word, value in _givings(module)]
    found: set[str] = set()
    size = -1
    while size != len(found):
        size = len(found)
        for word, nodes in (*inside, *given):
            if word not in found and any(
                _word(node) in found or _is_branch(module, node) for node in nodes
            ):
                found.add(word)
    return found


def _givings(module: Module) -> Iterator[tuple[str, ast.expr]]:
    """Names and attributes, and what they are given."""
    summaries = Summaries.of(module)
    for node in module.nodes:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    parts = (part for part in ast.walk(target) if _word(part))
                    yield from ((_word(part), value) for part in parts)
            case ast.NamedExpr(target=target, value=value):
                yield _word(target), value
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                yield from ((name, value) for name in target_names([target]))
            case ast.arguments(defaults=[_, *_] as defaults):
                last = [*node.posonlyargs, *node.args][-len(defaults) :]
                yield from zip((arg.arg for arg in last), defaults, strict=True)
            case ast.Call():
                function = summaries.callee(node) or summaries.made_by(node)
                yield from bind(function, node) if function is not None else ()
