"""What functions of other modules compute a loss from, and was computed from variables before.

``loss = lib.loss_fn(x)`` where ``lib`` keeps ``H = W * 2.0``, or kept ``h`` when ``lib.build()``
ran: the gradient by all trainable variables goes through that in a graph, and no tape has seen it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.module import Module
from tape_migrate.shapes.classes_seen import functions_of
from tape_migrate.shapes.computed_before import Made, made_by
from tape_migrate.shapes.evaluated import all_calls
from tape_migrate.shapes.given_by_callers import given_to_stars
from tape_migrate.shapes.libraries import is_library, is_own
from tape_migrate.shapes.plan import Refusal
from tape_migrate.shapes.quiet import OtherFunctions
from tape_migrate.shapes.remembered import remembered
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import tensorflow_function
from tape_migrate.shapes.variable_makers import makes_variables

_PLAIN = frozenset(
    ("Variable", "get_variable", "constant", "placeholder", "placeholder_with_default")
)


def refuse_computed_elsewhere(module: Module, run: Sequence[ast.AST]) -> Refusal | None:
    """What ``run`` (statements and expressions) gets from functions of other modules."""
    found = remembered(module, run, frozenset()) or _made_at_import(module, run)
    if found is None:
        return None
    return Refusal(
        "TM106",
        f"{found[0]} reads what {found[1]} sets, which may have been computed from the variables "
        "then, before a tape could be opened here",
    )


def refuse_given_in_stars(
    module: Module, scope: Scope, calls: Iterable[ast.Call]
) -> Refusal | None:
    """``loss_fn(*args)`` for which a caller gives ``h``."""
    if not isinstance(scope.node, ast.FunctionDef):
        return None
    arguments = scope.node.args
    names = {arg.arg for arg in (arguments.vararg, arguments.kwarg) if arg is not None}
    for call in calls if names else ():
        handed = [arg.value for arg in call.args if isinstance(arg, ast.Starred)]
        handed += [keyword.value for keyword in call.keywords if keyword.arg is None]
        if any(isinstance(value, ast.Name) and value.id in names for value in handed):
            for user, given in given_to_stars(module, scope.node):
                if made_by(user, given) is Made.COMPUTED:
                    return Refusal(
                        "TM106",
                        f"{ast.unparse(call)} is given what was computed from variables before a "
                        "tape could be opened here",
                    )
    return None


def _made_at_import(module: Module, run: Sequence[ast.AST]) -> tuple[str, str] | None:
    """A function of another module that reads what that computes when it is imported."""
    project = module.project
    if not isinstance(project, OtherFunctions):
        return None
    for part in run:
        for call in all_calls(part):
            resolved = module.names.resolve(call.func)
            if not is_own(module, resolved):
                continue
            known = project.function(resolved)
            if known is None:
                found = _method_reads(module, call.func)
                if found is not None:
                    return found
                continue
            home, function = known
            for reached in Summaries.of(home).reached(function):
                for node in home.of_kind_inside(ast.Name, reached):
                    line = _computed(home, node) if isinstance(node.ctx, ast.Load) else None
                    if line is not None:
                        return ast.unparse(call.func), f"line {line} of {home.path}"
    return None


def _method_reads(module: Module, func: ast.expr) -> tuple[str, str] | None:
    """The same for a method of an object that another module made: ``lib.NET.loss()``."""
    for home, method in functions_of(module, func):
        for reached in Summaries.of(home).reached(method):
            for node in home.of_kind_inside(ast.Attribute, reached):
                if isinstance(node.ctx, ast.Load) and made_by(home, node) is Made.COMPUTED:
                    return ast.unparse(func), f"{ast.unparse(node)} of {home.path}"
    return None


def _computed(home: Module, name: ast.Name) -> int | None:
    """The line at which the module, not a function, gives a name what it computes."""
    top = home.scopes.module
    if home.scopes.resolve(name.id, home.scope_of(name)) is not top:
        return None
    for node in home.names.bindings(name.id, top):
        value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
        if value is None or home.scope_of(value).kind is ScopeKind.FUNCTION:
            continue
        if not makes_variables(home, value) and _may_compute(home, value):
            return value.lineno
    return None


def _may_compute(home: Module, value: ast.expr) -> bool:
    """Whether TensorFlow computes something, or an operator takes what is no number."""
    for node in home.inside(value):
        if isinstance(node, ast.Call):
            name = tensorflow_function(home.names.resolve(node.func))
            if name is not None and name.rpartition(".")[2] not in _PLAIN and "." not in name:
                return True
        elif isinstance(node, (ast.BinOp, ast.UnaryOp)):
            operands = (part for part in home.inside(node) if isinstance(part, ast.Name))
            if any(_may_be_variable(home, operand) for operand in operands):
                return True
    return False


def _may_be_variable(home: Module, name: ast.Name) -> bool:
    """What the module makes by a call that is no library's but TensorFlow's."""
    for node in home.names.bindings(name.id, home.scope_of(name)):
        value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
        if isinstance(value, ast.Call):
            resolved = home.names.resolve(value.func)
            if makes_variables(home, value) or not (resolved and is_library(home, resolved)):
                return not _is_builtin(home, value.func)
    return False


def _is_builtin(home: Module, func: ast.expr) -> bool:
    return isinstance(func, ast.Name) and not home.names.is_local(func.id, home.scopes.module)
