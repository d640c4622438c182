"""Whether the statements of a function can be written where it is called, and under which names.

A call of a plain function binds its parameters, runs its statements, and means what it returns. The
same statements in the caller's own block do the same, if

- the function is a straight run of statements with one ``return``, at the end;
- what it reads from outside means the same in the caller;
- its own names are kept apart from the caller's;
- nothing is evaluated between the call and the start of its statement.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.flow.scope import ScopeKind
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.inlined_names import InlinedNames

_STATEMENTS = (ast.Assign, ast.AnnAssign, ast.Expr, ast.Return)
_NO_PART = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.Global, ast.Nonlocal),
    *(ast.Yield, ast.YieldFrom, ast.Await, ast.NamedExpr, ast.Import, ast.ImportFrom, ast.Delete),
    *(ast.Try, ast.ExceptHandler, ast.With, ast.AsyncWith, ast.AsyncFor, ast.Match),
)


_OF_FRAMES = frozenset(
    ("super", "__class__", "locals", "globals", "vars", "dir", "exec", "eval", "inspect", "sys")
)
"""Names by which code may look at the function that it stands in."""


@dataclass(frozen=True)
class Binding:
    """How the names of a function are written in its caller."""

    body: tuple[ast.stmt, ...]
    """Its statements, without the docstring and the ``return``."""
    docstring: ast.Expr | None
    result: ast.expr | None
    """What it returns."""
    texts: tuple[tuple[ast.Name, str], ...]
    """Names in its statements that are written otherwise, and how."""
    given: tuple[tuple[str, ast.expr], ...]
    """Names that are bound before its statements, to what the call gives its parameters."""
    results: tuple[tuple[str, ast.expr], ...] | None
    """Where each result has a name in the caller: those whose names are not bound already, to be
    bound one after the other. None to put the result where the call stands."""


class _InTheWayError(Exception):
    pass


def bindings_of(
    context: Context, function: ast.FunctionDef, call: ast.Call, *, goes: bool
) -> Binding | str:
    """The binding of ``function`` at ``call``, or what is in the way, in words.

    ``goes`` says that the function is taken out, so that its own names are free.
    """
    try:
        return _Binder(context, function, call, goes=goes).bind()
    except _InTheWayError as error:
        return str(error)


class _Binder(InlinedNames):
    def bind(self) -> Binding:
        self._check_place()
        body, docstring, result = self._body()
        given = self._given()
        reads = self.own_names()
        scopes = self.module.scopes
        stored = {n.id for n in self.every_name() if scopes.is_comprehension_variable(n)}
        rebound = {n.id for n in reads if not isinstance(n.ctx, ast.Load)}
        self._check_outside(given)
        put_in = {
            name: text
            for name, expr in given.items()
            if name not in rebound and (text := self._stands_for(name, expr, stored)) is not None
        }
        taken = self.taken()
        taken |= {n.id for name in put_in for n in ast.walk(given[name]) if isinstance(n, ast.Name)}
        targets, results = self.result_names(result, given)
        targets |= self.taken_over(given, put_in)
        written = dict(put_in)
        for name in sorted((rebound | set(given)) - set(put_in)):
            wanted, number = targets.get(name, name), 2
            while name not in targets and (wanted in taken or wanted in targets.values()):
                wanted = f"{name.rstrip('0123456789')}{number}"
                number += 1
            taken.add(wanted)
            written[name] = wanted
        bound = [
            (written[name], expr)
            for name, expr in given.items()
            if name not in put_in and not (isinstance(expr, ast.Name) and expr.id == written[name])
        ]
        texts = [(n, written[n.id]) for n in reads if n.id in written and written[n.id] != n.id]
        self._check_strings({id(n) for n, _ in texts})
        return Binding(tuple(body), docstring, result, tuple(texts), tuple(bound), results)

    def _check_place(self) -> None:
        if self.caller.kind not in (ScopeKind.FUNCTION, ScopeKind.MODULE):
            raise _InTheWayError("it is called where no statement can be put before")
        if not isinstance(self.stmt, _STATEMENTS):
            raise _InTheWayError(f"it is called in the head of a block (line {self.stmt.lineno})")
        if self.function in self.module.parents(self.call):
            raise _InTheWayError("it calls itself")
        around: list[ast.AST] = [self.call]
        for parent in self.module.parents_below(self.call, self.stmt):
            if isinstance(parent, (ast.Lambda, ast.IfExp, ast.BoolOp, ast.ListComp, ast.SetComp,
                                   ast.GeneratorExp, ast.DictComp)):  # fmt: skip
                raise _InTheWayError("it is called inside an expression of its own")
            around.append(parent)
        inside = set(map(id, ast.walk(self.call)))
        for node in ast.walk(self.stmt):
            if isinstance(node, ast.Call) and id(node) not in inside and node not in around:
                if not self.module.names.resolve(node.func).endswith(".learning_phase"):
                    raise _InTheWayError(f"line {node.lineno} calls something else before it")
        place = self.module.place_of(self.stmt)
        if (
            any(
                other is not self.stmt
                and other.lineno <= self.stmt.lineno <= (other.end_lineno or 0)
                for other in place.block
            )
            or self.module.line_text(self.stmt.lineno)[: self.stmt.col_offset].strip()
        ):
            raise _InTheWayError(f"line {self.stmt.lineno} holds several statements")

    def _given(self) -> dict[str, ast.expr]:
        """What the call gives each parameter."""
        args = self.function.args
        if args.vararg or args.kwarg or args.kwonlyargs:
            raise _InTheWayError("it takes a varying number of arguments")
        names = [a.arg for a in (*args.posonlyargs, *args.args)]
        if self.scope.parent is not None and self.scope.parent.kind is ScopeKind.CLASS:
            receiver = self.call.func
            assert isinstance(receiver, ast.Attribute)
            if not isinstance(receiver.value, ast.Name) or receiver.value.id != names[0]:
                raise _InTheWayError(f"it is not called on {names[0]}")
            if self.caller.args is None or names[0] not in {
                a.arg for a in self.caller.args.args[:1]
            }:
                raise _InTheWayError(f"{names[0]} means something else where it is called")
            names = names[1:]
        if any(isinstance(a, ast.Starred) for a in self.call.args):
            raise _InTheWayError("its arguments are handed over by *")
        if len(self.call.args) > len(names):
            raise _InTheWayError("it takes fewer arguments")
        given = dict(zip(names, self.call.args, strict=False))
        for keyword in self.call.keywords:
            if keyword.arg is None or keyword.arg in given or keyword.arg not in names:
                raise _InTheWayError("its arguments cannot be told apart")
            given[keyword.arg] = keyword.value
        defaults = dict(zip(reversed(names), reversed(args.defaults), strict=False))
        for name in names:
            if name in given:
                continue
            default = defaults.get(name)
            if not isinstance(default, ast.Constant):
                raise _InTheWayError(f"{name} has no plain default")
            given[name] = default
        return given

    def _stands_for(self, name: str, expr: ast.expr, stored: set[str]) -> str | None:
        """The text that may be read in the place of a parameter, again and again."""
        if isinstance(expr, ast.Constant):
            return ast.unparse(expr) if self._reads_well(name) else None
        if isinstance(expr, (ast.List, ast.Tuple)) and expr.elts:
            plain = [self._stands_for(name, item, stored) for item in expr.elts]
            known = all(map(self._is_argument, (n for n in self.own_names() if n.id == name)))
            return ast.unparse(expr) if known and None not in plain else None
        root = expr
        attributes: set[str] = set()
        while isinstance(root, ast.Attribute):
            attributes.add(root.attr)
            root = root.value
        if not isinstance(root, ast.Name) or root.id in stored:
            return None
        if attributes and self._changes(attributes):
            return None
        if any(self.context.summaries.is_property(name) for name in attributes):
            return None  # it may make another value each time
        return ast.unparse(expr)

    def _reads_well(self, name: str) -> bool:
        """Whether a constant can stand for the parameter: an index, or an argument of a call."""
        return all(
            isinstance(
                self.module.parent_of(node), (ast.Subscript, ast.Tuple, ast.Call, ast.keyword)
            )
            and not isinstance(getattr(self.module.parent_of(node), "value", None), ast.Name)
            for node in self.own_names()
            if node.id == name
        )

    def _is_argument(self, node: ast.Name) -> bool:
        """Whether a read hands the value to a function of TensorFlow's, or puts it in a text."""
        parent = self.module.parent_of(node)
        if not isinstance(parent, ast.Call) or node is parent.func:
            return False
        text = isinstance(parent.func, ast.Attribute) and parent.func.attr == "format"
        resolved = self.module.names.resolve(parent.func)
        return text or resolved.startswith(("tensorflow.", "keras."))

    def _changes(self, attributes: set[str]) -> bool:
        """Whether the function, or one that it calls, may set one of ``attributes``."""
        parts = [*self.context.summaries.called_functions(self.function.body), self.function]
        return any(
            isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store) and n.attr in attributes
            for part in parts
            for n in ast.walk(part)
        )

    def _body(self) -> tuple[list[ast.stmt], ast.Expr | None, ast.expr | None]:
        if self.function.decorator_list:
            raise _InTheWayError("it is decorated")
        body = list(self.function.body)
        docstring: ast.Expr | None = None
        if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            docstring = body[0]
            body = body[1:]
        result: ast.expr | None = None
        if body and isinstance(body[-1], ast.Return):
            last = body.pop()
            assert isinstance(last, ast.Return)
            result = last.value
        for stmt in [*body, *([ast.Expr(result)] if result is not None else [])]:
            for node in ast.walk(stmt):
                if isinstance(node, ast.Return):
                    raise _InTheWayError(f"it may return early (line {node.lineno})")
                if isinstance(node, _NO_PART) or self._of_its_place(node):
                    line = getattr(node, "lineno", self.function.lineno)
                    raise _InTheWayError(f"what line {line} does cannot be moved")
        if result is None and self.stmt is not self._plain_statement():
            raise _InTheWayError("it returns nothing")
        return body, docstring, result

    def _of_its_place(self, node: ast.AST) -> bool:
        """Whether ``node`` means something by the function or the class that it stands in."""
        if isinstance(node, ast.Name) and node.id in _OF_FRAMES:
            return True
        name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
        summaries = self.context.summaries
        same = summaries.class_of(self.scope) is summaries.class_of(self.caller)
        return str(name).startswith("__") and not str(name).endswith("__") and not same

    def _plain_statement(self) -> ast.stmt | None:
        """The caller's statement if it is nothing but the call."""
        plain = isinstance(self.stmt, ast.Expr) and self.stmt.value is self.call
        return self.stmt if plain else None

    def _check_outside(self, given: dict[str, ast.expr]) -> None:
        """What the function reads from outside has to mean the same in the caller."""
        scopes = self.module.scopes
        own = {id(n) for n in self.own_names()}
        receiver = self.function.args.args[:1]
        for node in self.every_name():
            if id(node) in own or scopes.is_comprehension_variable(node):
                continue
            if scopes.resolve(node.id, self.scope) is not scopes.resolve(node.id, self.caller):
                raise _InTheWayError(f"{node.id} means something else where it is called")
        if self.scope.parent is not None and self.scope.parent.kind is ScopeKind.CLASS:
            for node in self.own_names():
                if node.id == receiver[0].arg and not isinstance(node.ctx, ast.Load):
                    raise _InTheWayError(f"it binds {node.id} again")

    def _check_strings(self, changed: set[int]) -> None:
        for node in ast.walk(self.function):
            if isinstance(node, ast.JoinedStr):
                if any(id(inner) in changed for inner in ast.walk(node)):
                    raise _InTheWayError(f"line {node.lineno} formats a name that has to change")
