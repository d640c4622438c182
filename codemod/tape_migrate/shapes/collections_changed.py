"""Lists and dictionaries on the way to the target that something changes unseen.

``d = {"a": v}``, and then ``e = d`` and ``def put(): e["a"] = u``, ``def put(): box["d"]["a"] = u``
or ``for e in [d]: e["a"] = u``: what ``d["a"]`` holds was computed from what no definition of ``d``
says. What nested functions do to ``d`` by its own name is seen (``closures``).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from tape_migrate.flow.symbols import Symbol
from tape_migrate.shapes.changed import changes_in
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.filled import is_container
from tape_migrate.shapes.listed_sources import refuse_changed_unseen
from tape_migrate.shapes.plan import Link, Refusal


def refuse_collections_changed(
    dep: Dependence, links: Iterable[Link], call_node: int
) -> Refusal | None:
    """Refuse if a collection that ``links`` read for the target may be changed unseen."""
    seen: frozenset[ast.expr] | None = None
    for root in sorted({link.use.symbol.root for link in links}):
        if is_container(dep, call_node, Symbol(root)):
            if seen is None:
                seen = frozenset(_roots_changed(dep))
            refusal = refuse_changed_unseen(dep, call_node, Symbol(root), seen=seen)
            if refusal is not None:
                return refusal
    return None


def _roots_changed(dep: Dependence) -> Iterable[ast.expr]:
    """``d`` of ``d["a"] = u`` and ``d.update(a=u)``, by which what is changed is found."""
    for changed, _ in changes_in(dep.scope.node):
        root = changed
        while isinstance(root, (ast.Attribute, ast.Subscript)):
            root = root.value
        yield root
