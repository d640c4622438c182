"""Scopes, name resolution and captures."""

from __future__ import annotations

import ast
import symtable
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import tape_migrate.flow
from tape_migrate.flow.bindings import target_names
from tape_migrate.flow.scope import Scope, ScopeKind, ScopeTree, build_scopes
from tape_migrate.module import Module

SOURCE = """\
import tensorflow as tf
top = 1
class Net:
    size = 2
    def net_f(self, x, *args, k=top, **kw):
        total = 0
        def inner(z):
            nonlocal total
            total = z + x + size
            return [total for total in z]
        global made
        made = inner
        return (lambda q: q + x)(x)
"""


def scope(tree: ScopeTree, qualname: str) -> Scope:
    (found,) = (scope for scope in tree if scope.qualname == qualname)
    return found


def find(tree: ScopeTree, name: str, line: int) -> ast.Name:
    found = [
        node
        for node in ast.walk(tree.module.node)
        if isinstance(node, ast.Name) and node.id == name and node.lineno == line
    ]
    return found[0]


def test_tree() -> None:
    tree = build_scopes(ast.parse(SOURCE))
    assert [(s.qualname, s.kind) for s in tree] == [
        ("<module>", ScopeKind.MODULE),
        ("Net", ScopeKind.CLASS),
        ("Net.net_f", ScopeKind.FUNCTION),
        ("Net.net_f.inner", ScopeKind.FUNCTION),
        ("Net.net_f.<lambda>", ScopeKind.LAMBDA),
    ]
    net_f = scope(tree, "Net.net_f")
    assert net_f.parent is scope(tree, "Net")
    assert [child.name for child in net_f.children] == ["inner", "<lambda>"]
    assert net_f.args is not None
    assert scope(tree, "Net.net_f.<lambda>").body == []


def test_bindings() -> None:
    tree = build_scopes(ast.parse(SOURCE))
    assert tree.bindings(tree.module) == {"tf", "top", "Net", "made"}
    assert tree.bindings(scope(tree, "Net")) == {"size", "net_f"}
    names = {"self", "x", "args", "k", "kw", "total", "inner"}
    assert tree.bindings(scope(tree, "Net.net_f")) == names
    assert tree.bindings(scope(tree, "Net.net_f.inner")) == {"z"}


@pytest.mark.parametrize(
    ("name", "start", "expected"),
    [
        ("x", "Net.net_f.inner", "Net.net_f"),
        ("total", "Net.net_f.inner", "Net.net_f"),
        ("made", "Net.net_f", "<module>"),
        ("size", "Net", "Net"),
        ("size", "Net.net_f", None),
        ("tf", "Net.net_f.inner", "<module>"),
        ("q", "Net.net_f.<lambda>", "Net.net_f.<lambda>"),
        ("len", "Net.net_f", None),
    ],
)
def test_resolve(name: str, start: str, expected: str | None) -> None:
    tree = build_scopes(ast.parse(SOURCE))
    found = tree.resolve(name, scope(tree, start))
    assert (found.qualname if found else None) == expected


def test_scope_of_parts_of_a_definition() -> None:
    source = "@deco\ndef f(a: note = default) -> result:\n  return lambda b=a: b"
    tree = build_scopes(ast.parse(source))
    f = scope(tree, "f")
    for name, line in (("deco", 1), ("note", 2), ("default", 2), ("result", 2)):
        assert tree.scope_of(find(tree, name, line)) is tree.module
    assert tree.scope_of(f.node) is tree.module
    assert tree.opened_by(f.node) is f
    assert tree.scope_of(find(tree, "a", 3)) is f
    assert tree.scope_of(find(tree, "b", 3)).kind is ScopeKind.LAMBDA
    assert tree.statement_of(find(tree, "a", 3)) is f.body[0]
    assert tree.parent_of(tree.module.node) is None


def test_comprehension_variables() -> None:
    tree = build_scopes(
        ast.parse("x = [(x, y) for x in x for y in x]\nz = {lambda x: x for y in x}")
    )
    names = [n for n in ast.walk(tree.module.node) if isinstance(n, ast.Name) and n.id == "x"]
    found = {(n.lineno, n.col_offset): tree.is_comprehension_variable(n) for n in names}
    assert found == {
        (1, 0): False,
        (1, 6): True,
        (1, 16): True,
        (1, 21): False,
        (1, 32): True,
        (2, 15): False,
        (2, 26): False,
    }


