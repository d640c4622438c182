"""Functions that are given away, to be called with what nobody sees at the call.

::

    def solve(x):
        y = f(x)

        def step(v):
            return tf.gradients(v * y, v)[0]

        return apply(step, x)

A tape in ``step`` takes for granted that ``y`` was not computed from ``v``. Calls by the name of
``step`` are followed; what ``apply`` calls it with is not, and here it is what ``y`` was computed
from. Functions given to TensorFlow's loops are left out: what a loop gives them is new.
"""

from __future__ import annotations

import ast
import builtins

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.shapes.closure_nodes import Node
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.lambda_layers import is_lambda_layer, trains
from tape_migrate.shapes.loop_body import hands_to_loop, uses_of


def given_away(context: Context, scope: Scope, source: Symbol, other: Symbol) -> str | None:
    """Where the function of ``scope`` may get a ``source`` that ``other`` was computed from.

    One of them is read from the code around the function. None if the function is only ever called
    by its name, or if nothing shows that what it is called with has to do with ``other``.
    """
    node, module = scope.node, context.module
    if not isinstance(node, ast.FunctionDef):
        return None
    parameters = _parameters(node)
    # A source from around the function, and a parameter that was computed from it, is the same.
    outer = other if source.root in parameters else source
    owner = module.scopes.resolve(outer.root, scope)
    if owner is None or scope.parent is None or not {source.root, other.root} & parameters:
        return None
    if owner is scope and outer.root not in parameters:
        return None
    if scope.parent.kind is ScopeKind.CLASS:
        return _bound_method(context, scope) if owner is scope else None
    # What the object holds or the module has is taken for granted as in any other function.
    far = owner.kind is not ScopeKind.FUNCTION or outer.root in ("self", "cls")
    for name in uses_of(module, scope):
        parent = module.parent_of(name)
        if isinstance(parent, ast.keyword):
            parent = module.parent_of(parent)
        if hands_to_loop(module, name) or (isinstance(parent, ast.Call) and parent.func is name):
            continue
        if isinstance(parent, ast.Call) and _is_followed(module, parent):
            late = module.parent_of(parent)
            if not _is_partial(module, parent) or _is_only_called(module, parent):
                continue
            parent = module.parent_of(late) if isinstance(late, ast.keyword) else late
        if isinstance(parent, ast.Attribute) and isinstance(parent.ctx, ast.Store):
            continue
        if is_lambda_layer(module, parent) and _only_called(module, scope, outer):
            continue
        if isinstance(parent, ast.Return) and owner is scope:
            shown = False  # whoever is given it is as far as any caller
        elif isinstance(parent, ast.Return):
            shown = _made_of_arguments(context, scope.parent, outer)
        elif isinstance(parent, ast.Call) and far:
            shown = _given_with(context, parent, outer, computed=outer is other)
        elif far and outer is source:
            shown = _given_anywhere(context, scope, outer)
        else:
            shown = True
        if shown:
            return f"line {name.lineno}"
    return None


def _bound_method(context: Context, scope: Scope) -> str | None:
    """``step = self.step``: a method that is used otherwise than by calling it."""
    module = context.module
    for node in module.attributes(scope.name):
        parent = module.parent_of(node)
        called = isinstance(parent, ast.Call) and parent.func is node
        if isinstance(node.ctx, ast.Load) and not called and not isinstance(parent, ast.Attribute):
            if not module.names.resolve(node) and not _is_handed_on(module, parent):
                return f"line {node.lineno}"
    return None


def _is_handed_on(module: Module, parent: ast.AST | None) -> bool:
    if isinstance(parent, ast.keyword):
        parent = module.parent_of(parent)
    return isinstance(parent, ast.Call) and _is_followed(module, parent)


def _is_followed(module: Module, call: ast.Call) -> bool:
    """``partial(step, x)``, ``map(step, xs)``: see ``closure``."""
    if isinstance(call.func, ast.Name) and call.func.id in ("map", "filter"):
        return not module.names.is_local(call.func.id, module.scope_of(call))
    return _is_partial(module, call)


