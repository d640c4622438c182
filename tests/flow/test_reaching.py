"""Reaching definitions, for attributes, subscripts and in-place changes above all."""

from __future__ import annotations

import ast
import textwrap

import pytest

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.scope import ScopeFacts, build_scopes
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of


def facts_of(source: str) -> ScopeFacts:
    """Facts of the first function if there is one, else of the module."""
    scopes = build_scopes(ast.parse(textwrap.dedent(source)))
    inner = scopes.module.children
    return scopes.facts(inner[0] if inner else scopes.module)


def sym(source: str) -> Symbol:
    symbol = symbol_of(ast.parse(source, mode="eval").body)
    assert symbol is not None
    return symbol


def show(found: frozenset[Definition]) -> set[str]:
    """Definitions as ``line symbol``, or ``kind symbol`` where they are no plain assignment."""
    shown = set()
    for definition in found:
        plain = definition.kind is DefKind.STRONG and definition.stmt is not None
        line = definition.stmt.lineno if definition.stmt is not None else ""
        mark = "" if plain else definition.kind.value
        shown.add(f"{line} {mark} {definition.symbol}".replace("  ", " ").strip())
    return shown


def at_end(source: str, symbol: str) -> set[str]:
    """What reaches the last statement of the scope."""
    facts = facts_of(source)
    return show(facts.reaching_at(facts.scope.body[-1], sym(symbol)))


ATTRIBUTES = """\
def f(self, x):
    self.x = x
    self.y.z = x
    self.use(x)
    end
"""


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("self", {"parameter self", "2 self.x", "3 self.y.z", "4 mutation self"}),
        ("self.x", {"2 self.x", "4 mutation self"}),
        ("self.x.q", {"2 self.x", "4 mutation self"}),
        ("self.y", {"parameter self", "3 self.y.z", "4 mutation self"}),
        ("self.y.z", {"3 self.y.z", "4 mutation self"}),
        ("self.w", {"parameter self", "4 mutation self"}),
        ("x", {"parameter x", "4 mutation x"}),
        ("tf", {"external tf"}),
        ("end.k", {"external end"}),
    ],
)
def test_attributes(symbol: str, expected: set[str]) -> None:
    assert at_end(ATTRIBUTES, symbol) == expected


def test_rebinding_a_prefix_hides_its_parts() -> None:
    source = "a = 1\na.x = 2\na.x.y = 3\na = 4\nend"
    assert at_end(source, "a.x.y") == {"4 a"}
    assert at_end(source, "a") == {"4 a"}


def test_assigned_attribute_on_one_branch_only() -> None:
    source = "def f(self):\n  if c:\n    self.x = 1\n  end"
    assert at_end(source, "self.x") == {"parameter self", "3 self.x"}


def test_attribute_assigned_in_loop() -> None:
    source = "def f(self):\n  for i in r:\n    use = self.x\n    self.x = i\n  end"
    facts = facts_of(source)
    loop = facts.scope.body[0]
    assert isinstance(loop, ast.For)
    assert show(facts.reaching_at(loop.body[0], sym("self.x"))) == {"parameter self", "4 self.x"}


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("out", {"1 out", "2 out[0]", "3 out[1]"}),
        ("out[0]", {"2 out[0]"}),
        ("out[1]", {"3 out[1]"}),
        ("out[2]", {"1 out"}),
        ("out[-1]", {"1 out", "2 out[0]", "3 out[1]"}),
    ],
)
def test_subscripts(symbol: str, expected: set[str]) -> None:
    assert at_end("out = [0, 0]\nout[0] = 1\nout[1] = 2\nend", symbol) == expected


def test_unknown_index_may_be_any() -> None:
    source = "out = f()\nout[0] = 1\nout[i] = 2\nend"
    assert at_end(source, "out[0]") == {"2 out[0]", "3 mutation out"}
    assert at_end(source, "out[1]") == {"1 out", "3 mutation out"}


def test_containers_changed_in_place() -> None:
    source = "a = []\na.append(x)\nb = a.pop()\na += c\nend"
    assert at_end(source, "a") == {"4 augmented a"}
    assert at_end("a = []\na.append(x)\nb = a.pop()\nend", "a") == {
        "1 a",
        "2 mutation a",
        "3 mutation a",
    }


def test_delete_is_a_definition() -> None:
    assert at_end("a = 1\ndel a\nend", "a") == {"2 delete a"}
    assert at_end("a = 1\nif c:\n  del a\nend", "a") == {"1 a", "3 delete a"}


def test_two_definitions_in_one_statement() -> None:
    assert at_end("a = b = 1\na, a.x = 2, 3\nend", "a.x") == {"2 a.x"}
    assert at_end("with f() as a, g(a) as b:\n  pass\nend", "a") == {"1 a"}


def test_with_items_see_each_other() -> None:
    facts = facts_of("a = 0\nwith f() as a, g(a) as b:\n  pass")
    block = facts.scope.body[1]
    assert isinstance(block, ast.With)
    (call, read) = ast.walk(block.items[1].context_expr), None
    for node in call:
        if isinstance(node, ast.Name) and node.id == "a":
            read = node
    assert read is not None
    assert show(facts.reaching_at(read, sym("a"))) == {"2 a"}


