"""Sources that the target is certainly computed from, by TensorFlow's own functions alone.

For what goes through ``tf.cond`` or a tensor loop, a graph gives zeros if it is connected and None
if it is not. That a source goes into a statement is not enough to know: ``a, y = z * 2.0, k`` and
``y = f(z, k)`` may leave it out. Here every step is one of which it is known.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Final

from tape_migrate.flow.symbols import DefKind, symbol_of
from tape_migrate.shapes.barriers import is_blocked
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.plan import Link, Source
from tape_migrate.shapes.tensorflow_facts import tensorflow_function

_DEPTH: Final = 4

# fmt: off
OF_FIRST: Final = frozenset({
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "bias_add", "clip_by_value",
    "conv1d", "conv2d", "conv3d", "convert_to_tensor", "cos", "cosh", "cumprod", "cumsum",
    "divide", "elu", "erf", "exp", "expand_dims", "expm1", "gelu", "identity", "l2_normalize",
    "leaky_relu", "lgamma", "log", "log1p", "log_sigmoid", "log_softmax", "negative", "norm",
    "pad", "reciprocal", "reduce_logsumexp", "reduce_max", "reduce_mean", "reduce_min",
    "reduce_prod", "reduce_std", "reduce_sum", "reduce_variance", "relu", "relu6", "reshape",
    "reverse", "rsqrt", "selu", "sigmoid", "sin", "sinh", "softmax", "softplus", "softsign",
    "sqrt", "square", "squeeze", "swish", "tan", "tanh", "tile", "transpose", "mean", "sum",
    "max", "min", "prod",
})
"""Functions whose result has a gradient with respect to their first argument."""

OF_ALL: Final = frozenset({
    "accumulate_n", "add", "add_n", "concat", "concatenate", "divide_no_nan", "einsum", "matmul",
    "maximum", "minimum", "multiply", "pow", "squared_difference", "stack", "subtract",
    "tensordot", "truediv",
})
"""Functions whose result has one with respect to each tensor that they are given."""
# fmt: on

_OF_BRANCHES: Final = frozenset({"cond", "case", "switch_case"})
_OF_LOOPS: Final = frozenset({"map_fn", "scan", "foldl", "foldr", "while_loop"})
_OPERATORS: Final = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.MatMult)

_Goal = Callable[[Link], bool]


def certainly_connected(
    context: Context, dep: Dependence, start: Iterable[Link], exprs: list[ast.expr], source: Source
) -> bool:
    """Whether the target certainly has a gradient with respect to ``source`` in a graph.

    ``start`` are the reads of the target; ``exprs`` the expressions in which they stand.
    """

    def is_source(link: Link) -> bool:
        return any(
            link.use.symbol == track.symbol and link.definition in track.definitions
            for track in source.tracks
        )

    return _Connections(context, dep, _DEPTH).lead(start, exprs, is_source)


class _Connections:
    def __init__(self, context: Context, dep: Dependence, depth: int) -> None:
        self._context = context
        self._module = context.module
        self._dep = dep
        self._depth = depth

    def lead(self, start: Iterable[Link], exprs: list[ast.expr], goal: _Goal) -> bool:
        """Whether some read in ``exprs``, of those in ``start``, certainly comes from a goal."""
        queue = [(link, expr) for expr in exprs for link in self._in(start, expr)]
        seen: set[tuple[int, int]] = set()
        while queue:
            link, root = queue.pop()
            node = link.use.node
            if not isinstance(node, ast.expr) or not self._flows(node, root):
                continue
            if symbol_of(node) != link.use.symbol:
                # What a function captures is read where the function is named.
                function = self._context.summaries.named(node)
                if function is not None and goal(link) and not link.use.symbol.path:
                    if self._returns(function, link.use.symbol.root):
                        return True
                continue
            if goal(link):
                return True
            definition = link.definition
            stmt = definition.stmt
            key = (id(node), definition.node_id)
            if key in seen or stmt is None or definition.symbol != link.use.symbol:
                continue
            seen.add(key)
            value = _whole_value(stmt)
            if value is not None and definition.kind in (DefKind.STRONG, DefKind.AUGMENTED):
                into = self._dep.links_into(definition.node_id)
                queue += [(inner, value) for inner in self._in(into, value)]
        return False

    def _in(self, links: Iterable[Link], expr: ast.expr) -> list[Link]:
        inside = {id(node) for node in ast.walk(expr)}
        return [link for link in links if id(link.use.node) in inside]

    def _returns(self, function: Function, name: str) -> bool:
        """Whether the result of ``function`` certainly comes from what ``name`` is on entry."""
        if self._depth == 0 or not all(map(self._leaves_alone, function.decorator_list)):
            return False
        returns = [node for node in ast.walk(function) if isinstance(node, ast.Return)]
        value = returns[0].value if len(returns) == 1 else None
        if value is None or returns[0] is not function.body[-1]:
            return False
        dep = self._context.dependence(self._module.scopes.opened_by(function))
        inner = _Connections(self._context, dep, self._depth - 1)
        start = dep.links_into(dep.facts.node_id(returns[0]))
        outside = (DefKind.PARAMETER, DefKind.EXTERNAL)
        return inner.lead(
            start,
            [value],
            lambda link: (
                link.use.symbol.root == name
                and not link.use.symbol.path
                and link.definition.kind in outside
            ),
        )

    def _leaves_alone(self, decorator: ast.expr) -> bool:
        """Whether what is decorated gives what it gives itself."""
        func = decorator.func if isinstance(decorator, ast.Call) else decorator
        if tensorflow_function(self._module.names.resolve(func)) == "function":
            return True
        return isinstance(func, ast.Name) and func.id in ("classmethod", "staticmethod")

    def _flows(self, node: ast.AST, root: ast.expr) -> bool:
        """Whether the value of ``root`` certainly has a gradient with respect to ``node``."""
        if is_blocked(self._module, node):
            return False
        current = node
        while current is not root:
            parent = self._module.parent_of(current)
            match parent:
                case ast.BinOp(op=op) if isinstance(op, _OPERATORS):
                    pass
                case ast.UnaryOp(op=ast.USub()) | ast.keyword():
                    pass
                case ast.Subscript(value=value) if value is current:
                    pass
                case ast.Lambda(body=body) if body is current:
                    pass
                case ast.List() | ast.Tuple() if isinstance(
                    self._module.parent_of(parent), (ast.Call, ast.keyword)
                ):
                    pass
                case ast.Call():
                    if not self._through(parent, current):
                        return False
                case _:
                    return False
            assert parent is not None
            current = parent
        return not isinstance(root, (ast.List, ast.Tuple, ast.Dict, ast.Set))

    def _through(self, call: ast.Call, part: ast.AST) -> bool:
        """Whether what ``call`` gives has a gradient with respect to its argument ``part``."""
        function = self._context.summaries.callee(call)
        if function is not None:
            return all(
                any(self._returns(each, name) for name, value in bind(each, call) if value is part)
                for each in (function, *self._context.summaries.overrides(function))
            )
        resolved = self._module.names.resolve(call.func)
        if not resolved.startswith(("tensorflow.", "keras.backend.")):
            return False
        leaf = resolved.rpartition(".")[2]
        if leaf in _OF_BRANCHES:
            # Without the predicate; what a branch holds on to goes into the graph's operation.
            return part not in call.args[:1] and not (
                isinstance(part, ast.keyword) and part.arg == "pred"
            )
        if leaf in _OF_LOOPS or leaf in OF_ALL:
            return True
        first = call.args[:1] == [part]
        if leaf == "where":
            return part in call.args[1:3]
        return first and leaf in OF_FIRST


def _whole_value(stmt: ast.stmt) -> ast.expr | None:
    """What a statement gives the one name that it binds."""
    match stmt:
        case ast.Assign(targets=[ast.Name() | ast.Attribute()], value=value):
            return value
        case ast.AnnAssign(value=ast.expr() as value):
            return value
        case ast.AugAssign(op=op, value=value) if isinstance(op, _OPERATORS):
            return value
        case ast.Assign(targets=[ast.Tuple()], value=ast.Call() as value):
            # All results of one operation: a loop's, say.
            return value
    return None
