"""Rounds of find, decide, edit, until no gradient call can be migrated any more."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from tape_migrate.again import refuse_behind_left, refuse_differentiated, refuse_imported
from tape_migrate.annotate import annotate
from tape_migrate.edits.draft import Applied
from tape_migrate.edits.lift_lambda import lift_lambda
from tape_migrate.flow.scope import ScopeKind
from tape_migrate.handing import HandPlan, Hands
from tape_migrate.helper_calls import calls_at
from tape_migrate.ignores import Ignores, leaves_alone
from tape_migrate.keeping import Keeps
from tape_migrate.keras_rounds import gather_keras, lift_keras, lift_layers, without_graph_mode
from tape_migrate.lambdas import Lambdas
from tape_migrate.loss_rounds import Losses
from tape_migrate.model import (
    Handed,
    Helper,
    Left,
    Loss,
    Options,
    Outcome,
    Remark,
    Shape,
    SiteResult,
    TfFunction,
)
from tape_migrate.module import Module
from tape_migrate.outcomes import of_gathered, of_graph, result_of
from tape_migrate.rounds import first_of_circle, refuse_dependents, write_ready
from tape_migrate.shapes.block_depth import refuse_depth
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.control_flow import Compiler
from tape_migrate.shapes.decide import decide_request, read_request
from tape_migrate.shapes.hazards import refuse_both_paths
from tape_migrate.shapes.helper import handed_request
from tape_migrate.shapes.hessians import refuse_hessian
from tape_migrate.shapes.kept_tape import may_keep
from tape_migrate.shapes.plan import Candidate, Refusal, Request
from tape_migrate.shapes.reentered import find_any_helper
from tape_migrate.sites import Found, find_sites
from tape_migrate.texts import Texts
from tape_migrate.tracking import DEPENDS, Tracked, follow

_MAX_ROUNDS = 200
_IGNORED = Refusal("TM001", "a comment asks to leave this call alone")

_OFFERED = frozenset(("TM101", "TM102", "TM103", "TM105", "TM106"))
"""What is said of a call whose forward pass ran, in part, before its function was entered."""

_KEPT = _OFFERED | {"TM104", "TM120"}

_OF_HAZARDS = frozenset(("TM109", "TM110", "TM111", "TM125"))
"""What is said of a module as a whole, and comes before what is said of its Keras graphs."""


@dataclass(frozen=True)
class Result:
    """The text after the last round, and every site's outcome."""

    text: bytes
    sites: tuple[SiteResult, ...]
    offers: tuple[Helper, ...] = ()
    """Helpers that would be migrated if their callers in other modules were."""
    handed: tuple[Handed, ...] = ()
    """How the calls of other modules' helpers fared."""
    left: tuple[Left, ...] = ()
    """``Options.leave`` with the places where the calls stand in ``text``."""
    remarks: tuple[Remark, ...] = ()
    losses: tuple[Loss, ...] = ()
    """Losses that could read a gradient if the models of other modules gave it."""


