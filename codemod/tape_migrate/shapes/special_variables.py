"""Variables that a graph knows otherwise than a tape.

``caching_device=`` reads a variable once, when it is made, and every later use takes that copy. A
``custom_getter=`` or a ``variable_creator_scope`` may compute something from the variable, and
``get_variable`` gives that. Both are there before a tape is opened, and a graph goes back through
them. A collection of trainable variables may hold some that are not trainable, which a tape does
not watch; and ``partitioner=`` makes a variable of several, which is none itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tape_migrate.module import Module
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.modes import identifiers
from tape_migrate.shapes.plan import Refusal, Request, Source
from tape_migrate.shapes.reference import may_be_variable
from tape_migrate.shapes.variable_getters import getters_compute
from tape_migrate.shapes.variables import listed_by_graph

_KEYWORDS: Final = frozenset({"caching_device", "partitioner", "collections"})
_METHODS: Final = frozenset(
    [
        *("set_caching_device", "set_partitioner", "create_partitioned_variables"),
        *("add_to_collection", "add_to_collections", "get_collection_ref"),
    ]
)


@dataclass(frozen=True)
class _Special:
    """What is said of variables somewhere in a module."""

    why: str
    listed: bool = False
    """It concerns lists of variables that the graph keeps, and no others."""
    named: bool = False
    """It concerns variables that have a name in the program, and no lists of the graph."""


def refuse_special_variables(
    context: Context, dep: Dependence, request: Request, sources: list[Source]
) -> Refusal | None:
    """Refuse sources that may be variables of a kind which a tape sees otherwise."""
    if getters_compute(context.module) and not request.all_variables:
        if not listed_by_graph(context.module, request.source):
            for source in sources:
                if source.collected or may_be_variable(context, dep, source, unknown=False):
                    return Refusal(
                        "TM106",
                        f"{source.symbol} may be what a custom getter computed from a variable "
                        "before a tape is opened",
                    )
    for special in _said(context.module):
        for source in sources:
            if source.collected:
                concerned = not special.named
            elif special.listed:
                concerned = False
            else:
                concerned = source.variable or may_be_variable(
                    context, dep, source, unknown=not special.named
                )
            if concerned:
                shown = "" if source.collected else f"{source.symbol} may be a variable: "
                return Refusal("TM106", shown + special.why)
    return None


def _said(module: Module) -> list[_Special]:
    key = "special variables"
    if key not in module.memo:
        module.memo[key] = list(_all_said(module))
    found = module.memo[key]
    assert isinstance(found, list)
    return found


def _all_said(module: Module) -> Iterator[_Special]:
    mentioned = identifiers(module) & _METHODS
    keywords = [k for k in module.of_kind(ast.keyword) if k.arg in _KEYWORDS]
    keywords = [k for k in keywords if not _is_none(k.value)]
    names = {keyword.arg for keyword in keywords}
    if "caching_device" in names or "set_caching_device" in mentioned:
        yield _Special(
            "caching_device= keeps a copy of a variable from when it is made, which a tape opened "
            "later does not see"
        )
    listing = [keyword.value for keyword in keywords if keyword.arg == "collections"]
    for call in module.of_kind(ast.Call) if mentioned else ():
        leaf = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        leaf = call.func.id if isinstance(call.func, ast.Name) else leaf
        around = module.parent_of(call)
        changed = leaf == "get_collection_ref" and isinstance(around, (ast.Attribute, ast.Assign))
        if leaf.startswith("add_to_collection") or changed:
            listing += [*call.args[:1], *(k.value for k in call.keywords if k.arg != "value")]
    if any(_names_trainable(module, value) for value in listing):
        yield _Special(
            "what is put into the collection of trainable variables by hand need not be "
            "trainable, and a tape does not see it then",
            listed=True,
        )
    parts = {"set_partitioner", "create_partitioned_variables"} & mentioned
    if "partitioner" in names or parts:
        yield _Special("a partitioned variable is none that a tape can watch", named=True)


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _names_trainable(module: Module, value: ast.expr) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and node.attr == "TRAINABLE_VARIABLES")
        or (isinstance(node, ast.Constant) and node.value == "trainable_variables")
        for node in module.inside(value)
    )
