"""Which expression means which TensorFlow API.

A name is resolved through every binding it has in the scope that owns it: imports (at module level
or inside functions, ``try``/``except ImportError`` pairs included), ``from … import … as``, plain
assignment aliases (``K = tf.keras.backend``), star imports of known modules, and re-exports through
modules of the same project. A name with any other binding in that scope (a parameter, a local
function, a loop variable) means something else, and nothing is guessed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final, Protocol

from tape_migrate.bound_names import BINDING_NODES, bound_names, imported_module
from tape_migrate.flow.scope import Scope, ScopeTree
from tape_migrate.model import Api
from tape_migrate.star_imports import StarExports, bound_by_star

TENSORFLOW: Final = "tensorflow"
UNKNOWN: Final = ""
"""The meaning of a name that is certainly, or possibly, something else."""

_SAME_MODULE: Final = (
    # Longest first: each is another address of the module on the right.
    ("tensorflow.compat.v1.keras.backend", "keras.backend"),
    ("tensorflow.compat.v2.keras.backend", "keras.backend"),
    ("tensorflow.python.keras.backend", "keras.backend"),
    ("tensorflow.python.keras._impl.keras.backend", "keras.backend"),
    ("tensorflow.keras.backend", "keras.backend"),
    ("tensorflow.python.keras", "keras"),
    ("tensorflow.compat.v1.keras", "keras"),
    ("tensorflow.keras", "keras"),
    ("tf_keras", "keras"),
    ("keras.backend.tensorflow_backend", "keras.backend"),
    ("keras.backend.theano_backend", "keras.backend"),
    ("keras.backend.cntk_backend", "keras.backend"),
    ("keras.api._v2.keras", "keras"),
    ("keras.backend.tf", TENSORFLOW),
    ("tensorflow.compat.v1", TENSORFLOW),
    ("tensorflow.compat.v2", TENSORFLOW),
    ("tensorflow.python.ops.gradients_impl", TENSORFLOW),
    ("tensorflow.python.ops.gradients", TENSORFLOW),
    ("tensorflow.python.ops.math_ops", TENSORFLOW),
    ("tensorflow.python.ops.array_ops", TENSORFLOW),
    ("tensorflow.python.framework.constant_op", TENSORFLOW),
    ("tensorflow.python.framework.ops", TENSORFLOW),
    ("tensorflow.python.ops.parallel_for.gradients", "tensorflow.parallel_for"),
    ("tensorflow.python.ops.parallel_for", "tensorflow.parallel_for"),
)

_APIS: Final = {
    "tensorflow.gradients": Api.TF_GRADIENTS,
    "tensorflow.gradients_v2": Api.TF_GRADIENTS,
    "tensorflow.hessians": Api.TF_HESSIANS,
    "tensorflow.HessiansV2": Api.TF_HESSIANS,
    "keras.backend.gradients": Api.K_GRADIENTS,
    "tensorflow.parallel_for.batch_jacobian": Api.BATCH_JACOBIAN,
}

_STAR_EXPORTS: Final = {
    TENSORFLOW: ("gradients", "hessians"),
    "keras.backend": ("gradients", "function", "placeholder"),
}

WORDS: Final = ("gradients", "hessians", "batch_jacobian", "gradients_v2", "HessiansV2")
"""Last parts of the names above: an expression ending in none of them is never resolved."""

KNOWN_MODULES: Final = frozenset(
    ("tensorflow", "keras", "numpy", "logging", "math", "warnings", "time", "matplotlib", "scipy")
)
"""Libraries of which it is known what their functions do to tensors."""


_IMPORTING: Final = frozenset(("importlib.import_module", "__import__"))

_ALIASING: Final = frozenset({ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.For})


class Reexports(StarExports, Protocol):
    """What a project knows of its own modules (see ``tape_migrate.project``)."""

    def meaning(self, module: str, name: str) -> str:
        """Dotted name, as spelled, that ``name`` has at the top level of ``module``, or ``""``."""

    def own_name(self, dotted: str, folder: str) -> str:
        """What the project calls what a module in ``folder`` calls ``dotted``."""

    def split(self, dotted: str) -> tuple[str, tuple[str, ...]]:
        """The path of the module that ``dotted`` begins with, and what is left; or "" and all."""

    def followed(self, dotted: str) -> str:
        """What a dotted name means through names that modules have from others: ``pkg.f``."""

    def is_certain(self, dotted: str) -> bool:
        """Whether a dotted name, as a module spells it, can mean but one thing."""

    def returned(self, dotted: str) -> str:
        """What the project's function ``dotted`` returns, if it is a module, or ``""``."""


