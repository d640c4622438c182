"""Symbols and the effects of single statements."""

from __future__ import annotations

import ast

import pytest

from tape_migrate.flow.symbols import (
    DefKind,
    Effects,
    Part,
    Symbol,
    effects_of,
    free_variables,
    is_prefix,
    may_overlap,
    symbol_of,
)


def expr(source: str) -> ast.expr:
    return ast.parse(source, mode="eval").body


def sym(source: str) -> Symbol:
    symbol = symbol_of(expr(source))
    assert symbol is not None
    return symbol


def effects(source: str) -> Effects:
    return effects_of(ast.parse(source).body[0])


def uses(found: Effects) -> list[str]:
    return [str(use.symbol) for use in found.uses if not use.reference]


def defs(found: Effects) -> list[str]:
    return [f"{change.kind.value} {change.symbol}" for change in found.defs]


@pytest.mark.parametrize(
    "source", ["x", "self.x_tf", "out[0]", "out[-1]", "d['k'].x[2]", "self.net.layers[0].w"]
)
def test_symbol_spells_itself(source: str) -> None:
    assert str(sym(source)) == source


@pytest.mark.parametrize("source", ["f()", "out[i]", "out[1:]", "f().x", "out[True]", "(a, b)"])
def test_no_symbol(source: str) -> None:
    assert symbol_of(expr(source)) is None


def test_prefixes() -> None:
    assert is_prefix(sym("self"), sym("self.x.y"))
    assert is_prefix(sym("self.x"), sym("self.x"))
    assert not is_prefix(sym("self.x"), sym("self"))
    assert not is_prefix(sym("self.x"), sym("self.xy"))
    assert not is_prefix(sym("a"), sym("b"))
    assert sym("self.x.y").parent == sym("self.x")
    assert sym("self").parent is None


def test_overlap_knows_negative_indices() -> None:
    assert may_overlap(sym("out[-1]"), sym("out[2].x"))
    assert may_overlap(sym("out"), sym("out[2]"))
    assert not may_overlap(sym("out[1]"), sym("out[2]"))
    assert not may_overlap(sym("out[-1]"), sym("out[-2]"))
    assert not may_overlap(sym("d['-1']"), sym("d[1]"))


@pytest.mark.parametrize(
    ("source", "read", "changed"),
    [
        ("x = y", ["y"], ["strong x"]),
        ("a, (b, *c) = f(a)", ["f", "a"], ["strong a", "strong b", "strong c"]),
        ("self.x = self.net(t)", ["self.net", "t"], ["strong self.x"]),
        ("out[0] = e", ["e"], ["strong out[0]"]),
        ("out[i] = e", ["e", "i"], ["mutation out"]),
        ("self.layers[i].w = e", ["e", "self.layers", "i"], ["mutation self.layers"]),
        ("x += y", ["x", "y"], ["augmented x"]),
        ("self.n += 1", ["self.n"], ["augmented self.n"]),
        ("a[i] += b", ["a", "i", "b"], ["mutation a"]),
        ("x: T = y", ["T", "y"], ["strong x"]),
        ("x: T", ["T"], []),
        ("import a.b, c as d", [], ["strong a", "strong d"]),
        ("from m import a as b, c", [], ["strong b", "strong c"]),
        ("from m import *", [], []),
        ("lst.append(e)", ["lst.append", "e"], ["mutation lst", "mutation e"]),
        (
            "obj.net.build(x.y, k=z)",
            ["obj.net.build", "x.y", "z"],
            ["mutation obj.net", "mutation x.y", "mutation z"],
        ),
        ("await f(x)", ["f", "x"], ["mutation x"]),
        ("print(x)", ["print", "x"], []),
        ("y = lst.pop()", ["lst.pop"], ["mutation lst", "strong y"]),
        ("y = f(x)", ["f", "x"], ["strong y"]),
        ("del x", [], ["delete x"]),
        ("del a[0]", ["a"], ["delete a[0]", "mutation a"]),
        ("del a[i]", ["i"], ["mutation a"]),
        ("y = (x := f(z)) + x", ["f", "z", "x"], ["strong x", "strong y"]),
        ("y = [x * k for x in xs if x > m]", ["xs", "m", "k"], ["strong y"]),
        ("y = [x for x in x]", ["x"], ["strong y"]),
        ("y = {a: b for a in xs for b in a}", ["xs"], ["strong y"]),
        ("y = lambda x, d=e: x + k", ["e", "k"], ["strong y"]),
        ("y = f'{a:{w}} {b!r}'", ["a", "w", "b"], ["strong y"]),
        ("y = x[a:b, c]", ["x", "a", "b", "c"], ["strong y"]),
        ("return x, y.z", ["x", "y.z"], []),
        ("raise E(x) from y", ["E", "x", "y"], []),
        ("assert a, b", ["a", "b"], []),
        ("global x", [], []),
    ],
)
def test_effects(source: str, read: list[str], changed: list[str]) -> None:
    found = effects(source)
    assert uses(found) == read
    assert defs(found) == changed


