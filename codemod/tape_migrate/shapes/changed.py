"""Values on the way to the target that are changed under a name nobody reads there.

``e = d; e["a"] = f(z); y = d["a"] * x`` and ``ys = fill(xs, z); y = xs[0] * x``: no definition of
what is read says that ``z`` is in it. Nor does a variable that is assigned to in between: in a
graph that happens only when the assignment is run, eagerly at once.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from tape_migrate.flow.bindings import target_names
from tape_migrate.flow.symbols import Symbol, may_overlap, symbol_of
from tape_migrate.parsed import walk
from tape_migrate.shapes.applied import applied_variables
from tape_migrate.shapes.assigned import assigned_unnamed, is_same_variable, may_assign
from tape_migrate.shapes.binding import bind, comprehension_of
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.copies import value_of
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.evaluated import calls_in, own_expressions
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.hazards import assigned_variables
from tape_migrate.shapes.in_place import CHANGING, changes_parameter
from tape_migrate.shapes.kinds import kind_of
from tape_migrate.shapes.members import changed_by_other_name, other_names
from tape_migrate.shapes.modes import graph_mode, identifiers
from tape_migrate.shapes.plan import Kind, Link, Refusal, Source
from tape_migrate.shapes.repeats import iterable_of
from tape_migrate.shapes.summaries import Summaries

_CHANGES = "changes inside"
_EVALUATE = frozenset(("eval", "get_value", "batch_get_value"))
_SET = frozenset(
    ("set_value", "batch_set_value", "set_weights", "load_weights", "fit", "train_on_batch")
)


def refuse_changed(
    context: Context,
    dep: Dependence,
    sources: Iterable[Source],
    links: Iterable[Link],
    call_node: int,
) -> Refusal | None:
    """Refuse if a source, or what ``links`` read for the target, may have been changed unseen."""
    reads = {link.use.symbol: link for link in links if ".shape" not in link.use.symbol.path}
    for symbol in sorted(reads, key=str):
        other = changed_by_other_name(dep, symbol, call_node, seen=True)
        if other is not None:
            use = reads[symbol].use.node
            if isinstance(use, ast.expr) and not symbol.path:
                if kind_of(context.module, use, dep.scope) is Kind.TENSOR:
                    continue  # nothing changes a tensor in place
            return Refusal(
                "TM104",
                f"what {symbol} holds is changed by the name of {other}, and the target reads it",
            )
    for source in sources:
        if changed_by_calls(context, dep, [source.symbol], call_node) or (
            (source.symbol.path or source.kind is not Kind.TENSOR)
            and changed_in_closure(context, dep, source.symbol.root)
        ):
            return Refusal("TM104", f"a function that is called changes what {source.symbol} holds")
        for track in source.tracks[1:]:
            # `w = kept[0]` is watched by that name, too, where it is filled already; and so is `w`
            # of `w, _ = kept`.
            held, part = track.symbol, bool(track.symbol.path) or not track.whole
            if track.certain and part and _filled_before(context, dep, held, source):
                return Refusal("TM104", f"a function that is called changes what {held} holds")
    return _refuse_assigned(context, dep, reads, call_node) or _refuse_set_later(
        context, dep, [link.node_id for link in reads.values()]
    )


def _filled_before(context: Context, dep: Dependence, held: Symbol, source: Source) -> bool:
    """Whether a function may change what ``held`` reads before ``source`` is made of it."""
    own = source.track.own_nodes
    return any(changed_by_calls(context, dep, [held], node_id) for node_id in own) or (
        (not held.path or any(part.startswith("[") for part in held.path))
        and changed_in_closure(context, dep, held.root)
    )


def refuse_assigned(
    context: Context, dep: Dependence, sources: Iterable[Source], call: ast.Call
) -> Refusal | None:
    """A source variable assigned to on the way: in a graph nothing happens until it is run."""
    own = {track.symbol for source in sources for track in source.tracks if track.certain}
    symbols = own | {other for symbol in own for other in other_names(dep, symbol)}
    for node_id, assigned in _assigning(context, dep):
        stmt = dep.stmt_of(node_id)
        found = [symbol for symbol in assigned if symbol in symbols]
        if found and stmt is not None and stmt.lineno <= call.lineno:
            return Refusal(
                "TM118",
                f"{found[0]} is assigned to before the gradient: a graph does that only when it "
                "is run, eager code at once",
            )
    return None


def changed_in_closure(context: Context, dep: Dependence, root: str) -> bool:
    """Whether a function nested in the scope fills or changes the scope's own object ``root``."""
    for node, inner in changes_in(dep.scope.node):
        scope = context.module.scope_of(node)
        if inner == root and scope is not dep.scope:
            if context.module.scopes.resolve(root, scope) is dep.scope:
                return True
    return False


def changes_in(part: ast.AST) -> Sequence[tuple[ast.expr, str]]:
    """What is stored into, filled or emptied inside ``part``, and the variable it hangs on.

    Kept with the node, like ``evaluated.calls_in``.
    """
    kept = vars(part)
    known: tuple[tuple[ast.expr, str], ...] | None = kept.get(_CHANGES)
    if known is None:
        known = kept[_CHANGES] = tuple(_find_changes(part))
    return known


