"""A gradient inside the body of ``tf.while_loop``, ``tf.map_fn``, ``tf.scan``, ….

Before::

    def body(i, x):
        loss = f(x)
        return i + 1, x - 0.1 * tf.gradients(loss, x)[0]

    tf.while_loop(cond, body, [0, x0])

After::

    def body(i, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = f(x)
        return i + 1, x - 0.1 * tape.gradient(loss, x)

Exact: the tape opens and closes within one turn, so it sees the operations of one turn, as the
graph's gradient inside the body does: what came in as a loop variable is a leaf in both, whatever
else was computed from it before the turn. A target of which the source itself is outside the loop
is refused, for there graph and eager gradients differ; so is a body that is also used otherwise
(called plainly, it gets the very tensor of outside). Lambdas given to such functions become
functions first.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.module import Module
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.tensorflow_facts import TENSOR_LOOPS, tensorflow_function

_LOOPS = (
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)


def is_loop_body(module: Module, scope: Scope) -> bool:
    """Whether the scope's function is handed to a TensorFlow function that loops or branches."""
    known = module.memo.get("loop bodies")
    if not isinstance(known, frozenset):
        known = module.memo["loop bodies"] = _loop_bodies(module)
    return id(scope.node) in known


def is_only_loop_body(module: Module, scope: Scope) -> bool:
    """Whether nothing else is ever done with it: no call, no other name, no decorator."""
    node = scope.node
    if not isinstance(node, ast.FunctionDef) or not is_loop_body(module, scope):
        return False
    if scope.parent is None or scope.parent.kind is not ScopeKind.FUNCTION:
        return False  # another module may call it
    key = f"only a loop body {id(node)}"
    if key not in module.memo:
        module.memo[key] = not node.decorator_list and all(
            hands_to_loop(module, name) for name in uses_of(module, scope)
        )
    return bool(module.memo[key])


def uses_of(module: Module, scope: Scope) -> list[ast.Name]:
    """Where the function of ``scope`` is read by its name."""
    key = f"uses of {id(scope.node)}"
    known = module.memo.get(key)
    if not isinstance(known, list):
        known = module.memo[key] = [
            name
            for name in module.of_kind(ast.Name)
            if name.id == scope.name
            and isinstance(name.ctx, ast.Load)
            and module.scopes.resolve(name.id, module.scope_of(name)) is scope.parent
        ]
    return known


def hands_to_loop(module: Module, name: ast.expr) -> bool:
    """Whether ``name`` is an argument of a tensor loop."""
    parent = module.parent_of(name)
    if isinstance(parent, ast.keyword):
        parent = module.parent_of(parent)
    if not isinstance(parent, ast.Call) or parent.func is name:
        return False
    return tensorflow_function(module.names.resolve(parent.func)) in TENSOR_LOOPS


def given_by_loop(
    module: Module, call: ast.Call, named: Callable[[ast.expr], Iterable[Function]]
) -> Iterator[tuple[Function | ast.Lambda, str, list[ast.expr]]]:
    """The parameters to which a tensor loop gives what it computes, and from what it does so.

    ``named`` gives the functions of the module that an expression may name.
    """
    if not _may_be_loop(module, call.func):
        return
    if tensorflow_function(module.names.resolve(call.func)) not in TENSOR_LOOPS:
        return
    values: list[ast.expr] = []
    bodies: list[tuple[Function | ast.Lambda, frozenset[str]]] = []
    for given in (*call.args, *(keyword.value for keyword in call.keywords)):
        func, first, bound = given, 0, frozenset[str]()
        if isinstance(given, ast.Call) and given.args:
            if module.names.resolve(given.func) == "functools.partial":
                func, first = given.args[0], len(given.args) - 1
                bound = frozenset(k.arg for k in given.keywords if k.arg is not None)
        functions = [func] if isinstance(func, ast.Lambda) else list(named(func))
        for function in functions:
            positional = [*function.args.posonlyargs, *function.args.args][first:]
            bodies.append((function, frozenset(arg.arg for arg in positional) - bound))
        values += [] if functions else [given]
    for body, parameters in bodies:
        for parameter in sorted(parameters):
            yield body, parameter, values


def _may_be_loop(module: Module, func: ast.expr) -> bool:
    """Whether the last part of a callee, or what it may be an alias of, is a tensor loop's."""
    if isinstance(func, ast.Attribute):
        return func.attr in TENSOR_LOOPS
    return isinstance(func, ast.Name) and module.names.is_alias(func.id)


def _loop_bodies(module: Module) -> frozenset[int]:
    by_name: dict[tuple[int, str], int] = {}
    for scope in module.scopes:
        if scope.kind is ScopeKind.FUNCTION and scope.parent is not None:
            by_name[(id(scope.parent), scope.name)] = id(scope.node)
    found: set[int] = set()
    for node in module.of_kind(ast.Call):
        if not _may_be_loop(module, node.func):
            continue
        if tensorflow_function(module.names.resolve(node.func)) not in TENSOR_LOOPS:
            continue
        for arg in [*node.args, *(k.value for k in node.keywords)]:
            if isinstance(arg, ast.Lambda):
                found.add(id(arg))
            elif isinstance(arg, ast.Name):
                owner = module.scopes.resolve(arg.id, module.scope_of(arg))
                function = by_name.get((id(owner), arg.id))
                if function is not None:
                    found.add(function)
    return frozenset(found)


def in_loop(module: Module, node: ast.AST) -> bool:
    """Whether ``node`` stands in a loop, or in a comprehension, of its function."""
    for parent in module.parents(node):
        if isinstance(parent, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            return False
        if isinstance(parent, _LOOPS):
            return True
    return False
