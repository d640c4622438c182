"""By which names an object of a module may go: variables, members of lists, attributes, parameters.

After ``ws = [W]``, ``for t in ws`` and ``reset(ws)``, where ``reset = lambda ts: …``, whatever is
done to ``t`` or to a member of ``ts`` may be done to ``W``. A name is told from another of the same
spelling by the function, or the comprehension, that it belongs to; attributes go by their names
alone. Functions are objects, too: ``f = partial(reset, 2.0)`` may run ``reset``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import Symbol
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.parsed import walk
from tape_migrate.shapes.binding import comprehension_of

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_OF_HOLDERS: Final = frozenset({"copy", "get", "items", "pop", "setdefault", "values"})
"""Methods that give what their object holds."""
_WRAPPING: Final = frozenset({"function", "make_template"})
"""Functions of TensorFlow that give the function that they are given, in other clothes."""
_ROUNDS: Final = 3


class ObjectNames:
    """Which names are given what others hold; names are written ``w``, ``.w``, ``w@<scope>``."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._given: dict[str, set[str]] = {}
        """By a name, those that are given what it is or holds."""
        self._held: dict[str, set[str]] = {}
        """By a name, those that it is, or of which it is a display: nothing computed."""
        self._after: dict[str, frozenset[str]] = {}
        self._functions: dict[str, list[_Function]] = {}
        for node in module.nodes:
            self._look_at(node)
        self._follow_calls()

    @classmethod
    def of(cls, module: Module) -> ObjectNames:
        """The names of ``module``, found once."""
        known = module.memo.get("object names")
        if not isinstance(known, ObjectNames):
            known = module.memo["object names"] = cls(module)
        return known

    def of_symbol(self, symbol: Symbol, scope: Scope) -> str:
        """What ``symbol`` goes by that is read in ``scope``: its last attribute, or its root."""
        named = [part for part in symbol.path if part.startswith(".")]
        return named[-1] if named else self._of_variable(symbol.root, scope)

    def others(self, names: Iterable[str]) -> frozenset[str]:
        """All names of what ``names`` are or hold, but for these themselves."""
        own = frozenset(names)
        known = self._held_by(own)
        return known.union(*map(self._given_after, known | own)) - own

    def bound_by(self, stmt: ast.stmt) -> frozenset[str]:
        """The names that an assignment gives its value; of a ``return``, that of the result."""
        targets = stmt.targets if isinstance(stmt, ast.Assign) else []
        parts = [part for target in targets for part in walk(target)]
        found = {self._of(part) for part in parts if isinstance(part, (ast.Name, ast.Attribute))}
        owner = self._module.scope_of(stmt).node
        if isinstance(stmt, ast.Return) and isinstance(owner, ast.FunctionDef):
            found.add(f"{self._of_function(owner)}()")
        return frozenset(found)

    def is_named(self, node: ast.expr, name: str) -> bool:
        """Whether ``node`` is a variable that goes by ``name``."""
        return isinstance(node, ast.Name) and self._of(node) == name

    def mentioned(self, expr: ast.expr) -> frozenset[str]:
        """The names that ``expr`` is put together of."""
        found: set[str] = set()
        for node in walk(expr):
            if isinstance(node, (ast.Name, ast.Attribute)):
                name = self._of(node)
                found |= {name, f"{name}()"}
        return frozenset(found)

    def _of(self, node: ast.Name | ast.Attribute) -> str:
        if isinstance(node, ast.Attribute):
            return f".{node.attr}"
        around = comprehension_of(self._module, node)
        if around is not None:
            return f"{node.id}@{id(around)}"
        return self._of_variable(node.id, self._module.scope_of(node))

    def _of_variable(self, name: str, scope: Scope) -> str:
        owner = self._module.scopes.resolve(name, scope)
        if owner is None or owner.kind is ScopeKind.MODULE:
            return name
        return f".{name}" if owner.kind is ScopeKind.CLASS else f"{name}@{id(owner)}"

    def _held_by(self, names: Iterable[str]) -> frozenset[str]:
        found: set[str] = set()
        stack = list(names)
        while stack:
            new = self._held.get(stack.pop(), set()) - found
            found |= new
            stack += new
        return frozenset(found)

    def _given_after(self, name: str) -> frozenset[str]:
        known = self._after.get(name)
        if known is None:
            found = {name}
            stack = [name]
            while stack:
                new = self._given.get(stack.pop(), set()) - found
                found |= new
                stack += new
            known = self._after[name] = frozenset(found)
        return known

    def _give(self, target: str, value: ast.expr) -> None:
        for held in self._held_names(value):
            self._given.setdefault(held, set()).add(target)

    def _look_at(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._bind(target, value)
            case ast.NamedExpr(target=target, value=value):
                self._bind(target, value)
            case ast.For(target=target, iter=over) | ast.comprehension(target=target, iter=over):
                self._run_over(target, over)
            case ast.Return(value=ast.expr() as value):
                owner = self._module.scope_of(node).node
                if isinstance(owner, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    self._give(f"{self._of_function(owner)}()", value)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._functions.setdefault(self._of_function(node), []).append(node)
                self._give_defaults(node)
            case ast.Lambda():
                self._functions[_name_of_lambda(node)] = [node]
                self._give_defaults(node)
            case ast.ClassDef(name=name, body=body):
                own = self._of_variable(name, self._module.scope_of(node))
                for method in (each for each in body if isinstance(each, ast.FunctionDef)):
                    if method.name == "__init__":
                        self._functions.setdefault(own, []).append(method)
                    elif method.name == "__call__":
                        self._functions.setdefault(f"{own}()", []).append(method)

    def _give_defaults(self, function: _Function) -> None:
        args = function.args
        plain = [*args.posonlyargs, *args.args]
        for parameter, value in zip(reversed(plain), reversed(args.defaults), strict=False):
            self._give(self._of_parameter(function, parameter), value)
        for parameter, given in zip(args.kwonlyargs, args.kw_defaults, strict=True):
            if given is not None:
                self._give(self._of_parameter(function, parameter), given)

    def _of_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
        return self._of_variable(node.name, self._module.scope_of(node))

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        match target, value:
            case (
                ast.Tuple(elts=targets) | ast.List(elts=targets),
                ast.Tuple(elts=values) | ast.List(elts=values),
            ) if len(targets) == len(values):
                for each, given in zip(targets, values, strict=True):
                    self._bind(each, given)
                return
        if isinstance(target, (ast.Name, ast.Attribute)):
            name = self._of(target)
            if isinstance(value, ast.Lambda):
                self._functions.setdefault(name, []).append(value)
            elif not any(isinstance(node, (ast.Call, ast.BinOp)) for node in walk(value)):
                self._held.setdefault(name, set()).update(self._held_names(value))
        self._bind_all(target, value)

    def _bind_all(self, target: ast.expr, value: ast.expr) -> None:
        for inner in walk(target):
            if isinstance(inner, (ast.Name, ast.Attribute)):
                self._give(self._of(inner), value)

    def _run_over(self, target: ast.expr, over: ast.expr) -> None:
        match target, over:
            case ast.Tuple(elts=[_, each]), ast.Call(func=ast.Name(id="enumerate"), args=[value]):
                self._run_over(each, value)
            case ast.Tuple(elts=parts), ast.Call(func=ast.Name(id="zip"), args=values) if len(
                parts
            ) == len(values):
                for each, value in zip(parts, values, strict=True):
                    self._run_over(each, value)
            case _:
                self._bind_all(target, over)

    def _follow_calls(self) -> None:
        """Parameters are given what calls give, of functions by any of their names."""
        calls = [call for call in self._module.of_kind(ast.Call) if call.args or call.keywords]
        for _ in range(_ROUNDS):
            run: dict[str, list[_Function]] = {}
            for name, functions in self._functions.items():
                for other in self._given_after(name):
                    run.setdefault(other, []).extend(functions)
            before = sum(map(len, self._given.values()))
            for call in calls:
                self._hand_in(call, run)
            self._after.clear()
            if before == sum(map(len, self._given.values())):
                return

    def _hand_in(self, call: ast.Call, run: dict[str, list[_Function]]) -> None:
        func = call.func
        if isinstance(func, ast.Lambda):
            self._hand_over(func, call)
        for name in self._held_names(func):
            direct = name in self._functions
            for function in run.get(name, ()):
                if direct and isinstance(func, (ast.Name, ast.Attribute)):
                    self._hand_over(function, call)
                else:
                    self._hand_all(function, call.args, call.keywords)
        for given in (*call.args, *(keyword.value for keyword in call.keywords)):
            others = [each for each in call.args if each is not given]
            name = ""
            if isinstance(given, ast.Lambda):
                name = _name_of_lambda(given)
            elif isinstance(given, (ast.Name, ast.Attribute)):
                name = self._of(given)
            for function in run.get(name, ()):
                self._hand_all(function, others, call.keywords)

    def _hand_over(self, function: _Function, call: ast.Call) -> None:
        """Each parameter is given its argument, where it is told by place or name."""
        if any(isinstance(each, ast.Starred) for each in call.args) or any(
            keyword.arg is None for keyword in call.keywords
        ):
            self._hand_all(function, call.args, call.keywords)
            return
        args = function.args
        plain = [*args.posonlyargs, *args.args]
        if self._takes_object(function):
            plain = plain[1:]
        for parameter, value in zip(plain, call.args, strict=False):
            self._give(self._of_parameter(function, parameter), value)
        if args.vararg is not None:
            for value in call.args[len(plain) :]:
                self._give(self._of_parameter(function, args.vararg), value)
        names = {each.arg: each for each in (*plain, *args.kwonlyargs)}
        for keyword in call.keywords:
            named = names.get(keyword.arg or "", args.kwarg)
            if named is not None:
                self._give(self._of_parameter(function, named), keyword.value)

    def _hand_all(
        self, function: _Function, values: Iterable[ast.expr], keywords: Iterable[ast.keyword]
    ) -> None:
        args = function.args
        rest = [each for each in (args.vararg, args.kwarg) if each is not None]
        for parameter in (*args.posonlyargs, *args.args, *args.kwonlyargs, *rest):
            name = self._of_parameter(function, parameter)
            for value in values:
                self._give(name, value)
            for keyword in keywords:
                if keyword.arg is None or keyword.arg == parameter.arg:
                    self._give(name, keyword.value)

    def _takes_object(self, function: _Function) -> bool:
        return (
            not isinstance(function, ast.Lambda)
            and isinstance(self._module.parent_of(function), ast.ClassDef)
            and all(last_name(each) != "staticmethod" for each in function.decorator_list)
        )

    def _of_parameter(self, function: _Function, parameter: ast.arg) -> str:
        return f"{parameter.arg}@{id(self._module.scopes.opened_by(function))}"

    def _held_names(self, value: ast.expr) -> Iterator[str]:
        """Names of what ``value`` may be or hold; what it computes is nothing of the kind."""
        match value:
            case ast.Name() | ast.Attribute():
                if not self._module.names.resolve(value):
                    yield self._of(value)
            case ast.Lambda(body=inner):
                yield _name_of_lambda(value)
                yield from self._held_names(inner)
            case ast.Subscript(value=inner) | ast.Starred(value=inner):
                yield from self._held_names(inner)
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                for item in items:
                    yield from self._held_names(item)
            case ast.Dict(values=items):
                for item in items:
                    yield from self._held_names(item)
            case ast.ListComp(elt=item) | ast.SetComp(elt=item) | ast.GeneratorExp(elt=item):
                yield from self._held_names(item)
            case ast.DictComp(value=item):
                yield from self._held_names(item)
            case ast.IfExp(body=body, orelse=orelse):
                yield from self._held_names(body)
                yield from self._held_names(orelse)
            case ast.BoolOp(values=items):
                for item in items:
                    yield from self._held_names(item)
            case ast.NamedExpr(value=inner):
                yield from self._held_names(inner)
            case ast.BinOp(left=left, op=ast.Add(), right=right):  # of lists; no tensor is set
                yield from self._held_names(left)
                yield from self._held_names(right)
            case ast.Call(func=func, args=args, keywords=keywords):
                resolved = self._module.names.resolve(func)
                wraps = resolved.rpartition(".")[2] in _WRAPPING
                if resolved.partition(".")[0] in KNOWN_MODULES and not wraps:
                    return
                if not resolved and isinstance(func, (ast.Name, ast.Attribute)):
                    yield f"{self._of(func)}()"
                if isinstance(func, ast.Attribute) and func.attr in _OF_HOLDERS:
                    yield from self._held_names(func.value)
                for item in (*args, *(keyword.value for keyword in keywords)):
                    yield from self._held_names(item)


def _name_of_lambda(node: ast.Lambda) -> str:
    return f"lambda@{id(node)}"
