"""Whether one expression of a module gives what may have been computed from what another gives."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.attribute_members import fills
from tape_migrate.shapes.barriers import carries_nothing
from tape_migrate.shapes.binding import comprehension_of
from tape_migrate.shapes.classes_seen import classes_of
from tape_migrate.shapes.closure import Closure
from tape_migrate.shapes.closure_nodes import Node
from tape_migrate.shapes.lists_elsewhere import reads_kept_list
from tape_migrate.shapes.made_of import made_of
from tape_migrate.shapes.overridden import OtherTexts
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import SIZES


def closure_of(module: Module) -> Closure:
    """The closure of any module, made once."""
    closure = module.memo.get("closure")
    if not isinstance(closure, Closure):
        closure = module.memo["closure"] = Closure(module)
    return closure


def members_may_depend(module: Module, names: tuple[str, ...], one: ast.expr) -> bool:
    """Whether a member of what ``one`` gives may have been computed from another.

    ``names`` are the attributes of an object that are asked about, if they are such.
    """
    closure = closure_of(module)
    if all(names) and closure.may_come_from_same((0, names[0]), (0, names[1])):
        return True
    symbol = symbol_of(one)
    if symbol is not None and closure.members_depend(
        closure.node_for(symbol, module.scope_of(one))
    ):
        return True
    if closure.mixes(one) or closure.depend(made_of(module, Summaries.of(module), one)):
        return True
    return reads_kept_list(module, one)


def depends(module: Module, other: ast.expr, source: ast.expr) -> bool:
    """Whether what one expression gives may have been computed from what the other gives."""
    closure = closure_of(module)
    sources = [
        (two, closure.node_for(two, module.scope_of(name)))
        for two, name in _read_in(module, source)
    ]
    for one, name in _read_in(module, other):
        held = _held_of(module, one, name)
        for two, start in sources:
            if one == two or (one.root == two.root and one.root not in ("self", "cls")):
                return True
            if any(closure.reaches(start, node) for node in held):
                return True
    return False


def carries_something(module: Module, expr: ast.expr) -> bool:
    """Whether ``expr`` reads anything as a tensor: not ``x.shape``, ``tf.stop_gradient(x)``."""
    quiet = Summaries.of(module).keeps_nothing
    for name in (node for node in ast.walk(expr) if isinstance(node, ast.Name)):
        above = module.parent_of(name)
        size = isinstance(above, ast.Attribute) and above.attr in SIZES
        if not (size or module.names.resolve(name) or carries_nothing(module, name, quiet)):
            return True
    return False


def variables_in(module: Module, expr: ast.AST) -> set[Node]:
    """The variables that ``expr`` reads something of; of ``self``, all that its class holds."""
    closure, summaries = closure_of(module), Summaries.of(module)
    found = {
        node
        for call in module.of_kind_inside(ast.Call, expr)
        if summaries.callee(call) is not None
        for node in closure.reads(call)
    }
    for symbol, name in _read_in(module, expr, through=True):
        owner = summaries.class_of(module.scope_of(name))
        if symbol.root in ("self", "cls") and owner is not None:
            found.add((id(summaries.family(owner)), "self"))
        else:
            found.update(_nodes_of(module, Symbol(symbol.root), name))
    return found


def _held_of(module: Module, one: Symbol, name: ast.Name) -> list[Node]:
    """What ``one`` is, and what it may have been made of.

    What an object holds may have been computed from what it was made of, or what was put into it.
    """
    nodes = _nodes_of(module, one, name)
    if one.path:
        nodes = [*_nodes_of(module, Symbol(one.root), name), *nodes]
        if not _is_method_elsewhere(module, one.path[-1].removeprefix(".")):
            return nodes
    if one.root in ("self", "cls"):
        return nodes
    scope = module.scope_of(name)
    owner = module.scopes.resolve(one.root, scope)
    put = {
        node.attr
        for node in module.of_kind(ast.Attribute)
        if isinstance(node.value, ast.Name)
        and node.value.id == one.root
        and (isinstance(node.ctx, ast.Store) or fills(module, node))
        and module.scopes.resolve(one.root, module.scope_of(node)) is owner
    }
    for call in module.of_kind(ast.Call):
        match call:
            case ast.Call(
                func=ast.Name(id="setattr"),
                args=[ast.Name(id=root), ast.Constant(value=str(attr)), _],
            ) if root == one.root:
                put.add(attr)
    for bound in module.names.bindings(one.root, scope) if not one.path else ():
        method = bound.value if isinstance(bound, ast.Assign) else None
        if isinstance(method, ast.Attribute) and isinstance(method.value, ast.Name):
            symbol = symbol_of(method)  # `run = net.run`
            nodes += _held_of(module, symbol, method.value) if symbol is not None else []
    closure = closure_of(module)
    parts = [closure.node_for(Symbol(one.root, ("." + attr,)), scope) for attr in sorted(put)]
    return [*nodes, *parts, *_set_by_class(module, name)]


def _is_method_elsewhere(module: Module, name: str) -> bool:
    """Whether a class of another module has such a method, which may read what is set here."""
    project = module.project
    return isinstance(project, OtherTexts) and bool(project.defining(module.path, name))


def _set_by_class(module: Module, name: ast.Name) -> list[Node]:
    """What the methods of an object's class set, where it has others from another module."""
    kinds = classes_of(module, name)
    if all(home is module for home, _ in kinds):
        return []
    closure = closure_of(module)
    return [
        closure.node_for(Symbol("self", ("." + node.attr,)), module.scope_of(node))
        for home, kind in kinds
        if home is module
        for node in module.of_kind_inside(ast.Attribute, kind)
        if isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    ]


