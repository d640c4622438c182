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
the other computes from the attributes is recorded there, as in a helper (``reentered``).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from tape_migrate.flow.bindings import children
from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import DefKind, Symbol
from tape_migrate.module import Module
from tape_migrate.shapes.attribute_members import filled_by_other_name
from tape_migrate.shapes.attributes_elsewhere import assigned_elsewhere, made_anew_elsewhere
from tape_migrate.shapes.called_setup import hidden_call, reads_before, setup_call
from tape_migrate.shapes.callers import OtherUsers
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.held import stays_as_it_was
from tape_migrate.shapes.helper import is_method
from tape_migrate.shapes.in_tf_function import is_tf_function
from tape_migrate.shapes.inheritance import may_take_over
from tape_migrate.shapes.nested import is_nested
from tape_migrate.shapes.plan import OUTSIDE, Candidate, Link, Refusal, Request
from tape_migrate.shapes.reentered import decide_in_helper, entry_sources
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.unittests import (
    ancestors,
    is_known_base,
    is_test_case,
    only_parameterizes,
)

_FIRST = ("setUp", "__init__")
_OF_ATTRIBUTES = frozenset(("__slots__", "__setattr__", "__getattribute__"))


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
    setup = _setup_of(module, scope, targets, sources, hidden[0] if hidden is not None else None)
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
    if not _is_test(module, scope):
        # A test runner keeps its objects to itself; others may be reached from other modules.
        others = ", and that no class elsewhere overrides it" if hidden is not None else ""
        only = f"assumes that only {setup.name} sets {', '.join(spelled)}{others}"
        assumptions = (only, *assumptions)
    dep = context.dependence(scope)
    nodes, _ = dep.slice_back(dep.links_of(dep.facts.node_id(request.call), request.given))
    nested = is_nested(dep, nodes, request)
    return Kept(candidate, setup, spelled, _spelled(sources), nested, assumptions)


def _is_test(module: Module, scope: Scope) -> bool:
    """Whether the class that a method belongs to is one of tests."""
    owner = Summaries.of(module).class_of(scope)
    classes = [owner.node] if owner is not None and isinstance(owner.node, ast.ClassDef) else []
    classes += [parent for node in classes for parent in ancestors(module, node)]
    return any(is_test_case(module, base) for node in classes for base in node.bases)


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


def _setup_of(
    module: Module,
    scope: Scope,
    targets: list[Symbol],
    sources: list[Symbol],
    called: str | None,
) -> ast.FunctionDef | None:
    """The method that sets all attributes that are read, alone and before the others.

    ``called`` is the one that the method itself has called by then. It is looked for once: the
    calls of a class mostly read the same.
    """
    key = f"setup {id(scope)} {targets} {sources} {called}"
    if key not in module.memo:
        module.memo[key] = _find_setup(module, scope, targets, sources, called)
    known = module.memo[key]
    assert known is None or isinstance(known, ast.FunctionDef)
    return known


