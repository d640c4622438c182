"""Sources of a gradient that may be skipped: watched only if they are tensors.

    y = f(x, z)                           with tf.GradientTape() as tape:
    if z is not None:                         tape.watch([z] if tf.is_tensor(z) else [])
        g = tf.gradients(y, z)[0]    ->       y = f(x, z)
                                          if z is not None:
                                              g = tape.gradient(y, z)

A tape has to watch before it is known whether the gradient will be wanted. Where it is not, the
source may be ``None``, a number or an array, which ``tape.watch`` raises for, and the program ran
well so far. Exact: what is no tensor has no gradient, in a graph neither, so it is never missed;
what is certainly a tensor is watched as ever. An attribute or an item may not even be there: it
is read early only if the function, or the constructor of its class, reads or sets it anyway.
"""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.module import Block, Module, Place
from tape_migrate.shapes.dependence import Dependence, begins_inherited
from tape_migrate.shapes.kinds import kind_of, outer_value, value_given_by
from tape_migrate.shapes.loop_body import is_loop_body
from tape_migrate.shapes.plan import OUTSIDE, Guard, Kind, Paths, Refusal, Region, Watch
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import makes_one_tensor, tensorflow_function
from tape_migrate.shapes.unittests import ancestors

_DEPTH = 8
_LISTS_OF_TENSORS = frozenset({"unstack", "split", "meshgrid", "trainable_variables"})
_ONLY_TENSORS_HAVE = frozenset({"get_shape", "set_shape", "op", "graph", "consumers"})
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def may_be_skipped(
    module: Module, scope: Scope, call: ast.Call, block: Block | None = None, first: int = 0
) -> bool:
    """Whether ``call`` need not follow ``block[first]`` (without ``block``: the scope's entry).

    Loops count as run at least once, and nothing as raising.
    """
    if _in_a_branch_of_its_statement(module, call):
        return True
    for place in module.places(call, within=scope):
        top = place.block is block
        leaving = _leaving(module, place)
        following = bisect_left(leaving, first if top else 0)
        if following < len(leaving) and leaving[following] < place.index:
            return True
        if top:
            return False
        if isinstance(place.owner, (ast.If, ast.ExceptHandler, ast.match_case)):
            return True
        if isinstance(place.owner, _LOOPS) and place.field == "orelse":
            return True
    return False


def guarded(
    dep: Dependence, call: ast.Call, region: Region, watches: tuple[Watch, ...], paths: Paths
) -> tuple[Watch, ...] | Refusal:
    """``watches``, with a guard where the source may be no tensor and the gradient be skipped."""
    module, scope = dep.module, dep.scope
    if not watches:
        return watches
    if not paths.skipped and not may_be_skipped(module, scope, call, region.block, region.first):
        return watches
    found: list[Watch] = []
    tracks = {str(track.symbol): (source, track) for source in paths.to_watch
              for track in source.tracks}  # fmt: skip
    until = region.block[region.last] if region.stmts else module.statement_of(call)
    for watch in watches:
        source, track = tracks[watch.symbol]
        definitions = [d for d in track.definitions if d.kind is not DefKind.MUTATION]
        if is_certainly_tensor(module, scope, track.symbol, definitions) or _used_as_tensor(
            module, scope, track.symbol, definitions, until
        ):
            found.append(watch)
            continue
        if not is_there(module, scope, track.symbol, definitions, until):
            return Refusal(
                "TM127",
                f"{track.symbol} may not be there where the gradient is not wanted, and a tape has "
                "to watch it before that is known",
            )
        guard = Guard.ONE if source.kind is Kind.TENSOR else Guard.MEMBERS
        found.append(replace(watch, guard=guard))
    return tuple(found)


def watched_of(call: ast.Call) -> ast.expr:
    """What ``tape.watch(…)`` watches, without the guard that ``guarded`` gives it."""
    match call.args:
        case [
            ast.IfExp(
                test=ast.Call(func=ast.Attribute(attr="is_tensor")),
                body=ast.List(elts=[watched]),
                orelse=ast.List(elts=[]),
            )
        ]:
            return watched
        case [
            ast.ListComp(
                elt=ast.Name(id="value"),
                generators=[
                    ast.comprehension(
                        iter=ast.Call(func=ast.Attribute(attr="flatten"), args=[watched]),
                        ifs=[ast.Call(func=ast.Attribute(attr="is_tensor"))],
                    )
                ],
            )
        ]:
            return watched
    return call


