"""A forward pass in ``setUp`` or ``__init__``: the object keeps the tape for its other methods.

Before::

    class LossTest(tf.test.TestCase):
        def setUp(self):
            self.x = tf.constant([1.0, 2.0])
            self.loss = loss_of(self.x)

        def test_gradient(self):
            g = tf.gradients(self.loss, self.x)[0]

After::

    class LossTest(tf.test.TestCase):
        def setUp(self):
            self.x = tf.constant([1.0, 2.0])
            with tf.GradientTape(persistent=True) as self._tape:
                self._tape.watch(self.x)
                self.loss = loss_of(self.x)

        def test_gradient(self):
            g = self._tape.gradient(self.loss, self.x)

These methods have no caller that could hand in a tape: a test runner, or whoever made the object,
calls them. But the first method certainly runs before, once (or the method itself has called it:
``called_setup``), and what it sets is what the others read if no other statement of the module sets
it: no other method, no subclass, nobody else. For the
first method the central rule holds or does not hold as for a gradient that it took at its end; what
the other computes from the attributes is recorded there, as in a helper (``reentered``). Where the
first method runs the other itself, that rule holds or does not hold at that statement, and nothing
after it may change what the other has read.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from tape_migrate.flow.symbols import DefKind, Symbol
from tape_migrate.module import Module
from tape_migrate.shapes.attribute_members import filled_by_other_name
from tape_migrate.shapes.called_setup import hidden_call, reads_before, setup_call
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.helper import is_method
from tape_migrate.shapes.in_tf_function import is_tf_function
from tape_migrate.shapes.kept_setup import first_run, is_of_test, setup_of
from tape_migrate.shapes.nested import is_nested
from tape_migrate.shapes.plan import OUTSIDE, Candidate, Link, Refusal, Request
from tape_migrate.shapes.reentered import decide_in_helper, entry_sources
from tape_migrate.shapes.summaries import Summaries

_FIRST = ("setUp", "__init__")


@dataclass(frozen=True)
class Kept:
    """A gradient of what another method has computed, on the tape that the object keeps."""

    candidate: Candidate
    setup: ast.FunctionDef
    """The method that certainly ran before."""
    targets: tuple[str, ...]
    """What the target is computed from: attributes of ``self``, as they are written."""
    sources: tuple[str, ...]
    nested: bool
    """Whether the target is computed from another gradient."""
    assumptions: tuple[str, ...]
    run: ast.stmt | None = None
    """The statement of ``setup`` that runs the method already, if it does."""


def may_keep(context: Context, request: Request) -> bool:
    """Whether it is worth a trial to take ``request`` on a tape of its object."""
    scope = request.found.scope
    if is_method(scope) and setup_call(context.module, scope, request.call) is not None:
        return True
    return find_kept(context, request) is not None


def find_kept(context: Context, request: Request) -> Kept | None:
    """How a method can take ``request`` on a tape of its object, as far as it can tell alone."""
    known = context.kept.get(id(request.call))
    if known is None or known[0] != request:
        known = context.kept[id(request.call)] = (request, _find_kept(context, request))
    return known[1]


def _find_kept(context: Context, request: Request) -> Kept | None:
    module, scope = context.module, request.found.scope
    if not is_method(scope) or not isinstance(scope.node, ast.FunctionDef):
        return None
    if request.is_hessian or request.handed or request.all_variables or scope.name in _FIRST:
        return None
    if request.stop_gradients is not None or is_tf_function(module, scope):
        return None
    entry = entry_sources(context, request)
    if isinstance(entry, Refusal) or not entry:
        return None
    targets = [source.symbol for source in entry]
    sources = _source_attributes(context, request)
    if not sources or any(not _is_attribute(symbol) for symbol in targets):
        return None
    if any(filled_by_other_name(module, symbol) for symbol in (*sources, *targets)):
        return None
    hidden = hidden_call(scope, request.call)
    setup = setup_of(module, scope, targets, sources, hidden[0] if hidden is not None else None)
    candidate = decide_in_helper(context, request, entry) if setup is not None else None
    if setup is None or not isinstance(candidate, Candidate):
        return None
    if hidden is not None:
        attributes = [symbol.path[0] for symbol in (*targets, *sources)]
        stmts = candidate.region.stmts
        if reads_before(module, scope, hidden[1], attributes):
            return None
        if stmts and stmts[0].lineno <= hidden[1]:
            return None
    spelled = _spelled(targets)
    read = [symbol for symbol in targets if sum(e.startswith(".") for e in symbol.path) > 1]
    summaries = Summaries.of(module)
    if any(summaries.is_property(element) for symbol in read for element in symbol.path):
        return None
    # An object of a class out of sight may compute what it gives whenever it is asked.
    assumptions: tuple[str, ...] = ()
    if read:
        names = ", ".join(_spelled(read))
        assumptions = (f"assumes that {names} is not computed anew when it is read",)
    if not is_of_test(module, scope):
        # A test runner keeps its objects to itself; others may be reached from other modules.
        others = ", and that no class elsewhere overrides it" if hidden is not None else ""
        only = f"assumes that only {setup.name} sets {', '.join(spelled)}{others}"
        assumptions = (only, *assumptions)
    dep = context.dependence(scope)
    nodes, _ = dep.slice_back(dep.links_of(dep.facts.node_id(request.call), request.given))
    nested = is_nested(dep, nodes, request)
    run = first_run(module, setup, scope.node)
    return Kept(candidate, setup, spelled, _spelled(sources), nested, assumptions, run)


def _is_attribute(symbol: Symbol) -> bool:
    return symbol.root == "self" and bool(symbol.path) and symbol.path[0].startswith(".")


def _spelled(symbols: Iterable[Symbol]) -> tuple[str, ...]:
    """Attributes as they are written; a part of one that is asked for as a whole is left out."""
    texts = list(dict.fromkeys(str(symbol) for symbol in symbols))
    return tuple(
        t for t in texts if not any(t != o and t.startswith(o) and t[len(o)] in ".[" for o in texts)
    )


def _source_attributes(context: Context, request: Request) -> list[Symbol] | None:
    """The attributes that hold the sources, if the method only gives them other names."""
    dep = context.dependence(request.found.scope)
    exprs: list[ast.expr] = [request.source]
    names = {n.id for n in ast.walk(request.source) if isinstance(n, ast.Name)}
    for parent in context.module.parents_in_statement(request.call):
        for generator in getattr(parent, "generators", ()):
            bound = {n.id for n in ast.walk(generator.target) if isinstance(n, ast.Name)}
            if bound & names:
                exprs.append(generator.iter)
                names -= bound
    if not all(_names_only(context.module, expr) for expr in exprs):
        return None
    start = dep.links_of(dep.facts.node_id(request.call), exprs)
    nodes, outside = dep.slice_back(start)
    if not all(_only_renames(dep, node_id) for node_id in nodes):
        return None
    found: dict[Symbol, None] = {}
    for link in (*outside, *(link for link in start if link.definition.kind in OUTSIDE)):
        if link.definition.kind is not DefKind.PARAMETER or link.use.symbol.root != "self":
            if _is_function(context.module, link):
                continue
            return None
        if not link.use.symbol.path:
            continue
        if not _is_attribute(link.use.symbol):
            return None
        found[link.use.symbol] = None
    return list(found) or None


def _is_function(module: Module, link: Link) -> bool:
    node = link.use.node
    while isinstance(module.parent_of(node), ast.Attribute):
        parent = module.parent_of(node)
        assert parent is not None
        node = parent
    call = module.parent_of(node)
    return isinstance(call, ast.Call) and call.func is node


def _only_renames(dep: Dependence, node_id: int) -> bool:
    node = dep.cfg.nodes[node_id].node
    if isinstance(node, ast.Assign):
        return _names_only(dep.module, node.value)
    if isinstance(node, ast.For):
        return _names_only(dep.module, node.iter)
    return isinstance(node, (ast.Name, ast.Tuple, ast.If, ast.With))


def _names_only(module: Module, expr: ast.expr) -> bool:
    match expr:
        case ast.Name() | ast.Constant():
            return True
        case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Starred(value=inner):
            return _names_only(module, inner)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return all(_names_only(module, item) for item in items)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            lists = all(isinstance(s, (ast.List, ast.Tuple, ast.Call)) for s in (left, right))
            return lists and all(_names_only(module, side) for side in (left, right))
        case ast.Call(func=ast.Name(id="list" | "tuple" | "zip" | "enumerate"), args=items):
            return all(_names_only(module, item) for item in items)
        case ast.Call(func=func, args=[inner], keywords=[]):
            resolved = module.names.resolve(func)
            flattens = resolved.startswith("tensorflow.") and resolved.endswith("nest.flatten")
            return (flattens or resolved == "tree.flatten") and _names_only(module, inner)
    return False
