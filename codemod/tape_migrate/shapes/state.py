"""State that carries a source unseen: an object called twice may remember the first call.

``h = net.encode(x)`` before the region and ``y = net.head()`` in it: if ``net`` keeps what it
computed, the path runs through it. The region is widened to hold every call into an object that is
called both with the source before the region and inside it.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.parsed import walk
from tape_migrate.shapes.changed import changed_by_calls
from tape_migrate.shapes.closures import put_by_closures
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import CONTAINER_METHODS, Dependence
from tape_migrate.shapes.escapes import Escapes
from tape_migrate.shapes.evaluated import all_calls, calls_in
from tape_migrate.shapes.filled import fills_what_is_read, is_container
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.outer_readers import outer_readers
from tape_migrate.shapes.plan import OUTSIDE, Link, Paths, Refusal, Source
from tape_migrate.shapes.region import Chosen, choose_region

_SETS = "set inside"
_DISPLAYS = (ast.List, ast.Tuple)
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
"""What binds a name to a function or class that is looked at, or to one of another module."""


def widen_for_state(
    context: Context,
    dep: Dependence,
    chosen: Chosen,
    paths: Paths,
    every_node: frozenset[int],
    call: ast.Call,
    exprs: list[ast.expr],
    *,
    inline: bool,
    within: bool,
    repeated: bool,
) -> tuple[Chosen, Paths] | Refusal:
    """``chosen``, or a wider region that also holds the calls that may keep the source.

    With the paths that make it so wide, should the region be chosen again.

    ``exprs`` are the inline target expressions.
    """
    refusal = refuse_set_by_callee(context, dep, chosen, paths, call)
    if refusal is not None:
        return refusal
    inside = {n for stmt in chosen.region.stmts for n in dep.cfg.span(stmt)}
    roots = _roots(context, dep, inside & set(every_node) | paths.required)
    stmt = dep.module.statement_of(call)
    roots |= context.summaries.opaque_roots(stmt) if inline else set()
    call_node = dep.facts.node_id(call)
    stmts = chosen.region.stmts
    entry = dep.cfg.node_of(stmts[0]) if stmts else call_node
    escapes = Escapes(context, dep)
    extra: set[int] = set()
    kept: set[int] = set()
    hot: set[int] = set()
    unseen: set[int] = set()
    filling: list[int] = []
    links = [link for n in every_node for link in dep.links_into(n)]
    links += dep.links_of(call_node, exprs)
    changing = changed_by_calls(context, dep, {link.use.symbol for link in links}, call_node)
    given = _given_away(dep, escapes, links, entry) - inside
    for source in paths.to_watch:
        tainted = dep.tainted_by(source.tracks)
        for node_id in tainted - inside - {call_node} - _copies(dep, source):
            if dep.reaches(node_id, entry):
                if (
                    node_id in changing
                    or (stmts and roots & _roots(context, dep, {node_id}))
                    or fills_what_is_read(context, dep, node_id, links)
                ):
                    extra.add(node_id)
                elif escapes.escapes(node_id):
                    kept.add(node_id)
        unseen |= _read_unseen(context, dep, source, given, entry) - tainted - inside
        hot |= tainted - _copies(dep, source) - source.track.own_nodes - {call_node}
        filling += [n for n in tainted & inside if fills_what_is_read(context, dep, n, links)]
    kept |= {n for n in escapes.registered() - inside if dep.reaches(n, entry)}
    kept |= {n for n in unseen if escapes.escapes(n)}
    if kept and escapes.recalls(every_node, exprs, call_node):
        extra |= kept
        hot |= unseen
    # What comes into an object there came from somewhere.
    for node_id in (*filling, *extra):
        way, _ = dep.slice_back(dep.links_into(node_id))
        extra = extra | ((way & hot) - inside)
    extra |= (put_by_closures(context, dep, inside, links) & hot) - inside
    if not extra:
        return chosen, paths
    wider = replace(paths, required=paths.required | frozenset(extra))
    result = choose_region(dep, call, wider, inline=inline, within=within, in_header=repeated)
    if isinstance(result, Refusal):
        return Refusal(
            "TM105",
            "an object that is called before with the source is called again for the target; "
            "what it may have kept would be missed",
        )
    return refuse_set_by_callee(context, dep, result, wider, call) or (result, wider)


def _given_away(dep: Dependence, escapes: Escapes, links: list[Link], entry: int) -> set[int]:
    """Nodes before ``entry`` that give away what ``links`` read: ``box.on(kept.append)``."""
    own = {d.symbol.root for link in links if (d := link.definition).kind not in OUTSIDE}
    return {
        node.id
        for node in dep.cfg.nodes
        if own
        if any(use.symbol.root in own for use in dep.cfg.effects(node.id).uses)
        if dep.reaches(node.id, entry) and escapes.escapes(node.id)
    }


def _read_unseen(
    context: Context, dep: Dependence, source: Source, given: set[int], entry: int
) -> frozenset[int]:
    """Nodes before ``entry`` that compute from what may read ``source`` by no name of it, after
    ``given`` have given away what the target reads: ``nets`` of the module holds functions that do
    in ``box.on(kept.append)``, ``box.tell(nets["a"](x))``."""
    if not given:
        return frozenset()
    later = (n.id for n in dep.cfg.nodes if dep.reaches(n.id, entry) and n.id not in given)
    later = (n for n in later if any(dep.reaches(each, n) for each in given))
    read = outer_readers(context, dep, source, later) - source.own_nodes
    computed = (n for n in dep.computed_from(read) if dep.reaches(n, entry))
    return frozenset(read.union(computed))


def refuse_set_by_callee(
    context: Context, dep: Dependence, chosen: Chosen, paths: Paths, call: ast.Call
) -> Refusal | None:
    """``y = self.forward(x)`` sets ``self.h``: the source is no longer what was watched."""
    call_node = dep.facts.node_id(call)
    stmts = chosen.region.stmts
    entry = dep.cfg.node_of(stmts[0]) if stmts else call_node
    for source in paths.to_watch:
        for track in source.tracks:
            setter = _setter(context, dep, track.symbol, entry, call_node, itself=True)
            if setter is not None:
                return Refusal(
                    "TM104",
                    f"{track.symbol} is set by {setter}, which is called between the watch "
                    "and the gradient",
                )
    return None


def refuse_target_set_by_callee(
    context: Context,
    dep: Dependence,
    symbol: Symbol,
    made: int,
    call: ast.Call,
    known: frozenset[int] = frozenset(),
) -> Refusal | None:
    """``net = Net()``, ``k = net.encode(x)``, and the target is ``net.h``, set by ``encode``.

    ``known`` are nodes of which it is taken into account that they set the target.
    """
    call_node = dep.facts.node_id(call)
    setter = _setter(context, dep, symbol, made, call_node, itself=False, known=known)
    if setter is None:
        return None
    return Refusal(
        "TM102", f"{symbol} is set by {setter}, where no tape opened here can be sure of it"
    )


def _setter(
    context: Context,
    dep: Dependence,
    symbol: Symbol,
    start: int,
    end: int,
    *,
    itself: bool,
    known: frozenset[int] = frozenset(),
) -> str | None:
    """A visible function that may set ``symbol``, called after ``start`` and before ``end``.

    ``itself``: or by ``start`` and ``end`` themselves.
    """
    wanted = {*symbol.path, symbol.root}
    for node_id, setters in _setters(context, dep):
        if node_id in known or all(wanted.isdisjoint(sets) for _, sets in setters):
            continue
        after = dep.reaches(start, node_id) or (itself and node_id == start)
        before = dep.reaches(node_id, end) or (itself and node_id == end)
        if after and before:
            return next(name for name, sets in setters if wanted & sets)
    return None


def _setters(
    context: Context, dep: Dependence
) -> list[tuple[int, list[tuple[str, frozenset[str]]]]]:
    """Nodes that run visible functions which set something: their names, and what they set
    (looked up once)."""
    key = f"setters {id(dep.scope)}"
    known = dep.module.memo.get(key)
    if isinstance(known, list):
        return known
    found: list[tuple[int, list[tuple[str, frozenset[str]]]]] = []
    for node in dep.cfg.nodes:
        part = node.node
        if part is None or isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        setters = [(f.name, sets) for f in _run_by(context, part) if (sets := _set_by(f))]
        if setters:
            found.append((node.id, setters))
    dep.module.memo[key] = found
    return found


def _run_by(context: Context, part: ast.AST) -> list[Function]:
    """Visible functions that evaluating ``part`` may run, methods of unknown objects by name."""
    summaries = context.summaries
    found = summaries.called_functions([part])
    for call in calls_in(part):
        if isinstance(call.func, ast.Attribute) and summaries.callee(call) is None:
            for method in summaries.methods_named(call.func.attr):
                found += [method, *summaries.called_functions([method])]
        for function in _run_by_other_names(context, call):
            found += [function, *summaries.called_functions([function])]
    # `len(box)`, `box + y`, `if box:`, `with box:`, `box.out`: no call that could be seen.
    return [*found, *summaries.implicit]


def _run_by_other_names(context: Context, call: ast.Call) -> list[Function]:
    """``getattr(net, "build")(x)``, ``apply(net.build, x)``, ``table["build"](x)``, ``f(x)`` with
    ``f = net.build``: functions that a call may run and does not name as what it calls."""
    summaries = context.summaries
    found: list[Function] = []
    for given in (*call.args, *(keyword.value for keyword in call.keywords)):
        if isinstance(given, ast.Attribute) and isinstance(given.ctx, ast.Load):
            found += summaries.methods_named(given.attr)
        elif isinstance(given, ast.Name) and (function := summaries.named(given)) is not None:
            found.append(function)
    match call.func:
        case ast.Attribute():
            return [*found, *summaries.methods_named("__call__")]
        case ast.Lambda():
            return found
        case ast.Name() as name:
            module = context.module
            bound = module.names.bindings(name.id, module.scope_of(call))
            if bound and summaries.callee(call) is None:
                found += summaries.methods_named("__call__")
            if not module.scopes.is_comprehension_variable(name) and all(
                isinstance(node, _NAMED) for node in bound
            ):
                return found
        case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value=str() as name)]):
            return [*found, *summaries.methods_named(name)]
        case ast.Call(func=ast.Name(id="getattr")):  # `getattr(self, f"build_{kind}")()`
            return [*found, *summaries.methods]
    return [*found, *summaries.methods_named("__call__"), *summaries.handed_about]


def sets_path(context: Context, function: Function, symbol: Symbol) -> bool:
    """Whether ``function``, or a visible one that it calls, may set ``symbol``."""
    wanted = set(symbol.path)
    functions = [function, *context.summaries.called_functions([function])]
    for call in [n for f in functions for n in all_calls(f)]:
        if isinstance(call.func, ast.Attribute) and context.summaries.callee(call) is None:
            functions += context.summaries.methods_named(call.func.attr)
    return any(wanted & _set_by(f) for f in functions)


def _set_by(function: Function) -> frozenset[str]:
    """Path elements (``.h``, ``['last']``) and outer names that ``function`` itself sets."""
    kept = vars(function)
    known: frozenset[str] | None = kept.get(_SETS)
    if known is None:
        known = kept[_SETS] = frozenset(_find_set(function))
    return known


def _find_set(function: Function) -> set[str]:
    found: set[str] = set()
    for node in walk(function):
        target: ast.expr | None = None
        if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            target = node
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in CONTAINER_METHODS
        ):
            target = node.func.value
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            found.update(node.names)
        elif isinstance(node, ast.Call):
            match node:
                case ast.Call(
                    func=ast.Name(id="setattr" | "delattr"),
                    args=[_, ast.Constant(value=str(name)), *_],
                ):
                    found.add(f".{name}")
        symbol = symbol_of(target) if target is not None else None
        while isinstance(target, ast.Subscript) and symbol is None:
            target = target.value
            symbol = symbol_of(target)
        if symbol is not None:
            found.update(symbol.path)
        elif isinstance(target, ast.Attribute):  # `Net().parts.append(v)`
            found.add(f".{target.attr}")
    return found


def _copies(dep: Dependence, source: Source) -> set[int]:
    """Nodes that only give the source another name, by which it is followed, or put it into the
    list of sources that this scope has made."""
    copies = {
        node_id
        for node_id in source.own_nodes
        if isinstance(stmt := dep.stmt_of(node_id), ast.Assign)
        and symbol_of(stmt.value) is not None
    }
    return copies | {
        node_id
        for node_id in source.changed_at
        if _puts_names(dep.stmt_of(node_id)) and is_container(dep, node_id, source.symbol)
    }


def _puts_names(stmt: ast.stmt | None) -> bool:
    """``ws.append(w)``, ``ws.extend([w, b])``: nothing is computed there."""
    match stmt:
        case ast.Expr(value=ast.Call(func=ast.Attribute(), args=args, keywords=[])):
            given = [m for a in args for m in (a.elts if isinstance(a, _DISPLAYS) else [a])]
            return all(symbol_of(each) is not None for each in given)
    return False


def _roots(context: Context, dep: Dependence, nodes: set[int] | frozenset[int]) -> set[str]:
    found: set[str] = set()
    for node_id in nodes:
        node = dep.cfg.nodes[node_id].node
        if node is not None and not isinstance(
            node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        ):
            found |= context.summaries.opaque_roots(node)
    return found
