"""What a migration takes for granted: that nothing computed from the source comes in sideways.

For a fresh source nothing has to be assumed. For one that existed before (a parameter, an
attribute, a captured variable) every other value from outside must not have been computed from it.
Where the module itself shows that one was, the call is refused; where it does not show, the
assumption is spelled out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import Symbol, is_prefix, may_overlap
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence, calls_in
from tape_migrate.shapes.plan import Link, Refusal, Source


def assumptions_of(
    context: Context,
    dep: Dependence,
    sources: list[Source],
    outside: tuple[Link, ...],
    every_node: frozenset[int],
) -> list[str] | Refusal:
    """Sentences for the report, or a refusal where an assumption is visibly wrong."""
    external = [source for source in sources if not source.fresh]
    if not external:
        return []
    others = _others(context, dep, external, outside, every_node)
    for source in external:
        for track in source.tracks:
            node = context.closure.node_for(track.symbol, dep.scope)
            for symbol in others:
                other = context.closure.node_for(symbol, dep.scope)
                if context.closure.may_come_from_same(other, node):
                    return Refusal(
                        "TM105",
                        f"{symbol} may have been computed from {source.symbol} before this "
                        "function was entered; a tape in here would miss that part",
                    )
    if not others:
        return []
    names = ", ".join(sorted({str(symbol) for symbol in others}))
    what = ", ".join(str(source.symbol) for source in external)
    return [f"assumes that {names} was not computed from {what}"]


def _others(
    context: Context,
    dep: Dependence,
    external: list[Source],
    outside: tuple[Link, ...],
    every_node: frozenset[int],
) -> list[Symbol]:
    """Values from outside that the target is computed from, other than the sources."""
    tracks = [track.symbol for source in external for track in source.tracks]
    found: dict[Symbol, None] = {}
    for link in outside:
        symbol = link.use.symbol
        if any(may_overlap(symbol, track) and is_prefix(track, symbol) for track in tracks):
            continue
        if _is_callee(context, link) and _visible_callee(context, link):
            continue
        if _may_hold_tensor(context, dep.scope, symbol):
            found[symbol] = None
    for symbol in _read_by_callees(context, dep, every_node):
        if not any(is_prefix(track, symbol) for track in tracks):
            found[symbol] = None
    return list(found)


def _is_callee(context: Context, link: Link) -> bool:
    parent = context.module.parent_of(link.use.node)
    return isinstance(parent, ast.Call) and parent.func is link.use.node


def _visible_callee(context: Context, link: Link) -> bool:
    parent = context.module.parent_of(link.use.node)
    return isinstance(parent, ast.Call) and context.summaries.callee(parent) is not None


def _read_by_callees(
    context: Context, dep: Dependence, every_node: frozenset[int]
) -> Iterator[Symbol]:
    for node_id in every_node:
        node = dep.cfg.nodes[node_id].node
        if node is None or isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            continue
        for call in calls_in(node):
            function = context.summaries.callee(call)
            if function is not None and isinstance(call.func, ast.Attribute):
                owner = context.summaries.class_of(dep.scope)
                for name in sorted(context.summaries.attribute_reads(function)):
                    if owner is None or context.summaries.method(owner, name) is None:
                        yield Symbol("self", ("." + name,))


_PLAIN = ("int", "float", "str", "bool", "bytes")


def _may_hold_tensor(context: Context, scope: Scope, symbol: Symbol) -> bool:
    """Whether a value from outside could be, or hold, a tensor computed from the source."""
    module = context.module
    owner = module.scopes.resolve(symbol.root, scope)
    if owner is None:
        return False  # a builtin
    if symbol.root in ("self", "cls"):
        if not symbol.path:
            return False  # what its methods read is looked at by itself
        klass = context.summaries.class_of(scope)
        name = symbol.path[0].removeprefix(".")
        return klass is None or context.summaries.method(klass, name) is None
    if owner.kind is ScopeKind.FUNCTION and _is_plain_parameter(owner, symbol.root):
        return False
    for node in module.names.bindings(symbol.root, scope):
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)):
            continue
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            continue
        return True
    return False


def _is_plain_parameter(owner: Scope, name: str) -> bool:
    """A parameter annotated as, or with a default that is, a number or string."""
    args = owner.args
    if args is None:
        return False
    positional = [*args.posonlyargs, *args.args]
    defaults: list[ast.expr | None] = [
        *[None] * (len(positional) - len(args.defaults)),
        *args.defaults,
        *args.kw_defaults,
    ]
    for arg, default in zip([*positional, *args.kwonlyargs], defaults, strict=True):
        if arg.arg != name:
            continue
        if isinstance(arg.annotation, ast.Name) and arg.annotation.id in _PLAIN:
            return True
        return isinstance(default, ast.Constant) and default.value is not None
    return False
