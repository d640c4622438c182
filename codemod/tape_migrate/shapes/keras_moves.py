"""What may move into a function that is traced once: what does nothing but build a graph."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from tape_migrate.flow.scope import ScopeKind
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.attribute_readers import is_asked_elsewhere
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.keras_calls import BACKEND
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.plan import Refusal
from tape_migrate.shapes.tensorflow_facts import VARIABLE_MAKERS, tensorflow_function

_STATEMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.For, ast.If, ast.Assert)
_INSIDE = (*_STATEMENTS, ast.Pass, ast.Continue, ast.Break, ast.Raise)
_BUILT_IN_MUTATORS = frozenset(
    ("append", "extend", "insert", "pop", "update", "setdefault", "remove", "clear", "sort", "add")
)
_QUIET_BUILTINS = frozenset(
    {"len", "range", "zip", "enumerate", "list", "tuple", "dict", "set", "sorted", "reversed"}
    | {"int", "float", "str", "bool", "isinstance", "sum", "min", "max", "abs", "any", "all"}
    | {"print", "round", "repr", "format", "type", "hasattr", "getattr", "map", "filter"}
    | {"ValueError", "TypeError", "Exception", "RuntimeError", "KeyError", "AssertionError"}
)
_QUIET_METHODS = frozenset(
    {"format", "join", "items", "keys", "values", "get", "get_layer", "index", "lower", "upper"}
    | {"startswith", "endswith", "split", "strip", "get_shape", "as_list", "append", "extend"}
    | {"copy", "count", "insert", "get_input_at", "get_output_at"}
)
_MAKE_VARIABLES = frozenset(
    ("ones", "zeros", "eye", "random_uniform_variable", "random_normal_variable")
)
"""Functions of the backend that make a variable, as ``variable`` does."""
_SETTERS = frozenset(("function", "set_value", "update", "update_add", "update_sub"))
_QUIET_MODULES = frozenset(("tensorflow", "keras", "math"))
_QUIET_NUMPY = frozenset(
    {"prod", "array", "float32", "float64", "sqrt", "log", "exp", "arange", "ones", "zeros"}
    | {"ones_like", "zeros_like", "asarray", "pi", "abs", "mean", "sum", "eye", "linspace"}
    | {"expand_dims", "reshape", "transpose", "int32", "int64", "ndim", "shape", "square", "max"}
)


class RefusedError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def refused(code: str, message: str) -> RefusedError:
    return RefusedError(Refusal(code, message))


@dataclass
class Slice:
    """The statements that move, of one block, and what is known of them."""

    block: list[ast.stmt]
    moved: list[ast.stmt] = field(default_factory=list)
    """In order of the source."""
    copied: list[ast.stmt] = field(default_factory=list)
    """Those of ``moved`` that stay where they are as well."""
    placeholders: dict[str, list[ast.stmt]] = field(default_factory=dict)
    """Names of placeholders, and the statements that make them."""
    locals: frozenset[str] = frozenset()
    """Names that the moved statements bind."""
    attributes: frozenset[str] = frozenset()
    """Attributes of ``self`` that only the moved statements use: they become local names."""
    captured: frozenset[str] = frozenset()
    """Names that they take from outside."""


_no = refused


class MoveChecks:
    """Checks of the statements that are to move; each raises what is in the way."""

    def __init__(
        self,
        module: Module,
        dep: Dependence,
        stmt: ast.stmt,
        outputs: ast.expr,
        keep: frozenset[str],
        also: list[tuple[ast.stmt, ast.expr]],
    ) -> None:
        self.module = module
        self.dep = dep
        self.levels = Levels.of(module)
        self.stmt = stmt
        self.outputs = outputs
        self.keep = keep
        self.also = also
        self.exempt = {id(n) for _, expr in also for n in ast.walk(expr)}
        self.block = module.place_of(stmt).block
        self.result = Slice(self.block)
        self.node_id = dep.facts.node_id(stmt)
        self.checked: set[int] = set()
        self.moved: dict[int, ast.stmt] = {}
        """By index in the block."""

    def check_deleted(self) -> None:
        """A name that only the function has from now on cannot be deleted here: ``del grads``."""
        result, scopes = self.result, self.module.scopes
        stay = {
            node.id
            for stmt in result.copied
            for node in ast.walk(stmt)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        gone = (result.locals | result.placeholders.keys() | self.keep) - stay
        for stmt in self.module.of_kind(ast.Delete):
            for node in (node for target in stmt.targets for node in ast.walk(target)):
                name = ""
                if isinstance(node, ast.Name):
                    inner = self.module.scope_of(node)
                    own = scopes.resolve(node.id, inner) is self.dep.scope
                    name = node.id if own and node.id in gone else ""
                elif isinstance(node, ast.Attribute) and last_name(node.value) == "self":
                    name = node.attr if node.attr in result.attributes else ""
                if name and stmt not in result.moved:
                    raise _no("TM143", f"{name} is deleted in line {stmt.lineno}")

    def nodes(self) -> set[int]:
        return {n for stmt in self.moved.values() for n in self.dep.cfg.span(stmt)}

    def check_statement(self, stmt: ast.stmt) -> None:
        if not isinstance(stmt, _STATEMENTS):
            raise _no("TM141", f"the statement at line {stmt.lineno} cannot move into a function")
        for node in ast.walk(stmt):
            if isinstance(node, ast.stmt) and not isinstance(node, _INSIDE):
                raise _no(
                    "TM141", f"the statement at line {node.lineno} cannot move into a function"
                )
            if isinstance(node, (ast.Yield, ast.YieldFrom, ast.Await, ast.Lambda)):
                raise _no("TM141", f"line {node.lineno} cannot move into a function")
            if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(
                node.ctx, ast.Load
            ):
                if self._is_own_attribute(node):
                    assert isinstance(node, ast.Attribute)
                    self.result.attributes |= {node.attr}
                elif _root(node) not in self.result.locals:
                    raise _no(
                        "TM141",
                        f"{ast.unparse(node)} keeps a symbolic tensor (line {node.lineno}) that "
                        "other code may read",
                    )
        for call in calls_in(stmt):
            self._check_call(call)

    def _is_own_attribute(self, node: ast.AST) -> bool:
        """``self.loss`` that nothing in the program but the moved code reads or sets."""
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            return False
        if node.value.id != "self" or self.dep.scope.kind is not ScopeKind.FUNCTION:
            return False
        if is_asked_elsewhere(self.module, node.attr):
            return False
        inside = {id(n) for part in [*self.moved.values(), self.outputs] for n in ast.walk(part)}
        return all(
            id(other) in inside
            for other in self.module.nodes
            if isinstance(other, ast.Attribute) and other.attr == node.attr
        )

    def _check_call(self, call: ast.Call) -> None:
        func = call.func
        resolved = self.module.names.resolve(func)
        name = ast.unparse(func)
        if resolved == BACKEND + "function":
            raise _no("TM141", "a K.function is made among the statements that would move")
        self.refuse_variable(call)
        if resolved:
            top, _, leaf = resolved.partition(".")
            if top in _QUIET_MODULES or (top == "numpy" and leaf in _QUIET_NUMPY):
                return
            raise _no("TM142", f"{name}() (line {call.lineno}) would run again for each shape")
        if isinstance(func, ast.Attribute) and func.attr in _BUILT_IN_MUTATORS:
            if _root(func) not in self.result.locals:
                raise _no(
                    "TM142", f"{name}() (line {call.lineno}) changes something outside the function"
                )
            return
        function = self.levels.summaries.callee(call)
        if function is not None:
            self._check_function(function)
            if self.levels.summaries.is_quiet(function):
                for inner in ast.walk(function):
                    if isinstance(inner, ast.Call) and inner is not call:
                        if self.levels.summaries.callee(inner) is not function:
                            self._check_call(inner)
                return
            raise _no("TM142", f"{name}() (line {call.lineno}) keeps state")
        if isinstance(func, ast.Name) and func.id in _QUIET_BUILTINS:
            return
        if isinstance(func, ast.Attribute) and func.attr in _QUIET_METHODS:
            return
        given = [*call.args, *(k.value for k in call.keywords)]
        if any(self.levels.value(arg).symbolic for arg in given):
            return  # it builds the graph
        if self.levels.calls.is_layer(func):
            return
        raise _no("TM142", f"{name}() (line {call.lineno}) would run again for each shape")

    def refuse_variable(self, call: ast.Call) -> None:
        """A function that is traced must make none."""
        resolved = self.module.names.resolve(call.func)
        made = resolved.removeprefix(BACKEND) in _MAKE_VARIABLES
        made = made or tensorflow_function(resolved) in VARIABLE_MAKERS
        if resolved == BACKEND + "variable":
            made = not becomes_constant(self.module, call)
        if made:
            name = ast.unparse(call.func)
            raise _no("TM142", f"{name}() (line {call.lineno}) makes a variable")

    def _check_function(self, function: Function) -> None:
        """A function called with real tensors must not bring Keras tensors of its own."""
        if id(function) in self.checked:
            return
        self.checked.add(id(function))
        for node in ast.walk(function):
            if isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", None), ast.Store):
                continue
            if isinstance(node, ast.expr) and self.levels.brings(function, node):
                raise _no(
                    "TM140",
                    f"{function.name}() reads the symbolic {ast.unparse(node)} (line "
                    f"{node.lineno}) itself",
                )


def _root(expr: ast.expr) -> str:
    while isinstance(expr, (ast.Attribute, ast.Subscript, ast.Call)):
        expr = expr.func if isinstance(expr, ast.Call) else expr.value
    return expr.id if isinstance(expr, ast.Name) else ""


def becomes_constant(module: Module, call: ast.Call) -> bool:
    """``K.variable(0.)``, ``K.variable(value=0., dtype="float32")``, under its own name.

    Of what a number or a function of a library is computed from, it may hold anything: nobody
    else has it to change it.
    """
    if module.names.resolve(call.func) != BACKEND + "variable":
        return False
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return (
        last_name(call.func) == "variable"
        and len(call.args) <= 1
        and {keyword.arg for keyword in call.keywords} <= {"value", "dtype"}
        and bool(given)
        and (_is_operand(module, call) or all(isinstance(g, ast.Constant) for g in given))
    )


def _is_operand(module: Module, call: ast.Call) -> bool:
    node: ast.AST = call
    while isinstance(parent := module.parent_of(node), (ast.List, ast.Tuple, ast.keyword)):
        node = parent
    if isinstance(parent, ast.BinOp):
        return True
    resolved = module.names.resolve(parent.func) if isinstance(parent, ast.Call) else ""
    return resolved.startswith(BACKEND) and resolved.removeprefix(BACKEND) not in _SETTERS
