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

All callers change or none: the helper gets a parameter. So all of them have to be in sight, each
must give the target and the sources plainly, and the rule must hold for every one.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import DefKind, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.arguments import elements
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.plan import Refusal, Request
from tape_migrate.shapes.repeats import repeat_of
from tape_migrate.shapes.summaries import Summaries, bind
from tape_migrate.shapes.variables import collected_variables
from tape_migrate.sites import Found


@dataclass(frozen=True)
class Helper:
    """A function that takes the gradient of one of its parameters."""

    qualname: str
    target: str
    """The parameter that is the target."""
    sources: tuple[str, ...] | None
    """The parameters that are the sources; None where it collects variables itself."""
    listed: bool
    """Whether the sources are written as a list of parameters."""
    repeated: bool
    """Whether one call may take the gradient several times."""


def find_helper(context: Context, request: Request) -> Helper | None:
    """The helper that the function around ``request`` is, or None if it is none."""
    module, scope = context.module, request.found.scope
    node = scope.node
    if not isinstance(node, ast.FunctionDef) or request.is_hessian:
        return None
    if request.stop_gradients is not None:
        return None
    target = _parameter(module, scope, request.target)
    repeat = repeat_of(module, request)
    if target is None or isinstance(repeat, Refusal) or repeat.source_over is not None:
        return None
    repeated = repeat.repeated or any(
        isinstance(place.owner, (ast.For, ast.While))
        for place in module.places(request.call, within=scope)
    )
    if request.all_variables or collected_variables(module, request.source) is not None:
        found = None if request.all_variables else collected_variables(module, request.source)
        if found is not None and not found.trainable:
            return None
        return Helper(scope.qualname, target, None, listed=False, repeated=repeated)
    sources = [_parameter(module, scope, part) for part in elements(request.source)]
    names = tuple(name for name in sources if name is not None)
    if not names or len(names) != len(sources):
        return None
    listed = isinstance(request.source, (ast.List, ast.Tuple))
    return Helper(scope.qualname, target, names, listed=listed, repeated=repeated)


def _parameter(module: Module, scope: Scope, expr: ast.expr) -> str | None:
    """The parameter that ``expr`` certainly is, as it was handed in."""
    symbol = symbol_of(expr)
    args = scope.args
    if symbol is None or symbol.path or args is None:
        return None
    if symbol.root not in {a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)}:
        return None
    reached = module.facts(scope).reaching_at(expr, symbol)
    kinds = {d.kind for d in reached}
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


def callers_of(module: Module, helper: Helper) -> list[ast.Call] | Refusal:
    """Every call of the helper in its module, if it is only ever called, and plainly."""
    node = function_of(module, helper)
    if node is None:
        return _in_the_way(helper, f"there are several functions called {helper.qualname}")
    if node.decorator_list:
        return _in_the_way(helper, f"{node.name} is decorated")
    summaries = Summaries.of(module)
    scope = module.scopes.opened_by(node)
    method = scope.parent is not None and scope.parent.kind is ScopeKind.CLASS
    if method and len(summaries.methods_named(node.name)) > 1:
        return _in_the_way(helper, f"several classes have a method {node.name}")
    calls = summaries.callers(node)
    callees = {id(call.func) for call in calls}
    for other in module.nodes:
        mentioned = (
            (method and isinstance(other, ast.Attribute) and other.attr == node.name)
            or (not method and _names(module, other, node, scope))
            or (isinstance(other, ast.Constant) and other.value == node.name)
        )
        if mentioned and id(other) not in callees and not isinstance(other, ast.Constant):
            assert isinstance(other, ast.expr)
            return _in_the_way(
                helper, f"line {other.lineno} uses {node.name} otherwise than by a plain call"
            )
        if mentioned and isinstance(other, ast.Constant) and _in_all(module, other):
            return _in_the_way(helper, f"__all__ exports {node.name}")
    for call in calls:
        if any(isinstance(a, ast.Starred) for a in call.args) or any(
            k.arg is None for k in call.keywords
        ):
            return _in_the_way(helper, f"line {call.lineno} hands over its arguments by * or **")
        given = dict(bind(node, call))
        if any(name not in given for name in (helper.target, *(helper.sources or ()))):
            return _in_the_way(
                helper, f"line {call.lineno} does not give the target and the sources"
            )
    if not calls:
        return _in_the_way(helper, f"no caller of {node.name} is in sight")
    return calls


def _names(module: Module, other: ast.AST, node: ast.FunctionDef, scope: Scope) -> bool:
    """Whether ``other`` reads the name that ``node`` binds."""
    if not isinstance(other, ast.Name) or other.id != node.name:
        return False
    return module.scopes.resolve(other.id, module.scope_of(other)) is scope.parent


def _in_all(module: Module, constant: ast.Constant) -> bool:
    return any(
        isinstance(parent, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == "__all__" for t in parent.targets)
        for parent in module.parents(constant)
    )


def refuse_open(module: Module, helper: Helper, *, assumed: bool) -> Refusal | None:
    """A helper that code out of sight may call."""
    node = function_of(module, helper)
    if node is None or assumed:
        return None
    scope = module.scopes.opened_by(node)
    inside = [s for s in scope.enclosing if s.kind is ScopeKind.FUNCTION]
    private = any(
        s.name.startswith("_") and not s.name.startswith("__")
        for s in (scope, *scope.enclosing)
        if s.kind is not ScopeKind.MODULE
    )
    if inside or private or is_program(module):
        return None
    return _in_the_way(
        helper,
        f"{node.name} may be called from outside (--assume-closed says that nothing else calls it)",
    )


def is_program(module: Module) -> bool:
    """Whether the module is run, not imported: it does something when it is executed."""
    for stmt in module.tree.body:
        if isinstance(stmt, ast.If) and "__name__" in ast.dump(stmt.test):
            return True
        if isinstance(stmt, (ast.For, ast.While, ast.With)):
            return True
        if isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Call):
            func = stmt.value.func
            switch = isinstance(func, ast.Attribute) and func.attr.startswith(
                ("enable_", "disable_", "set_", "append", "insert", "filterwarnings", "use")
            )
            if not switch:
                return True
    return False


def _in_the_way(helper: Helper, why: str) -> Refusal:
    return Refusal("TM101", f"the target {helper.target} is a parameter, and {why}")


def caller_in_the_way(helper: Helper, line: int, refusal: Refusal) -> Refusal:
    """The refusal of a helper of which one caller cannot be migrated."""
    return _in_the_way(
        helper,
        f"the caller in line {line} is in the way: {refusal.code} {refusal.message}",
    )


def other_in_the_way(helper: Helper, line: int, refusal: Refusal) -> Refusal:
    """The refusal of a helper in which another gradient cannot be migrated."""
    return _in_the_way(
        helper,
        f"another gradient in {helper.qualname}, in line {line}, is left alone: {refusal.code} "
        f"{refusal.message}",
    )


def handed_request(module: Module, helper: Helper, found: Found) -> Request | Refusal:
    """A call of ``helper`` as the gradient call that it is for the caller."""
    function = Summaries.of(module).callee(found.call)
    if not isinstance(function, ast.FunctionDef):
        return Refusal("TM115", f"the call of {helper.qualname} is no longer seen through")
    given = dict(bind(function, found.call))
    target = given.get(helper.target)
    parts = [given.get(name) for name in helper.sources or ()]
    if target is None or any(part is None for part in parts):
        return Refusal("TM113", "the target or the sources are not given plainly")
    sources = [part for part in parts if part is not None]
    source = target
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
        repeated=helper.repeated,
    )
