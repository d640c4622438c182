"""How often, and under what condition, an expression in a statement is evaluated.

A call in a comprehension or a ``while`` test takes its gradient many times (a persistent tape);
one in a conditional expression perhaps never, so that its target may not be named beforehand.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.flow.bindings import target_names
from tape_migrate.flow.symbols import symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.plan import Refusal, Request

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Repeat:
    """Where in its statement the call is evaluated."""

    repeated: bool
    conditional: bool
    in_comprehension: bool
    variables: frozenset[str]
    """Comprehension variables visible to the call."""
    source_over: ast.expr | None = None
    """The iterable, if the source is a comprehension variable."""
    target_over: ast.expr | None = None
    mapped: ast.ListComp | ast.GeneratorExp | None = None
    """The comprehension, if only the target needs its variables: the targets can be listed."""
    target_reads: tuple[ast.expr, ...] = ()
    """The iterables whose elements the target is computed from."""


def repeat_of(module: Module, request: Request) -> Repeat | Refusal:
    """Look at the expressions between the call and its statement."""
    repeated = conditional = in_comprehension = False
    variables: set[str] = set()
    source_over: ast.expr | None = None
    target_over: ast.expr | None = None
    mapped: ast.ListComp | ast.GeneratorExp | None = None
    generators: list[ast.comprehension] = []
    child: ast.AST = request.call
    if isinstance(module.statement_of(request.call), ast.While):
        repeated = conditional = True
    for parent in module.parents_in_statement(request.call):
        if isinstance(parent, _COMPREHENSIONS):
            if isinstance(parent, ast.GeneratorExp):
                consumer = module.parent_of(parent)
                if not (isinstance(consumer, ast.Call) and consumer.args == [parent]):
                    return Refusal("TM116", "the call stands in a generator that runs later")
            if child is not parent.generators[0] or not _in_first_iter(parent, request.call):
                mapped = (
                    None if in_comprehension or conditional else _mapped(module, parent, request)
                )
                repeated = in_comprehension = True
                generators += [g for g in parent.generators if not _counts(module, g.iter)]
                for generator in parent.generators:
                    names = target_names([generator.target])
                    variables |= names
                    source_over = source_over or _iterable_of(generator, request.source)
                    target_over = target_over or _iterable_of(generator, request.target)
        elif (isinstance(parent, ast.IfExp) and child is not parent.test) or (
            isinstance(parent, ast.BoolOp) and child is not parent.values[0]
        ):
            conditional = True
        elif isinstance(parent, ast.Compare) and child is not parent.left:
            conditional |= len(parent.comparators) > 1
        child = parent
    return Repeat(
        repeated,
        conditional,
        in_comprehension,
        frozenset(variables),
        source_over,
        target_over,
        mapped,
        _iterables(generators, request.target),
    )


def _counts(module: Module, iterable: ast.expr) -> bool:
    """``range(n)``: whole numbers, whatever they were computed from."""
    if not isinstance(iterable, ast.Call) or not isinstance(iterable.func, ast.Name):
        return False
    name = iterable.func.id
    return name == "range" and not module.names.is_local(name, module.scope_of(iterable))


def _iterables(generators: list[ast.comprehension], expr: ast.expr) -> tuple[ast.expr, ...]:
    """What the variables of comprehensions that ``expr`` reads run through, directly or not."""
    found: list[ast.expr] = []
    todo = [expr]
    while todo:
        read = {node.id for node in ast.walk(todo.pop()) if isinstance(node, ast.Name)}
        for generator in generators:
            if generator.iter not in found and read & target_names([generator.target]):
                found.append(generator.iter)
                todo.append(generator.iter)
    return tuple(found)


def refuse_variables(repeat: Repeat, source: ast.expr) -> Refusal | None:
    """``[tf.gradients(y, [v, x]) for v in vs]``: what ``v`` is, no watch before could name."""
    if not repeat.variables & {n.id for n in ast.walk(source) if isinstance(n, ast.Name)}:
        return None
    return Refusal(
        "TM120",
        "the sources are computed from a variable of the comprehension that the call stands in",
    )


def _mapped(
    module: Module, parent: ast.AST, request: Request
) -> ast.ListComp | ast.GeneratorExp | None:
    """``[g(tf.gradients(e(i), x)) for i in r]`` where ``i`` occurs in ``e(i)`` only."""
    if not isinstance(parent, (ast.ListComp, ast.GeneratorExp)) or len(parent.generators) != 1:
        return None
    if request.handed and isinstance(request.target, ast.Name):
        return None  # the call of a helper keeps the name that it is given
    generator = parent.generators[0]
    tail = module.text[module.end(generator.iter) : module.end(parent)].strip()
    if generator.is_async or tail not in (b"]", b")", b""):
        return None
    names = target_names([generator.target])
    inside = {id(node) for node in ast.walk(request.target)}
    for node in ast.walk(parent.elt):
        if isinstance(node, ast.Name) and node.id in names and id(node) not in inside:
            return None
    return parent


def _in_first_iter(comprehension: ast.AST, call: ast.Call) -> bool:
    assert isinstance(comprehension, _COMPREHENSIONS)
    return any(node is call for node in ast.walk(comprehension.generators[0].iter))


def _iterable_of(generator: ast.comprehension, expr: ast.expr) -> ast.expr | None:
    """The iterable whose elements ``expr`` names, for ``for x in xs`` and zip/enumerate of it."""
    if not isinstance(expr, ast.Name):
        return None
    return iterable_of(generator.target, generator.iter, expr.id)


def iterable_of(target: ast.expr, iterable: ast.expr, name: str) -> ast.expr | None:
    """The symbol that ``name`` runs through in ``for target in iterable``, if it is plain."""
    if isinstance(target, ast.Name):
        if target.id == name and (
            symbol_of(iterable) is not None or isinstance(iterable, (ast.List, ast.Tuple))
        ):
            return iterable
        return None
    if not isinstance(target, (ast.Tuple, ast.List)) or not isinstance(iterable, ast.Call):
        return None
    func = iterable.func
    if isinstance(func, ast.Attribute) and func.attr == "items" and len(target.elts) == 2:
        value = target.elts[1]
        if isinstance(value, ast.Name) and value.id == name and symbol_of(func.value) is not None:
            return func.value
    if isinstance(func, ast.Name) and func.id == "zip" and len(iterable.args) == len(target.elts):
        for part, inner in zip(target.elts, iterable.args, strict=True):
            found = iterable_of(part, inner, name)
            if found is not None:
                return found
    if (
        isinstance(func, ast.Name)
        and func.id == "enumerate"
        and len(target.elts) == 2
        and iterable.args
    ):
        return iterable_of(target.elts[1], iterable.args[0], name)
    return None