def is_certainly_tensor(
    module: Module, scope: Scope, symbol: Symbol, definitions: list[Definition]
) -> bool:
    """Whether each of ``definitions`` gives a tensor, or a list or tuple of nothing but tensors."""
    outer = outer_value(module, symbol, scope, frozenset(definitions))
    if outer is not None:
        return _is_tensor(module, outer, _DEPTH)
    if definitions and all(d.kind is DefKind.PARAMETER for d in definitions):
        if _set_by_inherited(module, scope, symbol):
            return True
    return bool(definitions) and all(_gives_tensor(module, scope, d, _DEPTH) for d in definitions)


def _set_by_inherited(module: Module, scope: Scope, symbol: Symbol) -> bool:
    """Whether the method that this one begins with sets ``symbol`` to a tensor, in any case."""
    node, owner = scope.node, Summaries.of(module).class_of(scope)
    if symbol.root != "self" or not isinstance(node, ast.FunctionDef) or owner is None:
        return False
    if not any(begins_inherited(scope, stmt) for stmt in node.body[:2]):
        return False
    assert isinstance(owner.node, ast.ClassDef)
    methods = [
        method
        for parent in ancestors(module, owner.node)
        for method in parent.body
        if isinstance(method, ast.FunctionDef) and method.name == node.name
    ]
    if len(methods) != 1:
        return False  # more than one of them may set it
    stores = [stmt for stmt in module.inside(methods[0]) if isinstance(stmt, ast.stmt)]
    values = [v for stmt in stores if (v := value_given_by(stmt, symbol)) is not None]
    certain = any(value_given_by(stmt, symbol) is not None for stmt in methods[0].body)
    return certain and all(_is_tensor(module, value, _DEPTH) for value in values)


def is_there(module: Module, scope: Scope, symbol: Symbol, definitions: Iterable[Definition],
             until: ast.stmt) -> bool:  # fmt: skip
    """Whether ``symbol`` can be read early: it is read or set anyway, up to ``until``."""
    if not symbol.path or all(d.kind not in OUTSIDE for d in definitions):
        return True
    body = scope.node.body if isinstance(scope.node, (*_FUNCTIONS, ast.Module)) else []
    if any(symbol_of(node) == symbol for node in _always(body, until=until)):
        return True
    owner = Summaries.of(module).class_of(scope)
    if owner is None or symbol.root != "self" or len(symbol.path) != 1:
        return False
    return any(
        isinstance(method, _FUNCTIONS)
        and method.name == "__init__"
        and any(symbol_of(node) == symbol for node in _always(method.body))
        for method in owner.body
    )


def _used_as_tensor(
    module: Module, scope: Scope, symbol: Symbol, definitions: list[Definition], until: ast.stmt
) -> bool:
    """Whether ``x.get_shape()`` or the like is evaluated, whatever branch is taken."""
    body = scope.node.body if isinstance(scope.node, (*_FUNCTIONS, ast.Module)) else []
    for node in _always(body, until=until):
        if isinstance(node, ast.Attribute) and node.attr in _ONLY_TENSORS_HAVE:
            reached = module.facts(scope).reaching_at(node.value, symbol)
            if symbol_of(node.value) == symbol and set(definitions) == {
                d for d in reached if d.kind is not DefKind.MUTATION
            }:
                return True
    return False


def _in_a_branch_of_its_statement(module: Module, call: ast.Call) -> bool:
    child: ast.AST = call
    for parent in module.parents_in_statement(call):
        if isinstance(parent, ast.IfExp) and child is not parent.test:
            return True
        if isinstance(parent, ast.BoolOp) and child is not parent.values[0]:
            return True
        if isinstance(parent, _COMPREHENSIONS) and any(g.ifs for g in parent.generators):
            return True
        child = parent
    return False


def _leaving(module: Module, place: Place) -> Sequence[int]:
    """Which statements of a block may return, or leave or go on with a loop that it stands in."""
    known = module.memo.setdefault("statements of blocks that may leave", {})
    assert isinstance(known, dict)
    key = (place.owner, place.field)
    if key not in known:
        those = _may_leave(module)
        known[key] = [index for index, stmt in enumerate(place.block) if stmt in those]
    found: Sequence[int] = known[key]
    return found


def _may_leave(module: Module) -> frozenset[ast.stmt]:
    """All statements that may, each by what stands in it."""
    known = module.memo.get("statements that may leave")
    if not isinstance(known, frozenset):
        known = module.memo["statements that may leave"] = frozenset(_find_leaving(module))
    return known


