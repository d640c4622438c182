"""Helpers that are handed a tape: which of them, and the edit that all their callers share.

All or nothing: the engine makes the edit first, migrates the callers like any other call, and
starts again without the helper if one of them cannot be.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from tape_migrate.handing_edit import Handing, hand_tapes
from tape_migrate.helper_calls import hoist_nested
from tape_migrate.model import Handed, Helper, Loss, Options
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.callers import callers_of, no_caller, refuse_open, users_elsewhere
from tape_migrate.shapes.helper import (
    caller_in_the_way,
    function_of,
    is_part,
    merged,
    other_in_the_way,
)
from tape_migrate.shapes.method_callers import names_no_method
from tape_migrate.shapes.plan import Candidate, Kind, Refusal
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.sites import Found
from tape_migrate.tracking import DEPENDS, Tracked, follow, found_again


@dataclass(frozen=True)
class HandPlan:
    """What a project has settled about helpers that are called across its modules."""

    imported: tuple[Helper, ...] = ()
    """Helpers of other modules that take a tape now."""
    exported: tuple[tuple[str, Handed], ...] = ()
    """Helpers of this module whose users in other modules hand in a tape, and what that takes for
    granted."""
    barred: tuple[tuple[str, Refusal], ...] = ()
    """Helpers of this module that must stay as they are."""
    losses: tuple[Loss, ...] = ()
    """Losses of other modules that read a gradient now, which models of this one give."""
    reads: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Losses of this module that read a gradient now, and what that takes for granted."""
    unread: tuple[tuple[str, Refusal], ...] = ()
    """Losses of this module that must stay as they are."""


