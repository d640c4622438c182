"""What the module's own functions, methods and classes are called, and who calls them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cached_property

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.inheritance import may_take_over
from tape_migrate.shapes.unittests import ancestors, is_known_base

Function = ast.FunctionDef | ast.AsyncFunctionDef

_PLAIN_SPECIAL = frozenset(
    f"__{name}__"
    for name in (
        *("init", "call", "new", "del", "repr", "str", "len", "eq", "ne", "hash", "enter", "exit"),
        *("contains", "bool", "setattr", "init_subclass", "getstate", "setstate", "reduce", "copy"),
    )
)
"""Special methods that run by a call, a ``with``, or give no tensor."""
_PLAIN = KNOWN_MODULES | {"argparse", "collections", "types"}
"""Modules whose objects have no properties that compute a tensor."""


class Functions:
    """Which function a name, an attribute or a call means, where that is plain."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._methods: dict[tuple[int, str], Function] = {}
        self._functions: dict[tuple[int, str], list[Function]] = {}
        self._callers: dict[int, list[ast.Call]] | None = None
        self._named: dict[ast.expr, Function | None] = {}
        self._reached: dict[int, list[Function]] = {}
        self._classes = {s.name: s for s in module.scopes if s.kind is ScopeKind.CLASS}
        for scope in module.scopes:
            node = scope.node
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and scope.parent:
                if scope.parent.kind is ScopeKind.CLASS:
                    self._methods[(id(scope.parent), node.name)] = node
                else:
                    key = (id(scope.parent), node.name)
                    self._functions.setdefault(key, []).append(node)

        self._names = frozenset(name for _, name in self._functions)
        self._methods_named: dict[str, list[Function]] = {}
        for (_, name), method in self._methods.items():
            self._methods_named.setdefault(name, []).append(method)

    @property
    def module(self) -> Module:
        """The module whose functions they are."""
        return self._module

    def callers(self, function: Function) -> list[ast.Call]:
        """Visible calls of ``function``."""
        if self._callers is None:
            self._callers = {}
            for call in self._module.of_kind(ast.Call):
                called = self.callee(call)
                if called is not None:
                    self._callers.setdefault(id(called), []).append(call)
        return self._callers.get(id(function), [])

    def class_of(self, scope: Scope) -> Scope | None:
        """The class whose method ``scope`` is, or is nested in."""
        for current in (scope, *scope.enclosing):
            if current.kind is ScopeKind.CLASS:
                return current
        return None

    def callee(self, call: ast.Call) -> Function | None:
        """The module's own function or method that ``call`` runs, if that is plain."""
        return self.named(call.func)

    def named(self, func: ast.expr) -> Function | None:
        """The module's own function or method that ``func`` is, if that is plain."""
        if func not in self._named:
            self._named[func] = self._find_named(func)
        return self._named[func]

    def _find_named(self, func: ast.expr) -> Function | None:
        if isinstance(func, ast.Name):
            if func.id not in self._names:
                return None
            scope = self._module.scope_of(func)
            owner = self._module.scopes.resolve(func.id, scope)
            found = self._functions.get((id(owner), func.id), [])
            bound = self._module.names.bindings(func.id, scope)
            return found[0] if len(found) == 1 and len(bound) == 1 else None
        if isinstance(func, ast.Attribute) and isinstance(func.value, (ast.Name, ast.Call)):
            owner = self.class_of(self._module.scope_of(func))
            if owner is None:
                return None
            if isinstance(func.value, ast.Name) and func.value.id in ("self", "cls"):
                return self.inherited(owner, func.attr)
            if isinstance(func.value, ast.Call) and isinstance(func.value.func, ast.Name):
                if func.value.func.id == "super" and not func.value.args:
                    return self.inherited(owner, func.attr, above=True)
        return None

    def inherited(self, owner: Scope, name: str, *, above: bool = False) -> Function | None:
        """The method ``name`` of a class or of its visible bases (``above``: of those only)."""
        seen: set[int] = set()
        queue = [owner]
        while queue:
            current = queue.pop(0)
            if id(current) in seen:
                continue
            seen.add(id(current))
            found = self._methods.get((id(current), name))
            if found is not None and not (above and current is owner):
                return found
            assert isinstance(current.node, ast.ClassDef)
            queue += [
                self._classes[base.id]
                for base in current.node.bases
                if isinstance(base, ast.Name) and base.id in self._classes
            ]
        return None

    def overrides(self, function: Function) -> list[Function]:
        """The methods of visible classes that an object may have in the place of ``function``."""
        owner = self._module.scopes.opened_by(function).parent
        name = function.name
        if owner is None or not isinstance(owner.node, ast.ClassDef) or name.startswith("__"):
            return []
        return [
            method
            for method in self.methods_named(name)
            if isinstance(other := self._module.parent_of(method), ast.ClassDef)
            and may_take_over(self._module, owner.node, other)
        ]

    def family(self, owner: Scope) -> Scope:
        """The first of ``owner``'s visible base classes (its attributes are its children's)."""
        seen: set[int] = set()
        while id(owner) not in seen:
            seen.add(id(owner))
            assert isinstance(owner.node, ast.ClassDef)
            for base in owner.node.bases:
                if isinstance(base, ast.Name) and base.id in self._classes:
                    owner = self._classes[base.id]
                    break
        return owner

    def families(self) -> list[Scope]:
        """The first visible base class of every visible class."""
        return list({id(f): f for c in self._classes.values() if (f := self.family(c))}.values())

    def made_by(self, call: ast.Call) -> Function | None:
        """The visible ``__init__`` that ``call`` of a visible class runs."""
        if isinstance(call.func, ast.Name) and call.func.id in self._classes:
            owner = self._classes[call.func.id]
            found = self.method(owner, "__init__")
            family = self.family(owner)
            return found or self.method(family, "__init__")
        return None

    def is_class(self, name: str) -> bool:
        """Whether a visible class is called ``name``."""
        return name in self._classes

    def method(self, owner: Scope, name: str) -> Function | None:
        return self._methods.get((id(owner), name))

    def is_computed(self, symbol: Symbol, scope: Scope, holders: Iterable[Definition]) -> bool:
        """Whether reading ``net.loss`` in ``scope`` may compute it from what ``net`` holds.

        ``holders`` are the definitions of ``net``. Visible classes are looked at; of an object that
        a class out of sight has made, any attribute may be a property. So it is of one with a
        property that is set.
        """
        attributes = [part for part in symbol.path if part.startswith(".")]
        if attributes and self.reads_property(symbol, scope):
            return True
        if not attributes or symbol.root in ("self", "cls"):
            return False
        values = (
            getattr(d.stmt, "value", None) for d in holders if d.symbol == Symbol(symbol.root)
        )
        return any(isinstance(v, ast.Call) and self._makes_unknown(v) for v in values)

    def _makes_unknown(self, call: ast.Call) -> bool:
        if self._module.names.resolve(call.func).partition(".")[0] in _PLAIN:
            return False
        if isinstance(call.func, ast.Name) and call.func.id in self._classes:
            return self._has_setters
        return self.callee(call) is None

    @cached_property
    def _has_setters(self) -> bool:
        return any(
            ast.unparse(decorator).endswith(".setter")
            for method in self._methods.values()
            for decorator in method.decorator_list
        )

    @cached_property
    def handed_about(self) -> list[Function]:
        """Visible functions and methods that are named other than to call them: whatever calls what
        it does not name may call them."""
        called = {id(call.func) for call in self._module.of_kind(ast.Call)}
        names = {n.id for n in self._module.of_kind(ast.Name) if id(n) not in called}
        names |= {n.attr for n in self._module.of_kind(ast.Attribute) if id(n) not in called}
        names |= {str(n.value) for n in self._module.of_kind(ast.Constant)}
        functions = [function for same in self._functions.values() for function in same]
        return [f for f in (*functions, *self._methods.values()) if f.name in names]

    @property
    def methods(self) -> list[Function]:
        """All methods of the visible classes, without ``__init__`` and the like."""
        return [node for (_, name), node in self._methods.items() if not name.startswith("__")]

    def methods_named(self, name: str) -> list[Function]:
        """The methods of this name of all visible classes."""
        return [*self._methods_named.get(name, ())]

    def may_name(self, func: ast.expr) -> list[Function]:
        """The functions that ``func`` may be: of an object, all methods of that name."""
        function = self.named(func)
        if function is None and isinstance(func, ast.Attribute):
            return self.methods_named(func.attr)
        return [function] if function is not None else []

    def returned_by(self, call: ast.Call) -> list[Function]:
        """The functions of the module that a visible function gives back when it is called."""
        maker = self.callee(call)
        if maker is None:
            return []
        returned = [node.value for node in ast.walk(maker) if isinstance(node, ast.Return)]
        found = [self.named(value) for value in returned if value is not None]
        return [function for function in found if function is not None]

    def is_property(self, element: str) -> bool:
        """Whether reading an attribute (written ``.name``) may run a visible property."""
        name = element.removeprefix(".")
        if name in self._descriptors or (element.startswith(".") and self._gives_any_attribute):
            return True
        return any(map(_is_property, self.methods_named(name)))

    @cached_property
    def _gives_any_attribute(self) -> bool:
        """Whether a visible class computes attributes that no statement gives its objects."""
        return any(
            self.methods_named(name) for name in ("__getattr__", "__getattribute__", "__get__")
        )

    @cached_property
    def _descriptors(self) -> frozenset[str]:
        """Names that class bodies give what a call makes: ``loss = property(get_loss)``."""
        return frozenset(
            target.id
            for scope in self._classes.values()
            for stmt in scope.body
            if isinstance(stmt, ast.Assign) and isinstance(stmt.value, ast.Call)
            and not self._module.names.resolve(stmt.value.func)
            for target in stmt.targets
            if isinstance(target, ast.Name)
        )  # fmt: skip

    @cached_property
    def implicit(self) -> list[Function]:
        """Properties and special methods of visible classes, which run where no call is written,
        and what they run."""
        found = [
            method
            for (_, name), method in self._methods.items()
            if name not in ("__init__", "__new__", "__call__")
            and ((name.startswith("__") and name.endswith("__")) or _is_property(method))
        ]
        return [*found, *self.called_functions(found)]

    def reads_property(self, symbol: Symbol, scope: Scope) -> bool:
        """Whether reading ``symbol`` in ``scope`` may run a visible property.

        Of ``self`` a property of another class is none, if no object can have both classes.
        """
        first, *rest = symbol.path or ("",)
        if any(self.is_property(element) for element in rest):
            return True
        if not self.is_property(first):
            return False
        owner = self.class_of(scope) if symbol.root == "self" else None
        if owner is None or not isinstance(owner.node, ast.ClassDef):
            return True
        parents = ancestors(self._module, owner.node)
        bases = [base for node in (owner.node, *parents) for base in node.bases]
        if not all(is_known_base(self._module, base, parents) for base in bases):
            return True
        return any(
            other is owner or may_take_over(self._module, owner.node, other.node)
            for other in self._module.scopes
            if isinstance(other.node, ast.ClassDef)
            and self.method(other, first.removeprefix(".")) is not None
        )

    @cached_property
    def has_operators(self) -> bool:
        """Whether a visible class says what operators, subscripts, loops or attributes do."""
        return any(
            name.startswith("__") and name.endswith("__") and name not in _PLAIN_SPECIAL
            for _, name in self._methods
        )

    def mentioned(self, node: ast.AST) -> Function | None:
        """The visible function that ``node`` names, to call it or to hand it on."""
        if isinstance(node, ast.Name):
            known = isinstance(node.ctx, ast.Load) and node.id in self._names
        else:
            known = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
        return self.named(node) if known and isinstance(node, ast.expr) else None

    def reached(self, function: Function) -> list[Function]:
        """``function`` and every visible function that a call of it may run."""
        key = id(function)
        if key not in self._reached:
            found: dict[int, Function] = {}
            stack = [function]
            while stack:
                current = stack.pop()
                if id(current) in found:
                    continue
                found[id(current)] = current
                stack += self.overrides(current)
                for node in self._module.inside(current):
                    inner = self.mentioned(node)
                    if inner is not None:
                        stack.append(inner)
            self._reached[key] = list(found.values())
        return self._reached[key]

    def called_functions(self, parts: Iterable[ast.AST]) -> list[Function]:
        """The module's own functions that ``parts`` run, callees of callees included."""
        found: dict[int, Function] = {}
        stack: list[ast.AST] = list(parts)
        while stack:
            part = stack.pop()
            calls = (
                self._module.of_kind_inside(ast.Call, part)
                if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef))
                else calls_in(part)
            )
            for call in calls:
                function = self.callee(call)
                for each in (function, *self.overrides(function)) if function is not None else ():
                    if id(each) not in found:
                        found[id(each)] = each
                        stack.append(each)
        return list(found.values())


def _is_property(method: Function) -> bool:
    kinds = ("property", ".getter", ".setter", ".deleter")
    return any(ast.unparse(decorator).endswith(kinds) for decorator in method.decorator_list)
