"""Names a span needs and provides."""

from __future__ import annotations

import ast

import pytest

from tape_migrate.flow.liveness import live_in, live_out
from tape_migrate.flow.scope import build_scopes


def spans(source: str, first: int, last: int) -> tuple[set[str], set[str]]:
    """Live-in and live-out of the siblings from line ``first`` to the one at ``last``."""
    scopes = build_scopes(ast.parse(source))
    inner = scopes.module.children
    scope = inner[0] if inner and source.startswith("def") else scopes.module
    cfg = scopes.facts(scope).cfg
    for node in ast.walk(scope.node):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and any(stmt.lineno == first for stmt in block):
                stmts = [stmt for stmt in block if first <= stmt.lineno <= last]
                return set(live_in(cfg, stmts)), set(live_out(cfg, stmts))
    raise AssertionError("no such span")


@pytest.mark.parametrize(
    ("source", "first", "last", "needs", "gives"),
    [
        ("def f(x):\n  y = x\n  z = y\n  return z", 2, 3, {"x"}, {"z"}),
        ("def f(x):\n  y = x\n  z = y\n  return z, y", 2, 3, {"x"}, {"y", "z"}),
        ("def f(x):\n  y = x\n  y = 2\n  return y", 2, 2, {"x"}, set()),
        ("def f(x):\n  if x:\n    y = 1\n  return y", 2, 2, {"x"}, {"y"}),
        ("def f(x, y):\n  if x:\n    y = 1\n  z = y\n  return z", 2, 4, {"x", "y"}, {"z"}),
        ("def f(x):\n  for i in x:\n    u = i\n  return u", 2, 2, {"x"}, {"u"}),
        ("def f(x, u):\n  for i in x:\n    u = u + i\n  return u", 3, 3, {"u", "i"}, {"u"}),
        ("def f(x, u):\n  for i in x:\n    u = i\n    v = u\n  return", 3, 3, {"i"}, {"u"}),
        ("def f(x):\n  while x:\n    g = x\n    h = g\n    x = h", 3, 4, {"x"}, {"h"}),
        ("def f(x):\n  x += 1\n  return x", 2, 2, {"x"}, {"x"}),
        ("def f(self):\n  self.x = 1\n  return self", 2, 2, {"self"}, set()),
        ("def f(a):\n  a[0] = 1\n  return a", 2, 2, {"a"}, set()),
        ("def f(x):\n  y = x\n  return lambda: y", 2, 2, {"x"}, {"y"}),
        ("def f(x):\n  def g(): return y\n  y = x\n  return g", 3, 3, {"x"}, {"y"}),
        ("def f(x):\n  def g(): return h() + x\n  h = k\n  z = g()", 4, 4, {"g", "h", "x"}, set()),
        ("def f(x):\n  y = x\n  del y", 2, 3, {"x"}, set()),
        ("def f():\n  global n\n  n = 1\n  return 0", 3, 3, set(), {"n"}),
        ("y = 1\nz = y\n", 1, 1, set(), {"y"}),
        (
            "def f(x):\n  try:\n    y = x\n    z = g(y)\n  except E:\n    return y",
            3,
            3,
            {"x"},
            {"y"},
        ),
        ("def f(x):\n  a = b = x\n  return [b for a in x]", 2, 2, {"x"}, {"b"}),
    ],
)
def test_spans(source: str, first: int, last: int, needs: set[str], gives: set[str]) -> None:
    assert spans(source, first, last) == (needs, gives)


def test_decorated_function_may_be_called_at_once() -> None:
    source = "def f(x):\n  @run\n  def g(): return x\n  return 0"
    assert spans(source, 3, 3)[0] == {"run", "x"}


def test_empty_span_is_nothing() -> None:
    scopes = build_scopes(ast.parse("x = 1"))
    cfg = scopes.facts(scopes.module).cfg
    assert live_in(cfg, []) == live_out(cfg, []) == frozenset()
