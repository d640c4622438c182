"""Whether one tape serves several gradients: they are written down for a moment, and decided.

A method that runs first can open a tape if it could take the gradients itself, at its end.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tape_migrate.edits.draft import Applied, Draft
from tape_migrate.edits.names import tensorflow_name
from tape_migrate.flow.symbols import symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.arguments import elements
from tape_migrate.shapes.branches import through_branches
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.decide import decide_request, read_request
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.modes import graph_mode
from tape_migrate.shapes.plan import Candidate, Refusal, Request, in_order
from tape_migrate.shapes.tensorflow_facts import V1_CONTROL_FLOW
from tape_migrate.shapes.variable_makers import makes_variables
from tape_migrate.sites import find_sites


@dataclass(frozen=True)
class Asked:
    """Gradients written at the end of a first method, to be decided there."""

    setup: int
    """Offset of the method's ``def``."""
    targets: tuple[str, ...]
    sources: tuple[str, ...]
    nested: bool
    """Whether what is computed from these gradients is differentiated again."""
    run: int = -1
    """Offset of the statement that takes them already, before which they are written then."""


@dataclass(frozen=True)
class Trial:
    """A text with the gradients written where they are asked for, and what becomes of each."""

    applied: Applied
    module: Module
    decided: Mapping[Asked, Candidate | Refusal]


class Trials:
    """What becomes of gradients that are written into a module for the time being."""

    def __init__(self, module: Module, parse: Callable[[bytes], Module]) -> None:
        self._module = module
        self._parse = parse
        self._known: dict[tuple[Asked, ...], Trial] = {}

    def decide(self, asked: Iterable[Asked]) -> Trial:
        """Decide these gradients side by side, each at the end of its first method."""
        unique = tuple(dict.fromkeys(asked))
        known = self._known.get(unique)
        if known is None:
            known = self._known[unique] = self._decide(unique)
        return known

    def _decide(self, asked: Sequence[Asked]) -> Trial:
        draft, lines = _with_markers(self._module, asked)
        applied = draft.apply()
        module = self._parse(applied.text)
        items = {item.call.lineno: item for item in find_sites(module)}
        context = Context.of(module, pending=frozenset(id(i.call) for i in items.values()))
        found: dict[Asked, Candidate | Refusal] = {}
        for each, line in zip(asked, lines, strict=True):
            item = items.get(line)
            request = read_request(context, item) if item is not None else None
            if not isinstance(request, Request):
                found[each] = request or Refusal("TM102", "no tape can be opened there")
            elif context.waits_on(request):
                found[each] = Refusal("TM126", "the target comes from another gradient")
            else:
                request = replace(request, skipped=True)  # by another method, or never
                decision = _refuse_sources(module, request) or decide_request(context, request)
                found[each] = _refuse_zeros(context, decision, nested=each.nested) or decision
        return Trial(applied, module, found)


def join(trials: Trials, asked: Sequence[Asked]) -> list[Asked]:
    """For each first method the most that one tape of its object can serve."""
    parts: dict[int, list[Asked]] = {}
    for each in dict.fromkeys(asked):
        parts.setdefault(each.setup, []).append(each)
    wholes = {setup: _union(several) for setup, several in parts.items()}
    together = trials.decide(wholes.values()).decided if wholes else {}
    found: list[Asked] = []
    for setup, whole in wholes.items():
        if isinstance(together[whole], Candidate):
            found.append(whole)
            continue
        first, *others = parts[setup]
        for part in others:
            wider = _union([first, part])
            if isinstance(trials.decide([wider]).decided[wider], Candidate):
                first = wider
        found.append(first)
    return found


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


def _union(parts: Sequence[Asked]) -> Asked:
    return Asked(
        parts[0].setup,
        tuple(dict.fromkeys(t for part in parts for t in part.targets)),
        tuple(dict.fromkeys(s for part in parts for s in part.sources)),
        any(part.nested for part in parts),
        min((part.run for part in parts if part.run >= 0), default=-1),
    )


def _with_markers(module: Module, asked: Sequence[Asked]) -> tuple[Draft, list[int]]:
    """A draft with ``asked`` written as calls, and the lines where these will stand."""
    functions = {
        module.start(node): node for node in module.nodes if isinstance(node, ast.FunctionDef)
    }
    draft = Draft(module.text)
    places: list[tuple[int, int]] = []
    for position, item in enumerate(asked):
        body = functions[item.setup].body
        runs = [stmt for stmt in body if module.start(stmt) == item.run]
        line = runs[0].lineno - 1 if runs else module.last_line(body[-1])
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