def test_captures_are_transitive() -> None:
    source = "def f():\n  def g(): return h() + a\n  h = lambda: b + g()\n  class C:\n    m = g\n"
    tree = build_scopes(ast.parse(source))
    captures = tree.facts(scope(tree, "f")).captures
    assert captures["g"] == {"h", "a", "b", "g"}
    assert captures["h"] == {"b", "g", "h", "a"}
    assert captures["C"] == {"g", "h", "a", "b"}
    assert set(captures) == {"g", "h", "C"}
    with pytest.raises(KeyError):
        captures["f"]


def _symbol_tables(source: str) -> dict[tuple[str, int], list[symtable.Function]]:
    found: dict[tuple[str, int], list[symtable.Function]] = defaultdict(list)
    stack = [symtable.symtable(source, "<string>", "exec")]
    while stack:
        table = stack.pop()
        stack.extend(table.get_children())
        if isinstance(table, symtable.Function):
            found[table.get_name(), table.get_lineno()].append(table)
    return found


def _comprehension_variables(node: ast.AST) -> frozenset[str]:
    if sys.version_info < (3, 12):
        return frozenset()
    return target_names(
        part.target for part in ast.walk(node) if isinstance(part, ast.comprehension)
    )


def _own_files() -> list[Path]:
    return sorted(Path(tape_migrate.flow.__file__).parent.parent.rglob("*.py"))


@pytest.mark.parametrize("path", _own_files(), ids=lambda path: path.name)
def test_names_equal_to_python_itself(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    tables = _symbol_tables(source)
    tree = build_scopes(ast.parse(source))
    checked = 0
    for found in tree:
        if found.kind is not ScopeKind.FUNCTION:
            continue
        assert isinstance(found.node, (ast.FunctionDef, ast.AsyncFunctionDef))
        # symtable counts from the first decorator in some versions of Python.
        starts = {node.lineno for node in (found.node, *found.node.decorator_list[:1])}
        (table,) = (table for line in starts for table in tables[found.name, line])
        # Python 3.12 inlines comprehensions and then lists their variables too.
        extra = set(table.get_locals()) - tree.bindings(found) - {"__class__"}
        assert tree.bindings(found) <= set(table.get_locals()), found
        assert extra <= _comprehension_variables(found.node), found
        free = set()
        for name in found.table.free:
            owner = tree.resolve(name, found)
            if owner is not None and owner is not tree.module:
                free.add(name)
        assert free == set(table.get_frees()) - {"__class__"}, found
        checked += 1
    assert checked == sum(scope.kind is ScopeKind.FUNCTION for scope in tree)


def test_every_node_has_a_place() -> None:
    tree = build_scopes(ast.parse(SOURCE))
    for node in ast.walk(tree.module.node):
        if isinstance(node, (ast.stmt, ast.expr)):
            assert tree.scope_of(node) is not None
            assert tree.parent_of(node) is not None


def test_deep_trees_do_not_recurse() -> None:
    total: ast.expr = ast.Name("x", ast.Load())
    for _ in range(5000):
        total = ast.BinOp(total, ast.Add(), ast.Lambda(_no_arguments(), ast.Constant(1)))
    tree = build_scopes(ast.Module([ast.Expr(total)], []))
    assert len(tree.module.children) == 5000
    assert tree.bindings(tree.module) == frozenset()


def _no_arguments() -> ast.arguments:
    return ast.arguments([], [], None, [], [], None, [])


def test_what_is_in_another_tree_has_no_place() -> None:
    source = Module(b"def f(x):\n    return lambda y: x + y\n")
    other = ast.parse("z + 1").body[0]
    for scope in source.scopes:
        with pytest.raises(KeyError):
            source.facts(scope).node_id(other)


def test_what_stands_in_no_statement_has_none() -> None:
    tree = ast.parse("x = 1")
    scopes = build_scopes(tree)
    assert scopes.statement_of(tree.body[0]) is tree.body[0]
    with pytest.raises(KeyError):
        scopes.statement_of(tree)


def test_a_name_that_a_function_around_declares_global_is_the_modules() -> None:
    source = "def f():\n    global w\n    def g():\n        return w\n"
    scopes = build_scopes(ast.parse(source))
    inner = scopes.module.children[0].children[0]
    assert scopes.resolve("w", inner) is scopes.module


def test_captures_are_a_mapping_of_the_functions_that_are_made() -> None:
    source = "def f(x):\n    o.a = b = lambda: x\n    def g():\n        return b()\n"
    scopes = build_scopes(ast.parse(source))
    captures = scopes.facts(scopes.module.children[0]).captures
    assert len(captures) == 2
    assert {name: captures[name] for name in captures} == {"b": {"x"}, "g": {"b", "x"}}
    with pytest.raises(KeyError):
        captures["o"]
