"""Tapes that objects keep: which gradient calls are taken on them, and the edits.

Whether a method that runs first can open the tape is decided as if it took the gradients itself at
its end: they are written there for the time being (``shapes/kept_tape``).
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from tape_migrate.edits.draft import Applied, Draft
from tape_migrate.edits.names import add_import, tensorflow_name, used_names
from tape_migrate.edits.tape_block import Block, Tape, write_block
from tape_migrate.edits.watch_in_maker import hand_to_makers, take_tapes
from tape_migrate.flow.scope import Scope
from tape_migrate.keeping_trials import Asked, Trials, join
from tape_migrate.model import Shape
from tape_migrate.module import Module
from tape_migrate.shapes.called_setup import hide_calls, setup_call, show_calls
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.decide import read_request
from tape_migrate.shapes.helper import is_method
from tape_migrate.shapes.kept_tape import Kept, find_kept
from tape_migrate.shapes.plan import Candidate, Refusal, Request
from tape_migrate.shapes.reentered import share_blocks, write_recorded
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.sites import Found, find_sites
from tape_migrate.tracking import Tracked, follow


class Keeps:
    """Which calls are taken on kept tapes, from one attempt of the engine to the next."""

    def __init__(self, parse: Callable[[bytes], Module]) -> None:
        self._parse = parse
        self._wanted: set[int] = set()
        self._tried: set[int] = set()

    def choose(self, tracked: Sequence[Tracked]) -> bool:
        """Choose the calls of the next attempt; False if there are no new ones."""
        new = {i for i, site in enumerate(tracked) if site.keep and site.migrated is None}
        new -= self._tried
        self._wanted |= new
        self._tried |= new
        return bool(new)

    def begin(
        self, module: Module, tracked: Sequence[Tracked], frozen: Collection[int]
    ) -> Module | None:
        """Let objects keep tapes, and take the chosen gradients on them (not the ``frozen``)."""
        self._wanted -= set(frozen)
        calls = self._setup_calls(module, tracked)
        offsets = [site.offset for site in tracked]
        texts = [module.segment(stmt) for stmt in calls]
        if calls:
            applied = hide_calls(module, calls).apply()
            follow(list(tracked), applied)
            module = self._parse(applied.text)
        written = self._begin(module, tracked)
        if written is None:
            for site, offset in zip(tracked, offsets, strict=True):
                site.offset = offset
            return None
        module = self._parse(written.text)
        if calls:
            applied = show_calls(module, texts).apply()
            follow(list(tracked), applied)
            module = self._parse(applied.text)
        return module

    def _setup_calls(self, module: Module, tracked: Sequence[Tracked]) -> list[ast.Expr]:
        """The calls of methods that set up what the chosen gradients are taken of."""
        places = {module.end(item.call.func): item for item in find_sites(module)}
        found: dict[int, ast.Expr] = {}
        for index in sorted(self._wanted):
            site = tracked[index]
            item = places.get(site.offset)
            if item is not None and site.migrated is None and is_method(item.scope):
                stmt = setup_call(module, item.scope, item.call)
                if stmt is not None:
                    found[id(stmt)] = stmt
        places_of = [site.offset if site.migrated is None else site.first for site in tracked]
        return [
            stmt
            for stmt in found.values()
            if not any(module.start(stmt) <= offset < module.end(stmt) for offset in places_of)
        ]

    def _begin(self, module: Module, tracked: Sequence[Tracked]) -> Applied | None:
        kept = self._kept(module, tracked)
        if not kept:
            return None
        asked = {id(keep): self._ask(module, keep) for _, _, keep in kept}
        trials = Trials(module, self._parse)
        fine = trials.decide(asked.values()).decided
        kept = [item for item in kept if isinstance(fine[asked[id(item[2])]], Candidate)]
        joint = join(trials, [asked[id(keep)] for _, _, keep in kept])
        if not joint:
            return None
        trial = trials.decide(joint)
        follow(list(tracked), trial.applied)
        members = {id(tracked[i]) for i, _, keep in kept if _serves(joint, asked[id(keep)])}
        written = self._write(trial.module, tracked, members, trial.decided)
        follow(list(tracked), written)
        return written

    def _kept(self, module: Module, tracked: Sequence[Tracked]) -> list[tuple[int, Found, Kept]]:
        places = {module.end(item.call.func): item for item in find_sites(module)}
        context = Context.of(module, pending=frozenset(id(i.call) for i in places.values()))
        pending = [i.call for i in places.values()]
        found: list[tuple[int, Found, Kept]] = []
        for index in sorted(self._wanted):
            site = tracked[index]
            item = places.get(site.offset)
            if item is None or site.migrated is not None:
                continue
            request = read_request(context, item)
            if isinstance(request, Refusal) or context.waits_on(request):
                continue
            if any(parent in pending for parent in module.parents(item.call)):
                continue  # a part of another gradient call, which is left alone
            keep = find_kept(context, request)
            if keep is not None:
                found.append((index, item, keep))
        crossing = _crossing(context, [keep.candidate for _, _, keep in found])
        return [each for each in found if each[1].scope not in crossing]

    def _ask(self, module: Module, keep: Kept) -> Asked:
        run = module.start(keep.run) if keep.run is not None else -1
        return Asked(module.start(keep.setup), keep.targets, keep.sources, keep.nested, run)

    def _write(
        self,
        module: Module,
        tracked: Sequence[Tracked],
        members: set[int],
        tapes: Mapping[Asked, Candidate | Refusal],
    ) -> Applied:
        draft = Draft(module.text)
        summaries = Summaries.of(module)
        names: dict[int, Iterator[str]] = {}
        given: dict[str, tuple[str, Candidate]] = {}
        for decision in tapes.values():
            assert isinstance(decision, Candidate)
            request = decision.request
            stmt = module.statement_of(request.call)
            tf = tensorflow_name(module, request.found.scope, request.call, stmt.lineno)
            tf = tf or add_import(module, draft)
            owner = summaries.class_of(request.found.scope)
            assert owner is not None
            family = id(summaries.family(owner))
            name = next(names.setdefault(family, _fresh_attributes(module)))
            tape = Tape(name, decision.watches, persistent=True)
            write_block(
                module,
                draft,
                Block(region=decision.region, tapes=(tape,), tf=tf, before=stmt),
            )
            hand_to_makers(module, draft, [decision], name)
            draft.delete(module.line_start(stmt.lineno), module.line_end(stmt.lineno))
            given[request.found.scope.qualname] = name, decision
        places = {module.end(item.call.func): item for item in find_sites(module)}
        context = Context.of(module, pending=frozenset(id(i.call) for i in places.values()))
        taken: dict[tuple[int, str], list[tuple[Tracked, Candidate]]] = {}
        for site in tracked:
            if id(site) not in members:
                continue
            again = read_request(context, places[site.offset])
            keep = find_kept(context, again) if isinstance(again, Request) else None
            if keep is not None and isinstance(again, Request):
                name, made = given[module.scopes.opened_by(keep.setup).qualname]
                candidate = replace(
                    keep.candidate,
                    shape=Shape.KEPT_TAPE,
                    assumptions=(*made.assumptions, *keep.assumptions),
                    notes=(*keep.candidate.notes, *made.notes),
                )
                scope = keep.candidate.request.found.scope
                taken.setdefault((id(scope), name), []).append((site, candidate))
        for (_, name), sites in taken.items():
            _write_scope(module, draft, context, sites, name)
        take_tapes(module, draft)
        return draft.apply()


def _write_scope(
    module: Module,
    draft: Draft,
    context: Context,
    sites: Sequence[tuple[Tracked, Candidate]],
    tape: str,
) -> None:
    """Take the gradients of one method on ``tape``."""
    scope = sites[0][1].request.found.scope
    blocks = share_blocks(context.dependence(scope), [candidate for _, candidate in sites])
    assert blocks is not None
    names = used_names(module, scope)
    for block in blocks:
        call = block.members[0].request.call
        tf = tensorflow_name(module, scope, call, module.statement_of(call).lineno)
        tf = tf or add_import(module, draft)
        write_recorded(module, draft, block, tape=tape, tf=tf, names=names)
    for site, candidate in sites:
        site.migrated = candidate
        site.kept = True
        site.first = module.start(candidate.request.call)
        site.last = module.end(candidate.request.call) - 1


def _crossing(context: Context, candidates: Sequence[Candidate]) -> set[Scope]:
    """The methods whose gradients cannot share a tape."""
    scopes = {candidate.request.found.scope for candidate in candidates}
    return {
        scope
        for scope in scopes
        if share_blocks(
            context.dependence(scope), [c for c in candidates if c.request.found.scope is scope]
        )
        is None
    }


def _serves(joint: Sequence[Asked], asked: Asked) -> bool:
    return any(
        whole.setup == asked.setup
        and set(asked.targets) <= set(whole.targets)
        and set(asked.sources) <= set(whole.sources)
        for whole in joint
    )


def _fresh_attributes(module: Module) -> Iterator[str]:
    """Attributes of ``self`` that no object of the module has."""
    used = {node.attr for node in module.nodes if isinstance(node, ast.Attribute)}
    names = itertools.chain(["_tape"], (f"_tape{count}" for count in itertools.count(2)))
    return (f"self.{name}" for name in names if name not in used)