def _nodes_of(module: Module, symbol: Symbol, name: ast.Name) -> list[Node]:
    inside = comprehension_of(module, name)
    if inside is not None and not symbol.path:
        return [(id(inside), symbol.root)]
    return [closure_of(module).node_for(symbol, module.scope_of(name))]


def symbols_in(module: Module, expr: ast.expr, *, through: bool = False) -> Sequence[Symbol]:
    """What ``expr`` reads, functions that it calls left out; of the variable of a comprehension,
    if asked to go ``through`` it, what that goes through."""
    known = module.memo.setdefault("symbols of expressions", {})
    assert isinstance(known, dict)
    if (expr, through) not in known:
        known[expr, through] = tuple(s for s, _ in _read_in(module, expr, through=through))
    found: tuple[Symbol, ...] = known[expr, through]
    return found


def _gone_through(module: Module, name: ast.Name) -> list[ast.expr]:
    """``values`` for ``v`` of ``[f(v) for v in values]``."""
    inside = comprehension_of(module, name)
    return [
        generator.iter
        for generator in getattr(inside, "generators", ())
        if any(isinstance(n, ast.Name) and n.id == name.id for n in ast.walk(generator.target))
    ]


def _partial(module: Module, func: ast.expr) -> list[ast.expr]:
    """What ``make`` of ``make = functools.partial(Net, h)`` gives besides."""
    if not isinstance(func, ast.Name) or func not in module.parsed.positions:
        return []
    bound = module.names.bindings(func.id, module.scope_of(func))
    made = [node.value for node in bound if isinstance(node, ast.Assign)]
    return [
        call
        for call in made
        if isinstance(call, ast.Call) and module.names.resolve(call.func) == "functools.partial"
    ]


def _read_in(
    module: Module, expr: ast.AST, *, through: bool = False
) -> list[tuple[Symbol, ast.Name]]:
    """The same, each with the name that it begins with."""
    found: dict[Symbol, ast.Name] = {}
    stack: list[ast.AST] = [expr]
    while stack:
        node = stack.pop()
        if through and isinstance(node, ast.Name):
            if module.scopes.is_comprehension_variable(node):
                stack += _gone_through(module, node)
                continue
        symbol = symbol_of(node) if isinstance(node, (ast.Name, ast.Attribute)) else None
        if symbol is not None and isinstance(node, ast.expr):
            root = next((each for each in ast.walk(node) if isinstance(each, ast.Name)), None)
            if root is not None and not module.names.resolve(node):
                found[symbol] = root
            continue
        if isinstance(node, ast.Call):
            stack += [*node.args, *node.keywords]
            if isinstance(node.func, ast.Attribute):
                stack.append(node.func.value)
            stack += _partial(module, node.func)
            continue
        stack.extend(ast.iter_child_nodes(node))
    return list(found.items())
