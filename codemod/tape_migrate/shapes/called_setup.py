"""Methods that set up what another one differentiates, because that one calls them first.

Before::

    class LossTest(tf.test.TestCase):
        def _set_up(self, scale):
            self.x = tf.constant([1.0, 2.0])
            self.loss = scale * loss_of(self.x)

        def test_gradient(self):
            self._set_up(2.0)
            g = tf.gradients(self.loss, self.x)[0]

After, the object keeps the tape of ``_set_up`` as it keeps that of a ``setUp`` (``kept_tape``). The
call stands among the statements of the method itself, before everything that reads one of these
attributes, and nothing after it comes back to ``_set_up``: so what the method reads is what this
call has set, and the tape is the one that has recorded it.

While the gradients are decided a string stands in the place of the call, as if ``_set_up`` had run
before the method: what it sets is what came in with ``self``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from itertools import takewhile

from tape_migrate.edits.draft import Draft
from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.mentions import asked_by_text, asks_by_name, last_name
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.callers import OtherNames, OtherUsers
from tape_migrate.shapes.evaluated import all_calls
from tape_migrate.shapes.inheritance import may_take_over
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.unittests import ancestors, is_known_base

_MARK = "tape-migrate: instead of call "


def setup_call(module: Module, scope: Scope, gradient: ast.Call) -> ast.Expr | None:
    """The last call of a method of the same object before ``gradient``, in the method's own block.

    Whether that method sets what is differentiated is not looked at here.
    """
    method = scope.node
    if not isinstance(method, ast.FunctionDef) or scope.args is None or not scope.args.args:
        return None
    if scope.args.args[0].arg != "self":
        return None
    statement = module.statement_of(gradient)
    found: ast.Expr | None = None
    for stmt in takewhile(lambda stmt: statement not in module.inside(stmt), method.body):
        if isinstance(stmt, ast.Expr) and _called_method(module, scope, stmt) is not None:
            found = stmt
    return found if found is not None and _is_settled(module, scope, found) else None


def _called_method(module: Module, scope: Scope, stmt: ast.Expr) -> ast.FunctionDef | None:
    """``m``, where ``stmt`` is ``self.m(…)`` and ``m`` a method of the same class."""
    match stmt.value:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)):
            summaries = Summaries.of(module)
            owner = summaries.class_of(scope)
            called = summaries.method(owner, name) if owner is not None else None
            if called is None or owner is None or asked_by_text(module, name) is not None:
                return None
            only = isinstance(called, ast.FunctionDef) and _is_its_only(module, owner, name)
            return called if only and isinstance(called, ast.FunctionDef) else None
    return None


def _is_its_only(module: Module, owner: Scope, name: str) -> bool:
    """Whether ``name`` means one method for every object of a class, whatever others have."""
    assert isinstance(owner.node, ast.ClassDef)
    for scope in module.scopes:
        if scope.kind is not ScopeKind.CLASS or name not in module.scopes.bindings(scope):
            continue
        if scope is owner:
            if len(module.names.bindings(name, scope)) > 1:
                return False
            continue
        assert isinstance(scope.node, ast.ClassDef)
        parents = ancestors(module, scope.node)
        bases = [base for klass in (scope.node, *parents) for base in klass.bases]
        related = may_take_over(module, owner.node, scope.node)
        if related or not all(is_known_base(module, base, parents) for base in bases):
            return False
    return True


def _is_settled(module: Module, scope: Scope, stmt: ast.Expr) -> bool:
    """Whether nothing after ``stmt`` comes back to the method, and no other file knows of it."""
    called = _called_method(module, scope, stmt)
    assert called is not None
    method = scope.node
    assert isinstance(method, ast.FunctionDef)
    after = method.body[method.body.index(stmt) + 1 :]
    reaching = _names_reaching(module, called)
    if called is method or _may_come_back(module, after, reaching):
        return False
    if not _is_only_called(module, reaching):
        return False
    if any(asked_by_text(module, name) is not None for name in reaching):
        return False
    for part in after:
        for node in module.inside(part):
            if isinstance(node, ast.Name) and node.id == "self":
                if not isinstance(module.parent_of(node), ast.Attribute):
                    return False  # whoever is given the object may call its methods
    project = module.project
    if isinstance(project, OtherUsers):
        return not project.users(module.path, called.name, method=True)
    return True


def _names_reaching(module: Module, called: ast.FunctionDef) -> frozenset[str]:
    """Names of the functions that run the method: its own, those of its callers, and so on."""
    return _with_callers(module, frozenset((called.name,)))


def _names_asking(module: Module) -> frozenset[str]:
    """Names of the functions that may run whatever a name that is computed means."""
    asking = (module.scope_of(node) for node in module.nodes if asks_by_name(module, node))
    around = {s.name for scope in asking for s in (scope, *scope.enclosing)}
    return _with_callers(module, frozenset(around)) if around else frozenset()


def _with_callers(module: Module, first: frozenset[str]) -> frozenset[str]:
    names = set(first)
    callers = _calling(module)
    while more := {name for name, calls in callers if calls & names} - names:
        names |= more
    return frozenset(names)


def _calling(module: Module) -> list[tuple[str, frozenset[str]]]:
    """Each function of the module by name, with the last names of what is called inside it."""
    known = module.memo.get("names called by functions")
    if not isinstance(known, list):
        known = module.memo["names called by functions"] = [
            (scope.name, frozenset(last_name(call.func) for call in calls))
            for scope in module.scopes
            if isinstance(scope.node, (ast.FunctionDef, ast.AsyncFunctionDef))
            if (calls := all_calls(scope.node))
        ]
    return known


def _may_come_back(module: Module, after: Sequence[ast.stmt], reaching: frozenset[str]) -> bool:
    """Whether ``after`` may run the method again, for this object by whatever name."""
    if any(name.startswith("__") for name in reaching):
        return True  # Python runs these without a call that could be seen
    project = module.project
    asking = _names_asking(module)
    for part in after:
        for call in all_calls(part):
            home = module.names.resolve(call.func).partition(".")[0]
            if home in KNOWN_MODULES | {"tree", "six"}:
                if isinstance(project, OtherNames) and project.split(home)[0]:
                    return True  # a module of the project that is so called
                continue
            if home or last_name(call.func) in reaching | asking or asks_by_name(module, call):
                return True  # what another module does is not looked at
    return False


def _is_only_called(module: Module, reaching: frozenset[str]) -> bool:
    """Whether no name and no inner function holds on to the method, or to one that calls it."""
    for node in module.nodes:
        if last_name(node) in reaching:
            parent = module.parent_of(node)
            if not (isinstance(parent, ast.Call) and parent.func is node):
                return False
            around = module.scope_of(node)
            if around.parent is not None and around.parent.kind is ScopeKind.FUNCTION:
                return False
            if around.kind is ScopeKind.LAMBDA:
                return False
    return True


def hide_calls(module: Module, statements: Sequence[ast.Expr]) -> Draft:
    """A draft with strings in the places of ``statements``, each with its number."""
    draft = Draft(module.text)
    for number, stmt in enumerate(statements):
        assert isinstance(stmt.value, ast.Call)
        assert isinstance(stmt.value.func, ast.Attribute)
        text = f'"{_MARK}{number} {stmt.value.func.attr}"'
        draft.replace(module.start(stmt), module.end(stmt), text.encode())
    return draft


def show_calls(module: Module, texts: Sequence[bytes]) -> Draft:
    """A draft that puts the calls back, which were written like ``texts``."""
    draft = Draft(module.text)
    for node in module.nodes:
        hidden = _hidden(node)
        if hidden is not None:
            assert isinstance(node, ast.Expr)
            draft.replace(module.start(node), module.end(node), texts[hidden[0]])
    return draft


def hidden_call(scope: Scope, gradient: ast.Call) -> tuple[str, int] | None:
    """The method whose call is hidden in ``scope`` before ``gradient``, and the line of that."""
    method = scope.node
    for stmt in reversed(method.body) if isinstance(method, ast.FunctionDef) else ():
        hidden = _hidden(stmt)
        if hidden is not None and stmt.lineno < gradient.lineno:
            return hidden[1], stmt.lineno
    return None


def _hidden(node: ast.AST) -> tuple[int, str] | None:
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))) if text.startswith(_MARK):
            number, _, name = text.removeprefix(_MARK).partition(" ")
            return int(number), name
    return None


def reads_before(module: Module, scope: Scope, line: int, attributes: Iterable[str]) -> bool:
    """Whether a method reads one of ``attributes`` (``.name``) in a line before ``line``."""
    wanted = set(attributes)
    return any(
        isinstance(node, ast.Attribute) and f".{node.attr}" in wanted and node.lineno < line
        for node in module.inside(scope.node)
    )
