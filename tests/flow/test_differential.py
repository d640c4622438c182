"""Reaching definitions and liveness against two oracles, on generated programs.

``beniget`` computes def-use chains statically: ours must be equal on straight lines, branches
and loops. Running the program tells which definitions really are read: ours must contain them,
whatever the construct.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence

import beniget  # type: ignore[import-untyped]
import gast  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tape_migrate.flow.liveness import live_in, live_out
from tape_migrate.flow.scope import Scope, build_scopes
from tape_migrate.flow.symbols import DefKind
from tests.flow.execution import Chains, observed
from tests.flow.programs import BRANCHES, EVERYTHING, LOOP_ELSES, LOOPS, NAMES, PLAIN, programs

NOWHERE = 0
"""Stands in a chain for: no definition."""
REMOTE = -1
SETTINGS = settings(
    max_examples=200,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def _reads(tree: ast.Module) -> Iterator[tuple[Scope, ast.Name]]:
    scopes = build_scopes(tree)
    program = scopes.module.children[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in NAMES and scopes.scope_of(node) is program:
            stmt = scopes.parent_of(node)
            augmented = isinstance(stmt, ast.AugAssign) and stmt.target is node
            reads = isinstance(node.ctx, ast.Load) or augmented
            if reads and not scopes.is_comprehension_variable(node):
                yield program, node


def our_chains(source: str) -> Chains:
    """Reads of a, b, c directly in the program, by our analysis; unreachable ones left out."""
    tree = ast.parse(source)
    reads = list(_reads(tree))
    if not reads:
        return {}
    program = reads[0][0]
    facts = program.tree.facts(program)
    chains: Chains = {}
    for _, name in reads:
        node_id = facts.node_id(name)
        (use,) = (use for use in facts.cfg.effects(node_id).uses if use.node is name)
        found = facts.reaching.of_use(node_id, use)
        lines = set()
        for definition in found:
            kind = definition.kind
            line = {DefKind.PARAMETER: 1, DefKind.REMOTE: REMOTE}.get(kind, NOWHERE)
            if definition.stmt is not None and kind is not DefKind.DELETE:
                line = definition.stmt.lineno
            lines.add(line)
        if found:
            chains[name.lineno, name.col_offset, name.id] = frozenset(lines)
    return chains


def their_chains(source: str) -> Chains:
    """The same by beniget, which lists only definitions (no line 0)."""
    tree = gast.parse(source)
    analysis = beniget.DefUseChains()
    analysis.warn = lambda *_: None
    analysis.visit(tree)
    augmented = {node.target for node in gast.walk(tree) if isinstance(node, gast.AugAssign)}
    found: dict[tuple[int, int, str], set[int]] = defaultdict(set)
    for definition, chain in analysis.chains.items():
        line = getattr(definition, "lineno", None)
        stored = isinstance(definition, gast.Name) and not isinstance(definition.ctx, gast.Load)
        if line is None or not (stored or definition in augmented):
            continue
        for user in chain.users():
            node = user.node
            if isinstance(node, gast.Name) and node.id in NAMES:
                found[node.lineno, node.col_offset, node.id].add(line)
    return {key: frozenset(lines) for key, lines in found.items()}


def _bound(chains: Chains) -> Chains:
    """Without the "no definition" mark, which beniget does not give, and what then is empty."""
    cleaned = {key: lines - {0} for key, lines in chains.items()}
    return {key: lines for key, lines in cleaned.items() if lines}


def _only(chains: Chains, keys: Chains) -> Chains:
    return {key: lines for key, lines in chains.items() if key in keys}


@pytest.mark.parametrize(
    ("kinds", "examples"),
    [(PLAIN, 50), (BRANCHES, 100), (LOOPS, 200)],
    ids=lambda value: value[-1] if isinstance(value, tuple) else None,
)
def test_equal_to_beniget(kinds: tuple[str, ...], examples: int) -> None:
    @settings(SETTINGS, max_examples=examples)
    @given(programs(kinds, nested_loops=False, deepest=2))
    def check(source: str) -> None:
        # beniget gives too much for a variable unbound before a loop: bind all of them.
        source = source.replace("(a, b):", "(a, b, c):")
        ours = our_chains(source)
        assert _bound(ours) == _only(their_chains(source), ours), source

    check()


@SETTINGS
@given(programs(LOOPS, deepest=2))
def test_within_beniget_for_nested_loops(source: str) -> None:
    # beniget lets definitions of a loop body outlive an assignment after the loop where the
    # loop is inside another block, and loses those before a loop that has an else clause.
    # That ours are not too small there is for the executions below to tell.
    ours = our_chains(source)
    theirs = their_chains(source)
    for key, lines in _bound(ours).items():
        assert lines <= theirs[key], (key, source)


# Small programs, so that random branches take every path in some run. No shrinking, for the
# reason that each step of it would cost all those runs.
@settings(SETTINGS, phases=[Phase.generate])
@given(programs((*LOOPS, *LOOP_ELSES, "return", "match", "forever"), deepest=2, room=12))
def test_equal_to_execution(source: str) -> None:
    source = source.replace("(a, b):", "(a, b, c):")
    ours = our_chains(source)
    assert observed(source, False, 5000, ours) == ours, source


@SETTINGS
@given(programs(EVERYTHING, deepest=2))
def test_superset_of_execution(source: str) -> None:
    ours = our_chains(source)
    for key, lines in observed(source, True, 40, ours).items():
        assert lines <= ours[key] or REMOTE in ours[key], (key, lines, source)


def _spans(body: Sequence[ast.stmt]) -> Iterator[Sequence[ast.stmt]]:
    """Runs of one and of two siblings, in every block but those of nested functions."""
    blocks = [body]
    for block in blocks:
        for index, stmt in enumerate(block):
            yield block[index : index + 1]
            yield block[index : index + 2]
            if isinstance(stmt, ast.FunctionDef):
                continue
            holders = [stmt, *getattr(stmt, "handlers", ()), *getattr(stmt, "cases", ())]
            for holder in holders:
                for name in ("body", "orelse", "finalbody"):
                    blocks.append(getattr(holder, name, []))


@settings(SETTINGS, max_examples=100)
@given(programs(EVERYTHING, deepest=2))
def test_liveness_covers_execution(source: str) -> None:
    tree = ast.parse(source)
    scopes = build_scopes(tree)
    (program,) = scopes.module.children
    cfg = scopes.facts(program).cfg
    elsewhere = {stmt.lineno for inner in program.children for stmt in inner.body}
    found = observed(source, True, 40)
    for span in _spans(program.body):
        inside = range(span[0].lineno, (span[-1].end_lineno or 0) + 1)
        needs, gives = live_in(cfg, span), live_out(cfg, span)
        for (line, _, name), made_at in found.items():
            made_inside = {line for line in made_at - elsewhere if line in inside}
            made_outside = {line for line in made_at - elsewhere if line not in inside}
            if line in inside and line not in elsewhere and made_outside:
                assert name in needs, (line, name, list(inside), source)
            if line not in inside and made_inside:
                assert name in gives, (line, name, list(inside), source)
