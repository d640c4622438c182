"""Variables that a recurrent loop of TensorFlow's has its cell make.

In a graph, ``tf.nn.dynamic_rnn`` and its like set a caching device around the cell: each variable
that the cell makes in there is read once, when it is made, and every step takes that copy. A graph
goes back from the copy to the variable; a tape does not, for nobody has told it of the variable
when the copy was made, and gives None. Of other scopes with ``caching_device=`` speak
``special_variables`` and ``set_up_elsewhere``.

Such variables are named by lists of the framework (``tf.trainable_variables()``) alone. What stands
outside the cell (an embedding, the weights of a last layer) is not copied, nor is what a cell makes
that no such loop runs.
"""

from __future__ import annotations

import ast
import re
from typing import Final

from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.plan import Refusal
from tape_migrate.shapes.program import named_others_of

_LOOPS: Final = (
    *("dynamic_rnn", "static_rnn", "raw_rnn", "static_state_saving_rnn"),
    *("bidirectional_dynamic_rnn", "static_bidirectional_rnn"),
)
_WORD: Final = re.compile(rf"\b({'|'.join(_LOOPS)})\b".encode())


def refuse_cells(
    context: Context, dep: Dependence, nodes: frozenset[int], exprs: list[ast.expr]
) -> Refusal | None:
    """Refuse variables of the framework's lists where the target may be run by such a loop."""
    module = context.module
    calls = context.calls_of(dep, nodes, exprs)
    for call in calls if _WORD.search(module.text) else ():
        leaf = module.names.resolve(call.func).rpartition(".")[2]
        if leaf in _LOOPS:
            return _refusal(f"tf.nn.{leaf}")
    if all(context.summaries.is_closed(call) for call in calls):
        return None
    for other in (module, *named_others_of(module, _LOOPS)):
        found = _WORD.search(other.text)
        if found is not None:
            where = "" if other is module else f" in {other.path}"
            return _refusal(found[1].decode() + where)
    return None


def _refusal(what: str) -> Refusal:
    return Refusal(
        "TM106",
        f"{what} keeps copies of a cell's variables from when they are made, which a tape does not "
        "see",
    )
