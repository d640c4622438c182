"""What a tensor loop's function reads only where no gradient passes.

``tf.map_fn(lambda v: v * tf.stop_gradient(x[0]), z)``: in a graph ``x`` goes into the loop, which
gives zeros for all that goes into it. A tape gives None. The two are the same in a sum with another
gradient, so this matters where ``x`` may have no other way to the target; of a target that is a
gradient itself, nothing is certain.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final

from tape_migrate.flow.symbols import Symbol, may_overlap, symbol_of
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.barriers import is_barrier
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.changed_elsewhere import function_elsewhere
from tape_migrate.shapes.connected import certainly_connected
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.evaluated import all_calls, calls_in
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.modes import OtherModules
from tape_migrate.shapes.plan import OUTSIDE, Link, Source
from tape_migrate.shapes.quiet import TENSOR_METHODS
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import tensorflow_function

_DEPTH: Final = 4
_FUNCTIONS: Final = {
    **dict.fromkeys(("map_fn", "scan", "foldl", "foldr"), (("fn",), 1)),
    "while_loop": (("cond", "body"), 2),
    "rnn": (("step_function",), 1),
}
"""How a loop's functions are called, and how many they are."""
# fmt: off
_STOPPING: Final = frozenset({
    "arg_max", "arg_min", "argsort", "as_string", "bincount", "bitcast", "ceil", "count_nonzero",
    "fingerprint", "floor", "floor_div", "floordiv", "histogram_fixed_width",
    "histogram_fixed_width_bins", "is_finite", "is_inf", "is_nan", "logical_not", "matrix_rank",
    "random_shuffle", "reduce_all", "reduce_any", "rint", "round", "searchsorted", "sequence_mask",
    "shape_n", "to_int32", "to_int64", "truncatediv", "zero_fraction",
})
"""Functions, besides the barriers, whose results have no gradient."""
_STOP: Final = "stop_gradient"
_STOPS: Final = _STOPPING | {_STOP, "argmax", "argmin", "ones_like", "zeros_like"}
"""Those that are looked for in other modules."""
# fmt: on
_LOOPS: Final = frozenset(_FUNCTIONS)
_OF_CELLS: Final = frozenset({"nn.dynamic_rnn", "nn.bidirectional_dynamic_rnn", "nn.raw_rnn"})
_WORDS: Final = _LOOPS | _OF_CELLS
_REAL: Final = ("float", "double", "half", "complex", "dtype")

_CHOICES: Final = (ast.If, ast.IfExp, ast.BoolOp, ast.Match, ast.Try, ast.While, ast.For)

_Body = Function | ast.Lambda


def leaves_out_parameter(context: Context, function: _Body, names: Iterable[str]) -> bool:
    """Whether one of the parameters ``names`` certainly goes into no result of ``function``."""
    reads = _Reads(context.module, context.summaries)
    return not all(reads.passes_name(function, name, _DEPTH) for name in names)


def only_stopped(
    context: Context,
    dep: Dependence,
    nodes: Iterable[int],
    inline: list[ast.expr],
    call_node: int,
    start: list[Link],
    exprs: list[ast.expr],
    sources: Iterable[Source],
    *,
    again: bool,
) -> Symbol | None:
    """A source for which loops among ``nodes`` and ``inline`` may give zeros in a graph alone.

    ``start`` are the reads of the target and ``exprs`` where they stand; ``again``: the gradient
    may be differentiated in its turn.
    """
    if not _has_loops(context):
        return None
    stopped = list(_stopped(context, dep, nodes, inline, call_node))
    if not stopped:
        return None
    for source in sources:
        if any(_is_computed(dep, place, symbol, source) for place, symbol in stopped):
            sure = not again and not source.collected
            if not sure or not certainly_connected(context, dep, start, exprs, source):
                return source.symbol
    return None


def _has_loops(context: Context) -> bool:
    """Whether a loop may be in sight at all, by the words that the texts hold."""
    known = context.module.memo.get("has_loops")
    if known is None:
        here = any(word.rpartition(".")[2].encode() in context.module.text for word in _WORDS)
        others = context.others
        known = here or (others is not None and others.hold(_LOOPS))
        context.module.memo["has_loops"] = known
    return known is True


def _stopped(
    context: Context,
    dep: Dependence,
    nodes: Iterable[int],
    inline: list[ast.expr],
    call_node: int,
) -> Iterator[tuple[int | None, Symbol]]:
    """What is only read in vain by loops, and the node that runs them (None: elsewhere)."""
    nodes = sorted(nodes)
    reads = _Reads(context.module, context.summaries)
    places = {
        id(call): place
        for place, part in (
            *((call_node, expr) for expr in inline),
            *((n, part) for n in nodes for part in context.run_by(dep, [n], [])),
        )
        for call in calls_in(part)
    }
    for call in context.calls_of(dep, nodes, inline):
        if _has_loop_elsewhere(context, call) or _runs_cell_that_stops(context.module, call):
            place = places.get(id(call))
            yield from ((place, symbol) for symbol in reads.given(call))
        for function in _functions_of(context.module, context.summaries, call):
            for symbol in reads.in_vain(function):
                around = dep.module.parents_in_statement(call)
                elsewhere = any(_gives(each, symbol.root) for each in around)
                yield None if elsewhere else places.get(id(call)), symbol


