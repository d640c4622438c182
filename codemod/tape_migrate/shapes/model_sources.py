"""Sources that are outputs of a functional Keras model: its inputs are watched instead.

Why that is exact stands in ``functional_model``.
"""

from __future__ import annotations

import ast

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.symbols import Symbol
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.functional_model import is_model_call
from tape_migrate.shapes.plan import OUTSIDE, Refusal, Source
from tape_migrate.shapes.sources import find_sources


def watched_instead(dep: Dependence, sources: list[Source]) -> list[Source] | Refusal:
    """``sources``, the outputs of functional models replaced by what those were called on."""
    found: list[Source] = []
    for source in sources:
        inputs = _inputs_of(dep, source)
        if isinstance(inputs, Refusal):
            return inputs
        for item in [source] if inputs is None else inputs:
            if item not in found:
                found.append(item)
    return found


def _inputs_of(dep: Dependence, source: Source) -> list[Source] | Refusal | None:
    if source.symbol.path or source.fresh or len(source.track.definitions) != 1:
        return None
    definition: Definition = next(iter(source.track.definitions))
    stmt = definition.stmt
    if definition.kind in OUTSIDE or not isinstance(stmt, ast.Assign):
        return None
    if definition.symbol != Symbol(source.symbol.root) or not is_model_call(dep.module, stmt.value):
        return None
    assert isinstance(stmt.value, ast.Call)
    return find_sources(dep, definition.node_id, stmt.value.args[0])
