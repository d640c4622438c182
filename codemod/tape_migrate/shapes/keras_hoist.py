"""A graph kept on ``self`` by one method, compiled by another: the function is made with the graph.

Before::

    def __init__(self, model):
        self.model = model
        self.grads = K.gradients(K.max(model.output), model.input)[0]

    def compile(self):
        self.fn = K.function([self.model.input], [self.grads])

After (then the graph is in one method, and ``keras_function`` has it)::

    def __init__(self, model):
        self.model = model
        self.grads = K.gradients(K.max(model.output), model.input)[0]
        self._fn = K.function([self.model.input], [self.grads])

    def compile(self):
        self.fn = self._fn

``K.function`` builds nothing that a run before it could change: it may be made as soon as the
tensors are there. It reads attributes of ``self`` that are each set at one place of the module, and
names of the module that are bound once: they are the same objects at both places. What is asked of
these objects is the same, too (``keras_unchanging``).
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.module import Module
from tape_migrate.shapes.keras_compiled import compiled_calls
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.keras_unchanging import Unchanging, bound_above
from tape_migrate.shapes.keras_values import Level
from tape_migrate.shapes.plan import Refusal


@dataclass(frozen=True)
class Hoist:
    """A ``K.function`` that moves to the method that makes its tensors."""

    call: ast.Call
    after: ast.stmt
    """The statement behind which it is made."""
    name: str
    """What keeps it: a name of the module, or an attribute of ``self``."""
    sites: tuple[ast.Call, ...]
    note: str


def find_hoist(module: Module, sites: list[ast.Call]) -> Hoist | dict[int, Refusal]:
    """The first ``K.function`` that can move to where one of ``sites`` stands, or why none can."""
    levels = Levels.of(module)
    refusals: dict[int, Refusal] = {}
    for call in compiled_calls(module):
        scope = module.scope_of(call)
        if scope.kind is ScopeKind.FUNCTION:
            to_module = _hoist_to_module(module, levels, call, sites)
            if isinstance(to_module, Hoist):
                return to_module
            refusals |= to_module
        if not _is_method(scope):
            continue
        read = _attributes(levels, call)
        stores = {name: _stores(module, levels, scope, name) for name in read}
        makers = {id(module.scope_of(s)) for name in read if read[name] for s in stores[name]}
        if not makers or id(scope) in makers:
            continue
        own = [site for site in sites if id(module.scope_of(site)) in makers]
        if not own:
            continue
        made = _hoist(module, levels, call, stores, own)
        if isinstance(made, Hoist):
            return made
        refusals |= {id(site): made for site in own}
    return refusals


def _is_method(scope: Scope) -> bool:
    inside = scope.kind is ScopeKind.FUNCTION and scope.parent is not None
    return inside and scope.parent is not None and scope.parent.kind is ScopeKind.CLASS


def _attributes(levels: Levels, call: ast.Call) -> dict[str, bool]:
    """The attributes of ``self`` that ``call`` reads; True for those that are graph tensors."""
    found: dict[str, bool] = {}
    for part in [*call.args, *(k.value for k in call.keywords)]:
        for node in ast.walk(part):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.value.id == "self":
                    found[node.attr] = levels.value(node).level is Level.GRAPH
    return found


def _stores(module: Module, levels: Levels, scope: Scope, attribute: str) -> list[ast.Attribute]:
    """Where the attribute is set on what may be an object of the class around ``scope``."""
    return [
        node
        for node in module.nodes
        if isinstance(node, ast.Attribute)
        and node.attr == attribute
        and not isinstance(node.ctx, ast.Load)
        and not _of_another_class(module, levels, scope, node)
    ]


def _of_another_class(module: Module, levels: Levels, scope: Scope, node: ast.Attribute) -> bool:
    if not isinstance(node.value, ast.Name) or node.value.id != "self":
        return False
    summaries = levels.summaries
    mine, other = summaries.class_of(scope), summaries.class_of(module.scope_of(node))
    if mine is None or other is None:
        return False
    return summaries.family(mine) is not summaries.family(other)


def _hoist(
    module: Module,
    levels: Levels,
    call: ast.Call,
    stores: dict[str, list[ast.Attribute]],
    own: list[ast.Call],
) -> Hoist | Refusal:
    scope, maker = module.scope_of(call), module.scope_of(own[0])
    graph = [name for name, is_graph in _attributes(levels, call).items() if is_graph]
    names = ", ".join(f"self.{name}" for name in graph)
    what = f"{names}, made in {maker.name}(), and the K.function in {scope.name}()"
    if not _is_method(maker) or maker.parent is not scope.parent:
        return Refusal("TM140", f"{what} belong to different classes")
    assert isinstance(maker.node, ast.stmt)
    for node in ast.walk(call):
        if isinstance(node, ast.Name) and module.scopes.resolve(node.id, scope) is scope:
            if node.id != "self" or module.scopes.resolve("self", maker) is not maker:
                return Refusal("TM140", f"{what} are apart: {node.id} is only known in the latter")
        elif isinstance(node, ast.Name) and not module.scopes.is_comprehension_variable(node):
            if not bound_above(module, node, scope, maker.node):
                return Refusal("TM140", f"{what} are apart: {node.id} may change in between")
    last: ast.stmt | None = None
    for name, nodes in stores.items():
        for node in nodes:
            stmt = module.statement_of(node)
            inside = module.scope_of(node) is maker
            first = module.scope_of(node).name == "__init__" and _is_method(module.scope_of(node))
            if not isinstance(node.value, ast.Name) or node.value.id != "self":
                return Refusal("TM140", f"{what} are apart: line {node.lineno} sets {name}")
            if name in graph and not inside:
                return Refusal("TM140", f"{what} are apart: line {node.lineno} sets self.{name}")
            if name not in graph and not inside and not (first and len(nodes) == 1):
                return Refusal("TM140", f"{what} are apart: line {node.lineno} sets self.{name}")
            if inside and module.parent_of(stmt) is not maker.node:
                return Refusal("TM140", f"{what} are apart: line {node.lineno} is in a block")
            if inside and name in graph and (last is None or last.lineno < stmt.lineno):
                last = stmt
    assert last is not None
    for name, nodes in stores.items():
        for node in nodes:
            if module.scope_of(node) is maker and node.lineno > last.lineno:
                return Refusal("TM140", f"{what} are apart: line {node.lineno} sets self.{name}")
    known = {node.attr for node in ast.walk(maker.node) if isinstance(node, ast.Attribute)}
    for name in stores:
        if name not in known:
            return Refusal("TM140", f"{what} are apart: self.{name} may not be set by then")
    behind, top, line = last.lineno, module.scopes.module, module.first_line(maker.node)

    def before(node: ast.expr) -> bool:
        home = module.scope_of(node)
        return (home is maker and node.lineno <= behind) or (home is top and node.lineno < line)

    why = Unchanging(module, call).why_not(before)
    if why is not None:
        return Refusal("TM140", f"{what} are apart: {why}")
    stmt = module.statement_of(call)
    attribute = "_gradient_function"
    if isinstance(stmt, ast.Assign) and isinstance(stmt.targets[0], ast.Attribute):
        attribute = "_" + stmt.targets[0].attr.lstrip("_")
    used = {node.attr for node in module.nodes if isinstance(node, ast.Attribute)}
    while attribute in used:
        attribute += "_"
    note = f"what {scope.name}() compiled is compiled in {maker.name}()"
    return Hoist(call, last, f"self.{attribute}", tuple(own), note)


def _hoist_to_module(
    module: Module, levels: Levels, call: ast.Call, sites: list[ast.Call]
) -> Hoist | dict[int, Refusal]:
    """For a graph made at module level, each of whose names is bound there only, before any call"""
    top = module.scopes.module
    scope = module.scope_of(call)
    own = [site for site in sites if module.scope_of(site) is top]
    last: ast.stmt | None = None
    bound: list[ast.stmt] = []
    for part in [*call.args, *(k.value for k in call.keywords)]:
        for node in ast.walk(part):
            if not isinstance(node, ast.Name) or module.names.resolve(node):
                continue
            if module.scopes.resolve(node.id, scope) is not top:
                return {}
            for binding in module.names.bindings(node.id, top):
                if not isinstance(binding, (ast.Assign, ast.AugAssign)):
                    return {}
                if module.parent_of(binding) is not module.tree:
                    return {}
                bound.append(binding)
                graph = levels.value(node).level is Level.GRAPH
                if graph and (last is None or last.lineno < binding.lineno):
                    last = binding
            if any(node.id in other.globals for other in module.scopes):
                return {}
    if last is None or not own or any(stmt.lineno > last.lineno for stmt in bound):
        return {}
    behind = last.lineno

    def before(node: ast.expr) -> bool:
        return module.scope_of(node) is top and node.lineno <= behind

    why = Unchanging(module, call).why_not(before)
    if why is not None:
        why = f"the K.function in {scope.name}() is apart from what it computes: {why}"
        made = [site for site in own if module.statement_of(site) in bound]
        return {id(site): Refusal("TM140", why) for site in made or own}
    used = {node.id for node in module.nodes if isinstance(node, ast.Name)}
    name, number = "gradient_function", 1
    while name in used:
        number += 1
        name = f"gradient_function{number}"
    note = f"what {scope.name}() compiled is compiled once, at module level"
    return Hoist(call, last, name, tuple(own), note)
