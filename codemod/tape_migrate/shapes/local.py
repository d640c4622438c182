"""The central rule, written out: one tape around the forward pass, the gradient after it.

Before::

    y = tf.reduce_sum(x * x)
    g = tf.gradients(y, x)[0]

After::

    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(x * x)
    g = tape.gradient(y, x)

Exact, when ``decide`` gave a candidate: the same tensor object ``x`` is watched before its first
use on the way to ``y``, every statement on the way is inside, and ``tf.gradients`` and the tape
build the same backward operations from the same gradient functions. ``nested`` (a target that is
itself a gradient), ``loop_body`` and ``in_tf_function`` are written in the same way; what makes
them their own shapes is where the call stands, which ``decide`` has looked at.
"""

from __future__ import annotations

import ast

from tape_migrate.edits.call import rewrite_call, single_tensor, taken_first
from tape_migrate.edits.draft import Draft
from tape_migrate.edits.grads_and_vars import rewrite_optimizer_call
from tape_migrate.edits.hand_tape import hand_in
from tape_migrate.edits.names import (
    add_import,
    fresh_name,
    outermost_function,
    tensorflow_name,
    used_names,
)
from tape_migrate.edits.scan import breaks_line
from tape_migrate.edits.tape_block import Block, Tape, indented_by, write_block
from tape_migrate.edits.watch_in_maker import hand_to_makers
from tape_migrate.model import Api, Shape
from tape_migrate.module import Module
from tape_migrate.shapes.groups import Group
from tape_migrate.shapes.hessians import write_hessian
from tape_migrate.shapes.optimizers import METHODS
from tape_migrate.shapes.plan import Candidate, Watch
from tape_migrate.shapes.tensorflow_facts import tensorflow_function


def write_group(module: Module, draft: Draft, group: Group, used: dict[int, set[str]]) -> None:
    """Edit ``draft`` so that the calls of ``group`` are taken by one tape.

    ``used`` remembers names taken in this draft, by outermost function.
    """
    first = group.first
    scope = first.request.found.scope
    around = id(outermost_function(scope))
    names = used.get(around) or used_names(module, scope)
    used[around] = names
    region = first.region
    stmt = module.statement_of(first.request.call)
    line = module.first_line(region.stmts[0] if region.stmts else stmt)
    tf = tensorflow_name(module, scope, first.request.call, line)
    if tf is None:
        tf = add_import(module, draft)
    target_line = target_name = None
    if first.hoisted and not _stays_inline(first):
        _hand_in_named(module, draft, group, names, tf)
        return
    if first.inline_target and not _stays_inline(first):
        target_name = fresh_name("target", names)
        target_line = name_inline_target(module, draft, first, target_name, names)
    if first.shape is Shape.HESSIANS:
        _write_hessian(module, draft, first, names, tf, target_line, target_name)
    else:
        _write_gradients(module, draft, group, names, tf, target_line, target_name)


def _stays_inline(candidate: Candidate) -> bool:
    """An inline target in a comprehension is evaluated inside the tape, where it stands."""
    return candidate.inside


def name_inline_target(
    module: Module, draft: Draft, candidate: Candidate, name: str, names: set[str]
) -> str:
    """The line that gives ``name`` to a target which is an expression (or to each of a list)."""
    if candidate.mapped is not None:
        return _list_targets(module, draft, candidate, fresh_name("targets", names), name)
    return f"{name} = {_one_expression(module, candidate.request.target)}"


def _list_targets(
    module: Module, draft: Draft, candidate: Candidate, targets: str, target: str
) -> str:
    """Make the comprehension run over a list of targets; returns the line that builds the list."""
    assert candidate.mapped is not None
    generator = candidate.mapped.generators[0]
    start, end = module.start(generator.target), module.end(generator.iter)
    what = module.segment(candidate.request.target).decode()
    over = module.text[start:end].decode()
    draft.replace(start, end, f"{target} in {targets}".encode())
    if (
        isinstance(generator.target, ast.Name)
        and what == generator.target.id
        and _gives_list(module, generator.iter)
    ):
        return f"{targets} = {_one_expression(module, generator.iter)}"
    return f"{targets} = [{what} for {over}]"


def _gives_list(module: Module, iterable: ast.expr) -> bool:
    called = module.names.resolve(iterable.func) if isinstance(iterable, ast.Call) else ""
    return tensorflow_function(called) in ("unstack", "split")


def _one_expression(module: Module, expr: ast.expr) -> str:
    """The text of ``expr``, in parentheses where it would not be one expression without."""
    text = module.segment(expr).decode()
    return f"({text})" if breaks_line(module.segment(expr)) else text


def _write_hessian(
    module: Module,
    draft: Draft,
    candidate: Candidate,
    names: set[str],
    tf: str,
    target_line: str | None,
    target_name: str | None,
) -> None:
    inner = fresh_name("tape", names)
    outer = fresh_name("tape", names)
    gradient = fresh_name("gradient", names)
    target = target_name or module.segment(candidate.request.target).decode()
    write_hessian(
        module,
        draft,
        candidate,
        names=(outer, inner, gradient, "x" if "x" not in names else fresh_name("source", names)),
        tf=tf,
        target_line=target_line,
        target=target,
    )


