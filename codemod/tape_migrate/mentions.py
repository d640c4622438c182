"""Where a module names an attribute: plainly, in the body of a class, or as a text."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.flow.scope import ScopeKind
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES

_BY_TEXT = frozenset(
    [
        *("getattr", "setattr", "hasattr", "delattr", "attrgetter", "methodcaller"),
        *("__getattribute__", "object"),
    ]
)
"""Functions that take a name as a text (``mock.patch.object`` among them)."""

_NAMESPACES = frozenset(("globals", "locals", "vars", "__dict__", "modules"))


def attributes(module: Module, name: str) -> Iterator[ast.Attribute]:
    """Attributes so called, of anything but the libraries that everybody knows."""
    for node in module.nodes:
        if isinstance(node, ast.Attribute) and node.attr == name:
            if module.names.resolve(node).partition(".")[0] not in KNOWN_MODULES:
                yield node


def class_bindings(module: Module, name: str) -> int:
    """How many times bodies of classes give something this name."""
    return sum(
        len(module.names.bindings(name, scope))
        for scope in module.scopes
        if scope.kind is ScopeKind.CLASS and name in module.scopes.bindings(scope)
    )


def asked_by_text(module: Module, name: str) -> int | None:
    """The line in which ``getattr``, ``globals()[…]`` and the like are given the name as a text."""
    known = module.memo.get("asked by text")
    if not isinstance(known, dict):
        lines: dict[str, int] = {}
        for node in module.of_kind(ast.Constant):
            if isinstance(node.value, str) and node.value not in lines and _is_key(module, node):
                lines[node.value] = node.lineno
        known = module.memo["asked by text"] = lines
    line: int | None = known.get(name)
    return line


def _is_key(module: Module, constant: ast.Constant) -> bool:
    parent = module.parent_of(constant)
    if isinstance(parent, ast.Call):
        return last_name(parent.func) in _BY_TEXT
    if not isinstance(parent, ast.Subscript) or parent.slice is not constant:
        return False
    return any(last_name(node) in _NAMESPACES for node in ast.walk(parent.value))


def asks_by_name(module: Module, node: ast.AST) -> bool:
    """Whether something is asked for by a name that is no text there: ``getattr(net, kind)``.

    What libraries are asked for is none of ours.
    """
    if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Constant):
        return any(last_name(each) in _NAMESPACES for each in ast.walk(node.value))
    if not isinstance(node, ast.Call):
        return False
    name = last_name(node.func)
    if name in ("eval", "exec"):
        return bool(node.args)
    given = node.args[1:2] if name == "getattr" else node.args[:1]
    if name not in ("getattr", "attrgetter", "methodcaller") or not given:
        return False
    if module.names.resolve(node.args[0]).partition(".")[0] in KNOWN_MODULES:
        return False
    return not isinstance(given[0], ast.Constant)


def is_given_name(module: Module, constant: ast.Constant) -> bool:
    """Whether a text may come to be asked for: no docstring, nothing in ``__all__`` or for others.

    What a library is told (``tf.name_scope("loss")``) is no name of ours.
    """
    parent = module.parent_of(constant)
    if isinstance(parent, ast.Expr):
        return False
    if isinstance(parent, ast.Call):
        return module.names.resolve(parent.func).partition(".")[0] not in KNOWN_MODULES
    return not any(
        isinstance(target, ast.Name) and target.id == "__all__"
        for around in module.parents(constant)
        for target in (
            around.targets
            if isinstance(around, ast.Assign)
            else [around.target]
            if isinstance(around, (ast.AugAssign, ast.AnnAssign))
            else ()
        )
    )


def last_name(node: ast.AST) -> str:
    """``grad`` of ``grad`` and of ``model.grad``; nothing for other expressions."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def uses_name(loaded: Module, module: str, name: str, *, method: bool, unique: bool) -> bool:
    """Whether a module names ``name`` of ``module`` (``method``: an attribute so called).

    Of several modules of one name (not ``unique``) any import of that name counts.
    """
    if asked_by_text(loaded, name) is not None:
        return True
    if method and (class_bindings(loaded, name) or any(attributes(loaded, name))):
        return True
    stem = module.rpartition(".")[2]
    for node in loaded.nodes:
        if isinstance(node, ast.Import) and not unique:
            if any(stem in alias.name.split(".") for alias in node.names):
                return True
        if isinstance(node, ast.ImportFrom):
            parts = (node.module or "").split(".")
            stars = any(alias.name == "*" for alias in node.names)
            if stem in parts and (stars or not unique):
                return True
            for alias in node.names:
                if alias.name == name and loaded.names.top_level(alias.asname or name) == "":
                    return True
        if isinstance(node, (ast.Name, ast.Attribute)):
            spelled = node.id if isinstance(node, ast.Name) else node.attr
            if spelled != name:
                continue
            resolved = loaded.names.resolve(node)
            if resolved == f"{module}.{name}":
                return True
    return False
