"""Gradients that an optimizer's method takes: ``compute_gradients`` and ``get_gradients``.

Before::

    loss = model_loss(x)
    grads_and_vars = optimizer.compute_gradients(loss, var_list)

After::

    with tf.GradientTape() as tape:
        loss = model_loss(x)
    grads_and_vars = list(zip(tape.gradient(loss, var_list), var_list))

``compute_gradients`` of TensorFlow 1's own optimizers is ``tf.gradients`` and a ``zip``, with all
trainable variables where none are given. An optimizer of another class may do more (clip, scale,
add noise, exchange gradients with other machines), so it has to be seen that the optimizer is made
by one of those classes. A Keras optimizer's ``get_gradients`` is ``K.gradients``, unless it was
told to clip.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.model import Api
from tape_migrate.module import Module
from tape_migrate.shapes.attributes_elsewhere import assigned_elsewhere
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.calls_elsewhere import calls_elsewhere
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.inheritance import may_take_over
from tape_migrate.shapes.kinds import outer_value, value_given_by
from tape_migrate.shapes.modes import identifiers
from tape_migrate.shapes.plan import Refusal, Request, in_order
from tape_migrate.shapes.quiet import OtherFunctions
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.unittests import ancestors
from tape_migrate.sites import Found

METHODS: Final = frozenset(
    {Api.OPTIMIZER_GET_GRADIENTS, Api.OPTIMIZER_COMPUTE_GRADIENTS, Api.OPTIMIZER_MINIMIZE}
)

_DEPTH = 5

_PLAIN: Final = frozenset(
    f"tensorflow.train.{name}Optimizer"
    for name in (
        *("Adadelta", "Adagrad", "AdagradDA", "Adam", "Ftrl", "GradientDescent", "Momentum"),
        *("ProximalAdagrad", "ProximalGradientDescent", "RMSProp"),
    )
)
"""Optimizers that take over their base class's ``compute_gradients`` as it is."""

_KERAS: Final = frozenset(
    f"keras.optimizers.{prefix}{name}"
    for prefix in ("", "legacy.")
    for name in ("Adadelta", "Adagrad", "Adam", "Adamax", "Ftrl", "Nadam", "RMSprop", "SGD")
)
_CLIPS: Final = frozenset({"clipnorm", "clipvalue", "global_clipnorm", None})

_STRATEGIES: Final = ("Strategy", "replica", "distribute", "horovod", "CrossShard")

_PARAMETERS: Final = {
    Api.OPTIMIZER_COMPUTE_GRADIENTS: (
        *("loss", "var_list", "gate_gradients", "aggregation_method"),
        *("colocate_gradients_with_ops", "grad_loss"),
    ),
    Api.OPTIMIZER_GET_GRADIENTS: ("loss", "params"),
    Api.OPTIMIZER_MINIMIZE: (
        *("loss", "global_step", "var_list", "gate_gradients", "aggregation_method"),
        *("colocate_gradients_with_ops", "name", "grad_loss"),
    ),
}
_VARIABLES: Final = ("var_list", "params")


def read_optimizer_call(context: Context, found: Found) -> Request | Refusal:
    """The arguments of ``found``, if it certainly takes plain gradients."""
    module = context.module
    func = found.call.func
    assert isinstance(func, ast.Attribute)
    refusal = _refuse_receiver(module, found, func.value)
    if refusal is not None:
        return refusal
    roles = roles_of(found)
    if isinstance(roles, Refusal):
        return roles
    loss = roles["loss"]
    if isinstance(loss, ast.Lambda) or _is_function(module, loss):
        return Refusal(
            "TM108", "the loss is a function: this form takes a tape of its own and runs eagerly"
        )
    variables = next((roles[name] for name in _VARIABLES if name in roles), None)
    if isinstance(variables, ast.Constant) and variables.value is None:
        variables = None
    if variables is None and found.site.api is Api.OPTIMIZER_GET_GRADIENTS:
        return Refusal("TM113", "the variables are missing from the call")
    kept = {"loss", "grad_loss", *_VARIABLES}
    if found.site.api is Api.OPTIMIZER_MINIMIZE:
        kept |= {"global_step", "name"}
    dropped = [name for name in roles if name not in kept]
    grad_loss = roles.get("grad_loss")
    if isinstance(grad_loss, ast.Constant) and grad_loss.value is None:
        grad_loss = None
    return Request(
        found=found,
        target=loss,
        source=variables if variables is not None else loss,
        output_gradients=grad_loss,
        stop_gradients=None,
        unconnected=None,
        renamed=(),
        named=(),
        dropped=(),
        notes=tuple(f"drops {name}=, which a tape does not have" for name in dropped),
        all_variables=variables is None,
    )


