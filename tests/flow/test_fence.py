"""Fences in a span."""

from __future__ import annotations

import ast

import pytest

from tape_migrate.flow.fence import FenceKind, fences
from tape_migrate.flow.scope import build_scopes


def kinds(source: str) -> list[FenceKind]:
    return [fence.kind for fence in fences(ast.parse(source).body)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = f(y)\nif x: y = 1", []),
        ("try: x\nfinally: y", [FenceKind.TRY]),
        ("if a:\n  del x", [FenceKind.DELETE]),
        ("global x", [FenceKind.GLOBAL]),
        ("nonlocal x", [FenceKind.NONLOCAL]),
        ("exec(s)", [FenceKind.EXEC]),
        ("y = eval(s) + vars(x)['k']", [FenceKind.EXEC, FenceKind.EXEC]),
        ("setattr(x, n, v)", [FenceKind.EXEC]),
        ("sys.modules[__name__].x = v", [FenceKind.EXEC]),
        ("importlib.import_module(__name__).x = v", [FenceKind.EXEC]),
        ("logging.getLogger(__name__)", []),
        ("builtins.exec(s)", [FenceKind.EXEC]),
        ("x.__dict__['a'] = 1", [FenceKind.EXEC]),
        ("y = x.eval()", []),
        ("y = re.compile(s)", []),
        ("x = yield y", [FenceKind.YIELD]),
        ("yield from y", [FenceKind.YIELD]),
        ("x = await y", [FenceKind.AWAIT]),
        ("from m import *", [FenceKind.STAR_IMPORT]),
        ("from m import a", []),
        ("return x", [FenceKind.RETURN]),
        ("class C: x = 1", [FenceKind.CLASS]),
        ("async with a: pass", [FenceKind.ASYNC]),
        ("async def f(): await x", [FenceKind.ASYNC]),
        ("y = [i async for i in x]", [FenceKind.ASYNC]),
        ("def f():\n  yield 1\n  return 2\n  del x", []),
        ("def f():\n  nonlocal x\n  global y\n  x = y = 1", [FenceKind.NONLOCAL, FenceKind.GLOBAL]),
        ("def f():\n  def g():\n    nonlocal x\n    x = 1", [FenceKind.NONLOCAL]),
        ("f = lambda: (yield)", []),
        ("def f(a=exec(s)): pass", [FenceKind.EXEC]),
    ],
)
def test_kinds(source: str, expected: list[FenceKind]) -> None:
    assert kinds(source) == expected


def test_jumps_know_whether_they_leave() -> None:
    loop = ast.parse("for i in x:\n  if i: break\n  while y: continue\nelse:\n  pass").body[0]
    assert isinstance(loop, ast.For)
    assert [(f.kind, f.escapes) for f in fences([loop])] == [
        (FenceKind.BREAK, False),
        (FenceKind.CONTINUE, False),
    ]
    assert [(f.kind, f.escapes) for f in fences(loop.body)] == [
        (FenceKind.BREAK, True),
        (FenceKind.CONTINUE, False),
    ]
    outer = ast.parse("for j in z:\n  for i in x: pass\n  else: break").body[0]
    assert isinstance(outer, ast.For)
    assert [f.escapes for f in fences(outer.body)] == [True]


def test_source_order() -> None:
    found = fences(ast.parse("if a:\n  del x\nelse:\n  return\nwhile (yield): pass\nexec(s)").body)
    lines = [getattr(fence.node, "lineno", None) for fence in found]
    assert lines == sorted(lines, key=lambda line: line or 0)
    assert len(found) == 4


def test_declared_names_of_the_scope() -> None:
    tree = ast.parse("def f():\n  global n\n  m = 1\n  n = 2\n  n.append(m)")
    scopes = build_scopes(tree)
    (scope,) = scopes.module.children
    assert fences(scope.body[1:]) == []
    (fence,) = fences(scope.body[1:], scope)
    assert (fence.kind, fence.node) == (FenceKind.GLOBAL, scope.body[2].targets[0])  # type: ignore[attr-defined]
