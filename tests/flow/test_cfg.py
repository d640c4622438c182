"""The shape of the control-flow graph, construct by construct."""

from __future__ import annotations

import ast

import pytest

from tape_migrate.flow.cfg import Cfg, Role, build_cfg


def graph(source: str) -> Cfg:
    return build_cfg(ast.parse(source).body, None)


def lines(cfg: Cfg, node_id: int) -> set[int]:
    """Lines reached directly from a node, looking through joints; 0 is the exit."""
    found: set[int] = set()
    seen: set[int] = set()
    stack = list(cfg.successors[node_id])
    while stack:
        target = stack.pop()
        if target in seen:
            continue
        seen.add(target)
        node = cfg.nodes[target]
        if node.role is Role.JOINT:
            stack.extend(cfg.successors[target])
        elif node.role is Role.EXIT:
            found.add(0)
        elif isinstance(node.node, ast.match_case):
            found.add(node.node.pattern.lineno)
        elif isinstance(node.node, ast.withitem):
            found.add(node.node.context_expr.lineno)
        else:
            assert node.node is not None
            found.add(getattr(node.node, "lineno", -1))
    return found


def edges(source: str) -> dict[int, set[int]]:
    """Line -> lines that may follow, merging the nodes of one line."""
    cfg = graph(source)
    found: dict[int, set[int]] = {}
    for node in cfg.nodes:
        if node.node is None:
            continue
        line = getattr(node.node, "lineno", None)
        if isinstance(node.node, ast.match_case):
            line = node.node.pattern.lineno
        elif isinstance(node.node, ast.withitem):
            line = node.node.context_expr.lineno
        assert isinstance(line, int)
        found.setdefault(line, set()).update(lines(cfg, node.id) - {line})
    return found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a\nb", {1: {2}, 2: {0}}),
        ("if a:\n  b\nelse:\n  c\nd", {1: {2, 4}, 2: {5}, 4: {5}, 5: {0}}),
        ("if a:\n  b\nd", {1: {2, 3}, 2: {3}, 3: {0}}),
        ("while a:\n  b\nelse:\n  c\nd", {1: {2, 4}, 2: {1}, 4: {5}, 5: {0}}),
        ("while True:\n  b\nc", {1: {2}, 2: {1}, 3: {0}}),
        (
            "for i in a:\n  if b:\n    break\n  continue\nelse:\n  c\nd",
            {1: {2, 6}, 2: {3, 4}, 3: {7}, 4: {1, 6}, 6: {7}, 7: {0}},
        ),
        ("with a as x, b:\n  c\nd", {1: {2}, 2: {3}, 3: {0}}),
        ("with suppress(E):\n  b\n  c\nd", {1: {2, 4}, 2: {3, 4}, 3: {4}, 4: {0}}),
        ("with contextlib.suppress(E):\n  b\nd", {1: {2, 3}, 2: {3}, 3: {0}}),
        ("if a:\n  return\nelse:\n  raise b\nc", {1: {2, 4}, 2: {0}, 4: {0}, 5: {0}}),
        (
            "try:\n  a\n  b\nexcept E:\n  c\nelse:\n  d\ne",
            {1: {2, 4}, 2: {3, 4}, 3: {4, 7}, 4: {5}, 5: {8}, 7: {8}, 8: {0}},
        ),
        ("try:\n  a\nfinally:\n  b\nc", {1: {2, 4}, 2: {4}, 4: {0, 5}, 5: {0}}),
        ("try:\n  return\nfinally:\n  b\nc", {1: {2, 4}, 2: {4}, 4: {0}, 5: {0}}),
        (
            "try:\n  try:\n    a\n  finally:\n    b\nfinally:\n  c\nd",
            {1: {2, 7}, 2: {3, 5, 7}, 3: {5, 7}, 5: {7}, 7: {8, 0}, 8: {0}},
        ),
        (
            "while a:\n  try:\n    break\n  finally:\n    b\nc",
            {1: {2, 6}, 2: {3, 5}, 3: {5}, 5: {6, 0}, 6: {0}},
        ),
        (
            "match a:\n  case 1:\n    b\n  case x if c:\n    d\n  case _:\n    e\nf",
            {1: {2, 4, 6}, 2: {3}, 3: {8}, 4: {5, 6}, 5: {8}, 6: {7}, 7: {8}, 8: {0}},
        ),
    ],
)
def test_edges(source: str, expected: dict[int, set[int]]) -> None:
    if source.startswith("match"):
        # The subject leads to the first case, and past every case that does not match.
        expected = {**expected, 1: {2, 4}}
    assert edges(source) == expected


def test_predecessors_mirror_successors() -> None:
    cfg = graph("for i in a:\n  try:\n    b\n  except E:\n    continue\n  finally:\n    c\nd")
    for node in cfg.nodes:
        assert all(node.id in cfg.predecessors[target] for target in cfg.successors[node.id])
        assert all(node.id in cfg.successors[source] for source in cfg.predecessors[node.id])


def test_nodes_of_statements() -> None:
    tree = ast.parse("with a as x:\n  for i in b:\n    c\nd")
    cfg = build_cfg(tree.body, None)
    block, last = tree.body
    assert isinstance(block, ast.With)
    (loop,) = block.body
    assert cfg.nodes[cfg.node_of(block)].node is block.items[0]
    assert cfg.node_of(block.items[0]) == cfg.node_of(block)
    assert cfg.nodes[cfg.node_of(loop)].role is Role.HEADER
    assert cfg.node_of(last) not in cfg.span(block)
    assert set(cfg.span(loop)) < set(cfg.span(block))
    with pytest.raises(KeyError):
        cfg.node_of(ast.Pass())


def test_deep_nesting_and_long_chains() -> None:
    body: list[ast.stmt] = [ast.Pass()]
    for depth in range(1000):
        test = ast.Name(f"a{depth}", ast.Load())
        body = [ast.While(test, body, []) if depth % 2 else ast.If(test, [ast.Pass()], body)]
    cfg = build_cfg(body, None)
    assert len([node for node in cfg.nodes if node.role is Role.HEADER]) == 1000
    flat = "\n".join(f"if a{i}: b{i} = {i}" for i in range(3000))
    cfg = graph(flat)
    assert sum(map(len, cfg.successors)) < 4 * 3000
