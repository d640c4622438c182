"""Methods that run by what holds them: ``for layer in self.layers: v = layer(v)``.

``self.layers = [self.one, self.two]`` hands ``two`` about, and whoever calls what ``layers`` holds
may run it; so does ``getattr(self, name)(v)`` where the function has ``"two"`` as a text.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.flow.bindings import target_names
from tape_migrate.flow.symbols import symbol_of
from tape_migrate.module import Module
from tape_migrate.parsed import walk
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.overridden import OtherTexts
from tape_migrate.shapes.stored import put_into
from tape_migrate.shapes.summaries import Summaries

Found = tuple[Module, Function]


def gone_over(module: Module, name: ast.Name) -> Iterator[ast.expr]:
    """What a loop or a comprehension takes ``name`` from."""
    if name not in module.parsed.positions:
        return
    if module.scopes.is_comprehension_variable(name):
        for parent in module.parents(name):
            for each in getattr(parent, "generators", ()):
                if name.id in target_names([each.target]):
                    yield each.iter
    else:
        for node in module.names.bindings(name.id, module.scope_of(name)):
            if isinstance(node, (ast.For, ast.AsyncFor)):
                yield node.iter


def held_methods(user: Module, func: ast.expr) -> list[Found]:
    """The methods that ``func``, a member of something or a method by a computed name, may be."""
    found: list[Found] = []
    match func:
        case ast.Name():
            for held in gone_over(user, func):
                found += _members(user, held)
        case ast.Subscript(value=held):
            found += _members(user, held)
        case ast.Call(func=ast.Name(id="getattr"), args=[_, name, *_]) if func in (
            user.parsed.positions
        ):
            if not isinstance(name, ast.Constant):
                found += _by_texts(user, func)
    return found


def _members(user: Module, held: ast.expr) -> Iterator[Found]:
    project = user.project
    parts = [held]
    for name in user.of_kind_inside(ast.Name, held):
        for bound in user.names.bindings(name.id, user.scope_of(name)):
            if isinstance(bound, ast.Assign):
                parts.append(bound.value)
    for named in dict.fromkeys(_handed(user, parts)):
        yield from _called_so(user, named)
    for node in walk(held):
        if isinstance(node, ast.Attribute) and isinstance(project, OtherTexts):
            attr = node.attr
            yield from _put_here(user, attr)
            for path in project.matching(user.path, attr, rf"\.{attr}\s*([+|]?=[^=]|\.|\[)"):
                home = project.module_at(path)
                if home is not None:
                    yield from _put_here(home, attr)


def _called_so(user: Module, name: str) -> Iterator[Found]:
    yield from ((user, method) for method in Summaries.of(user).methods_named(name))
    project = user.project
    if not isinstance(project, OtherTexts):
        return
    for path in project.defining(user.path, name):
        home = project.module_at(path)
        if home is not None:
            yield from ((home, method) for method in Summaries.of(home).methods_named(name))


def _put_here(home: Module, attr: str) -> list[Found]:
    """The methods that a module puts into what an attribute holds."""
    known = home.memo.setdefault("methods that attributes hold", {})
    assert isinstance(known, dict)
    if attr not in known:
        values: list[ast.expr] = []
        for node in home.attributes(attr):
            symbol = symbol_of(node)
            if isinstance(node.ctx, ast.Store):
                value = getattr(home.statement_of(node), "value", None)
                values += [value] if isinstance(value, ast.expr) else []
            elif symbol is not None:
                values += put_into(home, symbol)
        summaries, names = Summaries.of(home), dict.fromkeys(_handed(home, values))
        known[attr] = [(home, method) for name in names for method in summaries.methods_named(name)]
    found: list[Found] = known[attr]
    return found


def _handed(home: Module, values: list[ast.expr]) -> Iterator[str]:
    for value in values:
        for node in walk(value):
            if isinstance(node, ast.Attribute):
                parent = home.parent_of(node)
                if not (isinstance(parent, ast.Call) and parent.func is node):
                    yield node.attr


def _by_texts(user: Module, func: ast.expr) -> Iterator[Found]:
    for node in user.of_kind_inside(ast.Constant, user.scope_of(func).node):
        if isinstance(node.value, str) and node.value.isidentifier():
            yield from _called_so(user, node.value)