def _gives(around: ast.AST, name: str) -> bool:
    """Whether a comprehension around a loop has a variable ``name``."""
    return any(
        isinstance(node, ast.Name) and node.id == name
        for generator in getattr(around, "generators", ())
        for node in ast.walk(generator.target)
    )


def _is_computed(dep: Dependence, place: int | None, symbol: Symbol, source: Source) -> bool:
    """Whether what ``place`` reads as ``symbol`` may be computed from ``source``."""
    if place is None or source.collected:
        return True
    tainted = dep.tainted_by(source.tracks)
    for definition in dep.reaching(place, symbol):
        if definition.kind in OUTSIDE:
            if any(t.outside and may_overlap(t.symbol, symbol) for t in source.tracks):
                return True
        elif definition.node_id in tainted or any(
            definition in t.definitions for t in source.tracks
        ):
            return True
    return False


def _has_loop_elsewhere(context: Context, call: ast.Call) -> bool:
    """Whether ``call`` runs a function of another module that has a loop, and stops gradients."""
    module = context.module
    resolved = module.names.resolve(call.func)
    if not resolved or context.others is None or resolved.partition(".")[0] in KNOWN_MODULES:
        return False
    if not context.others.hold(_LOOPS):
        return False
    called = context.others.function_calls(resolved, _LOOPS | _STOPS, across=True)
    leaves = {name.rpartition(".")[2] for name in called}
    return bool(leaves & _LOOPS) and bool(leaves & _STOPS) and _stops_elsewhere(module, call)


def _stops_elsewhere(module: Module, call: ast.Call, depth: int = _DEPTH) -> bool:
    """Whether a loop that ``call`` runs in another module reads something in vain."""
    found = function_elsewhere(module, call)
    if found is None or depth == 0:
        return False
    other, function = found
    summaries = Summaries.of(other)
    reads = _Reads(other, summaries)
    for each in (function, *summaries.called_functions([function])):
        for inner in all_calls(each):
            bodies = [*_functions_of(other, summaries, inner)]
            if any(reads.in_vain(body) or reads.leaves_one_out(body) for body in bodies):
                return True
            if _stops_elsewhere(other, inner, depth - 1):
                return True
    return False


def _runs_cell_that_stops(module: Module, call: ast.Call) -> bool:
    """``tf.nn.dynamic_rnn(cell, x)`` in a module with a class of cells that stop gradients."""
    if tensorflow_function(module.names.resolve(call.func)) not in _OF_CELLS:
        return False
    return any(
        any(n.name == "state_size" for n in module.of_kind_inside(ast.FunctionDef, made))
        and any(n.attr == _STOP for n in module.of_kind_inside(ast.Attribute, made))
        for made in module.of_kind(ast.ClassDef)
    )


def _functions_of(module: Module, summaries: Summaries, call: ast.Call) -> Iterator[_Body]:
    resolved = module.names.resolve(call.func)
    if not resolved.startswith(("tensorflow.", "keras.backend.")):
        return
    words, count = _FUNCTIONS.get(resolved.rpartition(".")[2], ((), 0))
    given = [*call.args[:count], *(k.value for k in call.keywords if k.arg in words)]
    for expr in given if count else ():
        if isinstance(expr, ast.Lambda):
            yield expr
        else:
            function = summaries.named(expr)
            if function is not None:
                yield function


