"""A loss function of ``compile`` that differentiates what the model gave.

::

    def gradient_penalty_loss(y_true, y_pred, averaged_samples):
        gradients = K.gradients(y_pred, averaged_samples)[0]
        return K.mean(K.square(1 - K.sqrt(K.sum(K.square(gradients), axis=1))))

If the model gave the gradient, the loss could read it where it reads ``y_pred`` now. That is the
same as long as it reads nothing of what Keras gives it but in the gradient call.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.edits.call import subscript_of_first
from tape_migrate.flow.scope import Scope
from tape_migrate.module import Module
from tape_migrate.shapes.compiled_models import is_imported
from tape_migrate.shapes.gradient_use import LooseAxes, arange_axes, refuse_gradient_use
from tape_migrate.shapes.helper import is_method

_FIRST_PARAMETERS = 2


@dataclass(frozen=True)
class LossFunction:
    """The function, and the only gradient call that it has."""

    module: Module
    node: ast.FunctionDef
    site: ast.Call
    y_true: str
    y_pred: str
    source: str
    """What ``y_pred`` is differentiated by, as it is called in the function."""

    @property
    def scope(self) -> Scope:
        return self.module.scope_of(self.site)

    @property
    def taken(self) -> ast.Subscript | None:
        """``site[0]``, in whose place the loss could read ``y_pred``."""
        return subscript_of_first(self.module, self.site)

    def aranges(self) -> tuple[ast.Call, ...]:
        """Axes that numpy gives, as integers that TensorFlow has no gradient for on numpy 2."""
        assert self.taken is not None
        return tuple(arange_axes(LooseAxes(self.module, self.taken)))


def loss_function(module: Module, site: ast.Call) -> LossFunction | None:
    """The loss function around ``site``, where both have the form."""
    function = module.scope_of(site).node
    if not isinstance(function, ast.FunctionDef) or len(site.args) != _FIRST_PARAMETERS:
        return None
    names = [arg.arg for arg in (*function.args.posonlyargs, *function.args.args)]
    if is_method(module.scope_of(site)):
        names = names[1:]
    target, source = site.args
    if isinstance(source, ast.List) and len(source.elts) == 1:
        source = source.elts[0]
    if len(names) < _FIRST_PARAMETERS or not isinstance(source, ast.Name):
        return None
    if not isinstance(target, ast.Name) or target.id != names[1] or site.keywords:
        return None
    return LossFunction(module, function, site, names[0], names[1], source.id)


def refuse_loss(loss: LossFunction, scalars: frozenset[str]) -> str | None:
    """Why the loss would not be the same if it read the gradient in place of ``y_pred``.

    ``scalars`` are those of its parameters that are given numbers.
    """
    taken = loss.taken
    if taken is None:
        return "it is not taken by [0] at once"
    use = _refuse_reads(loss)
    if use is not None:
        return use
    if not is_imported(loss.module, loss.site.func):
        return f"{ast.unparse(loss.site.func)} is not imported at the top of the module"
    return refuse_gradient_use(LooseAxes(loss.module, taken, scalars))


def _refuse_reads(loss: LossFunction) -> str | None:
    """The loss may read what Keras gives it, and the source, in the gradient call only."""
    module, names = loss.module, (loss.y_true, loss.y_pred, loss.source)
    inside = {id(node) for node in ast.walk(loss.site)}
    for node in module.inside(loss.node):
        if isinstance(node, ast.Name) and node.id in names and id(node) not in inside:
            if isinstance(node.ctx, ast.Load) or module.scope_of(node) is loss.scope:
                return f"the loss uses {node.id} in line {node.lineno}, too"
    return None
