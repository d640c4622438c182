"""Calls that evaluate a Keras graph: ``K.function(…)``, ``K.get_session().run(…)``."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.keras_calls import BACKEND, INPUTS
from tape_migrate.shapes.keras_fed import shape_name
from tape_migrate.shapes.keras_layers import is_kept_layer
from tape_migrate.shapes.keras_leaves import canonical, spelled
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.keras_values import Level
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.plan import Refusal

_OWNER = re.compile(r"(.*)\.(?:input|inputs\[\d+\])")
_MODELS = frozenset(("Functional", "Model", "Sequential", "load_model", "clone_model"))
_PLACEHOLDER = ("shape", "ndim", "dtype", "sparse", "name")
"""Parameters of ``K.placeholder``."""


@dataclass(frozen=True)
class Compiled:
    """A call that compiles (or runs) a Keras graph, its arguments told apart."""

    call: ast.Call
    inputs: tuple[ast.expr, ...]
    outputs: ast.expr
    named: ast.expr | None = None
    """The name that the list of inputs is given by, or what a Session is fed, if it is."""
    values: tuple[ast.expr, ...] | None = None
    """What the inputs are fed, where the graph is run at once by a Session."""
    session: ast.stmt | None = None
    """The statement that names the Session, if nothing else uses it."""
    whole: ast.expr | None = None
    """The inputs, if they are given by one expression that is no list."""


@dataclass(frozen=True)
class Feed:
    """One input of the compiled function."""

    name: str
    """Of the new function's parameter; a name of the user's where there is one."""
    canonical: str
    dtype: str
    """An expression for its dtype."""
    model_input: str | None
    """The expression for it as an input of the sub-model; None for a placeholder."""
    position: int
    """In the list that the compiled function is called with."""
    expr: ast.expr
    shape: str = "None"
    """An expression for the shape of a placeholder."""
    whole: bool = False
    """All inputs of a model, as a list of unknown length."""


def compiled_calls(module: Module) -> list[ast.Call]:
    """Every call that compiles or runs a Keras graph."""
    return [
        node
        for node in module.of_kind(ast.Call)
        if _may_be_compiled(module, node.func)
        and (module.names.resolve(node.func) == BACKEND + "function" or _session_of(module, node))
    ]


def _may_be_compiled(module: Module, func: ast.expr) -> bool:
    """Far cheaper than to resolve every callee."""
    if isinstance(func, ast.Attribute):
        return func.attr in ("function", "run")
    return isinstance(func, ast.Name) and module.names.is_alias(func.id)


def read_compiled(module: Module, call: ast.Call) -> Compiled | Refusal:
    """The arguments of a call that ``compiled_calls`` found."""
    for node in ast.walk(call):
        if isinstance(node, ast.NamedExpr):
            text = ast.unparse(node.target)
            return Refusal("TM113", f"the arguments of the call name what they hold: {text}")
    session = _session_of(module, call)
    if session is not None:
        return _run(module, call, session)
    return _function(module, call)


def _function(module: Module, call: ast.Call) -> Compiled | Refusal:
    given: dict[str, ast.expr] = {}
    for name, arg in zip(("inputs", "outputs", "updates"), call.args, strict=False):
        if isinstance(arg, ast.Starred):
            return Refusal("TM113", "the arguments of K.function cannot be told apart")
        given[name] = arg
    for keyword in call.keywords:
        if keyword.arg is None:
            return Refusal("TM113", "the arguments of K.function cannot be told apart")
        given[keyword.arg] = keyword.value
    updates = given.get("updates")
    empty = isinstance(updates, (ast.List, ast.Tuple)) and not updates.elts
    none = isinstance(updates, ast.Constant) and updates.value is None
    if updates is not None and not (empty or none):
        return Refusal("TM145", "the K.function also runs updates of variables")
    unknown = set(given) - {"inputs", "outputs", "updates", "name"}
    if unknown or not {"inputs", "outputs"} <= set(given):
        return Refusal("TM113", "the K.function has arguments that a plain function cannot take")
    inputs = _listed(module, given["inputs"])
    named = given["inputs"] if inputs is not given["inputs"] else None
    elements = _elements(inputs)
    whole = inputs if elements == [inputs] else None
    return Compiled(call, tuple(elements), given["outputs"], named, whole=whole)


def _session_of(module: Module, call: ast.Call) -> ast.expr | None:
    """The receiver of ``sess.run(…, feed_dict=…)`` if it is Keras' own Session."""
    return call.func.value if _made_session(module, call) is not None else None  # type: ignore[attr-defined]


