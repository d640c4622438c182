"""The tree of a text, and what follows from it alone, whatever its names mean."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from tape_migrate.flow.bindings import children, walk_down
from tape_migrate.flow.scope import ScopeTree, build_scopes
from tape_migrate.model import SourceError


def parse(text: bytes) -> ast.Module:
    """Parse UTF-8 bytes without BOM.

    Raises:
        SourceError: with the line, if this interpreter cannot parse them.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in users' strings are not our news
            return ast.parse(text.decode("utf-8"))
    except SyntaxError as error:
        raise SourceError(f"syntax error: {error.msg}", error.lineno) from error
    except ValueError as error:
        raise SourceError(f"not Python source: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise SourceError("too deeply nested to parse") from error


def walk(tree: ast.AST) -> Iterator[ast.AST]:
    """Like ``ast.walk`` without operators and contexts, and in a fraction of its time."""
    stack = [tree]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children(node)))


class Parsed:
    """A text's tree and what follows from it alone, whatever its names mean.

    What hangs together in circles is freed at once when the last who ``hold`` it ``let_go``: to
    have it found by the garbage collector costs a sixth of all time.
    """

    def __init__(self, text: bytes) -> None:
        """Raises SourceError."""
        self.text = text
        self.tree = parse(text)
        self._holders = 0

    def hold(self) -> None:
        """To be used until ``let_go`` is called as often."""
        self._holders += 1

    def let_go(self) -> None:
        """No longer used by one of those who held it; of no use when that was the last."""
        self._holders -= 1
        if not self._holders:
            scopes = self.__dict__.get("scopes")
            if scopes is not None:
                scopes.release()
            self.__dict__.clear()

    @cached_property
    def walked(self) -> tuple[list[ast.AST], dict[ast.AST, ast.AST]]:
        """Every node, parents first (operators and contexts left out), and the parent of each."""
        return walk_down(self.tree)

    @cached_property
    def positions(self) -> dict[ast.AST, int]:
        """Where each node stands among all."""
        return {node: position for position, node in enumerate(self.walked[0])}

    @cached_property
    def by_kind(self) -> dict[type, list[Any]]:
        """All nodes by their class, each list in the order of all."""
        found: dict[type, list[Any]] = {}
        for node in self.walked[0]:
            if (known := found.get(node.__class__)) is None:
                known = found[node.__class__] = []
            known.append(node)
        return found

    @cached_property
    def by_attribute(self) -> dict[str, list[ast.Attribute]]:
        """All attributes by name, each list in the order of all."""
        found: dict[str, list[ast.Attribute]] = {}
        for node in self.by_kind.get(ast.Attribute, ()):
            found.setdefault(node.attr, []).append(node)
        return found

    @cached_property
    def scopes(self) -> ScopeTree:
        """The scopes, with their dataflow."""
        return build_scopes(self.tree, self.walked)
