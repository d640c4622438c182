"""What else modules call what another one has by a name: ``from lib import Net as Model``.

Who looks for a class in the texts of other modules has to look for all its words, and for what a
package calls it, too.
"""

from __future__ import annotations

import ast
from typing import Protocol, runtime_checkable

from tape_migrate.mentions import last_name
from tape_migrate.module import Module


@runtime_checkable
class OtherWords(Protocol):
    """What a project can tell of names that modules have from each other."""

    def words_for(self, name: str) -> tuple[str, ...]:
        """What modules call something that others call ``name``, that name first."""


def words_of(project: object, name: str) -> tuple[str, ...]:
    """The words by which modules have what others call ``name``, that one first."""
    return project.words_for(name) if isinstance(project, OtherWords) else (name,)


def own_names(user: Module, expr: ast.expr) -> frozenset[str]:
    """What ``expr`` is called there, and where it is defined."""
    return frozenset((last_name(expr), user.names.resolve(expr).rpartition(".")[2])) - {""}
