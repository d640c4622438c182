"""Attributes that may compute what they give whenever they are read: properties.

``net.loss`` of a class of the module may be a property, and of an object that is made out of sight
may be anything. As a target it is read inside the tape, which is right for both: a plain attribute
only gets a name there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from tape_migrate.flow.symbols import DefKind, Symbol, is_prefix, may_overlap
from tape_migrate.module import Module
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.plan import Link
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.unittests import ancestors, is_known_base


def may_compute(dep: Dependence, symbol: Symbol, links: Iterable[Link]) -> bool:
    """Whether reading ``symbol``, which ``links`` tell where it comes from, may run a property."""
    names = [element[1:] for element in symbol.path if element.startswith(".")]
    if not names:
        return False
    if Summaries.of(dep.module).reads_property(symbol, dep.scope):
        return True
    return any(_is_unknown(dep, link, names) for link in links)


def may_read_unseen(dep: Dependence, symbol: Symbol, link: Link) -> bool:
    """Whether reading another attribute of the same object may read ``symbol``."""
    read = link.use.symbol
    if not symbol.path or read.root != symbol.root or not read.path or may_overlap(symbol, read):
        return False
    holders = dep.reaching(link.node_id, Symbol(read.root))
    return Summaries.of(dep.module).is_computed(read, dep.scope, holders)


def _is_unknown(dep: Dependence, link: Link, names: list[str]) -> bool:
    """Whether the object whose attribute is read is of a class that is not in sight."""
    definition = link.definition
    if definition.symbol == link.use.symbol or definition.kind is DefKind.MUTATION:
        return False  # what a statement has put under that name; the object has another definition
    if not is_prefix(definition.symbol, link.use.symbol) or definition.stmt is None:
        return False
    value = value_given_by(definition.stmt, definition.symbol)
    return not (isinstance(value, ast.Call) and _is_plain_class(dep.module, value.func, names))


def _is_plain_class(module: Module, func: ast.expr, names: list[str]) -> bool:
    """Whether ``func`` is a class of the module, of which no ancestor is out of sight."""
    if not isinstance(func, ast.Name):
        return False
    bound = module.names.bindings(func.id, module.scope_of(func))
    if len(bound) != 1 or not isinstance(bound[0], ast.ClassDef):
        return False
    parents = ancestors(module, bound[0])
    classes = (bound[0], *parents)
    return all(is_known_base(module, base, parents) for each in classes for base in each.bases)
