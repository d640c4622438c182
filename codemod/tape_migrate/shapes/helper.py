"""Helpers whose target is a parameter: the callers open the tape and hand it in.

Before::

    def grad(y, x):
        return tf.gradients(y, x)[0]


    def slope(x):
        y = net(x)
        return grad(y, x)

After::

    def grad(tape, y, x):
        return tape.gradient(y, x)


    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = net(x)
        return grad(tape, y, x)

The forward pass ran in the caller, so a tape opened in the helper would have seen nothing of it.
For the caller the call of the helper is a gradient call like any other: the central rule holds or
does not hold for the arguments that it gives. The gradient is taken at the same place, with the
same arguments, on the tape that the caller opened around its own forward pass.

Writing the gradient out at the callers would give nothing more. The tape has to be opened around
the caller's forward pass either way, so a caller that cannot hand one in could not take the
gradient itself; and what else the helper does would stand there as often as it is called.

A lambda with a name (``grad = lambda y, x: tf.gradients(y, x)[0]``) is such a function, too.

All callers change or none: the helper gets a parameter (of a method, whose objects are followed by
``method_callers``, in every file). So all of them have to be in sight, each
must give the target and the sources plainly, and the rule must hold for every one.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.model import Helper
from tape_migrate.module import Module
from tape_migrate.shapes.arguments import elements
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.held import has_one_name
from tape_migrate.shapes.plan import Refusal, Request
from tape_migrate.shapes.repeats import repeat_of
from tape_migrate.shapes.skipped import may_be_skipped
from tape_migrate.shapes.variables import collected_variables
from tape_migrate.sites import Found


def find_helper(context: Context, request: Request) -> Helper | None:
    """The helper that the function around ``request`` is, or None if it is none."""
    module, scope = context.module, request.found.scope
    if request.more_targets or request.others:
        return None
    target = _parameter(context, scope, request.target) or _attribute(module, scope, request.target)
    if target is None or target == "y_pred":
        return None  # Keras calls its losses itself
    found = helper_around(context, request, target)
    # What computes on its tape does so for those who hand that tape on, too.
    return found and replace(found, reenters=request.reenters)


def helper_around(context: Context, request: Request, target: str) -> Helper | None:
    """The helper that takes the gradient of ``target``, if its sources are parameters too."""
    module, scope = context.module, request.found.scope
    node = scope.node
    if not isinstance(node, ast.FunctionDef) or request.is_hessian:
        return None
    repeat = repeat_of(module, request)
    if request.stop_gradients is not None or isinstance(repeat, Refusal):
        return None
    if repeat.source_over is not None:
        return None
    args = [*node.args.posonlyargs, *node.args.args][int(is_method(scope)) :]
    parameters = tuple(arg.arg for arg in args)
    if not (args or is_method(scope)) and (node.args.vararg or node.args.kwonlyargs):
        return None  # no place for the tape
    skipped = request.skipped or may_be_skipped(module, scope, request.call)
    repeated = repeat.repeated or any(
        isinstance(place.owner, (ast.For, ast.While))
        for place in module.places(request.call, within=scope)
    )
    if request.all_variables or collected_variables(module, request.source) is not None:
        found = None if request.all_variables else collected_variables(module, request.source)
        if found is not None and not found.trainable:
            return None
        return Helper(
            scope.qualname, target, None, False, repeated, parameters,
            method=is_method(scope), skipped=skipped,
        )  # fmt: skip
    sources = [_parameter(context, scope, part) for part in elements(request.source)]
    names = tuple(name for name in sources if name is not None)
    if not names or len(names) != len(sources):
        return None
    listed = isinstance(request.source, (ast.List, ast.Tuple))
    return Helper(
        scope.qualname, target, names, listed, repeated, parameters,
        method=is_method(scope), skipped=skipped,
    )  # fmt: skip


def is_method(scope: Scope) -> bool:
    """Whether the function that opens ``scope`` stands in a class."""
    return scope.parent is not None and scope.parent.kind is ScopeKind.CLASS


def merged(one: Helper, other: Helper) -> Helper | None:
    """The helper of which both are a part: gradients of one target, of several parameters."""
    if replace(one, skipped=other.skipped) == other:
        return replace(one, skipped=one.skipped or other.skipped)
    if (one.sources is None) != (other.sources is None):
        return None
    if "self." in one.target + other.target and one.target != other.target:
        return None
    sources = tuple(dict.fromkeys((*(one.sources or ()), *(other.sources or ()))))
    targets = tuple(dict.fromkeys((*one.targets, *other.targets)))
    others = tuple(p for p in dict.fromkeys((*one.others, *other.others)) if p not in targets)
    return replace(
        one,
        target=targets[0] if targets else "",
        sources=None if one.sources is None else sources,
        listed=True,
        repeated=True,
        more_targets=targets[1:],
        others=others,
        reenters=one.reenters or other.reenters,
        skipped=one.skipped or other.skipped,
    )


def is_part(part: Helper | None, helper: Helper) -> bool:
    """Whether a gradient call that makes its function ``part`` is served by ``helper``'s tape."""
    if part is None or part.qualname != helper.qualname or part.reenters > helper.reenters:
        return False
    if not {*part.targets, *part.others} <= {*helper.targets, *helper.others}:
        return False
    if part.sources is None or helper.sources is None:
        return part.sources == helper.sources
    return set(part.sources) <= set(helper.sources)