def _refuse_receiver(module: Module, found: Found, receiver: ast.expr) -> Refusal | None:
    own = isinstance(receiver, ast.Name) and receiver.id in ("self", "cls")
    parent = isinstance(receiver, ast.Call) and _is_super(receiver)
    if own or parent:
        return Refusal(
            "TM108",
            "the class is an optimizer itself, whose methods a training loop calls; in today's "
            "optimizers the place to change gradients is update_step (Keras) or "
            "_resource_apply_dense and _resource_apply_sparse (tf.compat.v1.train)",
        )
    seen = sorted(word for name in identifiers(module) for word in _STRATEGIES if word in name)
    if seen:
        return Refusal(
            "TM108",
            f"the module speaks of {seen[0]}: where gradients are shared between replicas, the "
            "optimizer scales the loss",
        )
    makers = optimizer_makers(module, receiver)
    wanted = _KERAS if found.site.api is Api.OPTIMIZER_GET_GRADIENTS else _PLAIN
    for call in makers or ():
        name = module.names.resolve(call.func)
        if name not in wanted:
            return Refusal(
                "TM108",
                f"the optimizer is made by {ast.unparse(call.func)}, whose method may do more than "
                "take gradients",
            )
        if wanted is _KERAS and any(k.arg in _CLIPS for k in call.keywords):
            return Refusal("TM108", "the optimizer clips the gradients that it takes")
    if not makers:
        return Refusal(
            "TM108",
            f"it is not seen how {ast.unparse(receiver)} is made: an optimizer of a class of its "
            "own may do more than take gradients",
        )
    return None


def _is_super(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "super"


def _is_function(module: Module, expr: ast.expr) -> bool:
    if not isinstance(expr, ast.Name):
        return False
    bound = module.names.bindings(expr.id, module.scope_of(expr))
    return any(isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) for node in bound)


def is_plain_optimizer(module: Module, receiver: ast.expr) -> bool:
    """Whether it is seen that one of TensorFlow 1's own optimizers is meant."""
    makers = optimizer_makers(module, receiver)
    return bool(makers) and all(module.names.resolve(call.func) in _PLAIN for call in makers or ())


def roles_of(found: Found) -> dict[str, ast.expr] | Refusal:
    """The arguments of an optimizer's method by the names of its parameters."""
    names = _PARAMETERS[found.site.api]
    call = found.call
    if len(call.args) > len(names) or any(isinstance(arg, ast.Starred) for arg in call.args):
        return Refusal("TM113", "the positional arguments cannot be told apart (*args)")
    roles = dict(zip(names, call.args, strict=False))
    for keyword in call.keywords:
        if keyword.arg is None:
            return Refusal("TM113", "**kwargs may hold any argument of the method")
        if keyword.arg not in names or keyword.arg in roles:
            return Refusal("TM113", f"{keyword.arg}= is not an argument of this method")
        roles[keyword.arg] = keyword.value
    if "loss" not in roles:
        return Refusal("TM113", "the loss is missing from the call")
    return roles


def optimizer_makers(module: Module, expr: ast.expr, depth: int = _DEPTH) -> list[ast.Call] | None:
    """The calls that may have made the optimizer ``expr``; None if one is not in sight."""
    if depth == 0:
        return None
    if isinstance(expr, ast.Call):
        return [expr]
    if isinstance(expr, ast.IfExp):
        return _all_makers(module, [expr.body, expr.orelse], depth)
    symbol = symbol_of(expr)
    if symbol is None:
        return None
    scope = module.scope_of(expr)
    if symbol.root == "self" and len(symbol.path) == 1:
        return _all_makers(module, _stored(module, scope, symbol), depth)
    strong = frozenset(
        d for d in module.facts(scope).reaching_at(expr, symbol) if d.kind is not DefKind.MUTATION
    )
    outer = outer_value(module, symbol, scope, strong)
    if outer is not None:
        return optimizer_makers(module, outer, depth - 1)
    values: list[ast.expr | None] = []
    for definition in in_order(strong):
        if definition.kind is DefKind.PARAMETER and not symbol.path:
            values += _given(module, scope, symbol.root)
        elif definition.kind is DefKind.STRONG and definition.stmt is not None:
            values.append(value_given_by(definition.stmt, symbol))
        else:
            return None
    return _all_makers(module, values, depth)


def _all_makers(module: Module, values: list[ast.expr | None], depth: int) -> list[ast.Call] | None:
    found: list[ast.Call] = []
    for value in values:
        makers = optimizer_makers(module, value, depth - 1) if value is not None else None
        if makers is None:
            return None
        found += makers
    return found or None


def _stored(module: Module, scope: Scope, symbol: Symbol) -> list[ast.expr | None]:
    """What any statement gives the attribute, of ``self`` or of an object of any name, and what
    the bodies of classes do."""
    name = symbol.path[0].removeprefix(".")
    values = [
        value_given_by(module.statement_of(node), target) if target is not None else None
        for node in module.attributes(name)
        if not isinstance(node.ctx, ast.Load) and not _is_of_another(module, scope, node)
        for target in [symbol_of(node)]
    ]
    for node in module.of_kind(ast.ClassDef):
        body = module.scopes.opened_by(node)
        if module.scopes.resolve(name, body) is body and not _are_apart(module, scope, body):
            values += _given_in_body(module, name, body)
    owner = Summaries.of(module).class_of(scope)
    if owner is not None and isinstance(owner.node, ast.ClassDef):
        if assigned_elsewhere(module, owner.node, name, leaves=True) is not None:
            values.append(None)
        if not all(_is_plain_of(home, base, name) for home, base in _far_bases(module, owner.node)):
            values.append(None)
    return values


