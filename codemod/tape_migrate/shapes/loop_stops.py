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
from tape_migrate.shapes.changed_elsewhere import function_elsewhere
from tape_migrate.shapes.connected import certainly_connected
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.evaluated import all_calls, calls_in
from tape_migrate.shapes.loop_reads import STOPS, Body, LoopReads
from tape_migrate.shapes.plan import OUTSIDE, Link, Source
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import tensorflow_function

_DEPTH: Final = 4
_FUNCTIONS: Final = {
    **dict.fromkeys(("map_fn", "scan", "foldl", "foldr"), (("fn",), 1)),
    "while_loop": (("cond", "body"), 2),
    "rnn": (("step_function",), 1),
}
"""How a loop's functions are called, and how many they are."""
_LOOPS: Final = frozenset(_FUNCTIONS)
_OF_CELLS: Final = frozenset({"nn.dynamic_rnn", "nn.bidirectional_dynamic_rnn", "nn.raw_rnn"})
_WORDS: Final = _LOOPS | _OF_CELLS


def leaves_out_parameter(context: Context, function: Body, names: Iterable[str]) -> bool:
    """Whether one of the parameters ``names`` may go into no result of ``function``."""
    return LoopReads(context.module).leaves_one_out(function, names)


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
    reads = LoopReads(context.module)
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
        for expr, function in _functions_of(context.module, context.summaries, call):
            if function is None:
                yield None, Symbol("")  # whatever it reads
                continue
            own = isinstance(expr, ast.Attribute) and symbol_of(expr.value) != Symbol("self")
            for symbol in reads.in_vain(function):
                around = dep.module.parents_in_statement(call)
                elsewhere = any(_gives(each, symbol.root) for each in around)
                elsewhere = elsewhere or (own and symbol.root == "self")
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
    called = context.others.function_calls(resolved, _LOOPS | STOPS, across=True)
    leaves = {name.rpartition(".")[2] for name in called}
    return bool(leaves & _LOOPS) and bool(leaves & STOPS) and _stops_elsewhere(module, call)


def _stops_elsewhere(module: Module, call: ast.Call, depth: int = _DEPTH) -> bool:
    """Whether a loop that ``call`` runs in another module reads something in vain."""
    found = function_elsewhere(module, call)
    if found is None or depth == 0:
        return False
    other, function = found
    summaries = Summaries.of(other)
    reads = LoopReads(other)
    for each in (function, *summaries.called_functions([function])):
        for inner in all_calls(each):
            for _, body in _functions_of(other, summaries, inner):
                if body is not None and (reads.in_vain(body) or _leaves_one_out(reads, body)):
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
        and any(n.attr == "stop_gradient" for n in module.of_kind_inside(ast.Attribute, made))
        for made in module.of_kind(ast.ClassDef)
    )


def _leaves_one_out(reads: LoopReads, body: Body) -> bool:
    names = [arg.arg for arg in body.args.args]
    return reads.leaves_one_out(body, (name for name in names if name != "self"))


def _functions_of(
    module: Module, summaries: Summaries, call: ast.Call
) -> Iterator[tuple[ast.expr, Body | None]]:
    """What a loop runs, and how that is handed over; None for what is not seen."""
    resolved = module.names.resolve(call.func)
    if not resolved.startswith(("tensorflow.", "keras.backend.")):
        return
    words, count = _FUNCTIONS.get(resolved.rpartition(".")[2], ((), 0))
    stack = [*call.args[:count], *(k.value for k in call.keywords if k.arg in words)]
    for expr in stack if count else ():
        match expr:
            case ast.Lambda():
                yield expr, expr
            case ast.IfExp(body=first, orelse=second):
                stack += [first, second]
            case ast.Call(func=func, args=[first, *_]) if (
                module.names.resolve(func) == "functools.partial"
            ):
                stack.append(first)
            case _:
                found: list[Body | None] = [*_named(module, summaries, expr)]
                if not found and not module.names.resolve(expr).startswith("tensorflow."):
                    found = [None]
                yield from ((expr, function) for function in found)


def _named(module: Module, summaries: Summaries, expr: ast.expr) -> Iterator[Body]:
    function = summaries.named(expr)
    if function is not None:
        yield function
    elif isinstance(expr, ast.Name):
        for bound in module.names.bindings(expr.id, module.scope_of(expr)):
            if isinstance(bound, ast.Assign) and isinstance(bound.value, ast.Lambda):
                yield bound.value
