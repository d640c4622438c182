"""What a value visibly is: a variable, or computed from one when the value was made.

Asked of values that a function finds around it, in a module that is not the one whose call is
decided: ``H`` of ``lambda: tf.reduce_sum(H)`` after ``H = W * 2.0``. Only what statements in sight
show counts; of what they do not show, nothing is said here.
"""

from __future__ import annotations

import ast
import builtins
import enum
from collections.abc import Iterable, Iterator
from typing import Final

from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.attributes_set import given_by
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.bound_elsewhere import bound_in, home_of
from tape_migrate.shapes.classes_seen import (
    class_named,
    classes_of,
    functions_of,
    given_to_attribute,
    kinds_asked,
)
from tape_migrate.shapes.given_by_callers import given_by_callers
from tape_migrate.shapes.given_here import given_in
from tape_migrate.shapes.kinds_elsewhere import Kinds
from tape_migrate.shapes.stored import put_into
from tape_migrate.shapes.tensorflow_facts import (
    COLLECTED_VARIABLES,
    COLLECTIONS,
    SIZES,
    VARIABLE_MAKERS,
    tensorflow_function,
)

_STOPS: Final = frozenset(
    [
        *("stop_gradient", "shape", "size", "rank", "argmax", "argmin", "zeros_like", "ones_like"),
        *("equal", "not_equal", "greater", "greater_equal", "less", "less_equal", "group"),
        *("global_variables_initializer", "variables_initializer", "assign", "no_op"),
    ]
)
_GATHER: Final = frozenset(
    {"dict", "enumerate", "filter", "getattr", "iter", "list", "next", "reversed", "set", "sorted"}
    | {"tuple", "zip"}
)
_ADD: Final = frozenset(("abs", "map", "max", "min", "pow", "sum"))
_MAKE_LAYERS: Final = ("layers.", "keras.layers.", "contrib.", "nn.rnn_cell.")
"""Functions and objects of TensorFlow that make variables of their own."""


class Made(enum.IntEnum):
    """What a value may be, the worst last."""

    NOTHING = 0
    VARIABLE = 1
    COMPUTED = 2


def made_by(home: Module, value: ast.AST | None) -> Made:
    """What an expression of ``home`` gives."""
    if not isinstance(value, (ast.Name, ast.Attribute, ast.Call)):
        return _made(home, value)
    known = home.memo.setdefault("made before", {})
    assert isinstance(known, dict)
    if value not in known:
        known[value] = Made.NOTHING  # what comes back to itself adds nothing
        known[value] = _made(home, value)
    found: Made = known[value]
    return found


def _made(home: Module, value: ast.AST | None) -> Made:
    match value:
        case ast.Name(ctx=ast.Load()):
            return _of_name(home, value)
        case ast.Attribute(attr=attr):
            return Made.NOTHING if attr in SIZES else _of_attribute(home, value)
        case ast.Call():
            return _of_call(home, value)
        case ast.BinOp(left=left, right=right):
            return _computed(home, [left, right])
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Invert(), operand=operand):
            return _computed(home, [operand])
        case ast.Subscript(value=inner) | ast.Starred(value=inner) | ast.NamedExpr(value=inner):
            return made_by(home, inner)
        case ast.IfExp(body=body, orelse=orelse):
            return _worst(home, [body, orelse])
        case ast.BoolOp(values=parts) | ast.Dict(values=parts):
            return _worst(home, parts)
        case ast.Assign(value=given):
            return made_by(home, given)
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return _worst(home, parts)
        case (
            ast.ListComp(elt=elt, generators=generators)
            | ast.GeneratorExp(elt=elt, generators=generators)
            | ast.DictComp(value=elt, generators=generators)
        ):
            over = _worst(home, [each.iter for each in generators])
            plain = isinstance(elt, (ast.Name, ast.Subscript)) or over is Made.NOTHING
            return max(over if plain else Made.COMPUTED, made_by(home, elt))
    return Made.NOTHING


