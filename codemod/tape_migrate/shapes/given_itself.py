"""Sources that may be, eagerly, the very tensor of which they seem to be computed.

``b = tf.cond(p, lambda: x, lambda: z)`` gives ``x`` itself where it runs eagerly; in a graph it is
a tensor of its own. For the target ``x * x + b`` and the source ``b`` a tape finds ``x`` as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final

from tape_migrate.flow.bindings import free_variables
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.plan import Refusal, Source
from tape_migrate.shapes.tensorflow_facts import tensorflow_function

_GIVE_BACK: Final = frozenset(
    {"cond", "case", "switch_case", "while_loop", "foldl", "foldr", "tuple", "identity_n"}
    | {"debugging.assert_all_finite", "verify_tensor_all_finite", "placeholder_with_default"}
)
_OF_BACKEND: Final = frozenset(
    f"keras.backend.{name}" for name in ("switch", "in_train_phase", "in_test_phase")
)


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


def _given(dep: Dependence, stmt: ast.stmt) -> Iterator[str]:
    """The variables that a statement gives to calls that may give them back."""
    module = dep.module
    for call in calls_in(stmt):
        resolved = module.names.resolve(call.func)
        if tensorflow_function(resolved) not in _GIVE_BACK and resolved not in _OF_BACKEND:
            continue
        for value in (*call.args, *(keyword.value for keyword in call.keywords)):
            for node in ast.walk(value):
                if not isinstance(node, ast.Name) or module.names.resolve(node):
                    continue
                functions = [
                    bound
                    for bound in module.names.bindings(node.id, module.scope_of(node))
                    if isinstance(bound, (ast.FunctionDef, ast.AsyncFunctionDef))
                ]
                for function in functions:
                    yield from free_variables(function)
                if not functions:
                    yield node.id
