"""The method that sets what other methods of its object read: alone, once, and before them.

A tape that the object keeps is opened there (``kept_tape``).
"""

from __future__ import annotations

import ast

from tape_migrate.flow.bindings import children
from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.shapes.attributes_elsewhere import assigned_elsewhere, made_anew_elsewhere
from tape_migrate.shapes.callers import OtherUsers
from tape_migrate.shapes.held import is_done_with, stays_as_it_was
from tape_migrate.shapes.inheritance import may_take_over
from tape_migrate.shapes.kinds_elsewhere import kinds_of
from tape_migrate.shapes.listed_elsewhere import listed_elsewhere
from tape_migrate.shapes.methods_taken import is_taken_from_class
from tape_migrate.shapes.overridden import OtherTexts
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.unittests import (
    ancestors,
    is_known_base,
    is_test_case,
    only_parameterizes,
)

_OF_ATTRIBUTES = frozenset(("__slots__", "__setattr__", "__getattribute__"))


def setup_of(
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
    tests = is_of_test(module, scope)
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
    if not _is_set_before(module, method, scope.node, attributes):
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
    if listed_elsewhere(module, owner.node):
        return None
    if is_taken_from_class(module, owner.node, scope.name):
        return None  # what it is called with may be an object that has no tape
    project = module.project
    if isinstance(project, OtherTexts):
        for user, kind in kinds_of(module, project, owner.node)[1:]:
            if not _takes_attributes(user, kind):
                return None
    for name in sorted(attributes):
        if assigned_elsewhere(module, owner.node, name[1:], leaves=True) is not None:
            return None
    return method


def first_run(module: Module, method: ast.FunctionDef, taker: ast.AST) -> ast.stmt | None:
    """The first statement of a method that may run ``taker``, another method of its object."""
    called = Summaries.of(module).called_functions
    if taker not in called([method]):
        return None
    for stmt in method.body:
        inner = module.of_kind_inside(ast.FunctionDef, stmt)
        if any(taker in called([part]) for part in (stmt, *inner)):
            return stmt
    return method.body[0]


def _is_set_before(
    module: Module, method: ast.FunctionDef, taker: ast.AST, attributes: set[str]
) -> bool:
    """Whether a first method that runs ``taker`` itself has set the attributes for good by then.

    ``self.loss = loss_of(self.x)`` and then ``self._build_training()``.
    """
    run = first_run(module, method, taker)
    if run is None:
        return True
    before = method.body[: method.body.index(run)]
    if not before or isinstance(run, (ast.FunctionDef, ast.ClassDef)):
        return False
    if module.last_line(before[-1]) >= run.lineno:
        return False  # no room for a line between them
    return is_done_with(module, method, before, attributes)


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


def is_of_test(module: Module, scope: Scope) -> bool:
    """Whether the class that a method belongs to is one of tests."""
    owner = Summaries.of(module).class_of(scope)
    classes = [owner.node] if owner is not None and isinstance(owner.node, ast.ClassDef) else []
    classes += [parent for node in classes for parent in ancestors(module, node)]
    return any(is_test_case(module, base) for node in classes for base in node.bases)