def _worst(home: Module, parts: Iterable[ast.AST | None]) -> Made:
    return max((made_by(home, part) for part in parts), default=Made.NOTHING)


def _computed(home: Module, parts: Iterable[ast.AST | None]) -> Made:
    """What TensorFlow computes of ``parts``."""
    return Made.COMPUTED if _worst(home, parts) is not Made.NOTHING else Made.NOTHING


def _of_name(home: Module, name: ast.Name) -> Made:
    if home.scopes.is_comprehension_variable(name):
        return Made.NOTHING  # spoken of where what it goes over is
    scope = home.scope_of(name)
    owner = home.scopes.resolve(name.id, scope)
    found = Made.NOTHING
    for node in home.names.bindings(name.id, scope):
        match node:
            case ast.Import() | ast.ImportFrom():
                found = max(found, _of_other(home, name))
            case ast.stmt() | ast.NamedExpr():
                given = given_by(node, Symbol(name.id))
                found = max(found, made_by(home, given), _put_into(home, name.id, given))
            case None | ast.arg() if owner is not None:
                function = owner.node
                if isinstance(function, ast.FunctionDef):
                    found = max(found, _worst(home, given_in(home, function, name.id)))
    own = name.id in ("self", "cls")  # asked for what it holds where that is read
    for put in () if own else put_into(home, Symbol(name.id)):
        if home.scopes.resolve(name.id, home.scope_of(put)) is owner:
            found = max(found, made_by(home, put))
    return found


def _given_to_method(
    home: Module, function: ast.FunctionDef, parameter: str
) -> Iterator[tuple[Module, ast.expr]]:
    """What calls give a parameter of a method: ``NET.set(h)``, in whatever module."""
    yield from given_by_callers(home, function, parameter)
    for node in home.attributes(function.name):
        call = home.parent_of(node)
        if isinstance(call, ast.Call) and call.func is node:
            if any(kind is home.parent_of(function) for _, kind in classes_of(home, node.value)):
                yield from (
                    (home, value) for name, value in bind(function, call) if name == parameter
                )


def _of_other(home: Module, expr: ast.expr) -> Made:
    """What a name of another module is."""
    meant, found = home_of(home, home.names.resolve(expr)), Made.NOTHING
    if meant is None:
        return found
    other, (name, *rest) = meant
    for node in bound_in(other, name):
        if not isinstance(node, ast.ClassDef):
            found = max(found, made_by(other, node), _put_into(other, name, node))
        for kinds, attr in kinds_asked(other, node, rest):
            for given in given_to_attribute(kinds, attr):
                found = max(found, made_by(*given), _put_by_callers(*given))
    return found


def _put_by_callers(home: Module, value: ast.expr) -> Made:
    """What callers give a method for what it sets, as ``value``: ``NET.set(h)``.

    Asked for what other modules hold only: callers of callers would be the whole program.
    """
    found = Made.NOTHING
    for name in home.of_kind_inside(ast.Name, value):
        owner = home.scopes.resolve(name.id, home.scope_of(name))
        function = owner.node if owner is not None else None
        if not isinstance(function, ast.FunctionDef) or name.id in ("self", "cls"):
            continue
        if isinstance(home.parent_of(function), ast.ClassDef):
            given = _given_to_method(home, function, name.id)
            made = max((made_by(*each) for each in given), default=Made.NOTHING)
            plain = name is value or made is Made.NOTHING
            found = max(found, made if plain else Made.COMPUTED)
    return found


def _put_into(home: Module, name: str, value: ast.expr | None) -> Made:
    """What is put into a list or a table: ``PARTS.append(h)`` after ``PARTS = []``."""
    put = put_into(home, Symbol(name))
    return Made.NOTHING if not put or classes_of(home, value) else _worst(home, put)