def _far_bases(module: Module, owner: ast.ClassDef) -> Iterator[tuple[Module, ast.ClassDef]]:
    """The classes of other modules that one inherits from."""
    queue = [(module, each) for each in (owner, *ancestors(module, owner))]
    seen = {id(node) for _, node in queue}
    for home, node in queue:
        for base in node.bases:
            dotted, project = home.names.resolve(base), home.project
            there = None
            if dotted and isinstance(project, OtherFunctions):
                there = project.class_of(dotted)
            if there is not None and id(there[1]) not in seen:
                found = [there[1], *ancestors(*there)]
                seen |= {*map(id, found)}
                queue += [(there[0], each) for each in found]
                yield from ((there[0], each) for each in found)


def _is_plain_of(home: Module, node: ast.ClassDef, name: str) -> bool:
    """Whether all that a class gives its objects by a name are plain optimizers."""
    body = home.scopes.opened_by(node)
    values = [
        value_given_by(home.statement_of(each), Symbol("self", (f".{name}",)))
        for each in home.attributes(name)
        if not isinstance(each.ctx, ast.Load) and home.holds(node, each)
    ]
    if home.scopes.resolve(name, body) is body:
        values += _given_in_body(home, name, body)
    return all(value is not None and _is_plainly_made(home, value) for value in values)


def _given_in_body(module: Module, name: str, body: Scope) -> Iterator[ast.expr | None]:
    """What statements of a class body give: of None no gradients are asked."""
    for stmt in module.names.bindings(name, body):
        value = value_given_by(stmt, Symbol(name)) if isinstance(stmt, ast.stmt) else None
        declared = isinstance(stmt, ast.AnnAssign) and value is None
        if not declared and not (isinstance(value, ast.Constant) and value.value is None):
            yield value


def _is_of_another(module: Module, scope: Scope, node: ast.Attribute) -> bool:
    """Whether ``self`` in ``node`` is certainly no object of the class that ``scope`` is in."""
    if not isinstance(node.value, ast.Name) or node.value.id != "self":
        return False
    return _are_apart(module, scope, module.scope_of(node))


def _are_apart(module: Module, scope: Scope, inside: Scope) -> bool:
    """Whether no object has the classes around both."""
    owner, other = (Summaries.of(module).class_of(each) for each in (scope, inside))
    if owner is None or other is None or owner is other:
        return False
    assert isinstance(owner.node, ast.ClassDef)
    assert isinstance(other.node, ast.ClassDef)
    return not may_take_over(module, owner.node, other.node)


def _given(module: Module, scope: Scope, name: str) -> list[ast.expr | None]:
    """What visible calls give a parameter (nothing: none is in sight)."""
    node = scope.node
    if not isinstance(node, ast.FunctionDef):
        return [None]
    calls = [*Summaries.of(module).callers(node), *_other_calls(module, scope, node)]
    given: list[ast.expr | None] = [
        value
        for call in calls
        if call is not None
        for parameter, value in bind(node, call)
        if parameter == name
    ]
    elsewhere = calls_elsewhere(module, scope, node)
    if elsewhere.given_away is not None or not all(
        any(
            parameter == name and _is_plainly_made(call.module, value)
            for parameter, value in bind(node, call.node)
        )
        for call in elsewhere.calls
    ):
        return [None]
    return given if len(given) == len(calls) and given else [None]


def _other_calls(
    module: Module, scope: Scope, function: ast.FunctionDef
) -> Iterator[ast.Call | None]:
    """Calls that may run a function, and None where it is handed about."""
    summaries = Summaries.of(module)
    called = {id(call.func) for call in summaries.callers(function)}
    named: Iterable[ast.Name | ast.Attribute] = module.attributes(function.name)
    if summaries.class_of(scope) is None:
        named = (name for name in module.of_kind(ast.Name) if name.id == function.name)
    for node in named:
        other = module.names.resolve(node) or not isinstance(node.ctx, ast.Load)
        if not other and id(node) not in called and not module.holds(function, node):
            if isinstance(node, ast.Attribute) or summaries.named(node) is function:
                call = module.parent_of(node)
                yield call if isinstance(call, ast.Call) and call.func is node else None


def _is_plainly_made(module: Module, value: ast.expr) -> bool:
    makers = optimizer_makers(module, value) or ()
    plain = _PLAIN | _KERAS
    return bool(makers) and all(
        module.names.resolve(call.func) in plain
        and not any(keyword.arg in _CLIPS for keyword in call.keywords)
        for call in makers
    )
