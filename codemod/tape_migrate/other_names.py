"""A function by all the names that the modules of a project give it, and where it is meant.

``from lib import mixed as blend`` in ``mid`` makes ``mid.blend`` another name of ``lib.mixed``, and
``from lib import *`` makes ``mid.mixed`` one. Where a module is held as a value (``kit = lib``,
``for k in (lib,)``, ``import_module("lib")``), ``kit.mixed`` of whatever ``kit`` is may be it, and
a text that is its name may be what ``getattr(kit, kind)`` asks for.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from tape_migrate.flow.scope import ScopeKind
from tape_migrate.homes import stem_of
from tape_migrate.mentions import asked_by_text, asks_by_name, is_given_name, last_name
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES

_IMPORTERS = frozenset(("import_module", "__import__"))
_MEMBERS = frozenset(("vars", "dir", "getmembers"))
_TAKING_ALL = rf"\b({'|'.join(sorted(_MEMBERS))}|__dict__)\b"
_RUN = frozenset(("eval", "exec"))
_OWN = frozenset(("self", "cls"))


class Modules(Protocol):
    """What is asked of a project."""

    def mentioning(self, path: str, name: str) -> list[str]:
        """Paths of other modules whose text holds the word ``name``."""

    def matching(self, path: str, name: str, pattern: str) -> list[str]:
        """Paths of other modules that hold ``name`` and match a pattern of ``re``."""

    def module_at(self, path: str) -> Module | None:
        """The module at ``path``, or None if it cannot be read."""

    def name_of(self, path: str) -> str:
        """The dotted name of the module at ``path``, "" if others have the same."""

    def meaning(self, module: str, name: str) -> str:
        """What ``name`` means at the top level of ``module``, or ""."""

    def starring(self) -> list[str]:
        """Paths of modules with ``from … import *``."""

    def split(self, dotted: str) -> tuple[str, tuple[str, ...]]:
        """The path of the module that ``dotted`` begins with, and what is left; or "" and all."""


@dataclass(frozen=True)
class Use:
    """Where a module means a function, or may."""

    node: ast.Name | ast.Attribute
    certain: bool


class Named:
    """A function at the top level of the module at ``path``, by all its names."""

    def __init__(self, modules: Modules, path: str, name: str) -> None:
        self._modules = modules
        self.path = path
        self.names = _names_of(modules, path, name)
        """The first is its own: modules (or classes of them), and what they call it."""
        self.words = frozenset(word for _, word in self.names)

    def paths(self) -> list[str]:
        """Paths of the other modules whose text holds one of the names."""
        found = (self._modules.mentioning(self.path, word) for word in self.words)
        return sorted({path for paths in found for path in paths})

    def uses(self, user: Module) -> Iterator[Use]:
        """Where ``user`` reads it, or what may be it, or puts something in its place."""
        for node in user.nodes:
            if isinstance(node, ast.Attribute):
                may = node.attr in self.words and self._may_mean(user, node)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                # `f = lib.mixed` gives it a name that is in no text but this.
                known = node.id in self.words or user.names.is_alias(node.id)
                may = known and self._may_mean(user, node)
            else:
                continue
            if may:
                certain = self._is_certain(user.names.resolve(node))
                yield Use(node, certain and user.names.is_certain(node))

    def _may_mean(self, user: Module, node: ast.Name | ast.Attribute) -> bool:
        dotted = user.names.resolve(node)
        return self._is_named(dotted, 0) if dotted else self._may_be(user, node)

    def is_used_in(self, user: Module) -> bool:
        """Whether ``user`` means it, or may, or may ask for it by a text."""
        return any(True for _ in self.uses(user)) or self.asked_in(user) is not None

    def asked_in(self, user: Module) -> int | None:
        """The line in which ``user`` may ask for it by a text."""
        for word in sorted(self.words):
            line = asked_by_text(user, word)
            if line is not None:
                return line
        texts = (n for n in user.of_kind(ast.Constant) if isinstance(n.value, str))
        for text in texts:
            if text.value in self.words and self._is_asked_for and is_given_name(user, text):
                return text.lineno
            if self._is_run(user, text):
                return text.lineno
        return None

    def _is_run(self, user: Module, text: ast.Constant) -> bool:
        parent = user.parent_of(text)
        if not isinstance(parent, ast.Call) or last_name(parent.func) not in _RUN:
            return False
        return not self.words.isdisjoint(re.findall(r"\w+", str(text.value)))

    def _is_certain(self, dotted: str) -> bool:
        if not self._modules.name_of(self.path):
            return False
        own = ".".join(self.names[0])
        if dotted == own:
            return True
        path, rest = self._modules.split(dotted)
        home = self._modules.name_of(path) if path else ""
        return len(rest) == 1 and self._modules.meaning(home, rest[0]) == own

    def _is_named(self, dotted: str, depth: int) -> bool:
        """Whether a dotted name may mean it."""
        around, _, last = dotted.rpartition(".")
        if not around or around.partition(".")[0] in KNOWN_MODULES or depth > len(self.names) + 3:
            return False
        for home, word in self.names:
            if word == last and (not home or f".{around}".endswith(f".{home}")):
                return True
        path, rest = self._modules.split(dotted)
        if not path or len(rest) < 2:
            return False
        meaning = self._modules.meaning(self._modules.name_of(path), rest[0])
        if meaning:
            return self._is_named(".".join((meaning, *rest[1:])), depth + 1)
        return self._may_hold(path, rest[0], last)

    def _may_hold(self, path: str, holder: str, name: str) -> bool:
        """Whether ``holder`` of the module at ``path`` may be a module, or a class, that has it."""
        module = self._modules.module_at(path)
        if module is None:
            return True
        bound = module.names.bindings(holder, module.scopes.module)
        if all(isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in bound) and bound:
            return False  # the names in bodies of classes are among those of the function
        imported = any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in bound)
        return not bound or imported or self.is_held

    def _may_be(self, user: Module, node: ast.Name | ast.Attribute) -> bool:
        """Whether what is not resolved may be the function."""
        if isinstance(node, ast.Attribute):
            root = node.value
            if isinstance(root, ast.Name):
                if root.id in _OWN:
                    return False
                bound = user.names.bindings(root.id, user.scope_of(root))
                if any(isinstance(each, (ast.Import, ast.ImportFrom)) for each in bound):
                    return True  # `try: import fast as lib`, `except ImportError: import lib`
            if isinstance(root, ast.Call) and last_name(root.func) == "super":
                return False
            return user.names.resolve(root).partition(".")[0] not in KNOWN_MODULES and self.is_held
        bound = user.names.bindings(node.id, user.scope_of(node))
        if not bound:
            return node.id in self.words and any(
                _has_star(each) for each in user.of_kind(ast.ImportFrom)
            )
        return any(
            (alias.asname or alias.name) == node.id and _may_be_from(each, home)
            for each in bound
            if isinstance(each, ast.ImportFrom)
            for alias in each.names
            for home, word in self.names
            if alias.name == word
        )

    @cached_property
    def is_held(self) -> bool:
        """Whether any of the modules that have the function is used as a value anywhere."""
        stems = {home.rpartition(".")[2] for home, _ in self.names} - {""}
        if any(self._held_in(path) for path in self._modules.mentioning("", "import_module")):
            return True
        if any(self._held_in(path) for path in self._modules.mentioning("", "__import__")):
            return True
        found = {path for stem in stems for path in self._modules.mentioning("", stem)}
        return any(self._held_in(path) for path in sorted(found))

    def _held_in(self, path: str) -> bool:
        user = self._modules.module_at(path)
        return user is not None and any(True for _ in self._held_by(user))

    def _held_by(self, user: Module) -> Iterator[ast.expr]:
        for node in user.nodes:
            if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
                if self._is_module(user.names.resolve(node)) and _is_value(user, node):
                    yield node
            elif isinstance(node, ast.Call) and last_name(node.func) in _IMPORTERS and node.args:
                named = node.args[0]
                if not isinstance(named, ast.Constant) or self._is_module(str(named.value)):
                    yield node
            elif isinstance(node, ast.Subscript) and last_name(node.value) == "modules":
                named = node.slice
                if not isinstance(named, ast.Constant) or self._is_module(str(named.value)):
                    yield node

    def _is_module(self, dotted: str) -> bool:
        return bool(dotted) and any(
            home and f".{dotted}".endswith(f".{home}") for home, _ in self.names
        )

    @cached_property
    def _is_asked_for(self) -> bool:
        """Whether a name that no text shows may be asked of a module that has the function."""
        found = {
            path
            for word in ("getattr", "attrgetter", "methodcaller")
            for path in self._modules.mentioning("", word)
        }
        return any(map(self._asks_in, sorted(found))) and self.is_held

    def _asks_in(self, path: str) -> bool:
        user = self._modules.module_at(path)
        return user is not None and any(
            asks_by_name(user, call) and not _is_of_itself(call) for call in user.of_kind(ast.Call)
        )

    @cached_property
    def spilled(self) -> tuple[str, int] | None:
        """Path and line where all that a module holds is taken: ``vars(lib)``, ``lib.__dict__``."""
        stems = {home.rpartition(".")[2] for home, _ in self.names} - {""}
        found = {p for stem in stems for p in self._modules.matching("", stem, _TAKING_ALL)}
        for path in sorted(found):
            user = self._modules.module_at(path)
            for node in self._held_by(user) if user is not None else ():
                parent = user.parent_of(node) if user is not None else None
                called = isinstance(parent, ast.Call) and last_name(parent.func) in _MEMBERS
                if called or isinstance(parent, ast.Attribute):
                    return path, node.lineno
        return None


def _is_of_itself(call: ast.Call) -> bool:
    return bool(call.args) and isinstance(call.args[0], ast.Name) and call.args[0].id in _OWN


def _is_value(user: Module, node: ast.expr) -> bool:
    """Whether a module is more than what stands before the dot, or is asked for a plain text."""
    parent = user.parent_of(node)
    if isinstance(parent, ast.Attribute):
        return parent.attr == "__dict__"
    if isinstance(parent, ast.Call) and last_name(parent.func) in ("getattr", "hasattr"):
        return not (len(parent.args) > 1 and isinstance(parent.args[1], ast.Constant))
    return not isinstance(parent, ast.Call) or last_name(parent.func) != "reload"


def _names_of(modules: Modules, path: str, name: str) -> tuple[tuple[str, str], ...]:
    known: dict[tuple[str, str], None] = {(_called(modules, path), name): None}
    looked_at: set[tuple[str, str]] = set()
    while more := [place for place in known if place not in looked_at]:
        home, word = more[0]
        looked_at.add(more[0])
        for other in modules.mentioning(path, word):
            user = modules.module_at(other)
            for place in _imported_names(user, home, word) if user is not None else ():
                inside, _, imported = place.rpartition(".")
                around = _called(modules, other)
                known[f"{around}.{inside}" if inside and around else around, imported] = None
        for other in modules.starring():
            user = modules.module_at(other) if other != path else None
            for node in user.of_kind(ast.ImportFrom) if user is not None else ():
                if _has_star(node) and _may_be_from(node, home):
                    known[_called(modules, other), word] = None
    return tuple(known)


def _called(modules: Modules, path: str) -> str:
    """The dotted name of a module, or what all modules of its name are called."""
    return modules.name_of(path) or stem_of(path)


def _imported_names(user: Module, home: str, name: str) -> Iterator[str]:
    """The names that ``from home import name`` gives it in ``user``, those of a class with it."""
    for node in user.of_kind(ast.ImportFrom):
        for alias in node.names:
            if alias.name == name and _may_be_from(node, home):
                scope = user.scope_of(node)
                called = alias.asname or alias.name
                if scope.kind is ScopeKind.CLASS:
                    yield f"{scope.name}.{called}"
                elif user.scopes.resolve(called, scope) in (None, user.scopes.module):
                    yield called


def _may_be_from(node: ast.ImportFrom, home: str) -> bool:
    stem = home.rpartition(".")[2]
    return not stem or not node.module or stem == node.module.rpartition(".")[2]


def _has_star(node: ast.ImportFrom) -> bool:
    return any(alias.name == "*" for alias in node.names)
