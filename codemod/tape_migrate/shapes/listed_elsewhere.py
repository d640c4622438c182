"""Where another module asks objects of a class for all that they hold: ``vars(net)``, ``dir(net)``.

A tape that such an object keeps is among it: ``{k: v * 2.0 for k, v in vars(net).items()}``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.kinds_elsewhere import kinds_of
from tape_migrate.shapes.other_words import words_of
from tape_migrate.shapes.overridden import OtherTexts
from tape_migrate.shapes.summaries import Summaries


def listed_elsewhere(module: Module, owner: ast.ClassDef) -> bool:
    """Whether another module is seen to ask an object of ``owner`` for all its attributes."""
    project = module.project
    if not isinstance(project, OtherTexts):
        return False
    kinds = kinds_of(module, project, owner)
    names = {word for _, kind in kinds for word in words_of(project, kind.name)}
    asking = {
        path
        for word in ("vars", "dir", "__dict__")
        for path in project.matching(module.path, word, rf"\b{word}\b")
    }
    for path in sorted(asking.intersection(project.program(module.path))):
        user = project.module_at(path)
        if user is not None and not names.isdisjoint(_classes_listed(user)):
            return True
    return False


def _classes_listed(user: Module) -> frozenset[str]:
    """Names of the classes of which a module plainly asks an object; looked for once."""
    known = user.memo.get("classes whose objects are listed")
    if not isinstance(known, frozenset):
        known = user.memo["classes whose objects are listed"] = frozenset(
            name
            for holder in _listed(user)
            for name in (*_classes_of(user, holder), *_classes_given(user, holder))
        )
    return known


def _listed(user: Module) -> Iterator[ast.expr]:
    """Objects that are asked: not those of which one attribute is set or read by its name."""
    for call in user.of_kind(ast.Call):
        match call:
            case ast.Call(func=ast.Name(id="vars" | "dir"), args=[holder]):
                if not _by_name(user, call):
                    yield holder
    for node in user.attributes("__dict__"):
        if isinstance(node.ctx, ast.Load) and not _by_name(user, node):
            yield node.value


def _by_name(user: Module, node: ast.expr) -> bool:
    """``vars(net)["h"]``, ``net.__dict__.update(h=h)``."""
    match user.parent_of(node):
        case ast.Subscript(value=value):
            return value is node
        case ast.Attribute(attr="update" | "get" | "setdefault"):
            return True
    return False


def _classes_of(user: Module, holder: ast.expr) -> Iterator[str]:
    """Names of the classes of which an expression plainly gives an object."""
    match holder:
        case ast.Call(func=func):
            yield last_name(func)
        case ast.Name(id="self"):
            owner = Summaries.of(user).class_of(user.scope_of(holder))
            if owner is not None:
                yield owner.name
        case ast.Name(id=name):
            for each in user.names.bindings(name, user.scope_of(holder)):
                if isinstance(each, ast.Assign) and isinstance(each.value, ast.Call):
                    yield last_name(each.value.func)


def _classes_given(user: Module, holder: ast.expr) -> Iterator[str]:
    """The same of what a function that asks its parameter is given somewhere."""
    function = user.scope_of(holder).node
    project = user.project
    if not isinstance(holder, ast.Name) or not isinstance(function, ast.FunctionDef):
        return
    assert isinstance(project, OtherTexts)
    for path in project.matching("", function.name, rf"\b{function.name}\s*\("):
        other = project.module_at(path)
        for call in other.of_kind(ast.Call) if other is not None else ():
            if last_name(call.func) == function.name:
                plain = ast.Name(id=function.name, ctx=ast.Load())
                given = ast.Call(func=plain, args=call.args, keywords=call.keywords)
                for name, value in bind(function, given):
                    if name == holder.id and other is not None:
                        yield from _classes_of(other, value)
