"""What layers are made with: whether it is still that when a sub-model runs their Python again.

::

    h = Lambda(times, arguments={"c": config})(x)
    config["s"] = 5.0  # the graph holds what it was

A list, a dictionary, an array or an object that a layer, or a function given to one, holds on to
may be changed in place: by its own name, by another name of it, by a function that it is handed to.
A name that is bound again is another matter: what a layer was given stays, but what a function of
its class reads of what is around it is read anew (of functions that it is given: ``keras_layers``).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.flow.bindings import FUNCTION_NODES
from tape_migrate.flow.scope import ScopeKind
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.computed_from import closure_of
from tape_migrate.shapes.dependence import HARMLESS_BUILTINS
from tape_migrate.shapes.in_place import CHANGING, changes_parameter
from tape_migrate.shapes.plan import Refusal
from tape_migrate.shapes.set_by_name import attribute_set_by
from tape_migrate.shapes.summaries import Summaries

KEPT_APART = frozenset(("trainable", "name", "_name"))
"""Attributes of layers that change nothing of what they compute."""
_IN_PLACE = CHANGING | {"fill", "sort", "reverse", "put", "resize", "__setattr__", "__setitem__"}
_INTO_FIRST = frozenset(("copyto", "place", "put", "putmask", "fill_diagonal", "shuffle"))
"""Functions of numpy and ``random`` that write into their first argument."""
_READING = frozenset(("all", "any", "dict", "enumerate", "list", "print", "reversed", "set"))
_READING |= {"sorted", "sum", "tuple", "zip"}
_DISPLAYS = (ast.Dict, ast.List, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_LOOPS = (ast.For, ast.While, ast.AsyncFor)
_FIRST = frozenset(("__init__", "__new__", "build", "setUp"))

_Key = tuple[int, str]
"""The scope of a variable by ``id()``, and its name; 0 and ``self.name`` for an attribute."""


def settings_change(module: Module, compiled: list[ast.Call]) -> Refusal | None:
    """Why a layer may not be made any more with what the graph holds when it runs again, or None.

    ``compiled`` are the calls that compile the graphs of the module, where sub-models take their
    place: what changes after the last of them is not seen.
    """
    changes = list(_changes(module))
    for call in module.of_kind(ast.Call) if changes else ():
        if not _makes_layer(module, call):
            continue
        held, read_late = _held(module, call)
        in_place = read_late | _other_names(module, read_late)  # `other = mask`, `other *= 0.1`
        for key, node in changes:
            known = held
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                counts = isinstance(module.parent_of(node), ast.AugAssign)
                known = in_place if counts else read_late
            if key in known and _may_come_between(module, node, call, compiled):
                return Refusal(
                    "TM144",
                    f"{ast.unparse(node)} (line {node.lineno}) changes what a layer was made with "
                    f"(line {call.lineno}), which a graph built before does not see",
                )
    return None


def _makes_layer(module: Module, call: ast.Call) -> bool:
    """``Lambda(f)``, and ``Scale(config)`` of a class of the module, or of one out of sight that
    makes what is called."""
    resolved = module.names.resolve(call.func)
    if resolved.partition(".")[0] in KNOWN_MODULES:
        return resolved.startswith("keras.layers.")
    name = last_name(call.func)
    if isinstance(call.func, ast.Name):
        bound = module.names.bindings(name, module.scope_of(call))
        visible = [node for node in bound if isinstance(node, ast.ClassDef)]
        if visible:
            return any(_is_layer_class(module, node) for node in visible)
    return name[:1].isupper() and _is_called(module, call)


def _is_layer_class(module: Module, node: ast.ClassDef) -> bool:
    named = any("Layer" in last_name(base) for base in node.bases)
    return named or any(isinstance(m, ast.FunctionDef) and m.name == "call" for m in node.body)


def _is_called(module: Module, call: ast.Call) -> bool:
    """``Scale(config)(x)``, and ``layer = Scale(config)`` where ``layer(x)`` is called."""
    parent = module.parent_of(call)
    if isinstance(parent, ast.Call) and parent.func is call:
        return True
    targets = parent.targets if isinstance(parent, ast.Assign) else []
    names = {last_name(t) for t in targets if isinstance(t, (ast.Name, ast.Attribute))}
    return bool(names) and not names.isdisjoint(_called(module))


def _called(module: Module) -> set[str]:
    known = module.memo.get("names called")
    if not isinstance(known, set):
        known = {last_name(call.func) for call in module.of_kind(ast.Call)}
        module.memo["names called"] = known
    return known


def _held(module: Module, call: ast.Call) -> tuple[set[_Key], set[_Key]]:
    """Whatever may be, or hold, what the layer was given; and what its functions read around."""
    exprs: list[ast.AST] = [*call.args, *(keyword.value for keyword in call.keywords)]
    exprs.append(call.func)
    parent = module.parent_of(call)
    found = {
        key
        for target in (parent.targets if isinstance(parent, ast.Assign) else [])
        if isinstance(target, (ast.Name, ast.Attribute))
        and (key := _key(module, target)) is not None
    }
    read_late: set[_Key] = set()
    seen: set[int] = set()
    while exprs:
        expr = exprs.pop()
        opened = (*FUNCTION_NODES, ast.ClassDef)
        functions = [node for node in module.inside(expr) if isinstance(node, opened)]
        own = {id(module.scopes.opened_by(node)) for node in functions}
        for node in module.inside(expr):
            if not isinstance(node, (ast.Name, ast.Attribute)) or id(node) in seen:
                continue
            seen.add(id(node))
            key = _key(module, node)
            if key is None and isinstance(node, ast.Name):
                exprs += closure_of(module).held_by_name(node)  # `for c in [config]`
            if key is None or (key[0] == 0 and isinstance(expr, ast.ClassDef)):
                continue  # what a layer keeps itself is looked at by ``keras_layers``
            if key[0] in own:
                continue  # a variable of the function itself
            if id(module.scope_of(node)) in own:
                read_late.add(key)
            if key not in found:
                found.add(key)
                exprs += _made_of(module, node)
    return found | _other_names(module, found), read_late


def _key(module: Module, node: ast.Name | ast.Attribute) -> _Key | None:
    if isinstance(node, ast.Attribute):
        own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
        return (0, f"self.{node.attr}") if own else None
    if node.id in ("self", "cls"):
        return None
    owner = module.scopes.resolve(node.id, module.scope_of(node))
    return (id(owner), node.id) if owner is not None else None


def _made_of(module: Module, node: ast.Name | ast.Attribute) -> Iterator[ast.AST]:
    """What is assigned to a name, and the functions and methods that it may be."""
    if isinstance(node, ast.Attribute):
        yield from Summaries.of(module).methods_named(node.attr)
        for attribute in module.attributes(node.attr):
            stmt = module.statement_of(attribute)
            if isinstance(attribute.ctx, ast.Store) and isinstance(stmt, ast.Assign):
                yield stmt.value
        return
    yield from closure_of(module).held_by_name(node)
    owner = module.scopes.resolve(node.id, module.scope_of(node))
    around = module.parent_of(owner.node) if owner is not None else None
    if isinstance(around, ast.Call):  # `map(lambda c: Scale(c)(x), [config])`
        yield from around.args
    for bound in module.names.bindings(node.id, module.scope_of(node)):
        if isinstance(bound, (*FUNCTION_NODES, ast.ClassDef)):
            yield bound


def _other_names(module: Module, held: set[_Key]) -> set[_Key]:
    """``other = config``, ``box = [config]``."""
    found: set[_Key] = set()
    for stmt in module.of_kind(ast.Assign):
        read = {_key(module, node) for node in _members(stmt.value)}
        if not read.isdisjoint(held):
            targets = [t for t in stmt.targets if isinstance(t, (ast.Name, ast.Attribute))]
            found |= {key for t in targets if (key := _key(module, t)) is not None}
    return found


def _members(value: ast.expr) -> Iterator[ast.Name | ast.Attribute]:
    """The variables and attributes that ``value`` is, is a part of, or has as members."""
    match value:
        case ast.Name():
            yield value
        case ast.Attribute(value=inner):
            yield value
            yield from _members(inner)
        case ast.Subscript(value=inner) | ast.Starred(value=inner):
            yield from _members(inner)
        case ast.List(elts=members) | ast.Tuple(elts=members) | ast.Dict(values=members):
            for member in members:
                yield from _members(member)


def _changes(module: Module) -> Iterator[tuple[_Key, ast.expr]]:
    """What the module changes in place, or binds again: the variable or attribute, and where."""
    for node in module.nodes:
        if not isinstance(node, (ast.Name, ast.Attribute)):
            continue
        key = _key(module, node)
        if key is not None and isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield key, node
        if key is not None and (where := _changed_at(module, node)) is not None:
            yield key, where


def _changed_at(module: Module, node: ast.Name | ast.Attribute) -> ast.expr | None:
    """Where ``node``, or what it holds, is changed in place."""
    current: ast.expr = node
    parent = module.parent_of(current)
    while (
        isinstance(parent, (ast.Attribute, ast.Subscript)) and parent.value is current
    ) or _asks_class(parent, current):
        assert isinstance(parent, ast.expr)
        current, parent = parent, module.parent_of(parent)
    if isinstance(parent, ast.Call) and current in parent.args[:1]:
        if attribute_set_by(module, parent) is not None:
            return parent
    if isinstance(parent, ast.AugAssign) and parent.target is current:
        return current
    if isinstance(getattr(current, "ctx", None), (ast.Store, ast.Del)):
        own = current is node and isinstance(node, ast.Name)
        apart = isinstance(current, ast.Attribute) and current.attr in KEPT_APART
        return None if own or apart else current
    if isinstance(parent, ast.Call) and parent.func is current:
        is_method = isinstance(current, ast.Attribute) and current is not node
        return parent if is_method and _method_changes(module, current) else None
    if isinstance(parent, ast.keyword):
        call = module.parent_of(parent)
        if isinstance(call, ast.Call):
            into = parent.arg == "out" or _function_changes(module, call, node)
            return call if into else None
    if isinstance(parent, ast.Call) and current is node:
        return parent if _function_changes(module, parent, node) else None
    return None


def _asks_class(parent: ast.AST | None, node: ast.expr) -> bool:
    """``type(layer)``, ``super(Scale, layer)``"""
    match parent:
        case ast.Call(func=ast.Name(id="type"), args=[given]):
            return given is node
        case ast.Call(func=ast.Name(id="super"), args=[_, given]):
            return given is node
    return False


def _method_changes(module: Module, method: ast.expr) -> bool:
    assert isinstance(method, ast.Attribute)
    if method.attr in _IN_PLACE:
        return True
    summaries = Summaries.of(module)
    return any(
        function.args.args and changes_parameter(summaries, function, function.args.args[0].arg)
        for function in summaries.methods_named(method.attr)
    )


def _function_changes(module: Module, call: ast.Call, given: ast.Name | ast.Attribute) -> bool:
    """Whether a function may change in place what it is handed."""
    resolved = module.names.resolve(call.func)
    last = last_name(call.func)
    if last in ("setattr", "delattr", "vars"):
        return call.args[:1] == [given]
    if resolved.partition(".")[0] in KNOWN_MODULES or resolved.startswith("random."):
        leaf = resolved.rpartition(".")[2]
        return leaf in _INTO_FIRST and call.args[:1] == [given]
    if last in HARMLESS_BUILTINS or last in _READING:
        return False
    summaries = Summaries.of(module)
    function = summaries.callee(call)
    init = _init_of(module, call)
    if init is not None:
        own = ast.Constant(value=None)
        function, call = init, ast.Call(call.func, [own, *call.args], call.keywords)
    if function is not None:
        return any(
            value is given and changes_parameter(summaries, function, parameter)
            for parameter, value in bind(function, call)
        )
    if isinstance(call.func, ast.Attribute) and not resolved:
        return False  # `outputs.append(config)` keeps it as it is
    return not _is_layers(module, call) and _is_collection(module, given)


def _init_of(module: Module, call: ast.Call) -> ast.FunctionDef | None:
    """``__init__`` of a class of the module that is called by its name."""
    if not isinstance(call.func, ast.Name):
        return None
    bound = module.names.bindings(call.func.id, module.scope_of(call))
    classes = [node for node in bound if isinstance(node, ast.ClassDef)]
    methods = [stmt for node in classes for stmt in node.body if isinstance(stmt, ast.FunctionDef)]
    return next((method for method in methods if method.name == "__init__"), None)


def _is_layers(module: Module, call: ast.Call) -> bool:
    """``Concatenate()(parts)``, and ``join(parts)`` of ``join = Concatenate()``."""
    made: list[ast.AST] = [call, call.func]
    if isinstance(call.func, ast.Name):
        bound = module.names.bindings(call.func.id, module.scope_of(call))
        made += [node.value for node in bound if isinstance(node, ast.Assign)]
    return any(isinstance(node, ast.Call) and _makes_layer(module, node) for node in made)


def _is_collection(module: Module, node: ast.Name | ast.Attribute) -> bool:
    """Whether a name is bound to what can be changed for certain."""
    if not isinstance(node, ast.Name):
        return False
    bound = module.names.bindings(node.id, module.scope_of(node))
    return any(isinstance(b, ast.Assign) and isinstance(b.value, _DISPLAYS) for b in bound)


def _may_come_between(
    module: Module, node: ast.expr, call: ast.Call, compiled: list[ast.Call]
) -> bool:
    """Whether ``node`` may run after a layer was called and before its graph is compiled."""
    where, made = module.scope_of(node), module.scope_of(call)
    last = max(each.lineno for each in compiled)
    here = all(module.scope_of(each) is where for each in compiled)
    looped = any(isinstance(parent, _LOOPS) for parent in module.parents(node))
    if here and node.lineno > last and not looped:
        return False
    if where is made:
        around = [p for p in module.parents(call) if isinstance(p, _LOOPS)]
        return node.lineno > call.lineno or any(
            loop in module.parents(node)
            and not all(loop in module.parents(each) for each in compiled)
            for loop in around
        )
    if where.kind is ScopeKind.MODULE:
        return node.lineno > call.lineno
    return where.name not in _FIRST
