"""The texts that one migration comes by, each parsed once."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from tape_migrate.guards import GuardError
from tape_migrate.model import SourceError
from tape_migrate.module import Module
from tape_migrate.names import Reexports
from tape_migrate.parsed import Parsed


@runtime_checkable
class _Trees(Protocol):
    """A project that may have parsed the module already, or may be about to."""

    def parsed(self, path: str, text: bytes) -> Parsed:
        """``text`` as the content of the module at ``path``, parsed once for both."""


class Texts:
    """A module as it was given and as edits leave it.

    A later attempt, and the second run over a result, come by texts that were looked at before.
    """

    def __init__(
        self, *, package: str = "", project: Reexports | None = None, path: str = ""
    ) -> None:
        self._package = package
        self._project = project
        self._path = path
        self._modules: dict[bytes, Module] = {}

    def given(self, text: bytes) -> Module:
        """A text that is not of our making.

        Raises SourceError if it does not parse.
        """
        known = self._modules.get(text)
        if known is not None:
            return known
        project = self._project
        parsed = project.parsed(self._path, text) if isinstance(project, _Trees) else None
        return self._read(text, parsed)

    def edited(self, text: bytes) -> Module:
        """What edits have made of a text.

        Raises GuardError if it does not parse.
        """
        try:
            return self._modules.get(text) or self._read(text, None)
        except SourceError as error:
            raise GuardError(f"an edit does not parse: {error}") from error

    def _read(self, text: bytes, parsed: Parsed | None) -> Module:
        module = self._modules[text] = Module(
            text, parsed=parsed, package=self._package, project=self._project, path=self._path
        )
        return module

    def release(self) -> None:
        """Let go of all modules; none of them is of use from then on."""
        for module in self._modules.values():
            module.release()
        self._modules.clear()