@cache
def canonical(dotted: str) -> str:
    """The one address used for a dotted name that TensorFlow and Keras give several."""
    for prefix, replacement in _SAME_MODULE:
        if dotted == prefix:
            return replacement
        if dotted.startswith(prefix + "."):
            return canonical(replacement + dotted[len(prefix) :])
    return dotted


class Names:
    """Resolves expressions of one module to canonical dotted names."""

    def __init__(
        self,
        nodes: Iterable[ast.AST],
        scopes: ScopeTree,
        *,
        package: str = "",
        project: Reexports | None = None,
    ) -> None:
        self._scopes = scopes
        self._package = package
        self._project = project
        self._raw_cache: dict[tuple[int, str], tuple[str, ...]] = {}
        self._active: dict[tuple[int, str], list[str]] = {}
        self._bindings: dict[tuple[int, str], list[ast.AST | None]] = {}
        self._resolved: dict[ast.expr, str] = {}
        self._spelled: dict[ast.expr, str] = {}
        self._targets: dict[ast.stmt, frozenset[str]] = {}
        self._stars: list[str] = []
        self._aliased: set[str] = set()
        for node in nodes:
            if type(node) not in BINDING_NODES:
                continue
            for name, owner in bound_names(node):
                scope = scopes.scope_of(owner if owner is not None else node)
                resolved = self._owner(name, scope)
                self._bindings.setdefault((id(resolved), name), []).append(
                    node if owner is None else None
                )
                if node.__class__ in _ALIASING:
                    self._aliased.add(name)
            if isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names):
                self._stars.append(self.from_module(node))

    def _owner(self, name: str, scope: Scope) -> Scope:
        """The scope a *binding* of ``name`` written in ``scope`` belongs to."""
        if not self._scopes.declares(scope):
            return scope
        return self._scopes.resolve(name, scope) or scope

    def resolve(self, expr: ast.expr) -> str:
        """Canonical dotted name of ``expr`` (``tensorflow.gradients``), or ``""`` if unknown."""
        known = self._resolved.get(expr)
        if known is None:
            dotted = self.spelled(expr)
            known = self._resolved[expr] = canonical(dotted) if dotted else UNKNOWN
        return known

    def spelled(self, expr: ast.expr) -> str:
        """Like ``resolve``, keeping ``tensorflow.compat.v1`` apart from ``tensorflow``."""
        known = self._spelled.get(expr)
        if known is None:
            known = self._spell(expr)
            # While a name is found out about, what it means is not all known yet.
            if not self._active:
                self._spelled[expr] = known
        return known

    def _spell(self, expr: ast.expr) -> str:
        parts: list[str] = []
        while isinstance(expr, ast.Attribute):
            parts.append(expr.attr)
            expr = expr.value
        if not isinstance(expr, ast.Name):
            base = self._asked_by_text(expr)
            return self.in_project(".".join([base, *reversed(parts)])) if base else UNKNOWN
        if self._scopes.is_comprehension_variable(expr):
            return UNKNOWN
        meanings = self._meanings(expr.id, self._scopes.scope_of(expr))
        bases = {m for m in meanings if m}
        if not bases or UNKNOWN in meanings:
            return UNKNOWN
        spelled = {self.in_project(".".join([base, *reversed(parts)])) for base in bases}
        return self._one_of(spelled)

    def _one_of(self, meanings: set[str]) -> str:
        """The one that all are; the project's own if the others are unknown libraries'.

        ``try: from fast import f``, ``except ImportError: from lib import f``.
        """
        if len({canonical(meaning) for meaning in meanings}) > 1 and self._project is not None:
            if not any(meaning.partition(".")[0] in KNOWN_MODULES for meaning in meanings):
                meanings = {meaning for meaning in meanings if self._project.split(meaning)[0]}
        return min(meanings) if len({canonical(m) for m in meanings}) == 1 else UNKNOWN

    def is_certain(self, expr: ast.expr) -> bool:
        """Whether what is resolved can be nothing else, not even where an import fails."""
        parts: list[str] = []
        while isinstance(expr, ast.Attribute):
            parts.append(expr.attr)
            expr = expr.value
        if not isinstance(expr, ast.Name):
            return True
        return self._is_certain(expr.id, self._scopes.scope_of(expr), reversed(parts))

    def is_certain_at_top(self, name: str) -> bool:
        """The same of what modules that import from this one get by ``name``."""
        return self._is_certain(name, self._scopes.module, ())

    def _is_certain(self, name: str, scope: Scope, parts: Iterable[str]) -> bool:
        meanings = {self.in_project(meaning) for meaning in self._meanings(name, scope)}
        if len({canonical(meaning) for meaning in meanings}) > 1:
            return False
        spelled = [
            f"{self.from_module(node)}.{alias.name}"
            for node in self.bindings(name, scope)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if (alias.asname or alias.name) == name
        ]
        project = self._project
        return project is None or all(
            project.is_certain(".".join((dotted, *parts))) for dotted in spelled or meanings
        )

    def _asked_by_text(self, expr: ast.expr) -> str:
        """The module of the project that ``import_module("lib")`` or ``sys.modules["lib"]`` is."""
        project = self._project
        if project is None:
            return UNKNOWN
        match expr:
            case ast.Call(func=func, args=[ast.Constant(value=str(text)), *more]):
                name = self.spelled(func) or (func.id if isinstance(func, ast.Name) else "")
                if name not in _IMPORTING or (name == "__import__" and "." in text):
                    return UNKNOWN
            case ast.Subscript(value=value, slice=ast.Constant(value=str(text))):
                if self.spelled(value) != "sys.modules":
                    return UNKNOWN
                more = []
            case _:
                return UNKNOWN
        level = len(text) - len(text.lstrip("."))
        around = self._package
        if level and more and isinstance(more[0], ast.Constant):
            around = self._own(str(more[0].value))
        node = ast.ImportFrom(module=text.lstrip(".") or None, names=[], level=level)
        dotted = self._own(imported_module(node, around))
        return UNKNOWN if not project.split(dotted)[0] or project.split(dotted)[1] else dotted

    def in_project(self, dotted: str) -> str:
        """The name of what is defined in a module of the project, as that is called there."""
        if self._project is None or dotted.partition(".")[0] in KNOWN_MODULES:
            return dotted
        return self._project.followed(self._project.own_name(dotted, self._package))

    def meaning_of_name(self, name: str, scope: Scope) -> str:
        """What ``name`` means in ``scope``, as it is spelled (``tensorflow.compat.v1``)."""
        meanings = self._meanings(name, scope)
        known = {m for m in meanings if m}
        if not known or UNKNOWN in meanings:
            return UNKNOWN
        return self._one_of(known)

    def is_local(self, name: str, scope: Scope) -> bool:
        """Whether ``name``, read in ``scope``, has any binding in this module."""
        owner = self._scopes.resolve(name, scope)
        return owner is not None and (id(owner), name) in self._bindings

    def is_alias(self, name: str) -> bool:
        """Whether an import, assignment or star import anywhere in the module may bind ``name``."""
        return name in self._aliased or bool(self._stars)

    def bindings(self, name: str, scope: Scope) -> list[ast.AST | None]:
        """Every node that binds ``name`` where ``scope`` would read it (None: a parameter)."""
        owner = self._scopes.resolve(name, scope)
        return self._bindings.get((id(owner), name), []) if owner is not None else []

    def api_of(self, func: ast.expr) -> Api | None:
        """The gradient API that a call of ``func`` invokes, if it certainly is one."""
        dotted = self.spelled(func)
        if not dotted:
            return None
        api = _APIS.get(canonical(dotted))
        if api is Api.TF_GRADIENTS and dotted.startswith("tensorflow.compat.v1"):
            return Api.TF_V1_GRADIENTS
        return api

    def top_level(self, name: str) -> str:
        """Meaning of a module-level name for other modules of the project, or ``""``."""
        return self.meaning_of_name(name, self._scopes.module)

    def _meanings(self, name: str, scope: Scope) -> tuple[str, ...]:
        owner = self._scopes.resolve(name, scope)
        nodes = self._bindings.get((id(owner), name)) if owner is not None else None
        if not nodes:
            return self._star_meaning(name)
        key = (id(owner), name)
        if key in self._raw_cache:
            return self._raw_cache[key]
        if key in self._active:
            # `tf = tf.compat.v1`: what the bindings before this one mean.
            return tuple(self._active[key]) or (UNKNOWN,)
        found = self._active[key] = []
        try:
            for node in nodes:
                found += [m for m in self._binding_meaning(name, node) if m != "None"]
        finally:
            del self._active[key]
        self._raw_cache[key] = tuple(found) or (UNKNOWN,)
        return self._raw_cache[key]

    def _star_meaning(self, name: str) -> tuple[str, ...]:
        for module in reversed(self._stars):
            base = canonical(module)
            if name in _STAR_EXPORTS.get(base, ()):
                return (f"{module}.{name}",)
            if self._project is not None:
                meaning = self._project.meaning(module, name)
                if meaning:
                    return (meaning,)
        if self._project is None or not self._stars:
            return (UNKNOWN,)
        known = {module for module in self._stars if canonical(module) in _STAR_EXPORTS}
        return (bound_by_star(self._project, self._stars, known, name),)

    def _binding_meaning(self, name: str, node: ast.AST | None) -> Iterator[str]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname == name:
                    yield self._own(alias.name)
                elif alias.asname is None and alias.name.split(".")[0] == name:
                    yield self._own(name)
        elif isinstance(node, ast.ImportFrom):
            module = self.from_module(node)
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    yield self._imported(module, alias.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            yield self._assigned(name, node)
        elif isinstance(node, ast.For):
            yield from self._looped(name, node)
        else:
            yield UNKNOWN

    def _looped(self, name: str, node: ast.For) -> Iterator[str]:
        """``for k in [KTF, KTH]`` (or ``zip``): what each member of the list means."""
        targets, iterables = [node.target], [node.iter]
        if isinstance(node.target, ast.Tuple) and isinstance(node.iter, ast.Call):
            func = node.iter.func
            if isinstance(func, ast.Name) and func.id == "zip":
                targets, iterables = node.target.elts, node.iter.args
        found = False
        for target, iterable in zip(targets, iterables, strict=False):
            if isinstance(target, ast.Name) and target.id == name:
                if isinstance(iterable, (ast.List, ast.Tuple)):
                    found = bool(iterable.elts)
                    yield from (self.spelled(item) for item in iterable.elts)
        if not found:
            yield UNKNOWN

    def _imported(self, module: str, name: str) -> str:
        if self._project is not None:
            meaning = self._project.meaning(module, name)
            if meaning:
                return meaning
        joint = "" if module.endswith(".") else "."
        dotted = self._own(f"{module}{joint}{name}") if module else UNKNOWN
        return UNKNOWN if dotted.startswith(".") else dotted

    def _own(self, dotted: str) -> str:
        if self._project is None:
            return dotted
        return self._project.own_name(dotted, self._package)

    def _assigned(self, name: str, node: ast.Assign | ast.AnnAssign) -> str:
        if node.value is None or name not in self._plain_targets(node):
            return UNKNOWN
        if isinstance(node.value, ast.Constant) and node.value.value is None:
            return "None"  # `tf = None` after a failed import
        if isinstance(node.value, ast.Call) and self._project is not None:
            # `tf = import_tf()`, a helper of the project that returns the module
            asked = self._asked_by_text(node.value)
            return asked or self._project.returned(self.spelled(node.value.func))
        return self.spelled(node.value)

    def _plain_targets(self, node: ast.Assign | ast.AnnAssign) -> frozenset[str]:
        known = self._targets.get(node)
        if known is None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            known = frozenset(t.id for t in targets if isinstance(t, ast.Name))
            self._targets[node] = known
        return known

    def from_module(self, node: ast.ImportFrom) -> str:
        """See ``imported_module``; by the project's own name if it is one of its modules."""
        return self._own(imported_module(node, self._package))
