"""Which tensors of a function an expression may be itself: ``u``, a name of it, ``tf.cast(u, t)``.

Two values that a tensor loop begins a turn with, or a turn gives back, may be one tensor where both
may be the same (``loop_twins``, ``loop_parts``). What an operator or a function certainly makes is
itself only; what else is called may give back whatever it reads.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from itertools import combinations

from tape_migrate.flow.bindings import free_variables
from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.scope import ScopeKind
from tape_migrate.flow.symbols import DefKind, Symbol, is_prefix, may_overlap, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind, comprehension_of
from tape_migrate.shapes.copies import value_of
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.plan import in_order
from tape_migrate.shapes.results import result_of
from tape_migrate.shapes.seen_members import gives_given
from tape_migrate.shapes.stored import put_into
from tape_migrate.shapes.summaries import Summaries

_DEPTH = 8
_PARTS = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)
_NUMBERS = (ast.Constant, ast.Compare, ast.JoinedStr)

Key = tuple[int, Symbol] | int
"""What came into a function, by its scope and symbol; or what made a tensor, by its ``id``."""


def may_be_same(module: Module, first: ast.expr, second: ast.expr) -> bool:
    """Whether two expressions may give one tensor."""
    return any(
        _meet(one, other)
        for one in tensors_of(module, first)
        for other in tensors_of(module, second)
    )


def any_same(module: Module, values: list[ast.expr]) -> bool:
    """Whether two of several may give one tensor."""
    return any(may_be_same(module, one, other) for one, other in combinations(values, 2))


def _meet(one: Key, other: Key) -> bool:
    if isinstance(one, int) or isinstance(other, int):
        return one == other
    return one[0] == other[0] and may_overlap(one[1], other[1])


def tensors_of(module: Module, expr: ast.expr, depth: int = _DEPTH) -> frozenset[Key]:
    """What ``expr`` may be itself, where it stands."""
    if isinstance(expr, _NUMBERS) or depth == 0:
        return frozenset()
    match expr:
        case ast.BinOp() | ast.UnaryOp() if not _makes_list(expr):
            return frozenset({id(expr)})
        case ast.Call():
            if not gives_given(module, expr):
                return frozenset({id(expr)})
        case ast.Name():
            return _named(module, expr, depth)
        case ast.Subscript() | ast.Attribute():
            symbol = symbol_of(expr)
            if symbol is not None:
                return _of_symbol(module, expr, symbol, depth)
            return tensors_of(module, expr.value, depth - 1)
    read = _read(module, expr)
    return frozenset(key for part in read for key in tensors_of(module, part, depth - 1))


def _makes_list(expr: ast.expr) -> bool:
    """``[i] + [u, u]``, ``[u] * 2``."""
    return isinstance(expr, ast.BinOp) and any(
        isinstance(side, (ast.List, ast.Tuple)) or _makes_list(side)
        for side in (expr.left, expr.right)
    )


def _read(module: Module, expr: ast.expr) -> list[ast.expr]:
    """Names, parts of what they name, and calls, of which ``expr`` may be one."""
    found: list[ast.expr] = []
    stack: list[ast.AST] = [expr]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.IfExp):
            stack += [node.body, node.orelse]
        elif (isinstance(node, (ast.BinOp, ast.UnaryOp)) and not _makes_list(node)) or (
            node is not expr and isinstance(node, _PARTS)
        ):
            found.append(node)
        elif isinstance(node, ast.Call):
            stack += [*node.args, *(keyword.value for keyword in node.keywords)]
            stack += [] if isinstance(node.func, ast.Name) else [node.func]
            found += _free(module, node)
        else:
            stack += ast.iter_child_nodes(node)
    return [node for node in found if not _is_library(module, node)]


def _is_library(module: Module, node: ast.expr) -> bool:
    return isinstance(node, (ast.Name, ast.Attribute)) and bool(module.names.resolve(node))


def _free(module: Module, call: ast.Call) -> list[ast.expr]:
    """What a function of the module reads of the functions around it."""
    function = Summaries.of(module).callee(call)
    if function is None:
        return []
    free = set(free_variables(function))
    return [
        node
        for node in module.of_kind_inside(ast.Name, function)
        if node.id in free and isinstance(node.ctx, ast.Load)
    ]


def _named(module: Module, name: ast.Name, depth: int) -> frozenset[Key]:
    owner = comprehension_of(module, name)
    if owner is not None:
        return frozenset(
            key
            for generator in getattr(owner, "generators", ())
            for key in tensors_of(module, generator.iter, depth - 1)
        )
    return _of_symbol(module, name, Symbol(name.id), depth)


def _of_symbol(module: Module, expr: ast.expr, symbol: Symbol, depth: int) -> frozenset[Key]:
    scope = module.scope_of(expr)
    owner = module.scopes.resolve(symbol.root, scope)
    reached: Iterable[Definition] = ()
    if owner is not None and owner.kind is ScopeKind.FUNCTION:
        facts = module.facts(owner)
        if owner is scope:
            reached = facts.reaching_at(expr, symbol)
        else:  # a function inside it reads what it holds at some time
            reached = [d for d in facts.reaching.definitions if is_prefix(d.symbol, symbol)]
    found: set[Key] = set()
    for definition in in_order(reached):
        found |= given_by_definition(module, definition, symbol, id(owner), depth)
    return frozenset(found or {(id(owner), symbol)})


def given_by_definition(
    module: Module, definition: Definition, symbol: Symbol, scope: int, depth: int = _DEPTH
) -> frozenset[Key]:
    """What a definition may give ``symbol``, a variable of the scope with this ``id``."""
    stmt, own = definition.stmt, (scope, symbol)
    if definition.kind is not DefKind.STRONG or stmt is None:
        put = put_into(module, Symbol(symbol.root)) if definition.kind is DefKind.MUTATION else []
        return frozenset({own}).union(*(tensors_of(module, value, depth - 1) for value in put))
    value = value_of(definition, symbol)
    if value is not None:
        return tensors_of(module, value, depth - 1)
    if isinstance(stmt, ast.AugAssign):
        return frozenset({id(stmt)})
    back = _given_back(module, stmt, definition.symbol, depth) if not symbol.path else None
    if back is not None:
        return back
    whole, path = value_given_by(stmt, definition.symbol), tuple[str, ...]()
    if whole is None:
        whole, path = _taken(module, stmt, definition.symbol)
    path += symbol.path[len(definition.symbol.path) :]
    if whole is not None:
        return frozenset(_part(key, path) for key in tensors_of(module, whole, depth - 1))
    read = (n for n in ast.iter_child_nodes(stmt) if isinstance(n, ast.expr))
    return frozenset(key for each in read for key in tensors_of(module, each, depth - 1))


def _given_back(
    module: Module, stmt: ast.stmt, symbol: Symbol, depth: int
) -> frozenset[Key] | None:
    """What ``b`` of ``a, b = step(x, y)`` is of what a function in sight gives back."""
    if not isinstance(stmt, ast.Assign) or not isinstance(stmt.value, ast.Call):
        return None
    function = Summaries.of(module).callee(stmt.value)
    returned = result_of(module, stmt, symbol) if function is not None and depth else None
    if function is None or returned is None:
        return None
    own, found = id(module.scopes.opened_by(function)), set[Key]()
    given = dict(bind(function, stmt.value))
    for key in tensors_of(module, returned, depth - 1):
        if isinstance(key, tuple) and key[0] == own and key[1].root in given:
            value = tensors_of(module, given[key[1].root], depth - 1)
            found |= {_part(each, key[1].path) for each in value}
        else:
            found.add(key)
    return frozenset(found)


def _part(key: Key, path: tuple[str, ...]) -> Key:
    return key if isinstance(key, int) else (key[0], Symbol(key[1].root, (*key[1].path, *path)))


def _taken(
    module: Module, stmt: ast.stmt, symbol: Symbol
) -> tuple[ast.expr | None, tuple[str, ...]]:
    """``s`` and ``[1]`` for ``b`` of ``a, b = s``; ``y`` for that of ``a, b = [x, y]``."""
    for target in stmt.targets if isinstance(stmt, ast.Assign) else ():
        if not isinstance(target, (ast.Tuple, ast.List)) or not isinstance(stmt, ast.Assign):
            continue
        if any(isinstance(item, ast.Starred) for item in target.elts):
            continue
        shown = elements(module, stmt.value)
        for index, item in enumerate(target.elts):
            if symbol_of(item) == symbol:
                if symbol_of(stmt.value) is not None:
                    return stmt.value, (f"[{index}]",)
                if shown is not None and not isinstance(stmt.value, ast.Call):
                    return shown[index], ()
    return None, ()


def elements(module: Module, expr: ast.expr, depth: int = _DEPTH) -> list[ast.expr] | None:
    """The members of a collection, as far as it is written out; None where it is not."""
    if depth == 0:
        return None
    match expr:
        case ast.List(elts=items) | ast.Tuple(elts=items):
            found: list[ast.expr] = []
            for item in items:
                spread: list[ast.expr] | None = [item]
                if isinstance(item, ast.Starred):
                    spread = elements(module, item.value, depth - 1)
                if spread is None:
                    return None
                found += spread
            return found
        case ast.Dict(keys=keys, values=items):
            return None if None in keys else items
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            return None if any(k.arg is None for k in keywords) else [k.value for k in keywords]
        case ast.Call(func=ast.Name(id="list" | "tuple"), args=[inner]):
            return elements(module, inner, depth - 1)
        case ast.Call():
            return _returned(module, expr, depth)
        case ast.NamedExpr(value=inner):
            return elements(module, inner, depth - 1)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            one, other = elements(module, left, depth - 1), elements(module, right, depth - 1)
            return None if one is None or other is None else one + other
        case ast.BinOp(left=left, op=ast.Mult(), right=ast.Constant(value=int(times))):
            one = elements(module, left, depth - 1)
            return None if one is None else one * times
        case ast.Name():
            return _elements_of_name(module, expr, depth)
    return None


def _returned(module: Module, call: ast.Call, depth: int) -> list[ast.expr] | None:
    """What a visible function gives back, if there is one place where it does: parameters are
    what the call gives them."""
    function = Summaries.of(module).callee(call)
    if function is None:
        return None
    scope = module.scopes.opened_by(function)
    returned = [
        node.value
        for node in module.of_kind_inside(ast.Return, function)
        if module.scope_of(node) is scope and node.value is not None
    ]
    shown = elements(module, returned[0], depth - 1) if len(returned) == 1 else None
    given, found = dict(bind(function, call)), list[ast.expr]()
    roots: set[str] = set()
    for each in shown or ():
        came = [key for key in tensors_of(module, each) if isinstance(key, tuple)]
        own = [key[1] for key in came if key[0] == id(scope)]
        plain = len(came) == 1 and not own[0].path if own else False
        if any(symbol.root not in given for symbol in own) or (own and len(came) > 1):
            return None
        found.append(given[own[0].root] if plain else each)
        roots |= {symbol.root for symbol in own if symbol.path}
    # `s[1]` stays as it is: no other part, and no other parameter, may be the same.
    for root in roots:
        if any_same(module, leaves(module, given[root])) or any(
            may_be_same(module, given[root], value) for n, value in given.items() if n != root
        ):
            return None
    return None if shown is None else found


def _elements_of_name(module: Module, name: ast.Name, depth: int) -> list[ast.expr] | None:
    scope = module.scope_of(name)
    if scope.kind is not ScopeKind.FUNCTION or comprehension_of(module, name) is not None:
        return None
    reached = in_order(module.facts(scope).reaching_at(name, Symbol(name.id)))
    if len(reached) != 1 or reached[0].kind is not DefKind.STRONG or reached[0].stmt is None:
        return None
    if reached[0].symbol.path or put_into(module, Symbol(name.id)):
        return None
    value = value_given_by(reached[0].stmt, Symbol(name.id))
    return elements(module, value, depth - 1) if value is not None else None


def leaves(module: Module, expr: ast.expr) -> list[ast.expr]:
    """All that stands in a structure, as far as it is written out."""
    inner = elements(module, expr)
    return [expr] if inner is None else [leaf for each in inner for leaf in leaves(module, each)]