def _attribute(module: Module, scope: Scope, target: ast.expr) -> str | None:
    """``self.loss``, as it was when the method was entered; also by the name ``loss`` for it."""
    symbol = symbol_of(target)
    if symbol is None or not is_method(scope):
        return None
    if not symbol.path:
        named = _only_value(module, scope, target, symbol)
        return _attribute(module, scope, named) if isinstance(named, ast.Attribute) else None
    if symbol.root != "self" or len(symbol.path) != 1 or not symbol.path[0].startswith("."):
        return None
    reached = module.facts(scope).reaching_at(target, symbol)
    if {d.kind for d in reached} != {DefKind.PARAMETER} or not has_one_name(module, symbol, scope):
        return None
    return str(symbol)


def _only_value(module: Module, scope: Scope, name: ast.expr, symbol: Symbol) -> ast.expr | None:
    """What a plain assignment, the only one that reaches it, gives ``name``."""
    reached = list(module.facts(scope).reaching_at(name, symbol))
    stmt = reached[0].stmt if len(reached) == 1 else None
    if not isinstance(stmt, ast.Assign) or reached[0].kind is not DefKind.STRONG:
        return None
    return stmt.value if symbol_of(stmt.targets[0]) == symbol and len(stmt.targets) == 1 else None


def _parameter(context: Context, scope: Scope, expr: ast.expr) -> str | None:
    """The parameter that ``expr`` certainly is, as it was handed in."""
    symbol = symbol_of(expr)
    args = scope.args
    if symbol is None or symbol.path or args is None:
        return None
    if symbol.root not in {a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)}:
        return None
    dep = context.dependence(scope)
    kinds = {d.kind for d in dep.reaching(dep.facts.node_id(expr), symbol)}
    return symbol.root if kinds == {DefKind.PARAMETER} else None


def function_of(module: Module, helper: Helper) -> ast.FunctionDef | None:
    """The one function of the module with the helper's qualified name."""
    found = [
        scope.node
        for scope in module.scopes
        if scope.qualname == helper.qualname and isinstance(scope.node, ast.FunctionDef)
    ]
    node = found[0] if len(found) == 1 else None
    return node if isinstance(node, ast.FunctionDef) else None


def in_the_way(helper: Helper, why: str) -> Refusal:
    """The refusal of a helper that stays as it is, because of ``why``."""
    if helper.target.startswith("self."):
        return Refusal("TM102", f"{helper.target} was computed by another method, and {why}")
    if not helper.target or helper.reenters:
        names = ", ".join((*helper.targets, *helper.others))
        parameters = "parameters" if "," in names else "parameter"
        return Refusal("TM101", f"the target is computed from the {parameters} {names}, and {why}")
    if helper.more_targets:
        names = ", ".join(helper.targets)
        return Refusal("TM101", f"the targets {names} are parameters, and {why}")
    return Refusal("TM101", f"the target {helper.target} is a parameter, and {why}")


def caller_in_the_way(helper: Helper, where: str, refusal: Refusal) -> Refusal:
    """The refusal of a helper of which one caller cannot be migrated."""
    return in_the_way(
        helper, f"the caller in {where} is in the way: {refusal.code} {refusal.message}"
    )


def other_in_the_way(helper: Helper, line: int, refusal: Refusal) -> Refusal:
    """The refusal of a helper in which another gradient cannot be migrated."""
    return in_the_way(
        helper,
        f"another gradient in {helper.qualname}, in line {line}, is left alone: {refusal.code} "
        f"{refusal.message}",
    )


def crossing(helper: Helper) -> Refusal:
    """The refusal of a helper whose gradients cannot be taken on one tape."""
    return in_the_way(helper, f"the gradients in {helper.qualname} cannot share one tape")


def handed_request(helper: Helper, found: Found, *, room: bool = True) -> Request | Refusal:
    """A call of ``helper`` as the gradient call that it is for the caller.

    ``room`` says that the call has a first argument for the tape already.
    """
    call = found.call
    given = dict(zip(helper.parameters, call.args[int(room) :], strict=False))
    given |= {k.arg: k.value for k in call.keywords if k.arg is not None}
    attribute = None
    if helper.target.startswith("self."):
        attribute = Symbol("self", (helper.target[len("self") :],))
    target = given.get(helper.target) if attribute is None else call.func
    if not helper.target:
        target = ast.List(elts=[], ctx=ast.Load())
    parts = [given.get(name) for name in (*helper.more_targets, *(helper.sources or ()))]
    if target is None or any(part is None for part in parts):
        return Refusal("TM113", "the target or the sources are not given plainly")
    more = tuple(part for part in parts[: len(helper.more_targets)] if part is not None)
    sources = [part for part in parts[len(helper.more_targets) :] if part is not None]
    others = tuple(given[name] for name in helper.others if name in given)
    source: ast.expr = target if helper.target else call.func
    if helper.sources is not None:
        source = ast.List(elts=sources, ctx=ast.Load()) if helper.listed else sources[0]
    return Request(
        found=found,
        target=target,
        source=source,
        output_gradients=None,
        stop_gradients=None,
        unconnected=None,
        renamed=(),
        named=(),
        dropped=(),
        notes=(),
        all_variables=helper.sources is None,
        handed=True,
        gathered=helper.sources is not None and helper.listed,
        attribute=attribute,
        repeated=helper.repeated,
        more_targets=more,
        others=tuple(given for given in others if not _is_plain(given)),
        reenters=helper.reenters,
        skipped=helper.skipped,
    )


def _is_plain(expr: ast.expr) -> bool:
    """A number, a string, or a display of such: nothing that a tape could record."""
    match expr:
        case ast.Constant():
            return True
        case ast.UnaryOp(operand=inner):
            return _is_plain(inner)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return all(_is_plain(item) for item in items)
    return False
