"""Lambdas that are helpers: they become functions before it is asked who calls them.

A lambda with a name (``grad = lambda y, x: tf.gradients(y, x)[0]``) is a ``def`` in other words. As
such it can take a tape from its callers (``shapes/helper``), and is a lambda again afterwards, if
one expression is all that it holds. If nothing comes of it, the text stays as it was.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from tape_migrate.edits.draft import Draft
from tape_migrate.edits.lift_lambda import lift_lambda, name_of_lambda, to_lambda
from tape_migrate.flow.scope import ScopeKind
from tape_migrate.handing import Hands
from tape_migrate.module import Module
from tape_migrate.shapes.helper import in_the_way
from tape_migrate.shapes.plan import Refusal
from tape_migrate.sites import Found, find_sites
from tape_migrate.tracking import Tracked, follow, found_again


class Lambdas:
    """Which lambdas become functions first, from one attempt of the engine to the next."""

    def __init__(self, parse: Callable[[bytes], Module]) -> None:
        self._parse = parse
        self._wanted: set[int] = set()
        """Gradient calls, by index."""
        self._users: set[str] = set()
        """Lambdas that call helpers, by the qualified names that they have as functions."""
        self._dropped: set[str] = set()

    def begin(
        self, module: Module, found: list[Found], tracked: list[Tracked], frozen: dict[int, Refusal]
    ) -> tuple[Module, list[Found]]:
        """The module in which the chosen lambdas are functions, and the gradient calls in it."""
        for index in sorted(self._wanted - frozen.keys()):
            node = found[index].scope.node
            draft = lift_lambda(module, node) if isinstance(node, ast.Lambda) else None
            if draft is not None:
                applied = draft.apply()
                follow(tracked, applied)
                module = self._parse(applied.text)
                found = found_again(module, tracked)
            tracked[index].function = found[index].scope.qualname
        for name in sorted(self._users):
            draft = _lift_by_name(module, name)
            if draft is not None:
                applied = draft.apply()
                follow(tracked, applied)
                module = self._parse(applied.text)
                found = found_again(module, tracked)
        return module, found

    def choose(
        self, module: Module, tracked: Sequence[Tracked], frozen: dict[int, Refusal]
    ) -> bool:
        """Choose lambdas for the next attempt among those of ``module``, the text as it came.

        What is said of those that are no helpers for certain goes to ``frozen``. False if there is
        nothing new.
        """
        offered = {
            index: site.offer
            for index, site in enumerate(tracked)
            if site.offer is not None and site.from_lambda and site.helper is None
            if site.migrated is None
            if index not in self._wanted and index not in frozen
        }
        users = {
            site.offer.qualname
            for site in tracked
            if site.offer is not None and site.from_lambda and site.helper is not None
            if site.migrated is None
        }
        users -= self._users | self._dropped
        self._users |= users
        found = find_sites(module) if offered else []
        for index, offer in offered.items():
            node = found[index].scope.node
            assert isinstance(node, ast.Lambda)
            if name_of_lambda(module, node) is not None:
                self._wanted.add(index)
            else:
                where = f"the lambda in line {node.lineno}"
                frozen[index] = in_the_way(
                    offer, f"{where} is not given a name by a plain assignment"
                )
        return bool(offered or users)

    def finish(self, module: Module, tracked: list[Tracked]) -> Module:
        """Make lambdas again of those functions that still are one expression."""
        homes = {site.function for site in tracked if site.function and site.handed} | self._users
        drafts = [
            draft
            for scope in (module.scopes if homes else ())
            if scope.qualname in homes and isinstance(scope.node, ast.FunctionDef)
            if (draft := to_lambda(module, scope.node)) is not None
        ]
        if not drafts:
            return module
        applied = Draft(module.text, [edit for draft in drafts for edit in draft.edits]).apply()
        follow(tracked, applied)
        return self._parse(applied.text)

    def given_up(
        self, tracked: Sequence[Tracked], hands: Hands, frozen: dict[int, Refusal]
    ) -> dict[int, Refusal]:
        """Chosen lambdas that take no tape after all, and why."""
        useless = {name for name in self._users if hands.is_banned(name)}
        self._users -= useless
        self._dropped |= useless
        return {
            index: why
            for index in sorted(self._wanted - frozen.keys())
            if tracked[index].migrated is None and tracked[index].refusal is not None
            if (why := hands.why_not(tracked[index])) is not None
        }

    def drop(self, hands: Hands) -> bool:
        """Leave lambdas as they were that no helper hands a tape to in the end."""
        useless = {name for name in self._users if not hands.takes_tape(name)}
        self._users -= useless
        self._dropped |= useless
        return bool(useless)


def _lift_by_name(module: Module, qualname: str) -> Draft | None:
    """Make a function of the lambda that would be called ``qualname`` as one."""
    for scope in module.scopes:
        node = scope.node
        if isinstance(node, ast.Lambda) and scope.parent is not None:
            name, parent = name_of_lambda(module, node), scope.parent
            around = "" if parent.kind is ScopeKind.MODULE else f"{parent.qualname}."
            if name is not None and around + name == qualname:
                return lift_lambda(module, node)
    return None