def _made_session(module: Module, call: ast.Call) -> ast.Call | None:
    """The ``get_session()`` call that gave what ``call`` runs a graph with."""
    func = call.func
    if not isinstance(func, ast.Attribute) or func.attr != "run":
        return None
    made: ast.expr | None = func.value
    if isinstance(made, ast.Name):
        symbol = Symbol(made.id)
        reached = module.facts(module.scope_of(made)).reaching_at(made, symbol)
        stmts = [d.stmt for d in reached if d.kind is not DefKind.MUTATION]
        if len(stmts) != 1 or stmts[0] is None:
            return None
        made = value_given_by(stmts[0], symbol)
    if isinstance(made, ast.Call) and module.names.resolve(made.func).endswith(".get_session"):
        return made
    return None


def session_backend(module: Module, call: ast.Call) -> str | None:
    """The text by which the Keras backend is known where the Session of ``call`` was asked for, or
    None if it is not."""
    made = _made_session(module, call)
    func = made.func if made is not None else call.func
    if isinstance(func, ast.Attribute):
        return ast.unparse(func.value)
    # `from tensorflow.compat.v1.keras.backend import get_session`
    known = (node.id for node in module.of_kind(ast.Name) if _is_backend(module, node))
    return next(known, None)


def _is_backend(module: Module, node: ast.Name) -> bool:
    return module.names.resolve(node) == BACKEND.removesuffix(".")


def _run(module: Module, call: ast.Call, session: ast.expr) -> Compiled | Refusal:
    feeds = [k.value for k in call.keywords if k.arg == "feed_dict"] or call.args[1:2]
    fetches = [k.value for k in call.keywords if k.arg == "fetches"] or call.args[:1]
    if len(feeds) != 1 or len(fetches) != 1 or len(call.args) + len(call.keywords) != 2:
        return Refusal("TM146", "what the Session runs cannot be read here")
    fed = feeds[0]
    named = fed if isinstance(fed, ast.Name) else None
    if isinstance(fed, ast.Name) and named is not None:
        symbol = Symbol(fed.id)
        reached = module.facts(module.scope_of(fed)).reaching_at(fed, symbol)
        stmt = next(iter(reached)).stmt if len(reached) == 1 else None
        fed = (value_given_by(stmt, symbol) if stmt is not None else None) or fed
        if not all(isinstance(v, ast.Name) for v in getattr(fed, "values", ())):
            return Refusal("TM146", "what the Session is fed is computed before the call")
        for value in getattr(fed, "values", ()):
            if _bound_at(module, named, value.id) != _bound_at(module, value, value.id):
                return Refusal(
                    "TM146", f"{value.id} is bound again after the Session's feed is made"
                )
    if not isinstance(fed, ast.Dict) or any(key is None for key in fed.keys):
        return Refusal("TM146", "what the Session is fed cannot be read here")
    statement: ast.stmt | None = None
    if isinstance(session, ast.Name):
        scope = module.scope_of(session)
        reads = [
            node
            for node in module.nodes
            if isinstance(node, ast.Name) and node.id == session.id and node is not session
            and isinstance(node.ctx, ast.Load)
        ]  # fmt: skip
        bound = module.names.bindings(session.id, scope)
        if len(bound) != 1 or not isinstance(bound[0], ast.stmt):
            return Refusal("TM146", f"{session.id} may be another Session")
        if not reads:
            statement = bound[0]
    keys = tuple(key for key in fed.keys if key is not None)
    return Compiled(call, keys, fetches[0], named, tuple(fed.values), statement)