def _find_leaving(module: Module) -> Iterator[ast.stmt]:
    for kind in (ast.Return, ast.Break, ast.Continue):
        for stmt in module.of_kind(kind):
            yield stmt
            child: ast.AST = stmt
            for parent in module.parents(stmt):
                if isinstance(parent, _FUNCTIONS):
                    break
                # What stands in the `else` of a loop leaves the next one around.
                if kind is not ast.Return and isinstance(parent, _LOOPS) and child in parent.body:
                    break
                if isinstance(parent, ast.stmt):
                    yield parent
                child = parent


def _gives_tensor(module: Module, scope: Scope, definition: Definition, depth: int) -> bool:
    if definition.kind is DefKind.PARAMETER:
        return is_loop_body(module, scope) or _annotated(module, scope, definition.symbol)
    if definition.kind not in (DefKind.STRONG, DefKind.AUGMENTED) or definition.stmt is None:
        return False
    stmt = definition.stmt
    if isinstance(stmt, ast.AugAssign):
        return _is_tensor(module, stmt.value, depth) and not _is_list(module, stmt.value)
    value = value_given_by(stmt, definition.symbol) if isinstance(stmt, ast.stmt) else None
    if value is not None:
        return _is_tensor(module, value, depth)
    if isinstance(stmt, ast.Assign) and isinstance(stmt.value, ast.Call):
        unpacked = tensorflow_function(module.names.resolve(stmt.value.func))
        return unpacked in _LISTS_OF_TENSORS
    return False


def _is_list(module: Module, expr: ast.expr) -> bool:
    return kind_of(module, expr, module.scope_of(expr)) in (Kind.LIST, Kind.TUPLE)


def _annotated(module: Module, scope: Scope, symbol: Symbol) -> bool:
    if scope.args is None or symbol.path:
        return False
    return any(
        arg.arg == symbol.root
        and arg.annotation is not None
        and module.names.resolve(arg.annotation) in ("tensorflow.Tensor", "tensorflow.Variable")
        for arg in (*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs)
    )


def _is_tensor(module: Module, expr: ast.expr, depth: int) -> bool:
    if depth == 0:
        return False
    match expr:
        case ast.Call(func=func):
            canonical = module.names.resolve(func)
            if tensorflow_function(canonical) in _LISTS_OF_TENSORS:
                return True
            return makes_one_tensor(canonical)
        case ast.BinOp(left=left, right=right):
            sides = [_is_tensor(module, side, depth - 1) for side in (left, right)]
            # Lists put together: each of them may hold what is none.
            return all(sides) if _is_list(module, expr) else any(sides)
        case ast.UnaryOp(op=ast.USub(), operand=inner) | ast.Subscript(value=inner):
            if _is_tensor(module, inner, depth - 1):
                return True
        case ast.IfExp(body=body, orelse=orelse):
            return _is_tensor(module, body, depth - 1) and _is_tensor(module, orelse, depth - 1)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return bool(items) and all(_is_tensor(module, item, depth - 1) for item in items)
        case ast.ListComp(elt=item):
            return _is_tensor(module, item, depth - 1)
    symbol = symbol_of(expr)
    if symbol is None:
        return False
    scope = module.scope_of(expr)
    reached = module.facts(scope).reaching_at(expr, symbol)
    return bool(reached) and all(
        d.symbol == symbol and _gives_tensor(module, scope, d, depth - 1) for d in reached
    )


def _always(stmts: Iterable[ast.stmt], *, until: ast.stmt | None = None) -> Iterator[ast.expr]:
    """The expressions that a run of ``stmts`` evaluates, whatever branch it takes."""
    for stmt in stmts:
        stack: list[ast.AST] = [stmt]
        while stack:
            node = stack.pop()
            if isinstance(node, ast.expr):
                yield node
            stack.extend(_evaluated(node))
        if stmt is until or (until is not None and any(n is until for n in ast.walk(stmt))):
            return


def _evaluated(node: ast.AST) -> list[ast.AST]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
            return []
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            return [test]
        case ast.For(iter=over) | ast.AsyncFor(iter=over):
            return [over]
        case ast.Try(body=body):
            return [*body]
        case ast.Match(subject=subject):
            return [subject]
        case ast.BoolOp(values=values):
            return [values[0]]
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return [node.generators[0].iter]
    return list(ast.iter_child_nodes(node))
