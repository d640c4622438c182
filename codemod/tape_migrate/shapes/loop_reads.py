"""Whether a gradient certainly passes what the function of a tensor loop reads.

Of ``lambda v: v * tf.stop_gradient(x[0])`` one passes ``v`` and none ``x``. What is not followed
(put into a list, left to Python, one of several results) is taken not to: in a graph it goes into
the loop all the same. Of functions that are not seen it is, unless there is a stop in sight.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final, cast

from tape_migrate.flow.bindings import free_variables
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.barriers import is_barrier
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.connected import OF_ALL, OF_FIRST
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.modes import OtherModules
from tape_migrate.shapes.quiet import TENSOR_METHODS
from tape_migrate.shapes.summaries import Summaries

Body = Function | ast.Lambda

_DEPTH: Final = 4
_STOP: Final = "stop_gradient"
# fmt: off
STOPS: Final = frozenset({
    "arg_max", "arg_min", "argmax", "argmin", "argsort", "as_string", "bincount", "bitcast", "ceil",
    "count_nonzero", "fingerprint", "floor", "floor_div", "floordiv", "histogram_fixed_width",
    "histogram_fixed_width_bins", "is_finite", "is_inf", "is_nan", "logical_not", "matrix_rank",
    "ones_like", "random_shuffle", "reduce_all", "reduce_any", "rint", "round", "searchsorted",
    "sequence_mask", "shape_n", "stop_gradient", "to_int32", "to_int64", "truncatediv",
    "zero_fraction", "zeros_like",
})
"""Functions whose results have no gradient: looked for in what is not seen here."""
# fmt: on
_LIBRARY: Final = ("tensorflow.", "keras.backend.")
# fmt: off
_FIRST_TOO: Final = frozenset({
    "boolean_mask", "broadcast_to", "cast", "crop_and_resize", "diag", "diag_part", "gather",
    "gather_nd", "matrix_inverse", "matrix_transpose", "repeat", "slice", "split", "stack",
    "strided_slice", "to_double", "to_float", "unstack",
})
"""More functions whose results have a gradient with respect to their first argument."""
# fmt: on
_LOOPS: Final = frozenset({"cond", "map_fn", "scan", "foldl", "foldr", "while_loop"})
_LAYERS: Final = (".layers.", ".contrib.", ".losses.")
_OF_SHAPES: Final = frozenset({"shape", "dtype", "ndim"})
_CHOICES: Final = (ast.If, ast.IfExp, ast.BoolOp, ast.Match, ast.Try, ast.While, ast.For)
_DISPLAYS: Final = (ast.Tuple, ast.List, ast.Dict)
_DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


class LoopReads:
    """Where functions of one module read what, and whether a gradient passes there."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._summaries = Summaries.of(module)
        self._asked: set[tuple[int, str]] = set()

    def in_vain(self, function: Body) -> list[Symbol]:
        """What ``function`` takes from outside, and of which it is not certain that one passes."""
        own = {a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg)}
        found: dict[Symbol, None] = {}
        for node in self._module.inside(function):
            symbol = self._whole_read(node)
            if symbol is not None and not self._module.names.resolve(cast(ast.expr, node)):
                of_object = symbol.root == "self" and bool(symbol.path)
                local = symbol.root in own or self._binds(function, symbol.root)
                if of_object or not local:
                    found[symbol] = None
            if isinstance(node, ast.Call):
                found.update(dict.fromkeys(self._read_by(node)))
        return [symbol for symbol in found if not self._of_symbol(function, symbol)]

    def leaves_one_out(self, function: Body, names: Iterable[str]) -> bool:
        """Whether it is not certain of each of the parameters ``names``."""
        return not all(self._of_name(function, name) for name in names)

    def given(self, call: ast.Call) -> Iterator[Symbol]:
        """What the arguments of ``call`` read."""
        for node in self._module.inside(call):
            symbol = self._whole_read(node)
            if symbol is not None and node is not call.func:
                yield symbol

    def _read_by(self, call: ast.Call) -> list[Symbol]:
        """What a function of the module that is called reads without being given it."""
        function = self._summaries.callee(call)
        if function is None:
            return []
        names = {*self._summaries.outer_reads(function)}
        names.update(*map(free_variables, self._summaries.reached(function)))
        found = [Symbol(name) for name in sorted(names)]
        if isinstance(call.func, ast.Attribute):
            attributes = sorted(self._summaries.attribute_reads(function))
            found += [Symbol("self", ("." + name,)) for name in attributes]
        return found

    def _of_symbol(self, function: Body, symbol: Symbol, depth: int = _DEPTH) -> bool:
        """For what is read from outside, also by functions that are called."""
        if depth == 0:
            return False
        found: list[tuple[ast.expr, bool | None]] = []
        for node in self._module.inside(function):
            if isinstance(node, ast.expr) and self._whole_read(node) == symbol:
                found.append((node, self._of_read(node, function, depth)))
            if isinstance(node, ast.Call) and symbol in self._read_by(node):
                callee = self._summaries.callee(node)
                here = self._of_read(node, function, depth)
                if callee is not None and here is not None:
                    found.append((node, here and self._of_symbol(callee, symbol, depth - 1)))
        return self._together(found, function)

    def _of_name(self, function: Body, name: str, depth: int = _DEPTH) -> bool:
        """For a parameter or a variable of ``function``."""
        if depth == 0:
            return False
        key = (id(function), name)
        if key in self._asked:
            return False
        self._asked.add(key)
        names = [n for n in self._module.of_kind_inside(ast.Name, function) if n.id == name]
        reads: list[ast.expr] = [node for node in names if isinstance(node.ctx, ast.Load)]
        each = [(node, self._of_read(node, function, depth)) for node in reads]
        found = self._together(each, function)
        self._asked.discard(key)
        on = {self._module.statement_of(node) for node, passes in each if passes is None}
        anew = [n for n in names if isinstance(n.ctx, ast.Store) and not self._goes_on(n, on)]
        given = name in {a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg)}
        return found and len(anew) + given <= 1

    def _together(self, found: list[tuple[ast.expr, bool | None]], function: Body) -> bool:
        """For several reads: it passes if it passes one, and that is not left to Python."""
        known = [(node, passes) for node, passes in found if passes is not None]
        passing = [node for node, passes in known if passes]
        if len(passing) == len(known):
            return bool(known)
        return not all(self._is_chosen(node, function) for node in passing)

    def _goes_on(self, name: ast.Name, on: set[ast.stmt]) -> bool:
        """Whether what is bound is computed from what the name was: ``h = dense(h)``."""
        stmt = self._module.statement_of(name)
        return isinstance(stmt, ast.AugAssign) or stmt in on

    def _is_chosen(self, node: ast.AST, function: Body) -> bool:
        """Whether Python chooses if ``node`` is read, or set; it may end before that."""
        around = self._module.parents_below(node, function)
        ends = [*self._module.of_kind_inside(ast.Return, function)]
        return len(ends) > 1 or any(isinstance(parent, _CHOICES) for parent in around)

    def _whole_read(self, node: ast.AST) -> Symbol | None:
        """``net.w`` for the whole of ``net.w``, nothing for the ``net`` in it."""
        if not isinstance(node, (ast.Name, ast.Attribute)) or not isinstance(node.ctx, ast.Load):
            return None
        if isinstance(self._module.parent_of(node), ast.Attribute):
            return None
        return symbol_of(node)

    def _binds(self, function: Body, name: str) -> bool:
        scope = self._module.scopes.opened_by(function)
        return self._module.scopes.resolve(name, scope) is scope

    def _of_read(self, node: ast.expr, function: Body, depth: int) -> bool | None:
        """For one read; None where a name is computed from itself."""
        child, inner = cast(ast.AST, node), cast(ast.AST, node)
        for parent in self._module.parents_below(node, function):
            if is_barrier(self._module, parent, child):
                return False
            match parent:
                case ast.Call(func=func) if child is not func:
                    if not self._passes_call(parent, child, depth):
                        return False
                case ast.Subscript(slice=index) if child is index:
                    return False
                case ast.Subscript(value=ast.Tuple() | ast.List() | ast.Dict()):
                    if not _takes(parent, inner):
                        return False
                case ast.comprehension(target=target, iter=over) if child is over:
                    names = [n.id for n in ast.walk(target) if isinstance(n, ast.Name)]
                    return all(self._of_name(function, name, depth) for name in names)
                case ast.Lambda(body=body) if isinstance(body, _DISPLAYS):
                    return False  # another part may be taken
                case ast.Attribute(attr=attr) if attr in _OF_SHAPES:
                    return False
                case ast.NamedExpr(target=target) if self._of_name(function, target.id, depth):
                    return True
                case ast.stmt():
                    return self._passes_statement(parent, child, node, function, depth)
            child, inner = parent, child
        return not (isinstance(function, ast.Lambda) and isinstance(function.body, _DISPLAYS))

    def _passes_statement(
        self, stmt: ast.stmt, child: ast.AST, read: ast.expr, function: Body, depth: int
    ) -> bool | None:
        """For what a statement does with the value of ``read``, which is in its part ``child``."""
        match stmt:
            case ast.Return(value=value) if not isinstance(value, _DISPLAYS):
                around = self._module.parents_below(stmt, function)
                inner = next((p for p in around if isinstance(p, _DEFINITIONS)), None)
                return inner is None or self._of_name(function, inner.name, depth)
            case ast.Assign(targets=targets):
                parts = [part for target in targets for part in _parts_given(target, child, read)]
            case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
                parts = [target]
            case ast.For(target=target) if child is stmt.iter:
                parts = [target]
            case _:
                return False
        names = [part.id for part in parts if isinstance(part, ast.Name)]
        if any((id(function), name) in self._asked for name in names):
            return None
        return any(self._of_name(function, name, depth) for name in names)

    def _passes_call(self, call: ast.Call, part: ast.AST, depth: int) -> bool:
        resolved = self._module.names.resolve(call.func)
        if any(map(self._is_stop, call.args)):
            return False
        if resolved.startswith(_LIBRARY):
            return self._passes_library(call, part, resolved)
        function: Body | None = self._summaries.callee(call)
        if isinstance(call.func, ast.Lambda):
            function = call.func
        if function is None:
            return not self._may_stop(call, resolved)
        value = part.value if isinstance(part, (ast.keyword, ast.Starred)) else part
        names = [name for name, given in bind(function, call) if given is value]
        functions: list[Body] = [function]
        if not isinstance(function, ast.Lambda):
            functions += self._summaries.overrides(function)
        return all(
            any(self._of_name(each, name, depth - 1) for name in names) for each in functions
        )

    def _passes_library(self, call: ast.Call, part: ast.AST, resolved: str) -> bool:
        leaf = resolved.rpartition(".")[2]
        if leaf == "cast" and _is_to_whole(call):
            return False
        if leaf == "where":
            return part in call.args[1:3] or isinstance(part, ast.keyword)
        if leaf in OF_ALL or leaf in _LOOPS or any(kind in resolved for kind in _LAYERS):
            return True
        return leaf in OF_FIRST | _FIRST_TOO and part in call.args[:1]

    def _is_stop(self, expr: ast.expr) -> bool:
        """``tf.stop_gradient``, handed to what calls it."""
        return self._module.names.resolve(expr).rpartition(".")[2] == _STOP

    def _may_stop(self, call: ast.Call, resolved: str) -> bool:
        """Whether a function that is not in this module, or an object, may let no gradient pass."""
        project = self._module.project
        others = project if isinstance(project, OtherModules) else None
        if resolved:
            if others is None:
                return False
            called = others.function_calls(resolved, STOPS, across=True)
            return any(name.rpartition(".")[2] in STOPS for name in called)
        if isinstance(call.func, ast.Name) and not self._module.names.is_local(
            call.func.id, self._module.scope_of(call)
        ):
            return False  # a builtin
        if isinstance(call.func, ast.Attribute) and call.func.attr in TENSOR_METHODS:
            return False
        here = _STOP.encode() in self._module.text
        return here or (others is not None and others.hold(frozenset({_STOP})))