def _find_setup(
    module: Module,
    scope: Scope,
    targets: list[Symbol],
    sources: list[Symbol],
    called: str | None,
) -> ast.FunctionDef | None:
    attributes = {symbol.path[0] for symbol in (*targets, *sources)}
    summaries = Summaries.of(module)
    owner = summaries.class_of(scope)
    if owner is None or not isinstance(owner.node, ast.ClassDef):
        return None
    if not all(only_parameterizes(module, each) for each in owner.node.decorator_list):
        return None
    parents = ancestors(module, owner.node)
    bases = [base for klass in (owner.node, *parents) for base in klass.bases]
    tests = _is_test(module, scope)
    if not all(is_known_base(module, base, parents) for base in bases):
        return None
    method = summaries.method(owner, called or ("setUp" if tests else "__init__"))
    if method is None or method not in owner.node.body or method.decorator_list:
        return None
    if not isinstance(method, ast.FunctionDef) or not method.args.args:
        return None
    if method.args.args[0].arg != "self" or not _comes_to_its_end(method):
        return None
    if not all(_takes_attributes(module, klass) for klass in (owner.node, *parents)):
        return None
    if tests and _is_used_elsewhere(module, owner.node):
        return None
    if scope.node in summaries.called_functions([method]):
        return None  # it takes a gradient on the way, when there may be no tape yet
    if not stays_as_it_was(module, method, targets, sources):
        return None
    own = module.scopes.opened_by(method)
    for node in (node for name in attributes for node in module.attributes(name[1:])):
        if isinstance(node.ctx, ast.Load) and not _is_written_into(module, node):
            continue
        where = module.scope_of(node)
        if where is own:
            continue
        if not _is_another_object(module, node, where, owner, scope, own, tests=tests):
            return None
    for other in module.of_kind(ast.ClassDef):
        if other is not owner.node and not may_take_over(module, owner.node, other):
            continue
        # A subclass that has a first method of its own may not run this one, and what the body of a
        # class gives the name of an attribute may be a property.
        bound = module.scopes.bindings(module.scopes.opened_by(other))
        if bound & {name[1:] for name in attributes}:
            return None
        if method.name in bound and other is not owner.node and other not in parents:
            return None
    if made_anew_elsewhere(module, owner.node, method.name) is not None:
        return None
    for name in sorted(attributes):
        if assigned_elsewhere(module, owner.node, name[1:], leaves=True) is not None:
            return None
    return method


def _comes_to_its_end(method: ast.FunctionDef) -> bool:
    """Whether the last statement of a method is reached whenever it does not raise."""
    stack: list[ast.AST] = [*method.body]
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom)):
            return False
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            stack.extend(children(node))
    return True


def _takes_attributes(module: Module, node: ast.ClassDef) -> bool:
    """Whether an object of the class takes an attribute that nobody has told it of."""
    if node.keywords:
        return False
    names = {n.name for n in node.body if isinstance(n, ast.FunctionDef)}
    below = (n for stmt in node.body for n in module.inside(stmt))
    names |= {n.id for n in below if isinstance(n, ast.Name)}
    return names.isdisjoint(_OF_ATTRIBUTES)


def _is_used_elsewhere(module: Module, node: ast.ClassDef) -> bool:
    """Whether other modules use a class of tests: what they make of it may set up more."""
    project = module.project
    return isinstance(project, OtherUsers) and bool(
        project.users(module.path, node.name, method=False)
    )


def _is_written_into(module: Module, node: ast.Attribute) -> bool:
    """``self.a.b = …``, ``self.a[0] = …``, ``del self.a[0]``."""
    current: ast.AST = node
    parent = module.parent_of(current)
    while isinstance(parent, (ast.Attribute, ast.Subscript)) and parent.value is current:
        if not isinstance(parent.ctx, ast.Load):
            return True
        current, parent = parent, module.parent_of(parent)
    return isinstance(parent, ast.AugAssign) and parent.target is current


def _is_another_object(
    module: Module,
    node: ast.Attribute,
    where: Scope,
    owner: Scope,
    scope: Scope,
    setup: Scope,
    *,
    tests: bool,
) -> bool:
    """Whether what is set is an attribute of another object than the one that keeps the tape."""
    summaries = Summaries.of(module)
    if not (isinstance(node.value, ast.Name) and node.value.id == "self"):
        return False
    klass = summaries.class_of(where)
    if klass is None or not isinstance(klass.node, ast.ClassDef):
        return False
    assert isinstance(owner.node, ast.ClassDef)
    if klass.node in ancestors(module, owner.node):
        # What an inherited first method sets was set when this one came to it.
        return where.name == setup.name and _calls_inherited(module, setup)
    if klass is not owner:
        return not may_take_over(module, owner.node, klass.node)
    # A test runner makes an object for each test; in the test itself the flow is followed.
    return tests and (where is scope or where.name.startswith("test"))


def _calls_inherited(module: Module, setup: Scope) -> bool:
    """Whether a first method begins with that of its base class."""
    match [stmt for stmt in setup.body if not _is_text(stmt)]:
        case [
            ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=called)
                )
            ),
            *_,
        ]:
            return called == setup.name
    return False


def _is_text(stmt: ast.stmt) -> bool:
    return isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Constant)