def _bound_at(module: Module, place: ast.expr, name: str) -> set[Definition]:
    """What may have bound ``name`` last when ``place`` is evaluated."""
    reached = module.facts(module.scope_of(place)).reaching_at(place, Symbol(name))
    return {d for d in reached if d.kind is not DefKind.MUTATION}


def _listed(module: Module, inputs: ast.expr) -> ast.expr:
    """The list that a name of the inputs was given, where that is all it can be."""
    if not isinstance(inputs, ast.Name):
        return inputs
    symbol = Symbol(inputs.id)
    reached = module.facts(module.scope_of(inputs)).reaching_at(inputs, symbol)
    if len(reached) != 1:
        return inputs
    stmt = next(iter(reached)).stmt
    given = value_given_by(stmt, symbol) if stmt is not None else None
    return given if isinstance(given, (ast.List, ast.Tuple)) else inputs


def _elements(inputs: ast.expr) -> list[ast.expr]:
    if isinstance(inputs, (ast.List, ast.Tuple)):
        return list(inputs.elts)
    return [inputs]


def is_phase(module: Module, expr: ast.expr) -> bool:
    """Whether ``expr`` is ``K.learning_phase()``."""
    return (
        isinstance(expr, ast.Call) and module.names.resolve(expr.func) == BACKEND + "learning_phase"
    )


def phase_of(module: Module, compiled: Compiled) -> int | None:
    """Position of the learning phase among the inputs, or None."""
    for position, element in enumerate(compiled.inputs):
        if is_phase(module, element):
            return position
    return None


def feeds_of(module: Module, dep: Dependence, compiled: Compiled) -> list[Feed] | Refusal:
    """The inputs, but for the learning phase, or why they are none of a model's."""
    levels = Levels.of(module)
    every = _every_input(module, compiled)
    if every is not None:
        return [every]
    found: list[Feed] = []
    for position, element in enumerate(compiled.inputs):
        if is_phase(module, element):
            continue
        if isinstance(element, ast.Starred):
            return Refusal("TM140", "how many inputs the compiled function has is not known")
        value = levels.value(element)
        if element is compiled.whole and ast.unparse(element).endswith(".input"):
            return Refusal(
                "TM140",
                f"whether {ast.unparse(element)}, given alone, is one input or a list of several "
                "is not known: put it into a list, or give .inputs",
            )
        if value.holds or not value.symbolic:
            return Refusal(
                "TM140", f"nothing tells that {ast.unparse(element)} is one input of a model"
            )
        text = canonical(module, element)
        plain = element.id if isinstance(element, ast.Name) else "inputs"
        if value.level is Level.GRAPH:
            if not isinstance(element, ast.Name):
                return Refusal("TM140", f"{ast.unparse(element)} is no input of a model")
            made = _placeholders(module, dep, element)
            if made is None:
                return Refusal("TM140", f"{element.id} is no input of a model")
            dtype, shape = made
            found.append(Feed(plain, text, dtype, None, position, element, shape))
        else:
            where = spelled(module, element)
            if where.endswith(".input") and not (
                where.endswith(("].input", ").input")) or is_kept_layer(module, element)
            ):
                where = where.removesuffix(".input") + ".inputs[0]"
            found.append(Feed(plain, text, f"{where}.dtype", where, position, element))
    cut = _cut_off(module, found)
    if cut is not None:
        return Refusal("TM140", f"{cut} may be computed from another input beside which it is fed")
    if not found:
        return Refusal("TM140", "the compiled function has no input")
    names = [feed.name for feed in found]
    return [
        replace(feed, name=f"{feed.name.removesuffix('s')}{number}")
        if names.count(feed.name) > 1
        else feed
        for number, feed in enumerate(found, 1)
    ]


def _cut_off(module: Module, feeds: list[Feed]) -> str | None:
    """What may be computed by a layer, of several ``feeds`` of which others are inputs, if any.

    What is fed takes the place of what would be computed, in the gradient as well.
    """
    given = [feed for feed in feeds if feed.model_input is not None]
    for feed in given if len(given) > 1 else ():
        if not _is_of_model(module, feed, given) and not _is_input(module, feed.expr):
            return ast.unparse(feed.expr)
    return None