def test_walrus_is_seen_by_what_follows_it() -> None:
    facts = facts_of("x = 0\ny = x + (x := 1) + x")
    (before, after) = (
        use
        for use in facts.cfg.effects(facts.node_id(facts.scope.body[1])).uses
        if use.symbol.root == "x"
    )
    assert isinstance(before.node, ast.expr)
    assert isinstance(after.node, ast.expr)
    assert show(facts.reaching_at(before.node, sym("x"))) == {"1 x"}
    assert show(facts.reaching_at(after.node, sym("x"))) == {"2 x"}


def test_unbound_for_target_survives_empty_loop() -> None:
    source = "i = 0\nfor i in xs:\n  pass\nend"
    assert at_end(source, "i") == {"1 i", "2 i"}


def test_iterable_is_read_once() -> None:
    facts = facts_of("xs = 1\nfor i in xs:\n  xs = i\nend")
    loop = facts.scope.body[1]
    assert show(facts.reaching_at(loop, sym("xs"))) == {"1 xs"}


def test_remote_writes_are_always_in() -> None:
    source = """\
    def f():
        n = 0
        def g():
            nonlocal n
            n = 1
        n = 2
        end
    """
    assert at_end(source, "n") == {"6 n", "remote n"}
    assert at_end("n = 0\nend", "n") == {"1 n"}


def test_global_writes_reach_the_module() -> None:
    scopes = build_scopes(ast.parse("n = 0\ndef g():\n  global n\n  n = 1\n  end\nend"))
    module = scopes.facts(scopes.module)
    assert show(module.reaching_at(scopes.module.body[-1], sym("n"))) == {"1 n", "remote n"}
    (g,) = scopes.module.children
    assert show(scopes.facts(g).reaching_at(g.body[-1], sym("n"))) == {"4 n", "external n"}


def test_unreachable_has_no_definitions() -> None:
    assert at_end("def f(a):\n  b = a\n  return b\n  end", "b") == set()


def test_uses_of_definitions() -> None:
    facts = facts_of("def f(self, x):\n  self.x = x\n  y = self.x.t + self.z\n  self.w = y\n  end")
    at = {(d.symbol, d.kind): d for d in facts.reaching.definitions}

    def used(symbol: str, kind: DefKind = DefKind.STRONG) -> list[tuple[int, str]]:
        found = []
        for node_id, use in facts.reaching.uses_of(at[sym(symbol), kind]):
            stmt = facts.cfg.nodes[node_id].stmt
            assert stmt is not None
            found.append((stmt.lineno, str(use.symbol)))
        return found

    assert used("x", DefKind.PARAMETER) == [(2, "x")]
    assert used("self.x") == [(3, "self.x.t")]
    assert used("y") == [(4, "y")]
    assert used("self.w") == []
    assert used("self", DefKind.PARAMETER) == [(2, "self"), (3, "self.z"), (4, "self")]


def test_after_a_node() -> None:
    facts = facts_of("a = 1\na = 2")
    last = facts.node_id(facts.scope.body[1])
    assert show(facts.reaching.at(last, sym("a"))) == {"1 a"}
    assert show(facts.reaching.after(last, sym("a"))) == {"2 a"}


def test_lambda_scope() -> None:
    scopes = build_scopes(ast.parse("f = lambda x: x.y + k"))
    (scope,) = scopes.module.children
    facts = scopes.facts(scope)
    assert isinstance(scope.node, ast.Lambda)
    assert show(facts.reaching_at(scope.node.body, sym("x.y"))) == {"parameter x"}
    assert show(facts.reaching_at(scope.node.body, sym("k"))) == {"external k"}


def test_straight_line_of_thousands_is_quick() -> None:
    lines = [f"self.x{i} = self.x{i - 1} + v{i % 7}\nv{i % 7} = {i}" for i in range(1, 3000)]
    facts = facts_of("\n".join([*lines, "end"]))
    end = facts.scope.body[-1]
    assert show(facts.reaching_at(end, sym("self.x2999"))) == {"5997 self.x2999"}
    assert len(facts.reaching_at(end, sym("v3"))) == 1


def test_after_a_statement() -> None:
    facts = facts_of("def f(x):\n    y = x\n    return y\n    y = 2\n")
    nodes = {stmt.lineno: facts.cfg.node_of(stmt) for stmt in facts.cfg.body}
    assert show(facts.reaching.after(nodes[2], sym("y"))) == {"2 y"}
    assert show(facts.reaching.after(nodes[4], sym("y"))) == set(), "it is never reached"


def test_a_part_that_is_set_does_not_hide_the_whole() -> None:
    source = "def f(x):\n    x.a = 1\n    x.a.b = 2\n    x.a = 3\n    return x\n"
    assert at_end(source, "x") == {"4 x.a", "parameter x"}