class Hands:
    """Which helpers are handed a tape, from one attempt of the engine to the next."""

    def __init__(self, options: Options, plan: HandPlan) -> None:
        self._assumed = options.assume_closed
        self._plan = plan
        self._hand: dict[str, Helper] = {}
        self._banned: dict[str, Refusal] = dict(plan.barred)
        self._exported = dict(plan.exported)
        self._unmet: dict[str, Handed] = {}
        self.offers: dict[str, Helper] = {}
        """Helpers that only their users in other modules keep from being handed a tape."""

    def begin(
        self,
        module: Module,
        found: list[Found],
        tracked: list[Tracked],
        parse: Callable[[bytes], Module],
    ) -> Module:
        """Let the helpers take a tape; their calls join ``tracked``."""
        tensors = {name for name, handed in self._exported.items() if handed.tensors}
        original, places = module, [site.offset for site in tracked]
        while helpers := [*self._hand.values(), *self._plan.imported]:
            hoisted = hoist_nested(module, found, helpers)
            if hoisted is not None:
                follow(tracked, hoisted)
                module = parse(hoisted.text)
                found = found_again(module, tracked)
                continue
            handing = hand_tapes(module, found, helpers, tensors)
            if not handing.clashes:
                return self._apply(module, handing, tracked, parse)
            self._banned.update(handing.clashes)
            self._hand = {n: h for n, h in self._hand.items() if n not in handing.clashes}
            module = original
            for site, offset in zip(tracked, places, strict=True):
                site.offset = offset
            found = found_again(module, tracked)
        return original

    def _apply(
        self,
        module: Module,
        handing: Handing,
        tracked: list[Tracked],
        parse: Callable[[bytes], Module],
    ) -> Module:
        for index, candidate in handing.sites:
            site = tracked[index]
            site.migrated, site.handed = candidate, True
            site.first = module.start(candidate.request.call)
            site.last = module.end(candidate.request.call) - 1
        for call in handing.calls:
            offset = module.end(call.found.call.func)
            tracked.append(Tracked(call.found.site, offset, helper=call.helper, handed=call.inside))
        applied = handing.draft.apply()
        follow(tracked, applied)
        return parse(applied.text)

    def choose(self, module: Module, tracked: list[Tracked]) -> bool:
        """Choose the helpers of the next attempt; False if nothing more can be done."""
        wanted: dict[str, Helper] = {}
        failed: dict[str, Refusal] = {}
        self._unmet.clear()
        offered = _merge_offers(tracked)
        for site in tracked:
            if site.migrated is not None or site.skipped or site.handed:
                continue
            offer = site.offer
            if offer is not None and offer.qualname not in {*self._hand, *self._banned}:
                why = self._refuse(module, offered[offer.qualname])
                if why is None:
                    wanted[offer.qualname] = offered[offer.qualname]
                    continue
                self._banned[offer.qualname] = why
            elif offer is not None and (wider := self._widened(offer)) is not None:
                wanted[offer.qualname] = wider
                continue
            refusal = site.refusal or DEPENDS
            if site.helper is not None and site.helper.dotted:
                if offer is not None and offer.qualname in self._banned:
                    refusal = self._banned[offer.qualname]
                self._unmet[site.helper.dotted] = Handed(
                    site.helper.dotted, site.site.line, refusal.code, refusal.message
                )
            elif site.helper is not None:
                line = f"line {site.site.line}"
                failed[site.helper.qualname] = caller_in_the_way(site.helper, line, refusal)
            elif site.home in self._hand:
                failed[site.home] = other_in_the_way(self._hand[site.home], site.site.line, refusal)
        for helper in self._plan.imported:
            callers = callers_of(module, helper)
            if callers == [] and names_no_method(module, helper):
                continue
            if not callers or isinstance(callers, Refusal):
                why = callers if isinstance(callers, Refusal) else no_caller(helper)
                self._unmet[helper.dotted] = Handed(helper.dotted, 1, why.code, why.message)
        if failed:
            self._banned.update(failed)
            self._hand.clear()
        else:
            self._hand.update(wanted)
        return bool(failed or wanted)

    def ban(self, refused: Mapping[str, Refusal]) -> bool:
        """Hand no tape to these functions: a gradient in them has to stay as it is.

        True if one of them was handed a tape: what others were handed may have been for its sake.
        """
        found = {name: why for name, why in refused.items() if name in self._hand}
        if found:
            self._banned.update(found)
            self._hand.clear()
        return bool(found)

    def _widened(self, offer: Helper) -> Helper | None:
        """A helper that takes a tape for less than it could, with this gradient as well."""
        known = self._hand.get(offer.qualname)
        if known is None or is_part(offer, known):
            return None
        wider = merged(known, offer)
        return wider if wider is not None and is_part(offer, wider) else None

    def _refuse(self, module: Module, offer: Helper) -> Refusal | None:
        callers = callers_of(module, offer)
        if isinstance(callers, Refusal):
            return callers
        refusal = refuse_open(module, offer, assumed=self._assumed)
        if refusal is not None or offer.qualname in self._exported:
            return refusal
        users = users_elsewhere(module, offer)
        if users is not None:
            if users.paths:
                several = offer.repeated or _calls_others(module, offer)
                self.offers[offer.qualname] = replace(offer, repeated=several)
            return users.refusal
        return None if callers else no_caller(offer)

    def takes_tape(self, qualname: str) -> bool:
        """Whether the function is handed a tape."""
        return qualname in self._hand

    def is_banned(self, qualname: str) -> bool:
        """Whether the function certainly is handed none."""
        return qualname in self._banned

    def why_not(self, site: Tracked) -> Refusal | None:
        """Why the function around a refused call takes no tape, None while it may take one."""
        if site.offer is None:
            return site.refusal
        return self._banned.get(site.offer.qualname)

    def explain(self, tracked: list[Tracked]) -> None:
        """Say of helpers why they take no tape, or what was taken for granted of their callers."""
        for site in tracked:
            if site.offer is not None and site.offer.qualname in self._banned:
                own = site.refusal.code if site.refusal is not None else ""
                if site.offer.reenters and own in ("TM103", "TM105", "TM106"):
                    continue  # it says more than that callers are in the way
                site.refusal = self._banned[site.offer.qualname]
        for site in tracked:
            if site.handed and site.migrated is not None:
                calls = [s for s in tracked if s.helper and s.helper.qualname == site.home]
                given = [a for s in calls if s.migrated is not None for a in s.migrated.assumptions]
                if site.home in self._exported:
                    given += self._exported[site.home].assumptions
                site.migrated = replace(site.migrated, assumptions=tuple(dict.fromkeys(given)))

    def handed(self, tracked: list[Tracked], why: Refusal | None) -> tuple[Handed, ...]:
        """How the calls of other modules' helpers fared, and which of the own take no tape though
        the other modules hand one in.

        ``why`` says why no helper of another module may be handed a tape, if that is so.
        """
        found: list[Handed] = []
        for name, promised in self._exported.items():
            if name not in self._hand:
                banned = self._banned.get(name, DEPENDS)
                found.append(Handed(promised.dotted, 1, banned.code, banned.message))
        for helper in self._plan.imported:
            fine = self._given(tracked, helper, frozenset())
            if why is not None:
                lines = (
                    s.site.line for s in tracked if s.helper and _name(s.helper) == fine.dotted
                )
                fine = Handed(helper.dotted, next(lines, 1), why.code, why.message)
            found.append(self._unmet.get(helper.dotted, fine))
        return tuple(found)

    def _given(self, tracked: list[Tracked], helper: Helper, seen: frozenset[str]) -> Handed:
        """What the calls of a helper give it; those in helpers hand on what these are given."""
        assumptions: list[str] = []
        tensors = True
        for site in tracked:
            if site.helper is None or _name(site.helper) != _name(helper):
                continue
            if site.migrated is not None:
                assumptions += site.migrated.assumptions
                tensors &= _gives_tensors(site.migrated, helper)
            if not site.handed or site.home in seen:
                continue
            given = [self._exported[site.home]] if site.home in self._exported else []
            around = self._hand.get(site.home)
            if around is not None:
                given.append(self._given(tracked, around, seen | {site.home}))
            for each in given:
                assumptions += each.assumptions
                tensors &= each.tensors
        return Handed(
            helper.dotted, 0, assumptions=tuple(dict.fromkeys(assumptions)), tensors=tensors
        )


