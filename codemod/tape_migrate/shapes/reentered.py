"""Helpers that compute on their target first: the tape that they are handed goes on recording.

Before::

    def flat_gradient(loss, variables):
        loss = tf.reduce_mean(loss)
        return tf.concat([tf.reshape(g, [-1]) for g in tf.gradients(loss, variables)], 0)

After::

    def flat_gradient(tape, loss, variables):
        with tape:
            loss = tf.reduce_mean(loss)
        return tf.concat([tf.reshape(g, [-1]) for g in tape.gradient(loss, variables)], 0)

A tape that was left can be entered again: it keeps what it has recorded and goes on. So the tape of
the caller (``helper``) holds the way from the sources to the parameter, and the block in the helper
the way from there to the target. Every parameter that the target is computed from in here has to be
on that tape: the caller computes it inside, or it is something that no source went into. Nothing
else may come in from outside.

A gradient of a gradient (``g = tf.gradients(y, x)[0]``, then ``tf.gradients(g * v, x)``) is taken
in the same block: the tape of the caller is persistent then, and records its own gradient. So it is
where the first gradient is taken by another helper (``g = grad(y, x)``, then ``grad(g, x)``), and
where it has no name: it is given one.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tape_migrate.edits.call import rewrite_call
from tape_migrate.edits.draft import Draft
from tape_migrate.edits.grads_and_vars import rewrite_optimizer_call
from tape_migrate.edits.hand_tape import make_room
from tape_migrate.edits.names import fresh_name
from tape_migrate.edits.tape_block import Block, Tape, indented_by, write_block
from tape_migrate.flow.scope import ScopeKind
from tape_migrate.flow.symbols import DefKind, Symbol
from tape_migrate.model import Helper
from tape_migrate.module import Module
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.decide import decide_request
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.helper import find_helper, helper_around, is_method
from tape_migrate.shapes.local import name_arguments, name_inline_target
from tape_migrate.shapes.may_hold import may_hold_tensor
from tape_migrate.shapes.optimizers import METHODS
from tape_migrate.shapes.plan import (
    OUTSIDE,
    Candidate,
    Kind,
    Link,
    Refusal,
    Region,
    Request,
    Source,
    Track,
)
from tape_migrate.shapes.repeats import repeat_of
from tape_migrate.shapes.summaries import Summaries

_OF_SHAPES = frozenset({"get_shape", "set_shape", "as_list", "is_fully_defined"})
_OF_TAPES = frozenset({"gradient", "jacobian", "batch_jacobian"})


def find_any_helper(context: Context, request: Request) -> Helper | None:
    """The helper that the function around ``request`` is, whatever it does to its target."""
    return find_helper(context, request) or _find_reentered(context, request)


def _find_reentered(context: Context, request: Request) -> Helper | None:
    if request.attribute is not None:
        return None
    helper = helper_around(context, request, "")
    if helper is None:
        return None
    scope = request.found.scope
    entry = entry_sources(context, request)
    if isinstance(entry, Refusal):
        return None
    args = scope.args
    assert args is not None
    fixed = _with_computed_defaults(args)
    names: list[str] = []
    for source in entry:
        symbol = source.symbol
        if symbol.path or symbol.root in fixed or (symbol.root == "self" and is_method(scope)):
            return None
        if symbol.root not in (helper.sources or ()):
            names.append(symbol.root)
    if not names or isinstance(decide_in_helper(context, request, entry), Refusal):
        return None
    if len(names) == 1:
        return replace(helper, target=names[0], reenters=True)
    return replace(helper, others=tuple(names), reenters=True)


def _with_computed_defaults(args: ast.arguments) -> set[str]:
    """Parameters whose defaults may be tensors, and those that gather what is left."""
    positional = [*args.posonlyargs, *args.args]
    late = positional[len(positional) - len(args.defaults) :]
    pairs = [*zip(late, args.defaults, strict=True)]
    pairs += [(a, d) for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True) if d]
    found = {arg.arg for arg, default in pairs if not isinstance(default, ast.Constant)}
    return found | {arg.arg for arg in (args.vararg, args.kwarg) if arg is not None}


def entry_sources(context: Context, request: Request) -> tuple[Source, ...] | Refusal:
    """What the target is computed from, as it came in: parameters, and attributes of ``self``."""
    dep = context.dependence(request.found.scope)
    node_id = dep.facts.node_id(request.call)
    repeat = repeat_of(context.module, request)
    if isinstance(repeat, Refusal):
        return repeat
    exprs: list[ast.expr] = [*request.given, *repeat.target_reads]
    if repeat.target_over is not None:
        exprs = [repeat.target_over]
    start = dep.links_of(node_id, exprs)
    _, outside = dep.slice_back(start)
    found: dict[Symbol, Source] = {}
    for link in (*outside, *(link for link in start if link.definition.kind in OUTSIDE)):
        symbol = link.use.symbol
        if link.definition.kind is not DefKind.PARAMETER:
            if _is_callee(context.module, link):
                # `KEPT.get("h")` is no function, but what an object of the module gives.
                holder = Symbol(symbol.root)
                if symbol.path and may_hold_tensor(context, dep.scope, holder):
                    return Refusal("TM102", f"the target is computed from {holder}, from elsewhere")
                continue
            if may_hold_tensor(context, dep.scope, symbol):
                return Refusal("TM102", f"the target is computed from {symbol}, from elsewhere")
            continue
        if symbol.root in ("self", "cls") and not symbol.path:
            continue  # what its methods read is told by itself
        if symbol.path and _is_callee(context.module, link):
            method = symbol.path[-1].removeprefix(".")
            own = method in _OF_SHAPES and not context.summaries.methods_named(method)
            if own or (symbol.root in ("self", "cls") and len(symbol.path) == 1):
                continue
            if method in _OF_TAPES and _is_tape(Symbol(symbol.root, symbol.path[:-1])):
                continue
            # `held.values()` gives what is in there, whatever came to be where.
            symbol = Symbol(symbol.root, symbol.path[:-1])
        if _only_counts(context.module, link.use.node):
            continue
        track = Track(symbol, frozenset((link.definition,)))
        found[symbol] = Source(
            symbol, node_id, (track,), fresh=False, variable=False, kind=Kind.UNKNOWN
        )
    return tuple(found.values())


def _is_tape(symbol: Symbol) -> bool:
    """``tape``, ``self._tape2``: what migrated code calls a tape, which holds no value itself."""
    return (symbol.path[-1] if symbol.path else symbol.root).lstrip("._").startswith("tape")


def _is_callee(module: Module, link: Link) -> bool:
    parent = module.parent_of(link.use.node)
    return isinstance(parent, ast.Call) and parent.func is link.use.node


def _only_counts(module: Module, node: ast.AST) -> bool:
    """``y[:, i]``, ``range(n)``: whole numbers, through which no gradient goes."""
    child = node
    for parent in module.parents_in_statement(node):
        if isinstance(parent, ast.Subscript) and child is parent.slice:
            return True
        if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name):
            local = module.names.is_local(parent.func.id, module.scope_of(parent))
            if parent.func.id == "range" and not local:
                return True
        child = parent
    return False


def decide_in_helper(
    context: Context, request: Request, entry: tuple[Source, ...] | None = None
) -> Candidate | Refusal:
    """What of the function has to be recorded, if its tape has recorded what came in."""
    found = entry_sources(context, request) if entry is None else entry
    if isinstance(found, Refusal):
        return found
    decision = decide_request(context, replace(request, entry=found))
    if isinstance(decision, Refusal):
        return decision
    if decision.stop_recording:
        return Refusal("TM119", "what the helper stops is on a tape of its callers")
    unseen = _unseen_call(context, decision, found)
    if unseen is not None:
        return Refusal(
            "TM101",
            f"the target is computed by {ast.unparse(unseen.func)}, which may use tensors that no "
            "tape of a caller has seen",
        )
    candidate = replace(decision, watches=())
    if not candidate.inline_target and all(_gives_names(s) for s in candidate.region.stmts):
        # There is nothing to record.
        first = candidate.region.first
        return replace(candidate, region=Region(candidate.region.block, first, first - 1))
    return candidate


def _unseen_call(
    context: Context, candidate: Candidate, entry: tuple[Source, ...]
) -> ast.Call | None:
    """A call for the target, on the way or beside it, that may use more than what it is given.

    What a lambda on ``self`` or a function of the module holds on to came to be before the block,
    perhaps before the tape: it would have to be in sight, as what comes in is.
    """
    module, scope = context.module, candidate.request.found.scope
    dep = context.dependence(scope)
    given = {source.symbol.root for source in entry if not source.symbol.path}
    links = candidate.paths.links
    nodes = {link.definition.node_id for link in links if link.definition.kind not in OUTSIDE}
    nodes |= candidate.paths.required
    for call in context.calls_of(dep, sorted(nodes), candidate.request.given):
        function = context.summaries.callee(call)
        if function is not None:
            home = module.scopes.opened_by(function).parent
            inner = home is scope or (home is not None and home.kind is ScopeKind.MODULE)
            outer = context.summaries.outer_reads(function)
            if not inner or any(may_hold_tensor(context, scope, Symbol(name)) for name in outer):
                return call
        if context.summaries.is_closed(call) or _stands_alone_elsewhere(context, call):
            continue
        handed_in = isinstance(call.func, ast.Name) and call.func.id in given
        if not handed_in or module.scope_of(call) is not scope:
            return call
    return None


def _stands_alone_elsewhere(context: Context, call: ast.Call) -> bool:
    """Whether a function of another module of the project uses nothing but what it is given."""
    dotted = context.module.names.resolve(call.func)
    found = context.others.function(dotted) if dotted and context.others is not None else None
    if found is None:
        return False
    module, function = found
    return Summaries.of(module).stands_alone(function)


def _gives_names(stmt: ast.stmt) -> bool:
    """Whether a statement only gives other names to what has one."""
    match stmt:
        case ast.Assign(value=value):
            return _is_name(value)
        case ast.If(test=test, body=body, orelse=orelse):
            return _is_name(test) and all(map(_gives_names, (*body, *orelse)))
    return False


def _is_name(expr: ast.expr) -> bool:
    match expr:
        case ast.Name() | ast.Constant():
            return True
        case ast.Attribute(value=inner):
            return _is_name(inner)
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return all(map(_is_name, items))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return all(map(_is_name, (test, body, orelse)))
    return False


@dataclass(frozen=True)
class Recorded:
    """Gradient calls of one helper that share a block in which its tape goes on recording."""

    region: Region
    members: tuple[Candidate, ...]
    """In the order of the source."""
    inside: frozenset[int]
    """Those (by index) that stand in the block themselves."""


def share_blocks(dep: Dependence, parts: Sequence[Candidate]) -> list[Recorded] | None:
    """Which parts share a block; None where their blocks cross each other."""
    module = dep.module
    recorded: list[Recorded] = []
    for part in sorted(parts, key=lambda p: module.start(p.request.call)):
        joined = [r for r in recorded if _touch(module, r, part)]
        if not joined:
            recorded.append(Recorded(part.region, (part,), frozenset()))
            continue
        members = (*(m for r in joined for m in r.members), part)
        region = _union(module, [r.region for r in joined] + [part.region])
        if region is None:
            return None
        recorded = [r for r in recorded if r not in joined]
        inside = frozenset(
            i for i, m in enumerate(members) if _stands_in(module, m.request.call, region)
        )
        outside = [m for i, m in enumerate(members) if i not in inside and m.inline_target]
        if len(outside) > 1 or (outside and outside[0] is not members[-1]):
            return None
        recorded.append(Recorded(region, members, inside))
    return recorded


def _lines(module: Module, region: Region) -> tuple[int, int]:
    return module.first_line(region.stmts[0]), module.last_line(region.stmts[-1])


def _stands_in(module: Module, call: ast.Call, region: Region) -> bool:
    if not region.stmts:
        return False
    first, last = _lines(module, region)
    return first <= call.lineno <= last


def _touch(module: Module, one: Recorded, part: Candidate) -> bool:
    if not part.region.stmts:
        return any(_stands_in(module, part.request.call, r) for r in (one.region,))
    if any(_stands_in(module, m.request.call, part.region) for m in one.members):
        return True
    if not one.region.stmts:
        return False
    (a, b), (c, d) = _lines(module, one.region), _lines(module, part.region)
    return a <= d and c <= b


def _union(module: Module, regions: list[Region]) -> Region | None:
    """The smallest region that holds all, if they are in one block or inside one another."""
    regions = [region for region in regions if region.stmts]
    spans = [_lines(module, region) for region in regions]
    for region, (first, last) in zip(regions, spans, strict=True):
        if all(first <= a and b <= last for a, b in spans):
            return region
    if any(region.block is not regions[0].block for region in regions):
        return None
    return Region(
        regions[0].block,
        min(region.first for region in regions),
        max(region.last for region in regions),
    )


def write_recorded(
    module: Module, draft: Draft, recorded: Recorded, *, tape: str, tf: str, names: set[str]
) -> None:
    """Let ``tape`` go on recording around the block, and take the gradients of its members.

    ``names`` are taken in the function.
    """
    last = recorded.members[-1]
    hoisted = last.inline_target and not last.inside
    hoisted = hoisted and len(recorded.members) - 1 not in recorded.inside
    lines: tuple[str, ...] = ()
    name = None
    if hoisted and last.request.handed:
        lines = name_arguments(module, draft, last, names)
    elif hoisted:
        name = fresh_name("target", names)
        lines = (name_inline_target(module, draft, last, name, names),)
    block = Block(
        region=recorded.region,
        tapes=(Tape(tape, (), opened=True),),
        tf=tf,
        before=module.statement_of(last.request.call),
        last_lines=lines,
    )
    if recorded.region.stmts or lines:
        write_block(module, draft, block)
    for member in recorded.members:
        target = name if member is last else None
        if member.request.handed:
            make_room(module, draft, member.request.call, tape)
        elif member.request.found.site.api in METHODS:
            rewrite_optimizer_call(
                module,
                draft,
                member,
                tape=tape,
                tf=tf,
                target_name=target,
                names=names,
                by=indented_by(module, block, module.statement_of(member.request.call)),
            )
        else:
            rewrite_call(module, draft, member, tape=tape, tf=tf, target_name=target)