def _of_attribute(home: Module, attribute: ast.Attribute) -> Made:
    resolved = home.names.resolve(attribute)
    if resolved:
        return _of_other(home, attribute)
    if made_by(home, attribute.value) is Made.COMPUTED:
        return Made.COMPUTED
    kinds = classes_of(home, attribute.value)
    own = class_named(home, attribute.value)
    found = held([*kinds, *([own] if own is not None else [])], attribute.attr)
    return max(found, _set_on_name(home, attribute))


def _set_on_name(home: Module, attribute: ast.Attribute) -> Made:
    """``box.h = W * 2.0``, on the name by which it is read."""
    holder, found = attribute.value, Made.NOTHING
    if isinstance(holder, ast.Name) and holder.id not in ("self", "cls"):
        owner = home.scopes.resolve(holder.id, home.scope_of(holder))
        for node in home.attributes(attribute.attr):
            if isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name):
                if node.value.id == holder.id:
                    if home.scopes.resolve(holder.id, home.scope_of(node)) is owner:
                        found = max(found, made_by(home, home.statement_of(node)))
    return found


def held(kinds: Kinds, attr: str) -> Made:
    """What an attribute of an object is given, by whatever method of its classes."""
    return max((made_by(*given) for given in given_to_attribute(kinds, attr)), default=Made.NOTHING)


def _of_call(home: Module, call: ast.Call) -> Made:
    resolved = home.names.resolve(call.func)
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    name = tensorflow_function(resolved)
    if name is not None:
        return _of_tensorflow(home, name, call, given)
    if resolved and resolved.partition(".")[0] in KNOWN_MODULES - {"keras"}:
        return Made.NOTHING
    leaf = resolved.rpartition(".")[2]
    if _makes_layer(home, call.func) or (resolved.startswith("keras.layers.") and leaf.islower()):
        return Made.COMPUTED
    found = _computed(home, given)
    if isinstance(call.func, ast.Name) and hasattr(builtins, call.func.id):
        if call.func.id in _GATHER:
            return _worst(home, given)
        return _computed(home, given) if call.func.id in _ADD else Made.NOTHING
    if class_named(home, call.func) is not None:
        return Made.NOTHING  # an object: asked for what it holds where that is read
    if isinstance(call.func, ast.Call):  # `getattr(W, "read_value")()`
        found = max(found, _computed(home, [call.func]))
    if isinstance(call.func, ast.Attribute) and not resolved:
        if call.func.attr in SIZES:
            return Made.NOTHING
        found = max(found, _computed(home, [call.func.value]))
    for place, function in functions_of(home, call.func):
        for node in place.of_kind_inside(ast.Return, function):
            if place.scope_of(node) is place.scopes.opened_by(function):
                found = max(found, made_by(place, node.value))
    return found


def _makes_layer(home: Module, func: ast.expr) -> bool:
    """Whether what is called is a layer: ``Dense(3)``, or a name or an attribute of one."""
    match func:
        case ast.Call(func=made):
            name = tensorflow_function(home.names.resolve(made)) or home.names.resolve(made)
            return name.startswith(("layers.", "keras.layers.")) and not name.islower()
        case ast.Name(id=name):
            bound = home.names.bindings(name, home.scope_of(func))
            return any(
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Call)
                and _makes_layer(home, node.value)
                for node in bound
            )
    return False


def _of_tensorflow(home: Module, name: str, call: ast.Call, given: list[ast.expr]) -> Made:
    leaf = name.rpartition(".")[2]
    if leaf in VARIABLE_MAKERS:
        fixed = any(
            keyword.arg == "trainable"
            and isinstance(keyword.value, ast.Constant)
            and not keyword.value.value
            for keyword in call.keywords
        )
        return Made.NOTHING if fixed else Made.VARIABLE
    if name in COLLECTIONS and name.startswith("losses."):
        return Made.COMPUTED
    if leaf in COLLECTED_VARIABLES:
        return Made.VARIABLE
    if leaf in _STOPS:
        return Made.NOTHING
    if name.startswith(_MAKE_LAYERS) and leaf.islower() and "regularizer" not in leaf:
        return Made.COMPUTED
    return _computed(home, given)