def _is_partial(module: Module, call: ast.Call) -> bool:
    return module.names.resolve(call.func) == "functools.partial"


def _is_only_called(module: Module, made: ast.Call) -> bool:
    """``partial(step, x)()``, ``late = partial(step, x)`` that is only called, or run by a loop."""
    uses: list[ast.expr] = [made]
    match module.parent_of(made):
        case ast.Assign(targets=[ast.Name(id=own) as target]):
            owner = module.scopes.resolve(own, module.scope_of(target))
            uses = [
                name
                for name in module.of_kind(ast.Name)
                if name.id == own
                and isinstance(name.ctx, ast.Load)
                and module.scopes.resolve(own, module.scope_of(name)) is owner
            ]
    return all(
        hands_to_loop(module, use)
        or (isinstance(above := module.parent_of(use), ast.Call) and above.func is use)
        for use in uses
    )


def _given_anywhere(context: Context, scope: Scope, outer: Symbol) -> bool:
    """Whether a call of what is not known is given something that was computed from ``outer``.

    What is known may run the function all the same, if it is handed it: ``map(HELD[0], values)``.
    """
    return any(
        context.summaries.callee(call) is None
        and _given_with(context, call, outer, computed=False)
        and (not _is_known(context.module, call) or _is_handed(context, call, scope))
        for call in context.module.of_kind(ast.Call)
    )


def _is_known(module: Module, call: ast.Call) -> bool:
    plain = isinstance(call.func, ast.Name) and hasattr(builtins, call.func.id)
    return plain or bool(module.names.resolve(call.func))


def _is_handed(context: Context, call: ast.Call, scope: Scope) -> bool:
    """Whether one of the arguments may be, or hold, the function of ``scope``."""
    assert scope.parent is not None
    own = context.closure.node_for(Symbol(scope.name), scope.parent)
    return any(context.closure.reaches(own, node) for node in _read_by(context, call))


def _given_with(context: Context, call: ast.Call, outer: Symbol, *, computed: bool) -> bool:
    """Whether ``outer`` may have been ``computed`` from what a call is given.

    Or else, whether what the call is given may have been computed from ``outer``.
    """
    closure = context.closure
    there = closure.node_for(outer, context.module.scope_of(call))
    return any(
        closure.reaches(*((node, there) if computed else (there, node)))
        for node in _read_by(context, call)
    )


def _read_by(context: Context, call: ast.Call) -> list[Node]:
    """The variables that the arguments of ``call`` read."""
    module = context.module
    scope = module.scope_of(call)
    return [
        context.closure.node_for(Symbol(node.id), scope)
        for arg in (*call.args, *(keyword.value for keyword in call.keywords))
        for node in ast.walk(arg)
        if isinstance(node, ast.Name) and not module.names.resolve(node)
    ]


def _made_of_arguments(context: Context, maker: Scope, other: Symbol) -> bool:
    """``make(x)(x)``: ``make`` is called here, and ``other`` comes from what it is given."""
    node = maker.node
    if not isinstance(node, ast.FunctionDef) or not context.summaries.callers(node):
        return False
    there = context.closure.node_for(other, maker)
    return any(
        context.closure.reaches(context.closure.node_for(Symbol(name), maker), there)
        for name in sorted(_parameters(node))
    )


def _only_called(module: Module, scope: Scope, other: Symbol) -> bool:
    """Whether ``other`` is a model that a ``Lambda`` layer's function calls, and nothing else.

    A layer is given a tensor of each call of its model, from which no model was computed. In a
    graph, what such a model updates while it is trained is not run.
    """
    names = [n for n in module.inside(scope.node) if isinstance(n, ast.Name) and n.id == other.root]
    called = [
        isinstance(parent := module.parent_of(name), ast.Call) and parent.func is name
        for name in names
    ]
    return not other.path and all(called) and not trains(module)


def _parameters(function: ast.FunctionDef) -> frozenset[str]:
    args = function.args
    starred = [arg for arg in (args.vararg, args.kwarg) if arg is not None]
    return frozenset(a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs, *starred))
