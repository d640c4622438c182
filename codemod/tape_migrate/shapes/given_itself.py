"""Sources that may be, eagerly, the very tensor of which they seem to be computed.

``b = tf.cond(p, lambda: x, lambda: z)`` gives ``x`` itself where it runs eagerly; in a graph it is
a tensor of its own. For the target ``x * x + b`` and the source ``b`` a tape finds ``x`` as well.
So may a function of the module that returns what ``tf.cond`` gave. A gradient of what is linear is
on a tape the very tensor that is given as ``grad_ys=``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final

from tape_migrate.flow.bindings import free_variables
from tape_migrate.module import Module
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.plan import Refusal, Request, Source
from tape_migrate.shapes.sources import is_fresh_value
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import tensorflow_function
from tape_migrate.sites import find_sites

_GIVE_BACK: Final = frozenset(
    {"cond", "case", "switch_case", "while_loop", "foldl", "foldr", "tuple", "identity_n"}
    | {"vectorized_map"}  # which gives it back in a graph, and a copy eagerly
    | {"debugging.assert_all_finite", "verify_tensor_all_finite", "placeholder_with_default"}
)
_OF_BACKEND: Final = frozenset(
    f"keras.backend.{name}" for name in ("switch", "in_train_phase", "in_test_phase")
)


_SOURCES: Final = frozenset({"xs", "sources", "var_list", "params"})
_OUTPUT_GRADIENTS: Final = frozenset({"grad_ys", "output_gradients"})
_DEPTH: Final = 3


def refuse_given_itself(
    dep: Dependence, sources: Iterable[Source], nodes: Iterable[int], inline: Iterable[ast.expr]
) -> Refusal | None:
    """Refuse a source that a call may give back, where the target reads what that was given.

    ``nodes`` and ``inline`` are what computes the target.
    """
    nodes, inline = sorted(nodes), list(inline)
    for source in sources:
        made = {d.node_id: d.stmt for d in source.track.definitions if d.stmt is not None}
        given = {name for stmt in made.values() for name in _given(dep, stmt)}
        if not given:
            continue
        read = {link.use.symbol.root for n in nodes if n not in made for link in dep.links_into(n)}
        read |= {n.id for expr in inline for n in ast.walk(expr) if isinstance(n, ast.Name)}
        both = sorted(given & read - {source.symbol.root})
        if both:
            return Refusal(
                "TM103",
                f"{source.symbol} may be {both[0]} itself where it is computed eagerly, and the "
                "target is computed from that, too",
            )
    return None


def refuse_given_on(dep: Dependence, request: Request) -> Refusal | None:
    """Refuse a gradient with ``grad_ys=`` by which another gradient is taken.

    ``tf.gradients`` copies what it is given; from a tape it may come back as it is.
    """
    given = request.output_gradients
    if given is None or is_fresh_value(dep, given):
        return None
    module = dep.module
    stmt = module.statement_of(request.call)
    if not isinstance(stmt, ast.Assign):
        return None
    bound = {ast.unparse(node) for target in stmt.targets for node in _unpacked(target)}
    for found in find_sites(module):
        if found.call is request.call:
            continue
        named = (k.value for k in found.call.keywords if k.arg in _SOURCES)
        sources = [*found.call.args[1:2], *named]
        for node in (n for each in sources for n in module.inside(each)):
            if isinstance(node, (ast.Name, ast.Attribute)) and ast.unparse(node) in bound:
                return Refusal(
                    "TM103",
                    f"{ast.unparse(node)} may be the very tensor that is given as grad_ys= on a "
                    "tape, and another gradient is taken by it",
                )
    return None


def _unpacked(target: ast.expr) -> list[ast.expr]:
    if isinstance(target, (ast.Tuple, ast.List)):
        return [each for part in target.elts for each in _unpacked(part)]
    return [target]


def _given(dep: Dependence, stmt: ast.stmt) -> Iterator[str]:
    """The variables that a statement gives to calls that may give them back."""
    return names_given(dep.module, stmt)


def names_given(module: Module, node: ast.AST) -> Iterator[str]:
    """The variables that calls in ``node`` may give back as they are."""
    for call in calls_in(node):
        for value in _may_give_back(module, call, _DEPTH):
            for read in ast.walk(value):
                if not isinstance(read, ast.Name) or module.names.resolve(read):
                    continue
                functions = [
                    bound
                    for bound in module.names.bindings(read.id, module.scope_of(read))
                    if isinstance(bound, (ast.FunctionDef, ast.AsyncFunctionDef))
                ]
                for function in functions:
                    yield from free_variables(function)
                if not functions:
                    yield read.id


def _may_give_back(module: Module, call: ast.Call, depth: int) -> list[ast.expr]:
    """Those arguments of a call that it may give back as they are, if eagerly only."""
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    resolved = module.names.resolve(call.func)
    if tensorflow_function(resolved) in _GIVE_BACK or resolved in _OF_BACKEND:
        return values
    given = [k.value for k in call.keywords if k.arg in _OUTPUT_GRADIENTS]
    if given:
        return given
    if isinstance(call.func, ast.Attribute) and call.func.attr == "read" and not resolved:
        return [call.func.value]  # `tf.TensorArray(…).write(0, x).read(0)`
    function = Summaries.of(module).callee(call) if depth else None
    if function is None:
        return []
    returned = (
        node.value for node in module.of_kind_inside(ast.Return, function) if node.value is not None
    )
    for value in returned:
        made = [value]
        if isinstance(value, ast.Name):
            bound = module.names.bindings(value.id, module.scope_of(value))
            made = [each.value for each in bound if isinstance(each, ast.Assign)]
        for inner in (n for each in made for n in module.inside(each)):
            if isinstance(inner, ast.Call) and _may_give_back(module, inner, depth - 1):
                return values
    return []