def _is_of_model(module: Module, feed: Feed, given: list[Feed]) -> bool:
    """``model.inputs[1]`` of a model, and not ``layer.input`` of a layer in it."""
    own = _OWNER.fullmatch(feed.canonical)
    if own is None:
        return False
    if all((other := _OWNER.fullmatch(each.canonical)) and other[1] == own[1] for each in given):
        return True  # one object has them all
    name = own[1].rpartition(".")[2]
    bound = [n for n in module.of_kind(ast.Assign) if name in map(last_name, n.targets)]
    return bool(bound) and all(
        isinstance(node.value, ast.Call) and last_name(node.value.func) in _MODELS for node in bound
    )


def _is_input(module: Module, expr: ast.expr) -> bool:
    """Whether a name or an attribute is only ever given ``Input(…)``, or a member of inputs."""
    symbol = symbol_of(expr)
    places: list[ast.AST | None] = []
    if isinstance(expr, ast.Name):
        places += module.names.bindings(expr.id, module.scope_of(expr))
    elif isinstance(expr, ast.Attribute):
        set_here = (n for n in module.attributes(expr.attr) if isinstance(n.ctx, ast.Store))
        places += map(module.statement_of, set_here)
    if symbol is None or not places:
        return False
    for node in places:
        if not isinstance(node, ast.Assign):
            return False
        value = value_given_by(node, symbol) or node.value
        match value:
            case ast.Call(func=func) if module.names.resolve(func) in INPUTS:
                continue
            case ast.Attribute(attr="inputs"):
                continue
            case ast.Attribute(attr="input") if not isinstance(node.targets[0], ast.Name):
                continue  # `first, second = model.input`
        return False
    return True


def _every_input(module: Module, compiled: Compiled) -> Feed | None:
    """``model.inputs`` (or ``[*model.input]``) as the inputs of the compiled function."""
    if len(compiled.inputs) != 1:
        return None
    element = compiled.inputs[0]
    inner = element.value if isinstance(element, ast.Starred) else element
    plural = ("input", "inputs") if isinstance(element, ast.Starred) else ("inputs",)
    if not isinstance(inner, ast.Attribute) or inner.attr not in plural:
        return None
    if not Levels.of(module).value(inner).symbolic:
        return None
    model = ast.unparse(inner.value)
    where = f"{model}.inputs"
    return Feed("inputs", where, f"{where}[0].dtype", where, 0, inner, whole=True)


def _placeholders(module: Module, dep: Dependence, name: ast.Name) -> tuple[str, str] | None:
    """Expressions for dtype and shape of a placeholder, or None if ``name`` is none."""
    dtypes: set[str] = set()
    shapes: set[str] = set()
    for definition in module.facts(dep.scope).reaching_at(name, Symbol(name.id)):
        stmt = definition.stmt
        if definition.kind is not DefKind.STRONG or not isinstance(stmt, ast.Assign):
            return None
        if not isinstance(stmt.value, ast.Call):
            return None
        if module.names.resolve(stmt.value.func) != BACKEND + "placeholder":
            return None
        given = dict(zip(_PLACEHOLDER, stmt.value.args, strict=False))
        given |= {k.arg: k.value for k in stmt.value.keywords if k.arg is not None}
        dtypes.add(ast.unparse(given["dtype"]) if "dtype" in given else "'float32'")
        shapes.add(_shape(given))
    if len(dtypes) != 1:
        return None
    # Placeholders made in branches leave their shapes behind under one name.
    return dtypes.pop(), shapes.pop() if len(shapes) == 1 else shape_name(name.id)


def _shape(given: dict[str, ast.expr]) -> str:
    """An expression for the shape of a placeholder; of one made by its rank, too."""
    shape = ast.unparse(given["shape"]) if "shape" in given else "None"
    match given.get("ndim"):
        case ast.Constant(value=int(rank)) if shape == "None":
            return f"({'None, ' * rank})".replace(", )", ",)" if rank == 1 else ")")
    return shape
