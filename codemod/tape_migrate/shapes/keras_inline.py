"""Keras graphs that go through several functions: one of them is written out where it is called.

Before::

    def normalized_gradients(model, unit):
        loss = K.mean(model.output[:, unit])
        grads = K.gradients(loss, model.input)[0]
        return loss, grads / (K.sqrt(K.mean(K.square(grads))) + 1e-5)


    def visualize(model, image):
        loss, grads = normalized_gradients(model, 0)
        return K.function([model.input], [loss, grads])([image])

After (then the graph is in one function, and ``keras_function`` has it)::

    def visualize(model, image):
        loss = K.mean(model.output[:, 0])
        grads = K.gradients(loss, model.input)[0]
        grads2 = grads / (K.sqrt(K.mean(K.square(grads))) + 1e-5)
        return K.function([model.input], [loss, grads2])([image])

A function that takes or gives back symbolic tensors has no meaning left once the graph is computed
in a function of real ones. Its statements run where the call stood, in their order, on the same
values: what it was called with is bound to (or put in for) its parameters, names are kept apart. So
the text means the same as before, and what is done with it afterwards is shown to be exact there.
It is done only where the graph is migrated in the end; otherwise the call stays.

The function goes, so the call has to be the only one, and nothing out of sight may call it. One
that holds neither a gradient nor a compiled function may stay for others.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.mentions import last_name
from tape_migrate.model import Helper
from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.callers import own_callers, refuse_open, users_elsewhere
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.helper import is_method
from tape_migrate.shapes.inlining import Binding, bindings_of
from tape_migrate.shapes.keras_calls import BACKEND
from tape_migrate.shapes.keras_compiled import compiled_calls
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.keras_values import Level
from tape_migrate.shapes.overridden import elsewhere
from tape_migrate.shapes.plan import Refusal
from tape_migrate.shapes.unittests import ancestors
from tape_migrate.sites import find_sites


@dataclass(frozen=True)
class Inline:
    """A function to be written out at one of its calls."""

    function: ast.FunctionDef
    call: ast.Call
    goes: bool
    """Whether nothing else needs the function."""
    binding: Binding
    sites: tuple[ast.Call, ...]
    """Gradient calls of the graph that goes through it."""
    note: str
    assumption: str | None
    """What is taken for granted of code out of sight."""


@dataclass(frozen=True)
class Inlines:
    """The first function to be written out, and what is in the way of others."""

    plan: Inline | None
    refusals: dict[int, Refusal]
    """By ``id()`` of the gradient call."""


def find_inline(context: Context, sites: list[ast.Call], *, assumed: bool) -> Inlines:
    """A function on the way of one of the gradient calls ``sites`` to a compiled function.

    ``assumed`` says that nothing but the module calls its functions.
    """
    module = context.module
    levels = Levels.of(module)
    refusals: dict[int, Refusal] = {}
    for site in sites:
        if levels.value(site).level is not Level.GRAPH:
            continue
        scope = module.scope_of(site)
        for function, call in _on_the_way(module, levels, scope):
            made = _inline(context, function, call, sites, assumed=assumed)
            if isinstance(made, Inline):
                return Inlines(made, refusals)
            refusals.setdefault(id(site), made)
    return Inlines(None, refusals)


def _on_the_way(
    module: Module, levels: Levels, scope: Scope
) -> Iterator[tuple[ast.FunctionDef, ast.Call | None]]:
    """Functions that a graph with a gradient in ``scope`` goes through, and the calls of them."""
    compiled = compiled_calls(module)
    here = [call for call in compiled if module.scope_of(call) is scope]
    summaries = levels.summaries
    for call in compiled:
        inner = module.scope_of(call)
        node = inner.node
        if inner is scope or not isinstance(node, ast.FunctionDef):
            continue
        calls = [c for c in summaries.callers(node) if module.scope_of(c) is scope]
        if calls and _takes_graph(module, levels, call, inner):
            yield node, calls[0]
    if here:
        for inside in module.inside(scope.node):
            if isinstance(inside, ast.Call) and module.scope_of(inside) is scope:
                function = summaries.callee(inside)
                if not isinstance(function, ast.FunctionDef):
                    continue
                graph = levels.value(inside).level is Level.GRAPH
                brings = graph and _brings(module, levels, function)
                if brings or _builds_on(levels, function, inside):
                    yield function, inside
        return
    if isinstance(scope.node, ast.FunctionDef) and _gives_graph(module, levels, scope):
        callers = summaries.callers(scope.node)
        yield scope.node, callers[0] if len(callers) == 1 else None


def _takes_graph(module: Module, levels: Levels, compiled: ast.Call, scope: Scope) -> bool:
    """Whether a compiled function is made of graph tensors that its scope does not make itself."""
    if scope.args is None:
        return False
    for part in [*compiled.args, *(k.value for k in compiled.keywords)]:
        for node in ast.walk(part):
            if not isinstance(node, (ast.Name, ast.Attribute)):
                continue
            if not isinstance(node.ctx, ast.Load) or levels.value(node).level is not Level.GRAPH:
                continue
            if isinstance(node, ast.Attribute):
                own = isinstance(node.value, ast.Name) and node.value.id == "self"
                if own and not _stores(scope.node, node.attr):
                    return True
            elif (
                module.scopes.resolve(node.id, scope) is not scope
                or levels.given(scope, node.id).level is Level.GRAPH
            ):
                return True
    return False


def _stores(node: ast.AST, attribute: str) -> bool:
    return any(
        isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store) and n.attr == attribute
        for n in ast.walk(node)
    )


def _builds_on(levels: Levels, function: ast.FunctionDef, call: ast.Call) -> bool:
    """Whether ``function`` builds a model on a graph tensor that ``call`` hands it."""
    graph = {n for n, given in bind(function, call) if levels.value(given).level is Level.GRAPH}
    return any(
        isinstance(node, ast.keyword)
        and node.arg in ("tensor", "input_tensor")
        and isinstance(node.value, ast.Name)
        and node.value.id in graph
        for node in ast.walk(function)
    )


def _brings(module: Module, levels: Levels, function: ast.FunctionDef) -> bool:
    """Whether ``function`` reads Keras tensors that it is not handed."""
    scope = module.scopes.opened_by(function)
    return any(
        isinstance(node, ast.expr)
        and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
        and module.scope_of(node) is scope
        and levels.brings(function, node)
        for stmt in function.body
        for node in ast.walk(stmt)
    )


def _gives_graph(module: Module, levels: Levels, scope: Scope) -> bool:
    """Whether a function gives graph tensors back, or keeps them on ``self``."""
    for node in module.inside(scope.node):
        if isinstance(node, ast.Return) and node.value is not None:
            if module.scope_of(node) is scope and levels.value(node.value).level is Level.GRAPH:
                return True
    return False


def _inline(
    context: Context,
    function: ast.FunctionDef,
    call: ast.Call | None,
    sites: list[ast.Call],
    *,
    assumed: bool,
) -> Inline | Refusal:
    module = context.module
    scope = module.scopes.opened_by(function)
    what = f"the graph goes through {function.name}()"
    if call is None:
        count = len(context.summaries.callers(function))
        seen = f"called from {count} places" if count else "not called in plain sight"
        return Refusal("TM140", f"{what}, which is {seen}")
    inside = list(module.inside(function))
    goes = True
    closed = _closed(module, function, scope, assumed=assumed)
    if closed is not None:
        own = [found.call for found in find_sites(module)]
        needed = any(node is site for node in inside for site in own) or any(
            isinstance(node, ast.Call) and module.names.resolve(node.func) == BACKEND + "function"
            for node in inside
        )
        other = _overridden(module, function, scope)
        if needed or other is not None:
            return Refusal("TM140", f"{what}, and {other or closed}")
        goes = False
    binding = bindings_of(context, function, call, goes=goes)
    if isinstance(binding, str):
        return Refusal("TM140", f"{what}, which cannot be written out: {binding}")
    caller = module.scope_of(call)
    concerned = tuple(
        site for site in sites
        if module.scope_of(site) is caller or any(node is site for node in inside)
    )  # fmt: skip
    where = f"in {caller.name}()" if caller.kind is ScopeKind.FUNCTION else "where it was called"
    note = f"{function.name}() is written out {where}"
    assumption = None if assumed else _assumption(module, function, scope)
    return Inline(function, call, goes, binding, concerned, note, assumption)


def _assumption(module: Module, function: ast.FunctionDef, scope: Scope) -> str | None:
    """That no class out of sight has a method of its own in the place of this one."""
    owner = scope.parent.node if scope.parent is not None else None
    if not isinstance(owner, ast.ClassDef) or refuse_open(module, _as_helper(scope)) is None:
        return None
    if any(last_name(decorator) == "final" for decorator in owner.decorator_list):
        return None
    return f"assumes that no class elsewhere overrides {function.name}"


def _as_helper(scope: Scope) -> Helper:
    name = scope.qualname.rpartition(".")[2]
    return Helper(scope.qualname, name, None, False, False, (), method=is_method(scope))


def _closed(
    module: Module, function: ast.FunctionDef, scope: Scope, *, assumed: bool
) -> str | None:
    """Why ``function`` may have other callers than one, or None if it certainly has no other."""
    helper = _as_helper(scope)
    calls = own_callers(module, helper)
    if isinstance(calls, Refusal):
        return _why(calls)
    for node in module.nodes:
        if isinstance(node, ast.Constant) and node.value == function.name:
            return f"line {node.lineno} names it in a string"
    if len(calls) != 1:
        return f"line {calls[1].lineno} calls it as well" if calls else "nothing calls it"
    elsewhere = users_elsewhere(module, helper)
    if elsewhere is not None:
        return _why(elsewhere.refusal)
    open_ = refuse_open(module, helper, assumed=assumed)
    return _why(open_) if open_ is not None else None


def _overridden(module: Module, function: ast.FunctionDef, scope: Scope) -> str | None:
    """What an object may have in the place of a method, or None."""
    owner = scope.parent.node if scope.parent is not None else None
    if not isinstance(owner, ast.ClassDef):
        return None
    name = function.name
    for other in module.of_kind(ast.ClassDef):
        if other is not owner and owner in ancestors(module, other) and _has(other, name):
            return f"{other.name} has another {name}"
    for node in module.attributes(name):
        if isinstance(node.ctx, ast.Store):
            return f"line {node.lineno} sets {ast.unparse(node)}"
    override = elsewhere(module, name)
    return f"{override.path}, line {override.line}, has another" if override is not None else None


def _has(node: ast.ClassDef, name: str) -> bool:
    return any(
        (isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)) and inner.name == name)
        or (isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store) and inner.id == name)
        for stmt in node.body
        for inner in ast.walk(stmt)
    )  # fmt: skip


def _why(refusal: Refusal) -> str:
    """What is in the way of changing all callers, without what it means for a helper's target."""
    return refusal.message.partition(", and ")[2]