def _write_gradients(
    module: Module,
    draft: Draft,
    group: Group,
    names: set[str],
    tf: str,
    target_line: str | None,
    target_name: str | None,
) -> None:
    first = group.first
    tape = fresh_name("tape", names)
    fused = _fusable(module, group)
    persistent = group.persistent and not (fused and not first.repeated)
    block = Block(
        region=first.region,
        tapes=(Tape(tape, _all_watches(group), persistent=persistent),),
        tf=tf,
        before=module.statement_of(first.request.call),
        last_lines=(target_line,) if target_line is not None else (),
        stop_recording=first.stop_recording,
    )
    write_block(module, draft, block)
    hand_to_makers(module, draft, group.members, tape)
    if fused:
        _write_fused(module, draft, group, tape)
        return
    for member in group.members:
        if member.request.handed:
            hand_in(module, draft, member.request.call, tape)
        elif member.request.found.site.api in METHODS:
            rewrite_optimizer_call(
                module,
                draft,
                member,
                tape=tape,
                tf=tf,
                target_name=target_name,
                names=names,
                by=indented_by(module, block, module.statement_of(member.request.call)),
            )
        else:
            rewrite_call(module, draft, member, tape=tape, tf=tf, target_name=target_name)


def name_arguments(
    module: Module, draft: Draft, candidate: Candidate, names: set[str]
) -> tuple[str, ...]:
    """The lines that give names to arguments of a helper which are computed at the call."""
    lines: list[str] = []
    for expr in candidate.hoisted:
        name = fresh_name("target", names)
        if candidate.mapped is not None and expr is candidate.request.target:
            listed = fresh_name("targets", names)
            lines.append(_list_targets(module, draft, candidate, listed, name))
        else:
            lines.append(f"{name} = {_one_expression(module, expr)}")
        draft.replace(module.start(expr), module.end(expr), name.encode())
    return tuple(lines)


def _hand_in_named(module: Module, draft: Draft, group: Group, names: set[str], tf: str) -> None:
    """A call of a helper whose arguments are computed at the call: they get names, and a tape."""
    (candidate,) = group.members
    tape = fresh_name("tape", names)
    lines = name_arguments(module, draft, candidate, names)
    write_block(
        module,
        draft,
        Block(
            region=candidate.region,
            tapes=(Tape(tape, _all_watches(group), persistent=group.persistent),),
            tf=tf,
            before=module.statement_of(candidate.request.call),
            last_lines=lines,
            stop_recording=candidate.stop_recording,
        ),
    )
    hand_to_makers(module, draft, group.members, tape)
    hand_in(module, draft, candidate.request.call, tape)


def _all_watches(group: Group) -> tuple[Watch, ...]:
    return tuple(
        dict.fromkeys(w for member in group.members for w in (*member.watches, *member.frozen))
    )


def _fusable(module: Module, group: Group) -> bool:
    """Whether the members are adjacent ``a = tf.gradients(y, x)[0]`` lines on one target."""
    if len(group.members) < 2 or group.first.inside or group.first.repeated:
        return False
    target = ast.dump(group.first.request.target)
    assigned: list[str] = []
    previous: ast.stmt | None = None
    for member in group.members:
        request = member.request
        stmt = module.statement_of(request.call)
        first = taken_first(module, request)
        single = single_tensor(module, member)
        if (
            request.found.site.api is Api.OPTIMIZER_COMPUTE_GRADIENTS  # its first member is a pair
            or not isinstance(stmt, ast.Assign)
            or len(stmt.targets) != 1
            or not isinstance(stmt.targets[0], ast.Name)
            or stmt.value is not first
            or single is None
            or ast.dump(request.target) != target
            or request.output_gradients is not None
            or request.unconnected is not None
            or member.zero_unconnected
            or request.stop_gradients is not None
            or module.first_line(stmt) != module.last_line(stmt)
            or b"#" in module.line_text(module.first_line(stmt))
        ):
            return False
        if previous is not None and module.first_line(stmt) != module.last_line(previous) + 1:
            return False
        used = {n.id for n in ast.walk(stmt.value) if isinstance(n, ast.Name)}
        if used & set(assigned) or stmt.targets[0].id in assigned:
            return False
        assigned.append(stmt.targets[0].id)
        previous = stmt
    return True


def _write_fused(module: Module, draft: Draft, group: Group, tape: str) -> None:
    left: list[str] = []
    sources: list[str] = []
    for member in group.members:
        stmt = module.statement_of(member.request.call)
        assert isinstance(stmt, ast.Assign)
        single = single_tensor(module, member)
        assert single is not None
        left.append(module.segment(stmt.targets[0]).decode())
        sources.append(module.segment(single).decode())
    target = module.segment(group.first.request.target).decode()
    statements = [module.statement_of(m.request.call) for m in group.members]
    text = f"{', '.join(left)} = {tape}.gradient({target}, [{', '.join(sources)}])"
    draft.replace(module.start(statements[0]), module.end(statements[-1]), text.encode())
