"""What the modules of one project tell about each other: re-exports of TensorFlow names."""

from __future__ import annotations

import ast
import os
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping

from tape_migrate.called_names import names_called
from tape_migrate.glimpse import may_mean, may_return_name
from tape_migrate.homes import Homes
from tape_migrate.imports import Programs, is_test, module_names, name_ends
from tape_migrate.mentions import uses_name
from tape_migrate.model import SourceError
from tape_migrate.module import Module
from tape_migrate.names import UNKNOWN, canonical
from tape_migrate.other_names import Named
from tape_migrate.parsed import Parsed
from tape_migrate.searched import Searched
from tape_migrate.star_imports import gives_by_star

_TEXTS = 8
_STEPS = 4
_RECENT = 4


def _is_init(path: str) -> bool:
    return "__init__" in path and os.path.splitext(os.path.basename(path))[0] == "__init__"


class Project:
    """Modules of a project by dotted name, parsed only when another module asks for them.

    Implements ``tape_migrate.names.Reexports``. Sources are read through a callable, so that a
    module nobody imports from is never read.
    """

    def __init__(
        self,
        sources: Mapping[str, bytes],
        packages: Mapping[str, str],
        notebooks: Mapping[str, bytes] | None = None,
    ) -> None:
        self._sources = sources
        self._searched = Searched(sources, packages)
        self._notebooks = Searched(notebooks or {}, notebooks or {})
        self._homes = Homes(packages)
        self._module_of_path = self._homes.names
        self._path_of_module = {
            module: path for path, module in self._module_of_path.items() if module
        }
        self._counts = Counter(self._module_of_path.values())
        self._modules: dict[str, Module | None] = {}
        """By path."""
        self._defined: dict[str, frozenset[str]] = {}
        self._meanings: dict[tuple[str, str], str] = {}
        self._users: dict[tuple[str, str, bool], list[str]] = {}
        self._named: dict[tuple[str, str], Named] = {}
        self._held: dict[frozenset[str], bool] = {}
        self._ends: frozenset[str] = frozenset()
        self._programs: Programs | None = None
        self._around: dict[str, list[str]] = {}
        self._subpackages: dict[str, list[str]] | None = None
        self._active: set[tuple[str, str]] = set()
        self._recent: deque[Parsed] = deque()
        """The module that is being migrated, and some that were before: others may ask for it."""
        self._glimpsed: dict[str, bytes] = {}
        """Texts of modules, by path, that were looked at and not parsed."""
        self._off: tuple[str, ...] | None = None
        self._eager_off: tuple[str, ...] | None = None

    def package_of(self, path: str) -> str:
        """Dotted package that relative imports in ``path`` start from."""
        module = self._module_of_path.get(path, "")
        if _is_init(path):
            return module
        return module.rpartition(".")[0]

    def folder_of(self, path: str) -> str:
        """See ``Homes.folder_of``."""
        return self._homes.folder_of(path)

    def own_name(self, dotted: str, folder: str) -> str:
        """See ``Homes.own``."""
        return self._homes.own(dotted, folder)

    def followed(self, dotted: str) -> str:
        """See ``Reexports.followed``."""
        for _ in range(_STEPS):
            path, rest = self.split(dotted) if "." in dotted else ("", ())
            meaning = self.meaning(self._module_of_path[path], rest[0]) if path and rest else ""
            if not meaning or self._is_set(rest[0]):
                return dotted
            dotted = ".".join((meaning, *rest[1:]))
        return dotted

    def is_certain(self, dotted: str) -> bool:
        """See ``Reexports.is_certain``."""
        path, rest = self.split(dotted)
        if not path or not rest or ("", dotted) in self._active:
            return True
        self._active.add(("", dotted))
        try:
            loaded = self._load_path(path)
            if loaded is not None and not loaded.names.is_local(rest[0], loaded.scopes.module):
                return not self._fetched(self._module_of_path[path], rest[0])
            return loaded is None or loaded.names.is_certain_at_top(rest[0])
        finally:
            self._active.discard(("", dotted))

    def _is_set(self, name: str) -> bool:
        """Whether something may be put in the place of what modules call ``name``."""
        put = rf"(?<!self)\.\s*{name}\s*(=[^=]|,[^\n=(]*=[^=]|in\b)"
        if self.matching("", name, rf"{put}|\bupdate\s*\([^\n]*\b{name}\s*=[^=]"):
            return True
        by_text = self.matching("", name, rf"['\"]{name}['\"]\s*[,\])]")
        return not self.setting_by_name().isdisjoint(by_text)

    def source_of(self, path: str) -> bytes:
        """The bytes of the module at ``path``.

        Raises:
            KeyError: if it is none of the project's.
        """
        return self._sources[path]

    def parsed(self, path: str, text: bytes) -> Parsed:
        """``text`` as the content of the module at ``path``, parsed once if asked for again.

        Raises SourceError.
        """
        known = self._modules.get(path)
        if known is not None and known.text == text:
            return known.parsed
        return self._parse(text)

    def _parse(self, text: bytes) -> Parsed:
        for recent in self._recent:
            if recent.text == text:
                return recent
        parsed = Parsed(text)
        parsed.hold()
        if len(self._recent) == _RECENT:
            self._recent.popleft().let_go()
        self._recent.append(parsed)
        return parsed

    def name_of(self, path: str) -> str:
        """Dotted name of the module at ``path``, or ``""`` if another one has the same name."""
        name = self._module_of_path.get(path, "")
        return name if self._path_of_module.get(name) == path and self._is_unique(name) else ""

    def _is_unique(self, name: str) -> bool:
        return self._counts[name] == 1 and name not in self._homes.shared

    def turns_v2_off(self, path: str) -> str | None:
        """See ``tape_migrate.shapes.modes.OtherModules``."""
        if self._off is None:
            self._off = tuple(self._find_v2_off())
        return next((off for off in self._off if not is_test(off, path)), None)

    def turns_eager_off(self) -> tuple[str, ...]:
        """See ``tape_migrate.shapes.modes.OtherModules``."""
        if self._eager_off is None:
            self._eager_off = tuple(self._find_eager_off())
        return self._eager_off

    def _find_eager_off(self) -> Iterator[str]:
        yield from self._searched.holding(b"disable_v2_behavior(", b"disable_eager_execution(")

    def _find_v2_off(self) -> Iterator[str]:
        for path in self._searched.holding(b"disable_v2_behavior(", b"disable_resource_variables("):
            try:
                on_again = b"enable_resource_variables" in self._sources[path]
            except (KeyError, OSError, SourceError):
                continue
            if not on_again:
                yield path

    def packaged(self) -> bool:
        """See ``tape_migrate.shapes.callers.OtherUsers``."""
        return any(os.path.basename(path) == "setup.py" for path in self._module_of_path)

    def users(self, path: str, name: str, *, method: bool) -> list[str]:
        """See ``tape_migrate.shapes.callers.OtherUsers``."""
        key = (path, name, method)
        if key not in self._users:
            self._users[key] = self._find_users(path, name, method=method)
        return list(self._users[key])

    def mentioning(self, path: str, name: str) -> list[str]:
        """See ``tape_migrate.shapes.calls_elsewhere.OtherCallers``."""
        # What begins with plain letters is found many times faster than what begins with `\b`.
        word = re.escape(name)
        return self.matching(path, name, rf"{word}(?<!\w{word})\b")

    def matching(self, path: str, name: str, pattern: str) -> list[str]:
        """See ``tape_migrate.shapes.overridden.OtherTexts``."""
        return self._searched.matching(path, name, pattern)

    def naming(self, name: str) -> list[str]:
        """See ``tape_migrate.imports.Modules``."""
        return self._searched.naming(name)

    def words_for(self, name: str) -> tuple[str, ...]:
        """See ``tape_migrate.shapes.state_elsewhere.OtherWords``."""
        return self._searched.words_for(name)

    def setting_by_name(self) -> frozenset[str]:
        """See ``tape_migrate.shapes.overridden.OtherTexts``."""
        return self._searched.setting_by_name()

    def defining(self, path: str, name: str) -> list[str]:
        """See ``tape_migrate.shapes.overridden.OtherTexts``."""
        return self._searched.defining(path, name)

    def has_module(self, dotted: str) -> bool:
        """See ``tape_migrate.shapes.overridden.OtherTexts``."""
        self._ends = self._ends or name_ends(self._counts) | self._homes.folders()
        return dotted in self._ends

    def notebooks_naming(self, name: str) -> list[str]:
        """Paths of notebooks whose text holds the word ``name``."""
        # In a notebook letters may be written as ``\u00e4``.
        words = dict.fromkeys((name, ascii(name)[1:-1]))
        found = {p for w in words for p in self._notebooks.matching("", w, rf"\b{re.escape(w)}\b")}
        return sorted(found)

    def may_have(self, dotted: str) -> bool:
        """Whether ``dotted`` may be a module of the project: of a folder without ``__init__.py``,
        too, by whose name the module is not known."""
        parts = dotted.split(".")
        return any(".".join(parts[n:]) in self._path_of_module for n in range(len(parts)))

    def program(self, path: str) -> list[str]:
        """See ``Programs.around``."""
        if path not in self._around:
            if self._programs is None:
                self._programs = Programs(self, self._module_of_path)
            self._around[path] = self._programs.around(path)
        return self._around[path]

    def importing_by_text(self, path: str) -> list[str]:
        """Paths of other modules that may import the one at ``path`` by a text."""
        found = {*self.mentioning(path, "import_module"), *self.mentioning(path, "__import__")}
        return sorted(found)

    def _find_users(self, path: str, name: str, *, method: bool) -> list[str]:
        module = self._module_of_path.get(path, "")
        found: set[str] = set()
        named = None if method else self.named(path, name)
        for other in self.mentioning(path, name) if named is None else named.paths():
            loaded = self._load_path(other)
            if (
                loaded is None
                or uses_name(loaded, module, name, method=method, unique=self._is_unique(module))
                or (named is not None and named.is_used_in(loaded))
            ):
                found.add(other)
        if named is not None and named.spilled is not None:
            found.add(named.spilled[0])
        return sorted(found)

    def named(self, path: str, name: str) -> Named:
        """See ``tape_migrate.shapes.calls_elsewhere.OtherCallers``."""
        key = (path, name)
        if key not in self._named:
            self._named[key] = Named(self, path, name)
        return self._named[key]

    def starring(self) -> list[str]:
        """See ``tape_migrate.other_names.Modules``."""
        return self._searched.starring()

    def split(self, dotted: str) -> tuple[str, tuple[str, ...]]:
        """See ``tape_migrate.other_names.Modules``."""
        # A folder without ``__init__.py`` is no part of the names of its modules.
        for known in (dotted, self._homes.own(dotted, "")):
            parts = known.split(".")
            for end in range(len(parts), 0, -1):
                path = self._path_of_module.get(".".join(parts[:end]))
                if path is not None:
                    return path, tuple(parts[end:])
        return "", tuple(dotted.split("."))

    def meaning(self, module: str, name: str) -> str:
        """See ``Reexports.meaning``."""
        key = (module, name)
        if key in self._active or module not in self._path_of_module:
            return UNKNOWN
        if f"{module}.{name}" in self._path_of_module and not self._hides(module, name):
            return UNKNOWN  # a submodule, not a re-exported TensorFlow name
        if key not in self._meanings:
            found = self._find_meaning(key)
            if self._active:
                return found  # of modules that import from each other, this is half of the answer
            self._meanings[key] = found
        return self._meanings[key]

    def _hides(self, package: str, name: str) -> bool:
        """``from .net import net`` in a package: what it gives takes the place of the submodule."""
        loaded = self._load(package) if self._may(package, may_mean, name) else None
        bound = loaded.names.bindings(name, loaded.scopes.module) if loaded is not None else []
        return bool(bound) and all(isinstance(node, ast.ImportFrom) for node in bound)

    def binds(self, module: str, name: str) -> bool:
        """See ``star_imports.StarExports``."""
        if module not in self._path_of_module or (module, name) in self._active:
            return False
        loaded = self._load(module)
        return loaded is not None and gives_by_star(loaded, name)

    def _find_meaning(self, key: tuple[str, str]) -> str:
        module, name = key
        self._active.add(key)
        try:
            if not self._subpackages_of(module) and not self._may(module, may_mean, name):
                return self._fetched(module, name)
            loaded = self._load(module)
            if loaded is None:
                return UNKNOWN
            if name in self._defined_in(module, loaded):
                return UNKNOWN  # a function or class of its own
            found = loaded.names.top_level(name)
            if found or loaded.names.is_local(name, loaded.scopes.module):
                return found
            return self._from_subpackages(module, name) or self._fetched(module, name)
        finally:
            self._active.discard(key)

    def _fetched(self, module: str, name: str) -> str:
        """What a package with a ``__getattr__`` of its own may get from one of its modules."""
        path = self._path_of_module[module]
        if path not in self.matching("", "__getattr__", r"(?m)^def __getattr__\("):
            return UNKNOWN
        inside = [self._module_of_path[p] for p in self.naming(name)]
        inside = [m for m in inside if m.startswith(f"{module}.") and self.binds(m, name)]
        found = {self.meaning(m, name) or f"{m}.{name}" for m in inside}
        return min(found) if len(found) == 1 else UNKNOWN

    def _defined_in(self, module: str, loaded: Module) -> frozenset[str]:
        """Top-level functions and classes, which need no search for what a name means."""
        known = self._defined.get(module)
        if known is None:
            definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
            names = (s.name for s in loaded.tree.body if isinstance(s, definitions))
            known = self._defined[module] = frozenset(names)
        return known

    def function_calls(
        self, dotted: str, leaves: frozenset[str], *, across: bool = False, classes: bool = False
    ) -> frozenset[str]:
        """See ``tape_migrate.shapes.modes.OtherModules``."""
        known = self._path_of_module
        return names_called(self._load, known, dotted, leaves, across=across, classes=classes)

    def hold(self, words: frozenset[str]) -> bool:
        """See ``tape_migrate.shapes.modes.OtherModules``."""
        if words not in self._held:
            found = self._searched.holding(*(word.encode() for word in sorted(words)))
            self._held[words] = next(found, None) is not None
        return self._held[words]

    def function(self, dotted: str) -> tuple[Module, ast.FunctionDef] | None:
        """See ``tape_migrate.shapes.modes.OtherModules``."""
        module, _, name = dotted.rpartition(".")
        known = module in self._path_of_module and self._counts[module] == 1
        loaded = self._load(module) if known else None
        found = [
            node
            for node in (loaded.tree.body if loaded is not None else ())
            if isinstance(node, ast.FunctionDef) and node.name == name
        ]
        return (loaded, found[0]) if loaded is not None and len(found) == 1 else None

    def class_of(self, dotted: str) -> tuple[Module, ast.ClassDef] | None:
        """See ``tape_migrate.shapes.method_callers.OtherClasses``."""
        module, _, name = dotted.rpartition(".")
        known = module in self._path_of_module and self._counts[module] == 1
        loaded = self._load(module) if known else None
        if loaded is None:
            return None
        bound = loaded.names.bindings(name, loaded.scopes.module)
        node = bound[0] if len(bound) == 1 else None
        return (loaded, node) if isinstance(node, ast.ClassDef) else None

    def module_at(self, path: str) -> Module | None:
        """See ``tape_migrate.shapes.calls_elsewhere.OtherCallers``."""
        return self._load_path(path)

    def _from_subpackages(self, module: str, name: str) -> str:
        """A package that fills itself at run time (``setattr``) from one of its subpackages."""
        others = self._subpackages_of(module)
        found = {meaning for other in others if (meaning := self.meaning(other, name))}
        return min(found) if len({canonical(meaning) for meaning in found}) == 1 else UNKNOWN

    def _subpackages_of(self, module: str) -> list[str]:
        if self._subpackages is None:
            self._subpackages = {}
            for other, path in self._path_of_module.items():
                if _is_init(path):
                    self._subpackages.setdefault(other.rpartition(".")[0], []).append(other)
        return self._subpackages.get(module, [])

    def _may(self, module: str, question: Callable[[bytes, str], bool], name: str) -> bool:
        """What ``glimpse`` says of a module that nobody has asked to be parsed yet."""
        path = self._path_of_module[module]
        if path in self._modules:
            return True
        try:
            if path not in self._glimpsed:
                if len(self._glimpsed) >= _TEXTS:
                    self._glimpsed.clear()
                self._glimpsed[path] = self._sources[path]
            return question(self._glimpsed[path], name)
        except (SourceError, KeyError, OSError):
            return True

    def returned(self, dotted: str) -> str:
        """What a function of another module returns, if that is a module (``return tf``)."""
        module, _, name = dotted.rpartition(".")
        if module not in self._path_of_module or not self._may(module, may_return_name, name):
            return UNKNOWN
        loaded = self._load(module)
        for node in loaded.tree.body if loaded is not None else ():
            if isinstance(node, ast.FunctionDef) and node.name == name:
                assert loaded is not None
                values = [n.value for n in loaded.inside(node) if isinstance(n, ast.Return)]
                if len(values) == 1 and isinstance(values[0], ast.Name):
                    return loaded.names.spelled(values[0])
        return UNKNOWN

    def _load(self, module: str) -> Module | None:
        return self._load_path(self._path_of_module[module])

    def _load_path(self, path: str) -> Module | None:
        if path not in self._modules:
            loaded: Module | None = None
            try:
                glimpsed = self._glimpsed.pop(path, None)
                data = self._sources[path] if glimpsed is None else glimpsed
                loaded = Module(
                    data,
                    parsed=self._parse(data),
                    package=self.folder_of(path),
                    project=self,
                    path=path,
                )
            except (SourceError, KeyError, OSError, UnicodeDecodeError):
                loaded = None
            self._modules[path] = loaded
        return self._modules[path]


def build_project(
    sources: Mapping[str, bytes], notebooks: Mapping[str, bytes] | None = None
) -> Project:
    """Build a project from paths and their UTF-8 sources (a lazy mapping serves well).

    ``notebooks`` may use its modules; they are only searched for names.
    """
    return Project(sources, module_names(sources), notebooks)
