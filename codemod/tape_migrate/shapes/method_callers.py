"""Who calls a method, in the module of its class and in the others of the project.

``self.grad(y, x)`` in a method of the class or of a subclass, ``super().grad(y, x)``,
``Model().grad(y, x)``, and ``model.grad(y, x)`` where ``model = Model()`` is all that the name is
given. Which class the object is of is followed through imports and first base classes. Whatever
else has an attribute of this name may be the method or may be none, and is in the way; so is a
class that gives the name to something else: it may be the class of any of these objects.
"""

from __future__ import annotations

import ast
from typing import Protocol, runtime_checkable

from tape_migrate.flow.scope import Scope
from tape_migrate.mentions import attributes, class_bindings
from tape_migrate.model import Helper
from tape_migrate.module import Module
from tape_migrate.shapes.helper import function_of, in_the_way
from tape_migrate.shapes.plan import Refusal

_DEPTH = 10


@runtime_checkable
class OtherClasses(Protocol):
    """What a project can tell of the classes of its modules."""

    def class_of(self, dotted: str) -> tuple[Module, ast.ClassDef] | None:
        """The module and the one class at its top level that ``dotted`` names."""


def method_callers(module: Module, helper: Helper) -> list[ast.Call] | Refusal:
    """Every call of the method in ``module``, if it is only ever called, and plainly."""
    own = function_of(module, helper) if not helper.dotted else None
    name = helper.qualname.rpartition(".")[2]
    if class_bindings(module, name) > int(own is not None):
        return in_the_way(helper, f"several classes have a method {name}")
    home = _home(module, own)
    wanted = helper.dotted.rpartition(".")[0]
    calls: list[ast.Call] = []
    for node in attributes(module, name):
        if _is_module(module, node.value):
            continue
        call = module.parent_of(node)
        if not (isinstance(call, ast.Call) and call.func is node):
            return in_the_way(
                helper, f"line {node.lineno} uses {name} otherwise than by a plain call"
            )
        if not _is_instance(module, node.value, wanted, home):
            return in_the_way(
                helper, f"line {node.lineno} calls {name} of an object whose class is not seen"
            )
        calls.append(call)
    return calls


def names_no_method(module: Module, helper: Helper) -> bool:
    """Whether nothing but functions is called like the method here, and no text names it."""
    name = helper.qualname.rpartition(".")[2]
    named = [node.value for node in attributes(module, name)]
    texts = any(isinstance(node, ast.Constant) and node.value == name for node in module.nodes)
    return not texts and all(_is_module(module, value) for value in named)


def _is_module(module: Module, expr: ast.expr) -> bool:
    """``utils`` of ``import utils``: what it holds is a function, or taken from an object there."""
    bound = (
        module.names.bindings(expr.id, module.scope_of(expr)) if isinstance(expr, ast.Name) else ()
    )
    return bool(bound) and all(isinstance(node, ast.Import) for node in bound)


def _home(module: Module, own: ast.FunctionDef | None) -> ast.ClassDef | None:
    parent = module.scopes.opened_by(own).parent if own is not None else None
    return parent.node if parent is not None and isinstance(parent.node, ast.ClassDef) else None


def _is_instance(module: Module, expr: ast.expr, wanted: str, home: ast.ClassDef | None) -> bool:
    """Whether ``expr`` certainly is an object of the class, or of one that begins with it."""
    scope = module.scope_of(expr)
    if isinstance(expr, ast.Name):
        if expr.id == "self":
            return _is_self(module, scope, wanted, home)
        bound = module.names.bindings(expr.id, scope)
        assigned = bound[0] if len(bound) == 1 else None
        if not isinstance(assigned, ast.Assign) or len(assigned.targets) != 1:
            return False
        plain = isinstance(assigned.targets[0], ast.Name)
        return plain and _makes(module, assigned.value, wanted, home)
    if isinstance(expr, ast.Call) and isinstance(expr.func, ast.Name):
        if expr.func.id == "super" and not module.names.is_local("super", scope):
            return not expr.args and _is_self(module, scope, wanted, home)
    return _makes(module, expr, wanted, home)


def _is_self(module: Module, scope: Scope, wanted: str, home: ast.ClassDef | None) -> bool:
    """Whether ``self`` is the first parameter of a method of such a class, never bound again."""
    method = module.scopes.resolve("self", scope)
    if method is None or method.args is None or method.parent is None:
        return False
    first = [*method.args.posonlyargs, *method.args.args][:1]
    if [arg.arg for arg in first] != ["self"] or len(module.names.bindings("self", method)) != 1:
        return False
    if isinstance(method.node, ast.FunctionDef):
        decorators = [ast.unparse(decorator) for decorator in method.node.decorator_list]
        if {"staticmethod", "classmethod"} & set(decorators):
            return False
    owner = method.parent.node
    return isinstance(owner, ast.ClassDef) and _begins_with(module, owner, wanted, home, 0)


def _makes(module: Module, expr: ast.expr, wanted: str, home: ast.ClassDef | None) -> bool:
    return isinstance(expr, ast.Call) and _is_class(module, expr.func, wanted, home, 0)


def _is_class(
    module: Module, expr: ast.expr, wanted: str, home: ast.ClassDef | None, depth: int
) -> bool:
    """Whether ``expr`` is the class, or one whose first base is it, and so on."""
    if isinstance(expr, ast.Name):
        bound = module.names.bindings(expr.id, module.scope_of(expr))
        if len(bound) == 1 and isinstance(bound[0], ast.ClassDef):
            return _begins_with(module, bound[0], wanted, home, depth)
        if len(bound) > 1:
            return False
    dotted = module.names.resolve(expr)
    if not dotted or depth > _DEPTH or not module.names.is_certain(expr):
        return False
    if dotted == wanted:
        return True
    found = module.project.class_of(dotted) if isinstance(module.project, OtherClasses) else None
    return found is not None and _begins_with(*found, wanted, None, depth + 1)


def _begins_with(
    module: Module, node: ast.ClassDef, wanted: str, home: ast.ClassDef | None, depth: int
) -> bool:
    if node.decorator_list or depth > _DEPTH or _may_make_others(module, node):
        return False  # a decorator may put another class in its place
    if node is home:
        return True
    if not node.bases:
        return False
    return _is_class(module, node.bases[0], wanted, home, depth + 1)


def _may_make_others(module: Module, node: ast.ClassDef) -> bool:
    """Whether a call of the class may give an object of another one."""
    return any(isinstance(n, ast.FunctionDef) and n.name == "__new__" for n in node.body) or any(
        keyword.arg != "metaclass" or module.names.resolve(keyword.value) != "abc.ABCMeta"
        for keyword in node.keywords
    )