def test_headers_leave_bodies_out() -> None:
    assert uses(effects("if a:\n  b = c")) == ["a"]
    assert uses(effects("while a:\n  b = c")) == ["a"]
    header = effects("with f(a) as b, c as d.e:\n  g")
    assert (uses(header), defs(header)) == (["f", "a", "c"], ["strong b", "strong d.e"])
    loop = ast.parse("for i, s.x in y:\n  g").body[0]
    assert defs(effects_of(loop)) == ["strong i", "strong s.x"]
    assert uses(effects_of(loop, Part.ITER)) == ["y"]
    assert not effects_of(loop, Part.ITER).defs
    assert uses(effects_of(loop, Part.TARGET)) == []
    handler = ast.parse("try: pass\nexcept E as e: x").body[0]
    assert isinstance(handler, ast.Try)
    found = effects_of(handler.handlers[0])
    assert (uses(found), defs(found)) == (["E"], ["strong e"])


def test_match_case_binds_captures() -> None:
    source = "match s:\n case C(a, k=[b, *c]) | {'k': b, **d} as e if g: x"
    match = ast.parse(source).body[0]
    assert isinstance(match, ast.Match)
    assert uses(effects_of(match)) == ["s"]
    found = effects_of(match.cases[0])
    assert uses(found) == ["C"]
    assert {change.symbol.root for change in found.defs} == set("abcde")


def test_definition_headers() -> None:
    found = effects("@deco\ndef f(a, b=c, *, d=e) -> r:\n  return free")
    assert (uses(found), defs(found)) == (["deco", "c", "e", "r"], ["strong f"])
    found = effects("class C(Base):\n  y = x\n  z = y\n  def m(self): return k")
    assert (uses(found), defs(found)) == (["Base", "x"], ["strong C"])


def test_store_reads_only_the_reference() -> None:
    found = effects("self.x = y")
    assert [(str(use.symbol), use.reference) for use in found.uses] == [
        ("y", False),
        ("self", True),
    ]


def test_conditional_walrus_kills_nothing() -> None:
    first, second, _ = effects("y = (a := b) and (c := d)").defs
    assert first.kills
    assert not second.kills
    (inside, _) = effects("y = [z := x for x in xs]").defs
    assert (inside.symbol.root, inside.kind, inside.kills) == ("z", DefKind.STRONG, False)


@pytest.mark.parametrize(
    ("source", "free"),
    [
        ("def f(x): return x + y", {"y"}),
        ("def f(x=d): y = x; return y", set()),
        ("def f():\n  def g(z): return x + z\n  x = 1\n  return g", set()),
        ("def f():\n  def g(z): return w + z\n  return g(x)", {"w", "x"}),
        ("def f():\n  nonlocal n\n  n = 1", {"n"}),
        ("def f():\n  global n\n  n = 1", {"n"}),
        ("def f(): return [x for x in xs if (y := x)] + [y, x]", {"xs", "x"}),
        ("def f():\n  class C:\n    a = 1\n    def m(self): return a\n  return C", {"a"}),
        ("def f():\n  import os.path\n  return os", set()),
        ("async def f():\n  async with a as b: return b", {"a"}),
    ],
)
def test_free_variables(source: str, free: set[str]) -> None:
    node = ast.parse(source).body[0]
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    assert free_variables(node) == free


def test_free_variables_of_lambda() -> None:
    node = expr("lambda x, *a, k=d: lambda z: x + y + z + k")
    assert isinstance(node, ast.Lambda)
    assert free_variables(node) == {"y"}


def test_long_chains_do_not_recurse() -> None:
    total: ast.expr = ast.Name("x", ast.Load())
    for _ in range(5000):
        total = ast.BinOp(total, ast.Add(), ast.Name("y", ast.Load()))
    assert len(effects_of(ast.Expr(total)).uses) == 5001
    chain: ast.expr = ast.Name("x", ast.Load())
    for _ in range(5000):
        chain = ast.Call(ast.Attribute(chain, "add", ast.Load()), [], [])
    assert [str(use.symbol) for use in effects_of(ast.Expr(chain)).uses] == ["x.add"]