def _find_changes(part: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    for node in walk(part):
        changed: ast.expr | None = None
        if isinstance(node, (ast.Attribute, ast.Subscript)):
            changed = node if isinstance(node.ctx, (ast.Store, ast.Del)) else None
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in CHANGING:
                changed = node.func.value
        root = _root(changed) if changed is not None else None
        if root is not None and changed is not None:
            yield changed, root


def _refuse_assigned(
    context: Context, dep: Dependence, reads: dict[Symbol, Link], call_node: int
) -> Refusal | None:
    names = {name: read for read in reads for name in (read, *other_names(dep, read))}
    for node_id, symbols in _assigning(context, dep) if names else ():
        if not dep.reaches(node_id, call_node):
            continue
        for assigned in symbols:
            if assigned in names and dep.reaches(node_id, reads[names[assigned]].node_id):
                return Refusal(
                    "TM118",
                    f"{assigned} is assigned to before the target is computed from it: a graph "
                    "does that only when it is run, eager code at once",
                )
    for node_id, variables in _assigning_unnamed(context, dep) if reads else ():
        if not dep.reaches(node_id, call_node):
            continue
        for read, link in reads.items():
            if dep.reaches(node_id, link.node_id) and any(
                is_same_variable(context.module, variable, read, dep.scope)
                for variable in variables
            ):
                return Refusal(
                    "TM118",
                    f"{read} may be assigned to before the target is computed from it, by what is "
                    "called there: a graph does that only when it is run, eager code at once",
                )
    return None


def _assigning_unnamed(context: Context, dep: Dependence) -> list[tuple[int, tuple[ast.expr, ...]]]:
    """The nodes of the scope that assign to variables in a way that does not show."""
    if not may_assign(context.module):
        return []
    key = f"assigned unnamed {id(dep.scope)}"
    known = dep.module.memo.get(key)
    if not isinstance(known, list):
        found = []
        for node in dep.cfg.nodes:
            if node.node is None or isinstance(node.node, (ast.FunctionDef, ast.ClassDef)):
                continue
            stmt = node.node
            parts = own_expressions(stmt) if isinstance(stmt, ast.stmt) else [stmt]
            variables = tuple(assigned_unnamed(context.module, context.summaries, parts))
            if variables:
                found.append((node.id, variables))
        known = dep.module.memo[key] = found
    return known


def _refuse_set_later(context: Context, dep: Dependence, reads: list[int]) -> Refusal | None:
    """``K.set_value(x, …)`` after the forward pass, and ``K.eval(…)``, which computes it anew."""
    module = context.module
    words = identifiers(module)
    if not (words & _EVALUATE and words & _SET) or graph_mode(module) is not None:
        return None
    sets, evaluations = _set_and_evaluated(context, dep)
    for stmt, node_id in sets:
        if any(dep.reaches(read, node_id) for read in reads) and any(
            dep.reaches(node_id, other) for other in evaluations
        ):
            return Refusal(
                "TM118",
                f"line {stmt.lineno} sets variables, and K.eval computes what a graph holds anew "
                "after it, while eager code has computed it before",
            )
    return None


def _set_and_evaluated(
    context: Context, dep: Dependence
) -> tuple[list[tuple[ast.stmt, int]], list[int]]:
    """The nodes of the scope that set variables at once, and those that evaluate tensors."""
    sets: list[tuple[ast.stmt, int]] = []
    evaluations: list[int] = []
    for node in dep.cfg.nodes:
        stmt = node.stmt
        if node.node is None or stmt is None or isinstance(stmt, (ast.FunctionDef, ast.ClassDef)):
            continue
        parts = own_expressions(node.node) if isinstance(node.node, ast.stmt) else [node.node]
        calls = [call for part in parts for call in calls_in(part)]
        for function in context.summaries.called_functions(parts):
            calls += [each for each in ast.walk(function) if isinstance(each, ast.Call)]
        names = {c.func.attr for c in calls if isinstance(c.func, ast.Attribute)}
        if names & _SET:
            sets.append((stmt, node.id))
        if names & _EVALUATE:
            evaluations.append(node.id)
    return sets, evaluations


def changed_by_calls(
    context: Context, dep: Dependence, reads: Iterable[Symbol], before: int
) -> frozenset[int]:
    """Nodes before ``before`` that call a visible function, for its result, which changes, in
    place, what one of ``reads`` reads."""
    reads = list(reads)
    return frozenset(
        node_id
        for node_id, changes in _changing(context, dep)
        for changed in changes
        if any(may_overlap(changed, read) for read in reads) and dep.reaches(node_id, before)
    )


def _changing(context: Context, dep: Dependence) -> list[tuple[int, tuple[Symbol, ...]]]:
    """The nodes of the scope that call what changes something, and what (looked up once)."""
    key = f"changed by calls {id(dep.scope)}"
    known = dep.module.memo.get(key)
    if isinstance(known, list):
        return known
    found = [
        (node.id, changes)
        for node in dep.cfg.nodes
        if node.node is not None
        if (changes := tuple(_changed_by_calls(context.summaries, node.node)))
    ]
    dep.module.memo[key] = found
    return found


def _assigning(context: Context, dep: Dependence) -> list[tuple[int, tuple[Symbol, ...]]]:
    """The nodes of the scope that assign to variables, and to which (looked up once)."""
    key = f"assigned {id(dep.scope)}"
    known = dep.module.memo.get(key)
    if isinstance(known, list):
        return known
    found = [
        (node.id, symbols)
        for node in dep.cfg.nodes
        if node.node is not None
        if (symbols := tuple(_assigned(context, dep, node.id)))
    ]
    dep.module.memo[key] = found
    return found


def _assigned(context: Context, dep: Dependence, node_id: int) -> Iterator[Symbol]:
    """The variables that a node assigns to, itself or by a visible function that it calls."""
    node = dep.cfg.nodes[node_id].node
    parts: list[ast.AST] = [node] if node is not None else []
    if isinstance(node, ast.stmt) and not isinstance(node, ast.ClassDef):
        parts = own_expressions(node)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        parts += [*node.args.defaults, *filter(None, node.args.kw_defaults)]
    for part in (*parts, *context.summaries.called_functions(parts)):
        assigned = assigned_variables(context.module, part)
        for changed in (*assigned, *applied_variables(context.module, part)):
            symbol = symbol_of(changed)
            if symbol is not None:
                yield symbol
            if not _is_given(context, dep, changed):
                continue
            over = _run_through(context, dep, changed)
            # `f(v)`, `for u in [v]`: what it is called here says nothing of what it is.
            given = (
                [over] if over is not None else [u.symbol for u in dep.cfg.effects(node_id).uses]
            )
            for each in given:
                yield each
                yield from _listed(dep, node_id, each)


def _run_through(context: Context, dep: Dependence, variable: ast.expr) -> Symbol | None:
    """``all``, of which ``t`` is a member in ``[t.assign(v) for v, t in zip(own, all)]``."""
    if not isinstance(variable, ast.Name) or context.module.scope_of(variable) is not dep.scope:
        return None
    around = comprehension_of(context.module, variable)
    for generator in getattr(around, "generators", ()):
        if variable.id in target_names([generator.target]):
            over = iterable_of(generator.target, generator.iter, variable.id)
            roots = [n for n in ast.walk(over) if isinstance(n, ast.Name)] if over else []
            if any(map(context.module.scopes.is_comprehension_variable, roots)):
                return None  # `for ts in [own] for t in ts`
            return symbol_of(over) if over is not None else None
    return None


def _listed(dep: Dependence, node_id: int, symbol: Symbol) -> Iterator[Symbol]:
    """The members of a list that is displayed: ``ws = [w, b]``."""
    for definition in dep.reaching(node_id, symbol):
        value = value_of(definition, symbol)
        if isinstance(value, (ast.List, ast.Tuple)):
            yield from (named for part in value.elts if (named := symbol_of(part)) is not None)


def _is_given(context: Context, dep: Dependence, variable: ast.expr) -> bool:
    """Whether it goes by the name of a comprehension's variable, or of another function's own."""
    name = variable
    while isinstance(name, (ast.Attribute, ast.Subscript)):
        name = name.value
    if not isinstance(name, ast.Name):
        return True
    scope = context.module.scope_of(name)
    owner = context.module.scopes.resolve(name.id, scope)
    return context.module.scopes.is_comprehension_variable(name) or (
        owner is scope and scope is not dep.scope
    )


def _changed_by_calls(summaries: Summaries, node: ast.AST) -> Iterator[Symbol]:
    """What the visible functions that ``node`` calls change.

    Of what they are handed, only where they are called for their result: a call that is a
    statement is taken to change its arguments anyway.
    """
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    parts = own_expressions(node) if isinstance(node, ast.stmt) else [node]
    for call in (call for part in parts for call in calls_in(part)):
        function = summaries.callee(call)
        if function is None:
            continue
        if not summaries.is_quiet(function):
            yield from _outer_changes(summaries, function)
        if isinstance(node, ast.Expr):
            continue
        for name, value in bind(function, call):
            symbol = symbol_of(value)
            if symbol is not None and changes_parameter(summaries, function, name):
                yield symbol


def _outer_changes(summaries: Summaries, function: Function) -> Iterator[Symbol]:
    """Module-level objects that a call of ``function`` changes."""
    for inner in summaries.reached(function):
        for changed, root in changes_in(inner):
            if summaries.is_outer(root, inner):
                yield symbol_of(changed) or Symbol(root)


def _root(expr: ast.AST) -> str | None:
    while isinstance(expr, (ast.Attribute, ast.Subscript, ast.Starred)):
        expr = expr.value
    return expr.id if isinstance(expr, ast.Name) else None
