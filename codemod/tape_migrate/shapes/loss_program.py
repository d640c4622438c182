"""The other modules that run in one program with a model that is to give a gradient.

They may make the layers that the model is built of, freeze models, and compile and train them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.mentions import asked_by_text
from tape_migrate.module import Module
from tape_migrate.shapes.hazards import ModuleHazards
from tape_migrate.shapes.layer_hazards import refuse_layers
from tape_migrate.shapes.program import OtherPrograms, others_of


def only_here(module: Module, name: str) -> bool:
    """Whether no other module of the program holds the name."""
    project = module.project
    if not isinstance(project, OtherPrograms):
        return True
    around = {*project.program(module.path), *project.importing_by_text(module.path)}
    named = {*project.mentioning(module.path, name)} & around
    return not named and not notebooks_naming(module, name)


def notebooks_naming(module: Module, name: str) -> list[str]:
    """Paths of the project's notebooks that hold the name."""
    project = module.project
    return project.notebooks_naming(name) if isinstance(project, OtherPrograms) else []


def refuse_program(module: Module) -> str | None:
    """What in another module of the program keeps a layer from calling a model."""
    for other in others_of(module):
        if b"eras" in other.text or b"tensorflow" in other.text:
            why = refuse_layers(other)
            if why is not None:
                return f"{other.path}: {why}"
        hazard = ModuleHazards(other).refuse()
        if hazard is not None:
            return f"{other.path}: {hazard.message}"
        compiled = next(compiling(other), None)
        if compiled is not None and freezes(module):
            return f"{other.path} compiles a model in line {compiled.lineno}"
    return None


def freezes(module: Module) -> bool:
    """Whether the program sets what is trainable, as far as is seen."""
    return any(
        asked_by_text(each, "trainable") is not None
        or any(
            isinstance(node, ast.Attribute)
            and node.attr == "trainable"
            and isinstance(node.ctx, ast.Store)
            for node in each.nodes
        )
        for each in (module, *users_of(module))
    )


def regularizes(module: Module) -> bool:
    """Whether the program names a regularizer of a layer's weights."""
    return any(
        isinstance(node, ast.keyword) and node.arg is not None and node.arg.endswith("_regularizer")
        for each in (module, *others_of(module))
        for node in each.nodes
    )


def users_of(module: Module) -> Iterator[Module]:
    """``others_of``, and modules that may import the module by a text."""
    yield from others_of(module)
    project = module.project
    if isinstance(project, OtherPrograms):
        known = project.program(module.path)
        for path in project.importing_by_text(module.path):
            other = project.module_at(path) if path not in known else None
            if other is not None:
                yield other


def compiling(module: Module) -> Iterator[ast.Call]:
    """Calls of ``compile``."""
    for node in module.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            compiles = node.func.attr == "compile"
            if compiles and not module.names.resolve(node.func).startswith("re."):
                yield node


def assume_optimizers(module: Module) -> list[str]:
    """An optimizer that several models are compiled with: measured, on TensorFlow 2.6, 2.15, 2.21.

    Two of them would not do the same as one (Adam's counts its steps), so none is written.
    """
    for each in (module, *others_of(module)):
        seen: set[str] = set()
        for call in compiling(each):
            given = [k.value for k in call.keywords if k.arg == "optimizer"] or call.args[:1]
            for optimizer in given:
                if isinstance(optimizer, (ast.Name, ast.Attribute)):
                    name = ast.unparse(optimizer)
                    if name in seen:
                        return [
                            f"assumes TensorFlow before 2.11 for {name}, which is given to several "
                            "models: since then an optimizer raises when a second one is trained"
                        ]
                    seen.add(name)
    return []