def _parts_given(target: ast.expr, value: ast.AST, read: ast.AST) -> list[ast.expr]:
    """The targets that what ``read`` gives comes to: of ``a, b = x, y`` one, of a list none."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        if len(target.elts) == len(value.elts):
            pairs = zip(target.elts, value.elts, strict=True)
            return [t for t, v in pairs if any(n is read for n in ast.walk(v))]
    return [] if isinstance(value, _DISPLAYS) else [target]


def _takes(taken: ast.Subscript, part: ast.AST) -> bool:
    """Whether ``part`` is what is taken out of a display: of ``[a, b][0]`` the first."""
    match taken:
        case ast.Subscript(
            value=ast.Tuple(elts=parts) | ast.List(elts=parts), slice=ast.Constant(value=int(at))
        ):
            return -len(parts) <= at < len(parts) and parts[at] is part
        case ast.Subscript(value=ast.Dict(keys=keys, values=parts), slice=ast.Constant(value=name)):
            named = [k.value for k in keys if isinstance(k, ast.Constant)]
            plain = len(named) == len(keys) and named.count(name) == 1
            return plain and parts[named.index(name)] is part
    return False


def _is_to_whole(call: ast.Call) -> bool:
    """Whether ``tf.cast`` makes whole numbers, or truth values."""
    given = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "dtype")]
    text = ast.unparse(given[0]) if given else ""
    return text.rpartition(".")[2].strip("'\"").startswith(("int", "uint", "bool"))
