"""All that the dataflow says of the programs of ``tables.txt``, as goldens (``--force-regen``).

``test_differential.py`` holds it against executions; here a change of any answer shows up.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from tape_migrate.flow.bindings import class_body_variables
from tape_migrate.flow.captures import captures_of
from tape_migrate.flow.fence import fences
from tape_migrate.flow.liveness import live_in, live_out
from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.scope import Scope, ScopeTree, build_scopes
from tape_migrate.flow.symbols import Def

_PROGRAMS = {
    name: text
    for part in (Path(__file__).parent / "tables.txt").read_text(encoding="utf-8").split("=== ")[1:]
    for name, _, text in [part.partition("\n")]
}


@pytest.mark.parametrize("name", _PROGRAMS)
def test_table(name: str, file_regression: FileRegressionFixture) -> None:
    tree = ast.parse(_PROGRAMS[name])
    scopes = build_scopes(tree)
    lines = [line for scope in scopes for line in _said_of(scopes, scope)]
    file_regression.check(
        "\n".join(lines) + "\n", basename=name.replace(" ", "_"), extension=".txt"
    )


def _said_of(scopes: ScopeTree, scope: Scope) -> Iterator[str]:
    facts = scopes.facts(scope)
    cfg, table = facts.cfg, scope.table
    yield f"{scope.kind.value} {scope.name}"
    yield f"  binds: {_names(scopes.bindings(scope))}; frees: {_names(table.free)}"
    yield f"  globals: {_names(scope.globals)}; nonlocals: {_names(scope.nonlocals)}"
    yield f"  remote: {_names(cfg.names.remote_writes)}; declares: {scopes.declares(scope)}"
    names = sorted({n.id for n in ast.walk(scope.node) if isinstance(n, ast.Name)})
    owners = {n: owner.name for n in names if (owner := scopes.resolve(n, scope)) is not None}
    yield f"  owners: {' '.join(f'{n}:{owner}' for n, owner in owners.items())}"
    captures = captures_of(scope.body)
    yield f"  captures: {'; '.join(f'{n} {_names(captures[n])}' for n in captures)}"
    if isinstance(scope.node, ast.ClassDef):
        yield f"  reads in the body: {_names(class_body_variables(scope.node))}"
    for node in cfg.nodes:
        where = f"{node.stmt.lineno}" if node.stmt is not None else "-"
        following = " ".join(map(str, cfg.successors[node.id]))
        yield f"  {node.id} {node.role.value} line {where} -> {following}"
        for event in cfg.effects(node.id).events:
            if isinstance(event, Def):
                maybe = " perhaps" if event.conditional else ""
                yield f"    {event.kind.value} {event.symbol}{maybe}"
                continue
            read = facts.reaching.of_use(node.id, event)
            before = facts.reaching.at(node.id, event.symbol)
            after = facts.reaching.after(node.id, event.symbol)
            how = "holds" if event.reference else "reads"
            yield f"    {how} {event.symbol}: {_definitions(read)}"
            if before != read:
                yield f"      before {_definitions(before)}"
            if after != before:
                yield f"      after {_definitions(after)}"
    for definition in facts.reaching.definitions:
        used = [f"{node_id} {use.symbol}" for node_id, use in facts.reaching.uses_of(definition)]
        yield f"  {_definition(definition)} is used by {', '.join(used)}"
    for stmt in scope.body:
        found = [f"{f.kind.value}{'' if f.escapes else ' inside'}" for f in fences([stmt], scope)]
        alone = [f.kind.value for f in fences([stmt])]
        need, give = _names(live_in(cfg, [stmt])), _names(live_out(cfg, [stmt]))
        span = cfg.span(stmt)
        yield f"  line {stmt.lineno}: nodes {span.start} to {span.stop}; needs {need}; gives {give}"
        if found or alone:
            yield f"    fences: {', '.join(found)}; alone: {', '.join(alone)}"


def _names(names: frozenset[str]) -> str:
    return " ".join(sorted(names)) or "nothing"


def _definitions(found: frozenset[Definition]) -> str:
    return ", ".join(sorted(map(_definition, found))) or "nothing"


def _definition(definition: Definition) -> str:
    maybe = " perhaps" if definition.conditional else ""
    line = definition.stmt.lineno if definition.stmt is not None else "-"
    return f"{definition.kind.value} {definition.symbol} {definition.node_id}/{line}{maybe}"
