"""Tapes that objects keep: which gradient calls are taken on them, and the edits.

Whether a method that runs first can open the tape is decided as if it took the gradients itself at
its end: they are written there for the time being (``shapes/kept_tape``).
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from tape_migrate.edits.draft import Applied, Draft
from tape_migrate.edits.names import tensorflow_name, used_names
from tape_migrate.edits.tape_block import Block, Tape, write_block
from tape_migrate.edits.watch_in_maker import hand_to_makers, take_tapes
from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import symbol_of
from tape_migrate.model import Shape
from tape_migrate.module import Module
from tape_migrate.shapes.arguments import elements
from tape_migrate.shapes.called_setup import hide_calls, setup_call, show_calls
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.decide import decide_request, read_request
from tape_migrate.shapes.hazards import through_branches
from tape_migrate.shapes.helper import is_method
from tape_migrate.shapes.kept_tape import Kept, find_kept
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.modes import graph_mode
from tape_migrate.shapes.plan import Candidate, Refusal, Request, in_order
from tape_migrate.shapes.reentered import share_blocks, write_recorded
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import V1_CONTROL_FLOW
from tape_migrate.shapes.variables import makes_variables
from tape_migrate.sites import Found, find_sites
from tape_migrate.tracking import Tracked, follow


@dataclass(frozen=True)
class _Asked:
    """Gradients written at the end of a first method, to be decided there."""

    setup: int
    """Offset of the method's ``def``."""
    targets: tuple[str, ...]
    sources: tuple[str, ...]
    nested: bool
    """Whether what is computed from these gradients is differentiated again."""


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
        fine = self._decide(module, list(asked.values()))
        kept = [item for item in kept if isinstance(fine[asked[id(item[2])]], Candidate)]
        joint = self._join(module, [(asked[id(keep)], keep) for _, _, keep in kept])
        if not joint:
            return None
        marked, lines = _with_markers(module, list(joint))
        applied = marked.apply()
        follow(list(tracked), applied)
        module = self._parse(applied.text)
        decided = self._decide_in(module, joint, lines)
        members = {id(tracked[i]) for i, _, keep in kept if _serves(joint, asked[id(keep)])}
        written = self._write(module, tracked, members, dict(zip(joint, decided, strict=True)))
        follow(list(tracked), written)
        return written

    def _kept(self, module: Module, tracked: Sequence[Tracked]) -> list[tuple[int, Found, Kept]]:
        places = {module.end(item.call.func): item for item in find_sites(module)}
        context = Context(module, pending=frozenset(id(i.call) for i in places.values()))
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

    def _ask(self, module: Module, keep: Kept) -> _Asked:
        return _Asked(module.start(keep.setup), keep.targets, keep.sources, keep.nested)

    def _decide(self, module: Module, asked: Sequence[_Asked]) -> dict[_Asked, Candidate | Refusal]:
        unique = list(dict.fromkeys(asked))
        draft, lines = _with_markers(module, unique)
        trial = self._parse(draft.apply().text)
        return dict(zip(unique, self._decide_in(trial, unique, lines), strict=True))

    def _decide_in(
        self, module: Module, asked: Sequence[_Asked], lines: Sequence[int]
    ) -> list[Candidate | Refusal]:
        """What becomes of the gradients on ``lines`` of a text with markers."""
        items = {item.call.lineno: item for item in find_sites(module)}
        context = Context(module, pending=frozenset(id(i.call) for i in items.values()))
        found: list[Candidate | Refusal] = []
        for each, line in zip(asked, lines, strict=True):
            item = items.get(line)
            request = read_request(context, item) if item is not None else None
            if not isinstance(request, Request):
                found.append(request or Refusal("TM102", "no tape can be opened there"))
            elif context.waits_on(request):
                found.append(Refusal("TM126", "the target comes from another gradient"))
            else:
                request = replace(request, skipped=True)  # by another method, or never
                decision = _refuse_sources(module, request) or decide_request(context, request)
                found.append(_refuse_zeros(context, decision, nested=each.nested) or decision)
        return found

    def _join(self, module: Module, kept: Sequence[tuple[_Asked, Kept]]) -> list[_Asked]:
        """For each first method the most that one tape of its object can serve."""
        found: list[_Asked] = []
        for setup in dict.fromkeys(asked.setup for asked, _ in kept):
            parts = list(dict.fromkeys(asked for asked, _ in kept if asked.setup == setup))
            whole = _union(parts)
            if not isinstance(self._decide(module, [whole])[whole], Candidate):
                whole = parts[0]
                for part in parts[1:]:
                    wider = _union([whole, part])
                    if isinstance(self._decide(module, [wider])[wider], Candidate):
                        whole = wider
            found.append(whole)
        return found

    def _write(
        self,
        module: Module,
        tracked: Sequence[Tracked],
        members: set[int],
        tapes: dict[_Asked, Candidate | Refusal],
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
            owner = summaries.class_of(request.found.scope)
            assert owner is not None
            family = id(summaries.family(owner))
            name = next(names.setdefault(family, _fresh_attributes(module)))
            tape = Tape(name, decision.watches, persistent=True)
            write_block(
                module,
                draft,
                Block(region=decision.region, tapes=(tape,), tf=tf or "tf", before=stmt),
            )
            hand_to_makers(module, draft, [decision], name)
            draft.delete(module.line_start(stmt.lineno), module.line_end(stmt.lineno))
            given[request.found.scope.qualname] = name, decision
        places = {module.end(item.call.func): item for item in find_sites(module)}
        context = Context(module, pending=frozenset(id(i.call) for i in places.values()))
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


def _refuse_zeros(
    context: Context, decision: Candidate | Refusal, *, nested: bool
) -> Refusal | None:
    """Whether zeros or None are wanted is not known where the gradient is taken."""
    if isinstance(decision, Refusal):
        return None
    dep = context.dependence(decision.request.found.scope)
    nodes = decision.paths.required
    graphs = through_branches(dep, nodes, ()) or through_branches(dep, nodes, (), V1_CONTROL_FLOW)
    if decision.zero_unconnected or (nested and graphs):
        return Refusal(
            "TM103",
            "the target goes through tf.cond or a tensor loop in another method: zeros or None",
        )
    return None


def _refuse_sources(module: Module, request: Request) -> Refusal | None:
    """A tape of a first method raises for what is no tensor: then no other method could run."""
    for expr in elements(request.source):
        for value in _given(module, expr):
            if isinstance(value, (ast.List, ast.Tuple)):
                members = [(member, *_given(module, member)) for member in value.elts]
            else:
                members = [(value,)]
            for given in (part for member in members for part in member):
                if _is_number(module, given):
                    return Refusal("TM120", f"{ast.unparse(expr)} may be no tensor")
                if graph_mode(module) and makes_variables(module, given):
                    return Refusal("TM121", f"{ast.unparse(expr)} may be a reference variable")
    return None


def _given(module: Module, expr: ast.expr) -> list[ast.expr]:
    """What the statements of its function give a name."""
    symbol = symbol_of(expr)
    reached = module.facts(module.scope_of(expr)).reaching_at(expr, symbol) if symbol else ()
    values = [value_given_by(d.stmt, d.symbol) for d in in_order(reached) if d.stmt is not None]
    return [value for value in values if value is not None]


def _is_number(module: Module, value: ast.expr) -> bool:
    match value:
        case ast.Constant() | ast.JoinedStr() | ast.Dict():
            return True
        case ast.UnaryOp(operand=operand):
            return _is_number(module, operand)
        case ast.Call(func=func):
            return module.names.resolve(func).startswith("numpy.")
    return False


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
        write_recorded(module, draft, block, tape=tape, tf=tf or "tf", names=names)
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


def _serves(joint: Sequence[_Asked], asked: _Asked) -> bool:
    return any(
        whole.setup == asked.setup
        and set(asked.targets) <= set(whole.targets)
        and set(asked.sources) <= set(whole.sources)
        for whole in joint
    )


def _union(parts: Sequence[_Asked]) -> _Asked:
    return _Asked(
        parts[0].setup,
        tuple(dict.fromkeys(t for part in parts for t in part.targets)),
        tuple(dict.fromkeys(s for part in parts for s in part.sources)),
        any(part.nested for part in parts),
    )


def _with_markers(module: Module, asked: Sequence[_Asked]) -> tuple[Draft, list[int]]:
    """A draft with ``asked`` written as calls, and the lines where these will stand."""
    functions = {
        module.start(node): node for node in module.nodes if isinstance(node, ast.FunctionDef)
    }
    draft = Draft(module.text)
    places: list[tuple[int, int]] = []
    for position, item in enumerate(asked):
        body = functions[item.setup].body
        line = module.last_line(body[-1])
        scope = module.scopes.opened_by(functions[item.setup])
        call = next(n for n in module.nodes if isinstance(n, ast.Call))
        tf = tensorflow_name(module, scope, call, line) or "tf"
        # One source may be a list of tensors: it is given as it is.
        sources = item.sources[0] if len(item.sources) == 1 else f"[{', '.join(item.sources)}]"
        text = f"{tf}.gradients([{', '.join(item.targets)}], {sources})"
        offset = module.line_end(line)
        newline = module.newline
        written = module.indent_of(body[0]) + text.encode()
        if offset == len(module.text) and not module.text.endswith((b"\n", b"\r")):
            draft.insert(offset, newline + written)
        else:
            draft.insert(offset, written + newline)
        places.append((line, position))
    lines = [0] * len(asked)
    for before, (line, position) in enumerate(sorted(places)):
        lines[position] = line + before + 1
    return draft, lines


def _fresh_attributes(module: Module) -> Iterator[str]:
    """Attributes of ``self`` that no object of the module has."""
    used = {node.attr for node in module.nodes if isinstance(node, ast.Attribute)}
    for count in itertools.count(1):
        name = f"_tape{count}" if count > 1 else "_tape"
        if name not in used:
            yield f"self.{name}"
