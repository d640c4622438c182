"""Members of collections that a tape would watch before they are there.

::

    parts = [z]
    parts.append(tf.sin(x))
    w = parts[-1]
    g = tf.gradients(w * w * z, w)

A tape that is opened before ``append`` watches ``z`` as ``parts[-1]``: nothing would be found on
the way from ``w``, and the gradient be None.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Final

from tape_migrate.flow.symbols import Symbol, is_prefix, symbol_of
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.plan import Refusal, Source, Watch

_READING: Final = frozenset(
    {"len", "sum", "list", "tuple", "dict", "set", "zip", "enumerate", "range", "isinstance"}
    | {"print", "min", "max", "sorted", "reversed", "any", "all", "str", "repr", "type", "id"}
)
_READING_METHODS: Final = frozenset({"get", "items", "keys", "values", "index", "count", "copy"})


def refuse_put_there_later(
    context: Context,
    dep: Dependence,
    sources: Iterable[Source],
    watches: Iterable[Watch],
    inside: frozenset[int],
    call_node: int,
) -> Refusal | None:
    """A watch at the top of a tape, of a member that a call ``inside`` the tape puts there."""
    members = [symbol for watch in watches if watch.after is None for symbol in _members(watch)]
    if not members:
        return None
    read_at = {n for source in sources for n in (source.track.own_nodes or {call_node})}
    for node_id in sorted(inside):
        if not any(node_id != n and dep.reaches(node_id, n) for n in read_at):
            continue
        part = dep.cfg.nodes[node_id].node
        for call in calls_in(part) if part is not None else ():
            for member in members:
                if _may_change(context, dep, call, member):
                    return Refusal(
                        "TM104",
                        f"the call in line {call.lineno} may put something else into "
                        f"{Symbol(member.root)}, which the gradient is taken with respect to",
                    )
    return None


def _members(watch: Watch) -> list[Symbol]:
    symbol = symbol_of(ast.parse(watch.symbol, mode="eval").body)
    return [symbol] if symbol and any(part.startswith("[") for part in symbol.path) else []


def _may_change(context: Context, dep: Dependence, call: ast.Call, member: Symbol) -> bool:
    """Whether ``call`` is a method of what holds ``member``, or is given it."""
    func = call.func
    resolved = dep.module.names.resolve(func)
    if isinstance(func, ast.Attribute) and not resolved:
        holder = symbol_of(func.value)
        if holder is not None and is_prefix(holder, member) and holder != member:
            return func.attr not in _READING_METHODS
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    given += [value.value for value in given if isinstance(value, ast.Starred)]
    handed = [symbol for value in given if (symbol := symbol_of(value)) is not None]
    if not any(is_prefix(symbol, member) and symbol != member for symbol in handed):
        return False
    if resolved.partition(".")[0] in KNOWN_MODULES or context.summaries.keeps_nothing(call):
        return False
    return not (isinstance(func, ast.Name) and func.id in _READING)
