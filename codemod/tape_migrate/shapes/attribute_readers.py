"""Who may read an attribute of ``self`` beside the code that names it: by its text, or elsewhere.

``hasattr(o, "loss")`` and ``vars(o)`` find an attribute that nothing names, and another module of
the program may read ``o.loss``.
"""

from __future__ import annotations

import ast

from tape_migrate.mentions import asked_by_text, attributes
from tape_migrate.module import Module
from tape_migrate.shapes.program import OtherPrograms
from tape_migrate.shapes.unittests import ancestors, is_known_base


def is_asked_elsewhere(module: Module, name: str) -> bool:
    """Whether attributes of this name may be read by their text, or by another module."""
    if asked_by_text(module, name) is not None or _lists_attributes(module):
        return True
    project = module.project
    if not isinstance(project, OtherPrograms):
        return False
    around = {*project.program(module.path), *project.importing_by_text(module.path)}
    for path in around.intersection(project.mentioning(module.path, name)):
        other = project.module_at(path)
        if other is not None and _reads(other, name):
            return True
    return False


def _lists_attributes(module: Module) -> bool:
    """Whether the module asks an object for all that it holds."""
    if any(module.attributes("__dict__")):
        return True
    return any(
        isinstance(call.func, ast.Name) and call.func.id == "vars" and call.args
        for call in module.of_kind(ast.Call)
    )


def _reads(other: Module, name: str) -> bool:
    if asked_by_text(other, name) is not None:
        return True
    return any(not _is_of_its_own(other, node) for node in attributes(other, name))


def _is_of_its_own(module: Module, node: ast.Attribute) -> bool:
    """``self.loss`` in a class that inherits from no class of another module."""
    if not isinstance(node.value, ast.Name) or node.value.id != "self":
        return False
    for parent in module.parents(node):
        if isinstance(parent, ast.ClassDef):
            parents = ancestors(module, parent)
            classes = (parent, *parents)
            return all(is_known_base(module, base, parents) for c in classes for base in c.bases)
    return False
