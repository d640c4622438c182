"""Functions that make a source and what is computed from it, and give back both.

Before::

    def batch():
        q = tf.constant([0.5, -1.0])
        return q, td_loss(q)


    def slope():
        q, loss = batch()
        return tf.gradients(tf.reduce_mean(loss), q)[0]

After::

    def batch(*, tape=None):
        q = tf.constant([0.5, -1.0])
        if tape is not None:
            tape.watch(q)
        return q, td_loss(q)


    def slope():
        with tf.GradientTape() as tape:
            q, loss = batch(tape=tape)
            target = tf.reduce_mean(loss)
        return tape.gradient(target, q)

A tape that the caller opens after the call has not seen how ``loss`` comes from ``q``, and before
it there is no ``q`` to watch. So the maker watches what it makes, on the tape that it is handed.

Exact: the source is made in the maker by an operation that gives a new tensor, so nothing that was
computed earlier depends on it, and it is watched before the first statement that reads it. The
tape is opened before the call and is recording until the target has been computed. So everything
that is ever computed from the source up to there is on the tape, by whatever way it comes to the
target: in the maker's results, in objects that these are, by state that the maker sets. The
parameter can be given by name only and need not be given, so that all other calls stay as they are.

What is given back has to be such a tensor by a name that nothing else can have been bound to by
then, or a list (of lists) of nothing but such tensors, which nobody changes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from itertools import pairwise

from tape_migrate.edits.names import fresh_name, used_names
from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.symbols import DefKind, Symbol
from tape_migrate.module import Block, Module
from tape_migrate.shapes.callers import OtherUsers
from tape_migrate.shapes.copies import member_of
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.given_back import GivenBack, is_chosen, may_be_converted
from tape_migrate.shapes.hazards import refuse_scope
from tape_migrate.shapes.kinds import kind_of
from tape_migrate.shapes.plan import Made, MakerWatch, Refusal, Request, Source, in_order
from tape_migrate.shapes.replaced import replaced_elsewhere
from tape_migrate.shapes.results import plain_callee, result_of
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.unittests import ancestors, is_test_case


def made_by(
    dep: Dependence, symbol: Symbol, definitions: Iterable[Definition], reader: int
) -> tuple[Made, ...]:
    """The calls that give ``symbol`` its values, if each is one of a maker; else none.

    ``reader`` is the node at which it is a source.
    """
    found: list[Made] = []
    for definition in in_order(definitions):
        made = _made(dep, symbol, definition, dep.stmt_of(reader))
        if made is None:
            return ()
        found.append(made)
    return tuple(found)


def _made(
    dep: Dependence, symbol: Symbol, definition: Definition, reader: ast.stmt | None
) -> Made | None:
    module, stmt = dep.module, definition.stmt
    if definition.kind is not DefKind.STRONG or not isinstance(stmt, ast.Assign):
        return None
    call = stmt.value
    if len(stmt.targets) != 1 or not isinstance(call, ast.Call) or not _has_room(call):
        return None
    converted = may_be_converted(module, dep.scope)
    if converted and is_chosen(module, stmt, dep.scope, reader):
        return None
    function = plain_callee(module, call)
    if function is None or not _can_take_a_tape(module, function):
        return None
    given = result_of(module, stmt, definition.symbol)
    for element in symbol.path[len(definition.symbol.path) :]:
        given = member_of(given, element)
    if given is None:
        return None
    key = f"made {id(given)} {converted}"
    if key not in module.memo:
        module.memo[key] = _watches(module, function, given, converted=converted)
    watches = module.memo[key]
    if not isinstance(watches, tuple):
        return None
    parameter = _parameter(function)
    scope = module.scopes.opened_by(function)
    name = parameter or fresh_name("tape", used_names(module, scope))
    if any(keyword.arg == name for keyword in call.keywords):
        return None  # it watches on another tape already
    kind = kind_of(module, given, scope)
    return Made(call, function, name, watches, new=parameter is None, kind=kind)


def _has_room(call: ast.Call) -> bool:
    """Whether a call can be given one more argument, by name."""
    return not any(k.arg is None for k in call.keywords) and not any(
        isinstance(arg, ast.GeneratorExp) for arg in call.args
    )


def _can_take_a_tape(module: Module, function: ast.FunctionDef) -> bool:
    """Whether a function can be handed a tape that goes on recording until it comes to its end."""
    key = f"can take a tape {id(function)}"
    if key not in module.memo:
        module.memo[key] = _look(module, function)
    return module.memo[key] is True


def _look(module: Module, function: ast.FunctionDef) -> bool:
    summaries = Summaries.of(module)
    args = function.args
    if args.kwarg is not None or (args.posonlyargs and not args.args):
        return False
    if refuse_scope(module.scopes.opened_by(function)) is not None:
        return False
    # A tape or a gradient of its own would see, or need, what is recorded here in another way.
    return not summaries.calls_gradient([function]) and not any(
        module.names.resolve(node.func).endswith((".GradientTape", ".gradients"))
        or (isinstance(node.func, ast.Attribute) and node.func.attr in _OF_TAPES)
        for inner in summaries.reached(function)
        for node in ast.walk(inner)
        if isinstance(node, ast.Call)
    )


_OF_TAPES = frozenset({"gradient", "jacobian", "stop_recording"})


def _parameter(function: ast.FunctionDef) -> str | None:
    """The parameter by which a function takes a tape already to watch what it makes."""
    for arg, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        if isinstance(default, ast.Constant) and default.value is None:
            if any(watched_if_handed(stmt, arg.arg) for stmt in ast.walk(function)):
                return arg.arg
    return None


def watched_if_handed(node: ast.AST, tape: str) -> frozenset[str]:
    """The names that ``if tape is not None: tape.watch(…)`` watches; of other nodes none."""
    match node:
        case ast.If(
            test=ast.Compare(
                left=ast.Name(id=asked),
                ops=[ast.IsNot()],
                comparators=[ast.Constant(value=None)],
            ),
            body=[
                ast.Expr(
                    value=ast.Call(
                        func=ast.Attribute(value=ast.Name(id=held), attr="watch"),
                        args=[ast.Name() | ast.List() as watched],
                        keywords=[],
                    )
                )
            ],
            orelse=[],
        ) if asked == held == tape:
            parts = watched.elts if isinstance(watched, ast.List) else [watched]
            if all(isinstance(part, ast.Name) for part in parts):
                return frozenset(part.id for part in parts if isinstance(part, ast.Name))
    return frozenset()


def _watches(
    module: Module, function: ast.FunctionDef, given: ast.expr, *, converted: bool
) -> tuple[MakerWatch, ...] | None:
    """What has to be watched, and after which statements, for ``given`` to be a source."""
    back = GivenBack(module, function, converted)
    if not back.trace(given) or not back.only_read():
        return None
    found: list[MakerWatch] = []
    for name, stmt in back.leaves:
        after = _watched_after(module, function, name, stmt)
        if after is None:
            return None
        if isinstance(after, ast.stmt):
            found.append(MakerWatch(name, after))
    return tuple(found)


def _watched_after(
    module: Module, function: ast.FunctionDef, name: str, made: ast.Assign
) -> ast.stmt | bool | None:
    """The statement after which ``name`` is to be watched; True if it is watched, None if nowhere.

    That is the last one before the first that may read what ``made`` has given to the name.
    """
    place = module.place_of(made)
    if isinstance(place.owner, (ast.Try, ast.Match)) or not _is_apart(module, place.block):
        return None
    tape = _parameter(function)
    sinks = not _is_captured(module, function, name)
    after: ast.stmt = made
    for stmt in place.block[place.index + 1 :]:
        watched = watched_if_handed(stmt, tape) if tape is not None else frozenset()
        if name in watched:
            return True
        if not watched and (not sinks or _reads_or_leaves(stmt, name)):
            break
        after = stmt
    return after


def _is_apart(module: Module, block: Block) -> bool:
    """Whether each statement of a block has lines of its own."""
    lines = [(module.first_line(stmt), module.last_line(stmt)) for stmt in block]
    apart = all(above[1] < below[0] for above, below in pairwise(lines))
    return apart and all(
        not module.line_text(first)[: len(module.indent_of(stmt))].strip()
        and module.start(stmt) == module.line_start(first) + len(module.indent_of(stmt))
        for (first, _), stmt in zip(lines, block, strict=True)
        if not getattr(stmt, "decorator_list", [])
    )


def _is_captured(module: Module, function: ast.FunctionDef, name: str) -> bool:
    """Whether a function inside ``function`` reads the name, which no call of it would show."""
    own = module.scopes.opened_by(function)
    return any(
        isinstance(node, ast.Name) and node.id == name and module.scope_of(node) is not own
        for node in module.inside(function)
    )


def _reads_or_leaves(stmt: ast.stmt, name: str) -> bool:
    leaving = (ast.Return, ast.Raise, ast.Break, ast.Continue)
    return any(
        isinstance(node, leaving) or (isinstance(node, ast.Name) and node.id == name)
        for node in ast.walk(stmt)
    )


def refuse_made(request: Request, sources: Iterable[Source]) -> Refusal | None:
    """What a maker cannot watch on one tape alone, or what must not be recorded in it."""
    names = [str(source.symbol) for source in sources if source.made]
    if not names or not (request.is_hessian or request.stop_gradients is not None):
        return None
    what = "tf.hessians takes two tapes" if request.is_hessian else "stop_gradients= is given"
    return Refusal("TM128", f"{names[0]} comes out of a call with what is computed from it: {what}")


def refuse_replaced(module: Module, sources: Iterable[Source]) -> Refusal | None:
    """A maker for which another module has something else, which could not take the tape."""
    for made in (made for source in sources for made in source.made):
        path = replaced_elsewhere(module, made.function)
        if path is not None:
            return Refusal(
                "TM128",
                f"{path} may put something else in the place of {made.function.name}, which could "
                "not take a tape to watch the source on",
            )
    return None


def taken_by(sources: Iterable[Source]) -> tuple[str, ...]:
    """Notes for the report: the functions that take a tape now."""
    made = [each for source in sources for each in source.made]
    return tuple(dict.fromkeys(f"{each.function.name}() takes the tape" for each in made))


def overridable(module: Module, sources: Iterable[Source]) -> list[str]:
    """Sentences for the report: makers that are methods, which classes out of sight may have."""
    found: dict[str, None] = {}
    for made in (made for source in sources for made in source.made):
        owner = module.scopes.opened_by(made.function).parent
        if owner is None or not isinstance(owner.node, ast.ClassDef):
            continue
        if not _is_a_test_alone(module, owner.node):
            found[f"assumes that no class elsewhere overrides {made.function.name}"] = None
    return list(found)


def _is_a_test_alone(module: Module, node: ast.ClassDef) -> bool:
    """Whether a class is one of tests, of which no other file makes a class of its own."""
    classes = (node, *ancestors(module, node))
    project = module.project
    used = isinstance(project, OtherUsers) and project.users(module.path, node.name, method=False)
    tests = any(is_test_case(module, base) for each in classes for base in each.bases)
    return tests and not used