class Engine:
    """Migrates one text (UTF-8, without BOM)."""

    def __init__(
        self, text: bytes, options: Options, texts: Texts, *, plan: HandPlan | None = None
    ) -> None:
        self._text = text
        self._plan = plan or HandPlan()
        self._options = options
        self._texts = texts
        self._fed: set[str] = set()
        """Functions made of Keras graphs: nothing but their parameters is symbolic in them."""

    def all_refused(self) -> tuple[SiteResult, ...]:
        """Every site of the text as it is, refused because of an error of the tool."""
        return tuple(
            SiteResult(item.site, Outcome.REFUSED, "the tool failed on this module", code="TM199")
            for item in find_sites(self._texts.given(self._text))
        )

    def run(self) -> Result:
        """Migrate as much as can be migrated exactly.

        Raises:
            SourceError: if the text does not parse.
        """
        frozen: dict[int, Refusal] = {}
        hands = Hands(self._options, self._plan)
        keeps = Keeps(self._texts.edited)
        lambdas = Lambdas(self._texts.edited)
        losses = Losses(self._plan)
        while True:
            text, tracked = self._attempt(frozen, hands, keeps, lambdas, losses)
            useless = {
                index: of_gathered(site.refusal, site.gathered)
                for index, site in enumerate(tracked)
                if site.lifted and site.migrated is None and site.refusal is not None
                if site.helper is None and not (site.from_lambda and site.offer is not None)
            }
            useless |= without_graph_mode(self._texts.edited, self._text, text, tracked)
            useless |= refuse_behind_left(self._texts.given(self._text), tracked)
            useless |= refuse_differentiated(self._texts.given(self._text), tracked)
            useless = {index: why for index, why in useless.items() if index not in frozen}
            frozen.update(useless)
            if hands.ban({tracked[index].home: why for index, why in useless.items()}):
                continue
            if lambdas.choose(self._texts.given(self._text), tracked, frozen):
                continue
            chosen = hands.choose(self._base, tracked)
            given_up = lambdas.given_up(tracked, hands, frozen)
            frozen.update(given_up)
            if not (useless or given_up or chosen or keeps.choose(tracked) or lambdas.drop(hands)):
                break
        hands.explain(tracked)
        losses.explain(tracked)
        handed = (
            *hands.handed(tracked, refuse_imported(self._texts.given(self._text), tracked)),
            *losses.handed(),
        )
        offered = losses.offers(tracked)
        tracked = [site for site in tracked if site.helper is None]
        results = [result_of(text, site) for site in tracked]
        offsets = [site.offset for site in tracked]
        if self._options.annotate:
            text, results, offsets = annotate(text, results, offsets)
        left = self._left(text, tracked, offsets)
        offers = tuple(hands.offers.values())
        remarks = self._ignores.remarks()
        return Result(text, tuple(results), offers, handed, left, remarks, offered)

    def _left(self, text: bytes, tracked: list[Tracked], offsets: list[int]) -> tuple[Left, ...]:
        if not self._options.leave:
            return ()
        module = self._texts.edited(text)
        places = {module.end(item.call.func): item.site for item in find_sites(module)}
        return tuple(
            replace(site.left, line=place.line, column=place.column)
            for site, offset in zip(tracked, offsets, strict=True)
            if site.left is not None and (place := places.get(offset)) is not None
        )

    def _attempt(
        self,
        frozen: dict[int, Refusal],
        hands: Hands,
        keeps: Keeps,
        lambdas: Lambdas,
        losses: Losses,
    ) -> tuple[bytes, list[Tracked]]:
        self._fed.clear()
        module = self._texts.given(self._text)
        found = find_sites(module)
        tracked = [Tracked(f.site, module.end(f.call.func)) for f in found]
        for index, refusal in frozen.items():
            tracked[index].refusal = refusal
        self._ignores = ignores = Ignores(module)
        leave = {(left.line, left.column): left for left in self._options.leave}
        for index, (site, item) in enumerate(zip(tracked, found, strict=True)):
            site.left = leave.get((item.site.line, item.site.column))
            if site.left is not None:
                site.refusal = Refusal(site.left.code, site.left.message)
                site.skipped = site.left.code.startswith("TM0")
                frozen = {**frozen, index: site.refusal}
            site.comments = ignores.for_call(item.call)
            if leaves_alone(site.comments):
                site.refusal = _IGNORED
                site.skipped = True
                frozen = {**frozen, index: _IGNORED}
                continue
            # Looked at before any tape is written, so that only the user's own tapes count.
            taped = refuse_both_paths(module, item.call)
            if taped is not None and site.left is None:
                frozen = {**frozen, index: taped}
                site.refusal = taped
        module, found = lambdas.begin(module, found, tracked, frozen)
        self._base = module
        module = hands.begin(module, found, tracked, self._texts.edited)
        module = self._rounds(module, tracked, frozen)
        for _ in tracked:  # at the most: each time an object keeps one tape more
            kept = keeps.begin(module, tracked, frozen)
            if kept is None:
                break
            module = self._rounds(kept, tracked, frozen)
        module = lambdas.finish(self._compile(module, tracked), tracked)
        module = losses.finish(module, tracked, frozen, self._texts.edited)
        moved = any(site.keras is not None and site.migrated is not None for site in tracked)
        if moved or losses.written:
            from tape_migrate.edits.keras_program import sessions_left, tidy  # noqa: PLC0415

            draft = tidy(module)
            if draft is not None:
                applied = draft.apply()
                follow(tracked, applied)
                module = self._texts.edited(applied.text)
            for site in tracked:
                if site.keras is not None:
                    site.notes = (*site.notes, *sessions_left(module))
        return module.text, tracked

    def _rounds(self, module: Module, tracked: list[Tracked], frozen: dict[int, Refusal]) -> Module:
        for _ in range(_MAX_ROUNDS):
            applied = self._round(module, tracked, frozen)
            if applied is None and any(site.waits_for_turn for site in tracked):
                for site in tracked:
                    site.turn_after = None
                applied = self._round(module, tracked, frozen)
            if applied is None:
                break
            module = self._texts.edited(applied.text)
        return module

    def _compile(self, module: Module, tracked: list[Tracked]) -> Module:
        """Put control flow around the migrated gradients under ``tf.function``."""
        migrated = [s for s in tracked if s.migrated is not None and not s.handed and not s.kept]
        if not migrated or self._options.tf_function is TfFunction.NEVER:
            return module
        compiler = Compiler(module, self._options)
        applied = compiler.compile([module.line_of(site.first) for site in migrated])
        for site in migrated:
            scope = module.scope_at(site.last)
            note = compiler.notes.get(id(scope.node))
            if note is not None:
                site.notes = (note,)
        if applied is None:
            return module
        follow(tracked, applied)
        return self._texts.edited(applied.text)

    def _round(
        self, module: Module, tracked: list[Tracked], frozen: dict[int, Refusal]
    ) -> Applied | None:
        """One round; None when nothing was edited."""
        by_offset = {
            site.offset: (index, site)
            for index, site in enumerate(tracked)
            if not site.migrated and not site.handed
        }
        if not by_offset and not self._fed:
            return None
        pending: list[tuple[int, Tracked, Found]] = []
        for item in find_sites(module):
            known = by_offset.get(module.end(item.call.func))
            if known is not None:
                pending.append((*known, item))
        own = len(pending)
        calls = calls_at(module, [s.offset for _, s in by_offset.values() if s.helper])
        pending += [(*by_offset[offset], item) for offset, item in calls.items()]
        context = Context.of(
            module,
            pending=frozenset(id(item.call) for _, _, item in pending),
            fed=frozenset(self._fed),
        )
        of_graphs: dict[int, Refusal] = {}
        still: dict[int, Refusal] = {}
        if b"eras" in module.text and (b"function" in module.text or b"session" in module.text):
            # Most modules hold no Keras graph: what deals with them is not even imported.
            from tape_migrate.shapes.keras_graph import keras_graphs  # noqa: PLC0415

            graphs = keras_graphs(
                context,
                [item.call for _, _, item in pending[:own]],
                {id(item.call) for index, _, item in pending[:own] if index in frozen},
                begun=bool(self._fed),
            )
            if graphs.plan is not None:
                applied, function = lift_keras(module, graphs.plan, pending, tracked)
                self._fed.add(function)
                return applied
            of_graphs, still = graphs.refusals, graphs.still
            if graphs.apart:
                gathered = gather_keras(
                    context,
                    pending[:own],
                    frozen,
                    tracked,
                    of_graphs,
                    assumed=self._options.assume_closed,
                )
                if gathered is not None:
                    return gathered
        if b"eras" in module.text and (
            module.project is not None or b"compile" in module.text or b"ayer" in module.text
        ):
            lifted = lift_layers(
                context,
                pending[:own],
                frozen,
                tracked,
                of_graphs,
                assumed=self._options.assume_closed,
                given=dict(self._plan.reads),
            )
            if lifted is not None:
                return lifted
        ready: list[tuple[Tracked, Candidate]] = []
        refused: set[int] = set()
        waiting: dict[int, tuple[Tracked, frozenset[int]]] = {}
        decisions: dict[int, Candidate] = {}
        dependents: list[tuple[Tracked, Request]] = []
        for index, site, item in pending:
            if index in frozen:
                refused.add(id(item.call))
                continue
            if site.waits_for_turn:
                continue
            symbolic = of_graphs.get(id(item.call))
            if item.scope.kind is ScopeKind.LAMBDA and symbolic and symbolic.code != "TM141":
                # But for a K.function in a lambda, which waits for statements to stand in.
                site.refusal = symbolic
                refused.add(id(item.call))
                continue
            lifted = self._lift(module, site, item)
            if lifted is not None:
                site.lifted = site.from_lambda = True
                follow(tracked, lifted)
                return lifted
            request = (
                read_request(context, item)
                if site.helper is None
                else handed_request(site.helper, item)
            )
            decision = request if isinstance(request, Refusal) else decide_request(context, request)
            if isinstance(decision, Candidate) and decision.shape is Shape.HESSIANS:
                decision = refuse_hessian(module, decision) or decision
            if isinstance(decision, Candidate):
                decision = refuse_depth(module, decision) or decision
                decision = still.get(id(item.call), decision)
            if isinstance(decision, Refusal):
                if site.keras is not None:
                    # What it says of generated code means nothing to its reader.
                    decision = of_graph(decision, item)
                if decision.code not in _OF_HAZARDS and id(item.call) in of_graphs:
                    decision = of_graphs[id(item.call)]
                site.refusal = decision
                if decision.code in _OFFERED and isinstance(request, Request):
                    site.offer = find_any_helper(context, request)
                if decision.code in _KEPT and isinstance(request, Request) and site.offer is None:
                    site.keep = may_keep(context, request)
                refused.add(id(item.call))
                continue
            site.refusal = None
            waits = context.waits_on(decision.request)
            if waits:
                waiting[id(item.call)] = (site, waits)
                decisions[id(item.call)] = decision
                dependents.append((site, decision.request))
            else:
                ready.append((site, decision))
        refuse_dependents(waiting, refused)
        for site, request in dependents:
            if site.refusal is DEPENDS:
                # A helper that takes the gradient of a gradient is one helper with both.
                site.offer = find_any_helper(context, request)
        ready = ready or first_of_circle(context, waiting, decisions)
        return write_ready(module, context, ready, tracked)

    def _lift(self, module: Module, site: Tracked, item: Found) -> Applied | None:
        if item.scope.kind is not ScopeKind.LAMBDA:
            return None
        assert isinstance(item.scope.node, ast.Lambda)
        draft = lift_lambda(module, item.scope.node)
        return draft.apply() if draft is not None else None