class _Reads:
    """Where functions of one module read what, and whether a gradient passes there."""

    def __init__(self, module: Module, summaries: Summaries) -> None:
        self._module = module
        self._summaries = summaries
        self._asked: set[tuple[int, str]] = set()

    def in_vain(self, function: _Body) -> list[Symbol]:
        """What is taken from outside of ``function`` and only read where no gradient passes."""
        own = {a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg)}
        reads: dict[Symbol, list[ast.expr]] = {}
        for node in self._module.inside(function):
            symbol = self._whole_read(node)
            if symbol is None or (
                not (symbol.root == "self" and symbol.path)
                and (symbol.root in own or self._binds(function, symbol.root))
            ):
                continue
            assert isinstance(node, ast.expr)
            if not self._module.names.resolve(node):
                reads.setdefault(symbol, []).append(node)
        return [s for s, nodes in reads.items() if not self._some_passes(nodes, function, _DEPTH)]

    def leaves_one_out(self, function: _Body) -> bool:
        """Whether what a loop goes over is only read where no gradient passes."""
        names = [arg.arg for arg in function.args.args]
        return not all(self.passes_name(function, name, _DEPTH) for name in names if name != "self")

    def given(self, call: ast.Call) -> Iterator[Symbol]:
        """What the arguments of ``call`` read."""
        for node in self._module.inside(call):
            symbol = self._whole_read(node)
            if symbol is not None and node is not call.func:
                yield symbol

    def passes_name(self, function: _Body, name: str, depth: int) -> bool:
        """Whether a gradient may pass some read of ``name`` in ``function``."""
        key = (id(function), name)
        if depth == 0:
            return True
        if key in self._asked:
            return False
        self._asked.add(key)
        names = [n for n in self._module.of_kind_inside(ast.Name, function) if n.id == name]
        reads: list[ast.expr] = [node for node in names if isinstance(node.ctx, ast.Load)]
        bound = [node for node in names if isinstance(node.ctx, ast.Store)]
        found = self._some_passes(reads, function, depth, again=len(bound) > 1)
        self._asked.discard(key)
        return found

    def _some_passes(
        self, reads: list[ast.expr], function: _Body, depth: int, *, again: bool = False
    ) -> bool:
        """Whether one of ``reads`` passes: certainly so, where others of them do not.

        ``again``: the name is bound more than once.
        """
        passing = [node for node in reads if self._passes(node, function, depth)]
        if len(passing) == len(reads):
            return bool(reads)
        return not again and any(not self._is_chosen(node, function) for node in passing)

    def _is_chosen(self, node: ast.AST, function: _Body) -> bool:
        """Whether Python chooses if ``node`` is read."""
        return any(isinstance(p, _CHOICES) for p in self._module.parents_below(node, function))

    def _whole_read(self, node: ast.AST) -> Symbol | None:
        """``net.w`` for the whole of ``net.w``, nothing for the ``net`` in it."""
        if not isinstance(node, (ast.Name, ast.Attribute)) or not isinstance(node.ctx, ast.Load):
            return None
        parent = self._module.parent_of(node)
        if isinstance(parent, ast.Attribute):
            return None
        return symbol_of(node)

    def _binds(self, function: _Body, name: str) -> bool:
        scope = self._module.scopes.opened_by(function)
        return self._module.scopes.resolve(name, scope) is scope

    def _passes(self, node: ast.expr, function: _Body, depth: int) -> bool:
        child: ast.AST = node
        for parent in self._module.parents_below(node, function):
            if is_barrier(self._module, parent, child):
                return False
            if isinstance(parent, ast.Call) and child is not parent.func:
                if self._is_stopped_by(parent, child, depth):
                    return False
            if isinstance(parent, ast.Assign):
                names = _names_given(parent, child, node)
                return any(self.passes_name(function, name, depth) for name in names)
            if isinstance(parent, ast.stmt):
                return True
            child = parent
        return True

    def _is_stopped_by(self, call: ast.Call, part: ast.AST, depth: int) -> bool:
        resolved = self._module.names.resolve(call.func)
        if resolved.startswith(("tensorflow.", "keras.backend.")):
            leaf = resolved.rpartition(".")[2]
            if leaf in ("cast", "where"):
                return (leaf == "where" and len(call.args) == 1) or _is_to_whole(call)
            return leaf in _STOPPING or any(map(self._is_stop, call.args))
        function: _Body | None = self._summaries.callee(call)
        if isinstance(call.func, ast.Lambda):
            function = call.func
        if function is None:
            return self._may_stop(call, resolved)
        value = part.value if isinstance(part, (ast.keyword, ast.Starred)) else part
        names = [name for name, given in bind(function, call) if given is value]
        functions: list[_Body] = [function]
        if not isinstance(function, ast.Lambda):
            functions += self._summaries.overrides(function)
        return bool(names) and not any(
            self.passes_name(each, name, depth - 1) for each in functions for name in names
        )

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
            called = others.function_calls(resolved, _STOPS, across=True)
            return any(name.rpartition(".")[2] in _STOPS for name in called)
        if isinstance(call.func, ast.Name) and not self._module.names.is_local(
            call.func.id, self._module.scope_of(call)
        ):
            return False  # a builtin
        if isinstance(call.func, ast.Attribute) and call.func.attr in TENSOR_METHODS:
            return False
        here = _STOP.encode() in self._module.text
        return here or (others is not None and others.hold(frozenset({_STOP})))


def _names_given(stmt: ast.Assign, value: ast.AST, read: ast.AST) -> Iterator[str]:
    """The names that what ``read`` gives comes to: of ``a, b = x, y`` one."""
    for target in stmt.targets:
        parts: list[ast.expr] = [target]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            if len(target.elts) == len(value.elts):
                pairs = zip(target.elts, value.elts, strict=True)
                parts = [t for t, v in pairs if any(n is read for n in ast.walk(v))]
        for part in parts:
            yield from (n.id for n in ast.walk(part) if isinstance(n, ast.Name))


def _is_to_whole(call: ast.Call) -> bool:
    """Whether ``tf.cast`` makes numbers without a gradient: the type is named, and is not real."""
    given = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "dtype")]
    text = ast.unparse(given[0]) if given else ""
    name = text.rpartition(".")[2].strip("'\"")
    return name.startswith(("int", "uint", "bool")) and not name.startswith(_REAL)
