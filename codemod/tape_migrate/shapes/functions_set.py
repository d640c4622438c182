"""Functions that other modules set for a name that this one calls, or for a method of a class.

``lib.FN = lambda: tf.reduce_sum(H)``, ``trainer.loss_fn = net.loss``, ``lib.Trainer.extra = f``,
``setattr(trainer, "extra", f)``; ``class Mine(Mixin, lib.Trainer)`` whose ``Mixin`` has the method,
``class Mine(base)`` with a base that is not plain, ``class Mine(lib.Trainer): extra = f``. Who sets
something so called of an object that is plainly of another class does not count.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from tape_migrate.flow.symbols import symbol_of
from tape_migrate.module import Module
from tape_migrate.parsed import walk
from tape_migrate.shapes.attributes_set import attributes_set
from tape_migrate.shapes.bound_elsewhere import bound_in, home_of
from tape_migrate.shapes.classes_seen import class_named, classes_of, kinds_asked
from tape_migrate.shapes.computed_before import Made, made_by
from tape_migrate.shapes.kinds_elsewhere import Kinds, kinds_of
from tape_migrate.shapes.other_words import words_of
from tape_migrate.shapes.overridden import OtherTexts
from tape_migrate.shapes.quiet import OtherFunctions
from tape_migrate.shapes.stored import put_into

Set = tuple[Module, ast.FunctionDef | ast.expr]


def functions_set(module: Module, name: str, owner: ast.ClassDef | None) -> Iterator[Set]:
    """What others set for ``name`` of the module, or of the objects of its class ``owner``."""
    project = module.project
    if not isinstance(project, OtherTexts):
        return
    kinds = kinds_of(module, project, owner) if owner is not None else []
    pattern = (
        rf"\.{name}\s*=[^=]|^[^\n=#(]*\.{name}\s*(,[^\n=(]*=[^=]|\s+in\b)"
        rf"|\[['\"]{name}['\"]\]\s*=[^=]|['\"]{name}['\"]\s*,|\.update\([^)]*\b{name}\s*="
    )
    for path in project.matching(module.path, name, rf"(?m){pattern}"):
        user = project.module_at(path)
        for holder, value in attributes_set(user, name) if user is not None else ():
            assert user is not None
            if owner is None:
                if _may_be_module(user, holder, module):
                    yield user, value
            elif _may_be_one_of(user, holder, kinds):
                yield user, value
    if owner is not None:
        yield from _in_bodies(module, project, name, kinds)


def made_by_others(module: Module, expr: ast.AST) -> Made:
    """What other modules set for what ``expr`` reads: ``lib.V = net.w * 2.0`` for ``V`` of the
    module itself or for ``lib.V``, ``lib.NET.h = net.w * 2.0``."""
    while isinstance(expr, ast.Subscript):
        expr = expr.value
    if not isinstance(expr, (ast.Name, ast.Attribute)):
        return Made.NOTHING
    found: list[Set] = []
    meant = home_of(module, module.names.resolve(expr))
    if isinstance(expr, ast.Name) and meant is None:
        if module.scopes.resolve(expr.id, module.scope_of(expr)) is module.scopes.module:
            meant = module, (expr.id,)
    if meant is not None:
        home, (name, *rest) = meant
        found += [*functions_set(home, name, None), *put_by_others(home, name)]
        for node in bound_in(home, name):
            for kinds, attr in kinds_asked(home, node, rest):
                for place, owner in kinds:
                    found += functions_set(place, attr, owner)
    made = (made_by(user, value) for user, value in found if isinstance(value, ast.expr))
    return max(made, default=Made.NOTHING)


def put_by_others(module: Module, name: str) -> Iterator[Set]:
    """What other modules put into a list or a table of this one: ``lib.STEPS["a"] = f``."""
    project = module.project
    if not isinstance(project, OtherTexts) or not isinstance(project, OtherFunctions):
        return
    paths = {
        (path, word): None
        for word in words_of(project, name)
        for path in project.matching(module.path, word, rf"\b{word}\s*[\[.+|]")
    }
    for path, word in paths:
        user = project.module_at(path)
        if user is None:
            continue
        named = [*user.attributes(word), *(n for n in user.of_kind(ast.Name) if n.id == word)]
        symbols = {
            symbol_of(node)
            for node in named
            if project.split(user.names.resolve(node)) == (module.path, (name,))
        }
        for symbol in symbols - {None}:
            assert symbol is not None
            yield from ((user, value) for value in put_into(user, symbol))


def _may_be_module(user: Module, holder: ast.expr, module: Module) -> bool:
    """Whether ``holder`` is the module, or, like ``modules["lib"]``, may be."""
    project, dotted = user.project, user.names.resolve(holder)
    if dotted and isinstance(project, OtherFunctions):
        return project.split(dotted) == (module.path, ())
    return not isinstance(holder, (ast.Name, ast.Attribute))


def _may_be_one_of(user: Module, holder: ast.expr, kinds: Kinds) -> bool:
    """Whether an object, or a class, may be of one of ``kinds``."""
    project = user.project
    if isinstance(project, OtherTexts) and project.has_module(user.names.resolve(holder)):
        return False
    named = class_named(user, holder)
    known = [named] if named is not None else classes_of(user, holder)
    own = isinstance(holder, ast.Name) and holder.id in ("self", "cls")
    return (not known and not own) or _is_one(known, kinds)


def _known(classes: list[tuple[Module, ast.ClassDef] | None]) -> Kinds:
    return [each for each in classes if each is not None]


def _is_one(known: Kinds, kinds: Kinds) -> bool:
    """Whether one of the classes ``known`` is one of ``kinds``, perhaps in an earlier text."""
    meant = {(place.path, kind.name) for place, kind in kinds}
    return any((place.path, kind.name) in meant for place, kind in known)


def _in_bodies(module: Module, project: OtherTexts, name: str, kinds: Kinds) -> Iterator[Set]:
    """What classes have for ``name`` that are, or may be, made of one of ``kinds``."""
    related = [kind for kind in kinds if kind[0] is not module]
    for place, kind in related:  # which grows: `Mixin` of `class Mine(Mixin, lib.Trainer)`
        for base in kind.bases:
            above = class_named(place, base)
            if above is not None and above not in related and above not in kinds:
                related.append(above)
    pattern = (
        rf"(?m)^\s+(def\s+{name}\b|{name}\s*=[^=])|['\"]{name}['\"]\s*:|\bdict\([^)]*\b{name}\s*="
    )
    for path in project.matching(module.path, name, pattern):
        user = project.module_at(path)
        for node in user.of_kind(ast.ClassDef) if user is not None else ():
            assert user is not None
            bases = [class_named(user, base) for base in node.bases]
            if _is_one(_known(bases), kinds) or any(
                _is_any_class(user, base) for base in node.bases
            ):
                related.append((user, node))
        for call in user.of_kind(ast.Call) if user is not None and b"type(" in user.text else ():
            match call:
                case ast.Call(func=ast.Name(id="type"), args=[_, made_of, body]):
                    assert user is not None
                    named = [
                        class_named(user, each)
                        for each in walk(made_of)
                        if isinstance(each, (ast.Name, ast.Attribute))
                    ]
                    if _is_one(_known(named), kinds):
                        yield from ((user, value) for value in _members_called(user, body, name))
    for place, kind in related:
        for stmt in kind.body:
            match stmt:
                case ast.FunctionDef(name=called) if called == name:
                    yield place, stmt
                    if stmt.decorator_list:  # a property gives what is called
                        for given in place.of_kind_inside(ast.Return, stmt):
                            if given.value is not None:
                                yield place, given.value
                case ast.Assign(targets=[ast.Name(id=called)], value=value) if called == name:
                    yield place, value


def _members_called(user: Module, body: ast.expr, name: str) -> Iterator[ast.expr]:
    """What a dictionary holds under a name: a display, ``dict(loss=f)``, or a name of one."""
    match body:
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant) and key.value == name:
                    yield value
        case ast.Call(keywords=keywords):
            yield from (keyword.value for keyword in keywords if keyword.arg == name)
        case ast.Name():
            for node in user.names.bindings(body.id, user.scope_of(body)):
                if isinstance(node, ast.Assign) and not isinstance(node.value, ast.Name):
                    yield from _members_called(user, node.value, name)


def _is_any_class(user: Module, base: ast.expr) -> bool:
    """Whether a base is given, chosen or made: ``class Mine(base)``, ``class Mine(B)``."""
    if user.names.resolve(base) or class_named(user, base) is not None:
        return False
    match base:
        case ast.Name(id=name):
            bound = user.names.bindings(name, user.scope_of(base))
            known = all(isinstance(node, (ast.ClassDef, ast.ImportFrom)) for node in bound)
            return not (known if bound else hasattr(builtins, name))
        case ast.Call():
            return True
    return False
