"""Make a compiled function where its tensors are made (planned by ``shapes.keras_hoist``)."""

from __future__ import annotations

from tape_migrate.edits.draft import Draft, Keep
from tape_migrate.module import Module
from tape_migrate.shapes.keras_hoist import Hoist


def write_hoist(module: Module, plan: Hoist) -> Draft:
    """A draft that moves the call behind ``plan.after``, and reads the attribute in its place."""
    draft = Draft(module.text)
    start, end = module.start(plan.call), module.end(plan.call)
    line = module.indent_of(plan.after) + f"{plan.name} = ".encode()
    after = module.line_end(module.last_line(plan.after))
    draft.insert(after, line, Keep(start, end), module.newline)
    draft.replace(start, end, plan.name.encode())
    return draft
