"""Where a source comes from: a tensor made in this scope, or one that existed before.

A *fresh* source is made by the statement that defines it, so nothing computed earlier can depend
on it; a tape opened right after that statement misses nothing. Any other source may have other
names (*tracks*): aliases, the list it is an element of, an argument that a conversion gave back.
What is computed from a track counts as computed from the source.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.shapes.copies import (
    RELISTING,
    given_by,
    held_by,
    is_copy,
    is_data,
    is_setting,
    is_whole,
    member_of_changed,
    value_of,
)
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.kinds import kind_of, outer_value
from tape_migrate.shapes.listed_sources import members_of, refuse_changed_unseen
from tape_migrate.shapes.makers import made_by
from tape_migrate.shapes.members import put_in, refuse_changed_elsewhere
from tape_migrate.shapes.plan import OUTSIDE, Kind, Refusal, Source, Track, Watch, in_order
from tape_migrate.shapes.tensorflow_facts import always_new_tensor
from tape_migrate.shapes.variable_makers import is_trainable_variable
from tape_migrate.shapes.variables import collected_variables

_DEPTH = 6

_COLLECTORS = frozenset(
    ("dict", "enumerate", "filter", "list", "map", "reversed", "set", "sorted", "tuple", "zip")
)
"""Built-in functions that put what they are given into collections."""


def find_sources(dep: Dependence, node_id: int, expr: ast.expr) -> list[Source] | Refusal:
    """The sources that ``expr`` names where it is read by ``node_id``."""
    collected = _collected(dep, node_id, expr)
    if collected is not None:
        return collected
    if isinstance(expr, (ast.List, ast.Tuple)):
        found: list[Source] = []
        for item in expr.elts:
            inner = find_sources(dep, node_id, item)
            if isinstance(inner, Refusal):
                return inner
            # tf.gradients takes no nested lists: what stands in a display is one tensor.
            plain = len(inner) == 1 and symbol_of(item) is not None
            found += [replace(inner[0], kind=Kind.TENSOR)] if plain else inner
        return found
    if isinstance(expr, ast.BinOp) and isinstance(expr.op, ast.Add):
        # Lists put together. Were they tensors, the sum would be new: None in both worlds.
        no_tensor = kind_of(dep.module, expr, dep.scope) is not Kind.TENSOR
        if no_tensor and all(_listable(dep, side) for side in (expr.left, expr.right)):
            return find_sources(
                dep, node_id, ast.List(elts=[expr.left, expr.right], ctx=ast.Load())
            )
    if isinstance(expr, ast.Starred):
        return find_sources(dep, node_id, expr.value)
    relisted = _relisted(dep, expr)
    if relisted is not None:
        listed = find_sources(dep, node_id, relisted)
        if isinstance(listed, Refusal):
            return listed
        # What is flattened may hold lists where it was taken to hold tensors.
        return [replace(s, kind=Kind.UNKNOWN) if s.track.outside else s for s in listed]
    symbol = symbol_of(expr)
    if symbol is None:
        if isinstance(expr, (ast.ListComp, ast.GeneratorExp)):
            return Refusal("TM120", "the sources are built by a comprehension in the call")
        if (
            isinstance(expr, ast.Call)
            and isinstance(expr.func, ast.Attribute)
            and expr.func.attr in ("value", "read_value", "_ref", "initialized_value")
        ):
            return Refusal(
                "TM118", "the source is the value of a variable, read anew at the gradient call"
            )
        return Refusal(
            "TM120",
            "the source is an expression that makes a new value at the call; "
            "name it and use that name in the forward pass",
        )
    return _symbol_sources(dep, node_id, symbol, expr)


def by_values(
    dep: Dependence, expr: ast.expr, sources: list[Source], watches: tuple[Watch, ...]
) -> tuple[Watch, ...]:
    """Watch the values of a dictionary: a tape takes one only if its keys can be sorted."""
    held = _dictionaries(dep, expr)
    names = {
        str(track.symbol)
        for source in sources
        if source.symbol in held
        for track in source.tracks
        if track.whole
    }
    return tuple(
        replace(watch, symbol=f"list({watch.symbol}.values())") if watch.symbol in names else watch
        for watch in watches
    )


def _dictionaries(dep: Dependence, expr: ast.expr) -> frozenset[Symbol]:
    """Symbols whose values the sources are: ``d`` of ``list(d.values())``."""
    found: set[Symbol] = set()
    for node in ast.walk(expr):
        if isinstance(node, ast.Call):
            relisted = _relisted(dep, node)
            plain = isinstance(node.func, ast.Name)
            flat = dep.module.names.resolve(node.func).endswith("flatten")
            symbol = symbol_of(relisted) if relisted is not None and not plain else None
            if symbol is not None and not flat:
                found.add(symbol)
    return frozenset(found)


def _listable(dep: Dependence, expr: ast.expr) -> bool:
    if isinstance(expr, ast.Call):
        return _relisted(dep, expr) is not None
    return symbol_of(expr) is not None or isinstance(expr, (ast.List, ast.Tuple, ast.BinOp))


def _relisted(dep: Dependence, expr: ast.expr) -> ast.expr | None:
    """``xs`` in ``list(xs)``, ``d`` in ``d.values()``: the same tensors in a new list."""
    if not isinstance(expr, ast.Call) or expr.keywords:
        return None
    func = expr.func
    if dep.module.names.resolve(func) in RELISTING and len(expr.args) == 1:
        return expr.args[0]
    if isinstance(func, ast.Name) and func.id in ("list", "tuple") and len(expr.args) == 1:
        return None if dep.module.names.is_local(func.id, dep.scope) else expr.args[0]
    if isinstance(func, ast.Attribute) and func.attr == "values" and not expr.args:
        return func.value if symbol_of(func.value) is not None else None
    return None


def _collected(dep: Dependence, node_id: int, expr: ast.expr) -> list[Source] | Refusal | None:
    """Variables that the framework collected, as one source."""
    found = collected_variables(dep.module, expr)
    if found is None:
        return None
    if not found.trainable:
        why = (
            "tf.get_variable may give a variable here that was made with trainable=False, or a "
            "moving average: a tape does not watch these"
            if found.what == "tf.get_variable"
            else f"the sources are variables collected elsewhere ({found.what}), which need not "
            "all be trainable: a tape would not see the others"
        )
        return Refusal("TM106", why)
    symbol = symbol_of(expr)
    changed = refuse_changed_elsewhere(dep, node_id, symbol, expr) if symbol is not None else None
    if changed is not None:
        return changed
    return [_variables(node_id, symbol or Symbol(found.what), found.kind)]


def all_trainable(node_id: int) -> Source:
    """All trainable variables, where a call names none."""
    return _variables(node_id, Symbol("variables"), Kind.LIST)


def _variables(node_id: int, symbol: Symbol, kind: Kind) -> Source:
    track = Track(symbol, frozenset())
    return Source(symbol, node_id, (track,), fresh=True, variable=True, kind=kind, collected=True)


def _symbol_sources(
    dep: Dependence, node_id: int, symbol: Symbol, expr: ast.expr
) -> list[Source] | Refusal:
    definitions = dep.reaching(node_id, symbol)
    # `xs.append(…)`, `xs[0] = …`, `x.name = …`
    mutated = in_order(
        d for d in definitions
        if d.kind is DefKind.MUTATION or len(d.symbol.path) > len(symbol.path)
    )  # fmt: skip
    strong = frozenset(definitions) - frozenset(mutated)
    if any(d.kind in (DefKind.REMOTE, DefKind.DELETE) for d in definitions):
        return Refusal("TM115", f"{symbol} is bound by another function or deleted")
    changed = refuse_changed_elsewhere(dep, node_id, symbol, expr)
    if changed is not None:
        return changed
    if len(strong) == 1 and not mutated:
        listed = _listed(dep, members_of(dep, next(iter(strong)), symbol) or [])
        if listed:
            return refuse_changed_unseen(dep, node_id, symbol) or listed
        value = value_of(next(iter(strong)), symbol)
        if isinstance(value, ast.Dict):
            held = _dictionary_sources(dep, next(iter(strong)).node_id, symbol, value)
            if held is not None:
                return refuse_changed_unseen(dep, node_id, symbol) or held
    outer = outer_value(dep.module, symbol, dep.scope, strong)
    if isinstance(outer, (ast.List, ast.Tuple)) and outer.elts:
        listed = find_sources(dep, node_id, outer)
        if isinstance(listed, list) and all(s.track.outside for s in listed):
            return refuse_changed_unseen(dep, node_id, symbol) or listed
    if mutated and symbol.path:
        return Refusal(
            "TM104", f"{symbol} may be set again by a call between its definition and the gradient"
        )
    kind = kind_of(dep.module, expr, dep.scope)
    if kind is Kind.TENSOR or (strong and all(_is_fresh(dep, d, symbol) for d in strong)):
        # Nothing changes a tensor in place.
        mutated = [d for d in mutated if d.kind is not DefKind.MUTATION]
    put = put_in(dep, symbol, mutated, certainly_list=kind is not Kind.UNKNOWN)
    if isinstance(put, Refusal):
        return put
    members, changed_at = put
    made = () if members or changed_at else made_by(dep, symbol, strong, node_id)
    if made:
        kinds = {each.kind for each in made}
        kind = kinds.pop() if len(kinds) == 1 else Kind.UNKNOWN
        track = _track(dep, symbol, strong, certain=True, whole=True)
        return [Source(symbol, node_id, (track,), fresh=True, variable=False, kind=kind, made=made)]
    fresh = (
        bool(strong)
        and not mutated
        and all(_is_fresh(dep, d, symbol) or _holds_only_new(dep, d, symbol) for d in strong)
    )
    tracks = [_track(dep, symbol, strong, certain=True, whole=True)]
    if mutated:
        tracks = [replace(tracks[0], single=False)]
    found = [*_twins(dep, symbol, strong), *members]
    for member in members:
        found += _other_tracks(dep, member.symbol, member.definitions, _DEPTH)
    if not fresh:
        found += _other_tracks(dep, symbol, strong, _DEPTH)
    for track in found:
        if all(track.symbol != t.symbol or track.definitions != t.definitions for t in tracks):
            tracks.append(track)
    return [
        Source(
            symbol=symbol,
            node_id=node_id,
            tracks=tuple(tracks),
            fresh=fresh,
            variable=bool(strong)
            and (
                all(is_trainable_variable(dep.module, value_of(d, symbol)) for d in strong)
                or is_trainable_variable(dep.module, outer)
            ),
            kind=kind,
            changed_at=changed_at,
        )
    ]


def _listed(dep: Dependence, members: list[tuple[int, ast.expr]]) -> list[Source] | Refusal:
    """The sources that ``members`` name, each where it is read."""
    found: list[Source] = []
    for node_id, member in members:
        inner = find_sources(dep, node_id, ast.List(elts=[member], ctx=ast.Load()))
        if isinstance(inner, Refusal):
            return inner
        found += inner
    return found


def _dictionary_sources(
    dep: Dependence, node_id: int, symbol: Symbol, display: ast.Dict
) -> list[Source] | Refusal | None:
    """The values of ``{"a": a, "b": b}``; None where none of them has a name."""
    named = [value for value in display.values if symbol_of(value) is not None]
    if not named:
        return None  # made where they stand: none can have been computed from another
    if len(named) < len(display.values) or None in display.keys:
        return Refusal(
            "TM105",
            f"one value of {symbol} may have been computed from another where they are put "
            "together; a tape opened after that would miss it",
        )
    return find_sources(dep, node_id, ast.List(elts=display.values, ctx=ast.Load()))


def _track(
    dep: Dependence,
    symbol: Symbol,
    definitions: frozenset[Definition],
    *,
    certain: bool,
    whole: bool,
) -> Track:
    return Track(
        symbol,
        definitions,
        certain=certain,
        whole=whole,
        single=all(_is_single(dep, d, symbol) for d in definitions),
        copied=all(_is_copied(dep, d, symbol) for d in definitions),
    )


def _is_single(dep: Dependence, definition: Definition, symbol: Symbol) -> bool:
    """Whether the definition gives ``symbol`` one value that is made by it, or has a name."""
    if definition.kind in OUTSIDE or _is_fresh(dep, definition, symbol):
        return True
    value = value_of(definition, symbol)
    if isinstance(value, ast.Call):
        return not isinstance(value.func, ast.Name) or value.func.id not in _COLLECTORS
    return value is not None and symbol_of(value) is not None


def _twins(dep: Dependence, symbol: Symbol, definitions: frozenset[Definition]) -> Iterator[Track]:
    """``b`` of ``a = b = f(x)``, for the source ``a``."""
    for definition in in_order(definitions):
        stmt = definition.stmt
        if isinstance(stmt, ast.Assign) and len(stmt.targets) > 1:
            for target in stmt.targets:
                other = symbol_of(target)
                if other is not None and other != symbol:
                    yield Track(other, frozenset((definition._replace(symbol=other),)))


def _is_copied(dep: Dependence, definition: Definition, symbol: Symbol) -> bool:
    """Whether the definition gives ``symbol`` nothing but what has another name before."""
    if definition.kind in OUTSIDE:
        return False
    tracks = list(_other_tracks(dep, symbol, frozenset((definition,)), 1))
    return bool(tracks) and all(track.certain for track in tracks)


def _is_fresh(dep: Dependence, definition: Definition, symbol: Symbol) -> bool:
    stmt = definition.stmt
    if isinstance(stmt, ast.AugAssign):
        return kind_of(dep.module, stmt.value, dep.scope) is Kind.TENSOR
    value = value_of(definition, symbol)
    if value is None:
        if isinstance(stmt, ast.Assign) and isinstance(stmt.value, ast.Call):
            return always_new_tensor(dep.module.names.resolve(stmt.value.func))
        return False
    return is_fresh_value(dep, value)


def _holds_only_new(dep: Dependence, definition: Definition, symbol: Symbol) -> bool:
    """``{k: tf.gather(v, 0) for k, v in …}``: each member is made there, and has no other name."""
    value = value_of(definition, symbol)
    match value:
        case ast.ListComp(elt=member) | ast.DictComp(value=member):
            named = any(isinstance(node, ast.NamedExpr) for node in ast.walk(value))
            made = isinstance(member, ast.Call) and is_fresh_value(dep, member)
            return made and not named
    return False


def is_fresh_value(dep: Dependence, value: ast.expr) -> bool:
    """Whether evaluating ``value`` certainly makes a new tensor."""
    match value:
        case ast.UnaryOp(op=ast.USub() | ast.Invert()):
            return True
        case ast.BinOp() | ast.Subscript(slice=ast.Tuple()):
            return kind_of(dep.module, value, dep.scope) is Kind.TENSOR
        case ast.Call(func=func):
            return always_new_tensor(dep.module.names.resolve(func))
        case ast.IfExp(body=body, orelse=orelse):
            return is_fresh_value(dep, body) and is_fresh_value(dep, orelse)
    return False


def _other_tracks(
    dep: Dependence, symbol: Symbol, definitions: frozenset[Definition], depth: int
) -> Iterator[Track]:
    if depth == 0:
        return
    for definition in in_order(definitions):
        if definition.kind in OUTSIDE or _is_fresh(dep, definition, symbol):
            continue
        changed = member_of_changed(dep, definition, symbol)
        held = held_by(dep, definition, symbol)
        if held is not None:
            yield replace(held, certain=held.certain and not changed)
            yield from _other_tracks(dep, held.symbol, held.definitions, depth - 1)
            continue
        for link in given_by(dep, definition, symbol):
            other = dep.stmt_of(link.node_id) is not definition.stmt
            reader = link.node_id if other else definition.node_id
            reached = dep.reaching(reader, link.use.symbol)
            strong = frozenset(d for d in reached if d.kind is not DefKind.MUTATION)
            if all(is_data(dep, d, link.use.symbol) for d in strong) or is_setting(dep, link):
                continue
            if strong and strong != definitions:
                # What holds a property, or is captured, is not itself what is copied.
                named = not isinstance(link.use.node, ast.expr) or (
                    symbol_of(link.use.node) == link.use.symbol
                )
                certain = named and not changed and is_copy(definition, symbol)
                whole = named and is_whole(definition, symbol)
                if depth == 1:
                    yield Track(link.use.symbol, strong, certain=certain, whole=whole)
                    continue
                track = _track(dep, link.use.symbol, strong, certain=certain, whole=whole)
                copied = isinstance(value_of(definition, symbol), ast.Call) or whole
                if not copied or _made_again(dep, definition, strong):
                    track = replace(track, single=False)
                yield track
                yield from _other_tracks(dep, track.symbol, strong, depth - 1)


def _made_again(dep: Dependence, copy: Definition, made: frozenset[Definition]) -> bool:
    """Whether what was copied may be bound again after that: ``w = v; v = f(v)`` in a loop."""
    return any(d.kind not in OUTSIDE and dep.reaches(copy.node_id, d.node_id) for d in made)
