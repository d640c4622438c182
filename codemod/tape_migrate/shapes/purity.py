"""May these statements run under ``tf.function`` and mean the same?

``tf.function`` runs Python once, at tracing, and turns control flow on tensors into graph control
flow. So: nothing but TensorFlow on local names, no side effect of Python, no value from outside
that could change between calls, no variable made inside, no list that grows in a loop. What is not
certainly all right stays eager, where it is exact too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from tape_migrate.edits.tape_block import first_comment_line
from tape_migrate.flow.bindings import target_names
from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.module import Module
from tape_migrate.shapes.autograph_text import reads_differently
from tape_migrate.shapes.skipped import watched_of
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import VARIABLE_MAKERS, tensorflow_function

_LOOPS = (ast.For, ast.While)
_PYTHON = frozenset(
    {"range", "len", "zip", "enumerate", "min", "max", "abs", "tuple", "isinstance"}
)
_SHAPES = frozenset({"get_shape", "as_list", "is_fully_defined"})
_OF_TENSORS = _SHAPES | {"T", "device", "dtype", "name", "ndim", "rank", "shape", "size"}
_TAPE = frozenset({"watch", "gradient", "jacobian", "batch_jacobian", "stop_recording"})
_EFFECTS = frozenset({"print", "py_function", "numpy_function", "py_func", "Print", "Assert"})
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Purity:
    """Judges statements of one module; every answer is a reason, or None if all is well."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._summaries = Summaries.of(module)
        self._active: set[int] = set()

    def why_not(self, stmts: Sequence[ast.stmt], scope: Scope, *, closed: bool) -> str | None:
        """Why ``stmts`` of ``scope`` must stay eager.

        ``closed`` asks for more: nothing is read from outside that could change between calls
        (for a function that is traced once and called often).
        """
        reason = self._block(stmts, scope, closed, in_loop=False)
        if reason is None and self._reads_differently(stmts, scope, closed):
            reason = (
                "a comment or a string holds a backslash at a line's end (AutoGraph joins those)"
            )
        return reason

    def _reads_differently(self, stmts: Sequence[ast.stmt], scope: Scope, closed: bool) -> bool:
        module = self._module
        if closed and isinstance(scope.node, ast.stmt):
            return reads_differently(
                module, module.first_line(scope.node), module.last_line(scope.node)
            )
        first, last = first_comment_line(module, stmts[0]), module.last_line(stmts[-1])
        return reads_differently(module, first, last)

    def _statement(self, stmt: ast.stmt, scope: Scope, closed: bool, in_loop: bool) -> str | None:
        match stmt:
            case ast.Assign(targets=targets, value=value):
                if any(not self._plain(target) for target in targets):
                    return "it writes to an object"
                return self._expression(value, scope, closed)
            case ast.AugAssign(target=ast.Name(), value=value):
                return self._expression(value, scope, closed)
            case ast.AnnAssign(target=ast.Name(), value=ast.expr() as value):
                return self._expression(value, scope, closed)
            case ast.Return():
                if in_loop:
                    return "it returns from inside a loop"
                return self._expression(stmt.value, scope, closed) if stmt.value else None
            case ast.Pass() | ast.Break() | ast.Continue():
                return None
            case ast.Expr(value=ast.Constant()):
                return None
            case ast.Expr(value=ast.Call() as call):
                if isinstance(call.func, ast.Attribute) and call.func.attr == "watch":
                    return self._expression(watched_of(call), scope, closed)
                return "it calls something for its effect"
            case ast.If(test=test, body=body, orelse=orelse):
                return self._expression(test, scope, closed) or self._block(
                    [*body, *orelse], scope, closed, in_loop
                )
            case ast.While(test=test, body=body, orelse=[]):
                return self._expression(test, scope, closed) or self._block(
                    body, scope, closed, True
                )
            case ast.For(target=target, iter=iterable, body=body, orelse=[]):
                if not self._plain(target):
                    return "it writes to an object"
                return self._expression(iterable, scope, closed) or self._block(
                    body, scope, closed, True
                )
            case ast.With(items=items, body=body):
                for item in items:
                    reason = self._expression(item.context_expr, scope, closed)
                    if reason is not None:
                        return reason
                return self._block(body, scope, closed, in_loop)
        return f"it holds a statement that is not followed here ({type(stmt).__name__})"

    def _block(
        self, stmts: Sequence[ast.stmt], scope: Scope, closed: bool, in_loop: bool
    ) -> str | None:
        for stmt in stmts:
            reason = self._statement(stmt, scope, closed, in_loop)
            if reason is not None:
                return reason
        return None

    def _plain(self, target: ast.expr) -> bool:
        if isinstance(target, (ast.Tuple, ast.List)):
            return all(self._plain(item) for item in target.elts)
        return isinstance(target, ast.Name)

    def _expression(self, expr: ast.expr, scope: Scope, closed: bool) -> str | None:
        for node in ast.walk(expr):
            reason = None
            if isinstance(node, ast.Call):
                reason = self._call(node, scope)
            elif isinstance(node, (ast.Lambda, ast.Yield, ast.YieldFrom, ast.Await, ast.NamedExpr)):
                reason = "it holds a lambda or a walrus"
            elif isinstance(node, (ast.List, ast.Dict, ast.Set)) and node is expr:
                if isinstance(node, ast.List) and not node.elts:
                    reason = "it collects values in a list"
            elif isinstance(node, _COMPREHENSIONS):
                reason = self._comprehension(node)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and closed:
                reason = self._outside_name(node, scope)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.value.id in ("self", "cls"):
                    reason = "it reads attributes that may change between calls"
                elif node.attr not in _OF_TENSORS | _TAPE and self._is_object(node.value, scope):
                    reason = f"it reads {ast.unparse(node)} of an object, which may be no argument"
            if reason is not None:
                return reason
        return None

    def _is_object(self, name: ast.Name, scope: Scope) -> bool:
        """Whether a name holds some value: no module, class or function.

        A compiled function takes no object that cannot be hashed (``argparse.Namespace``).
        """
        known = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef)
        if self._module.names.resolve(name):
            return False
        bindings = self._module.names.bindings(name.id, scope)
        return bool(bindings) and not all(isinstance(b, known) for b in bindings)

    def _comprehension(self, node: ast.AST) -> str | None:
        assert isinstance(node, _COMPREHENSIONS)
        for generator in node.generators:
            iterable = generator.iter
            simple = isinstance(iterable, (ast.List, ast.Tuple)) or (
                isinstance(iterable, ast.Call)
                and isinstance(iterable.func, ast.Name)
                and iterable.func.id == "range"
            )
            if not simple:
                return "it holds a comprehension over a value that might be a tensor"
        return None

    def _call(self, call: ast.Call, scope: Scope) -> str | None:
        func = call.func
        resolved = self._module.names.resolve(func)
        name = tensorflow_function(resolved)
        if name is not None or resolved.startswith("keras.backend."):
            leaf = resolved.rpartition(".")[2]
            if leaf in VARIABLE_MAKERS or leaf == "variable":
                return "it makes variables"
            if leaf in _EFFECTS or (name or "").partition(".")[0] in ("contrib", "layers", "train"):
                return f"it calls {resolved}"
            return None
        if isinstance(func, ast.Attribute) and func.attr in _TAPE | _SHAPES:
            return None
        if isinstance(func, ast.Name):
            if func.id in _PYTHON and not self._module.names.is_local(func.id, scope):
                return None
            function = self._summaries.callee(call)
            if function is not None:
                return self._visible(function)
        return f"it calls {ast.unparse(func)}, which is not known here"

    def _visible(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
        if id(function) in self._active or isinstance(function, ast.AsyncFunctionDef):
            return f"{function.name} calls itself"
        self._active.add(id(function))
        try:
            scope = self._module.scopes.opened_by(function)
            reason = self.why_not(function.body, scope, closed=True)
        finally:
            self._active.discard(id(function))
        return f"in {function.name}, {reason}" if reason is not None else None

    def _outside_name(self, node: ast.Name, scope: Scope) -> str | None:
        module = self._module
        if module.scopes.is_comprehension_variable(node):
            return None
        owner = module.scopes.resolve(node.id, scope)
        if owner is None or owner is scope:
            return None
        for binding in module.names.bindings(node.id, scope):
            if isinstance(binding, (ast.Import, ast.ImportFrom, ast.FunctionDef)):
                continue
            if (
                owner.kind is ScopeKind.MODULE
                and len(module.names.bindings(node.id, scope)) == 1
                and isinstance(binding, ast.Assign)
                and self._constant(binding.value)
            ):
                continue
            return f"{node.id} comes from outside and may change between calls"
        return None

    def _constant(self, value: ast.expr) -> bool:
        """A number, a string, a tensor or a variable made by TensorFlow, or a plain alias."""
        if isinstance(value, (ast.Constant, ast.Tuple)):
            return True
        if isinstance(value, ast.UnaryOp):
            return self._constant(value.operand)
        if self._module.names.resolve(value):
            return True
        return isinstance(value, ast.Call) and bool(
            tensorflow_function(self._module.names.resolve(value.func))
        )


def undefined_after_branch(stmt: ast.stmt, defined: frozenset[str], needed: frozenset[str]) -> bool:
    """Whether a name that is ``needed`` later is bound in only one branch of an ``if``."""
    return bool((needed - defined) - always_bound([stmt]))


def always_bound(stmts: Iterable[ast.stmt]) -> frozenset[str]:
    """Names that running ``stmts`` to their end certainly binds."""
    found: set[str] = set()
    for stmt in stmts:
        if isinstance(stmt, ast.Assign):
            found |= target_names(stmt.targets)
        elif isinstance(stmt, (ast.AugAssign, ast.AnnAssign)):
            found |= target_names([stmt.target])
        elif isinstance(stmt, ast.If):
            found |= always_bound(stmt.body) & always_bound(stmt.orelse)
        elif isinstance(stmt, ast.With):
            found |= always_bound(stmt.body)
    return frozenset(found)
