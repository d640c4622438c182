"""Which classes of a module one object may have together, however they were put together."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable

from tape_migrate.mentions import last_name
from tape_migrate.module import Module

_MAKERS = frozenset(("type", "new_class", "with_metaclass", "make_dataclass"))
"""What makes a class of bases that it is given as arguments."""


def may_take_over(module: Module, owner: ast.ClassDef, other: ast.ClassDef) -> bool:
    """Whether an object may have both classes, so that it takes a method from ``other`` instead of
    ``owner``, or the other way round.
    """
    if other is owner:
        return False
    pair = {id(owner), id(other)}
    return any(pair <= family for family in _families(module))


def _families(module: Module) -> list[frozenset[int]]:
    """For whatever makes a class: the identities of all classes that its objects may have."""
    known = module.memo.get("families of classes")
    if not isinstance(known, list):
        named = _named(module)
        made: list[list[ast.AST]] = [
            [node, *node.bases] for node in module.of_kind(ast.ClassDef) if node.bases
        ]
        made += [
            [*call.args, *call.keywords]
            for call in module.of_kind(ast.Call)
            if last_name(call.func) in _MAKERS and len(call.args) > 1
        ]
        known = [_family(module, named, parts) for parts in made]
        module.memo["families of classes"] = known
    return known


def _family(
    module: Module, named: dict[str, list[ast.AST]], parts: Iterable[ast.AST]
) -> frozenset[int]:
    """The classes that ``parts`` may be or stand for: themselves, their bases, and so on.

    A base that is no plain name may be any class that it speaks of (``*[First, Second]``), and
    one that was given its name by an assignment or a function any class that those speak of.
    """
    found: set[int] = set()
    queue = list(parts)
    seen: set[str] = set()
    while queue:
        part = queue.pop()
        if isinstance(part, ast.ClassDef):
            found.add(id(part))
            queue += part.bases
            continue
        if isinstance(part, ast.expr) and module.names.resolve(part):
            continue  # a class of another module
        names = {last_name(node) for node in ast.walk(part)} - seen
        seen |= names
        for name in names:
            queue += named.get(name, ())
    return frozenset(found)


def _named(module: Module) -> dict[str, list[ast.AST]]:
    """Classes by name, and what else a name that may stand for one was given."""
    named: dict[str, list[ast.AST]] = defaultdict(list)
    defined: tuple[ast.ClassDef | ast.FunctionDef, ...]
    defined = (*module.of_kind(ast.ClassDef), *module.of_kind(ast.FunctionDef))
    for definition in defined:
        named[definition.name].append(definition)
    for annotated in module.of_kind(ast.AnnAssign):
        if annotated.value is not None:
            named[last_name(annotated.target)].append(annotated.value)
    for walrus in module.of_kind(ast.NamedExpr):
        named[walrus.target.id].append(walrus.value)
    for assign in module.of_kind(ast.Assign):
        for target in assign.targets:
            plain = isinstance(target, (ast.Name, ast.Attribute))
            for bound in (target,) if plain else ast.walk(target):
                named[last_name(bound)].append(assign.value)
    named.pop("", None)
    return named