def _name(helper: Helper) -> str:
    return helper.dotted or helper.qualname


def _calls_others(module: Module, helper: Helper) -> bool:
    """Whether a helper calls something that may take a gradient on the same tape."""
    function = function_of(module, helper)
    summaries = Summaries.of(module)
    for node in module.inside(function) if function is not None else ():
        if not isinstance(node, ast.Call) or module.names.api_of(node.func) is not None:
            continue
        home = module.names.resolve(node.func).partition(".")[0]
        if summaries.callee(node) is not None or (home and home not in KNOWN_MODULES):
            return True
        root = node.func.value if isinstance(node.func, ast.Attribute) else None
        if isinstance(root, ast.Name) and root.id in ("self", "cls"):
            return True
    return False


def _merge_offers(tracked: Iterable[Tracked]) -> dict[str, Helper]:
    """What each function would be as a helper, with all the gradients that it can take as one."""
    found: dict[str, Helper] = {}
    for site in tracked:
        if site.offer is not None and site.migrated is None and not site.skipped:
            known = found.get(site.offer.qualname)
            if known is None:
                found[site.offer.qualname] = site.offer
            else:
                both = merged(known, site.offer) or known
                found[site.offer.qualname] = replace(both, repeated=True)
    return found


def _gives_tensors(candidate: Candidate, helper: Helper) -> bool:
    """Whether a caller gives one tensor for each parameter that is a source."""
    listed = isinstance(candidate.request.source, (ast.List, ast.Tuple))
    return listed <= helper.listed and all(kind is Kind.TENSOR for kind in candidate.kinds)
