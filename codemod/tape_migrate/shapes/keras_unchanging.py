"""What a ``K.function`` is made with that is the same wherever it is made.

``K.function([model.input], [g * CONFIG["scale"]])`` makes the product, with the number that the
dictionary holds by then. Made where ``g`` is made, it holds the number of that time. So what moves
may read tensors and variables of a graph, which are the same at both places and have their values
when the function runs, and constants; of the rest only what nothing changes.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Final

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.keras_calls import BACKEND
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.keras_values import Level
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.libraries import is_library
from tape_migrate.shapes.set_by_name import set_by_name
from tape_migrate.shapes.tensorflow_facts import (
    KERAS_GRAPH_ATTRIBUTES,
    KERAS_GRAPH_CALLS,
    tensorflow_function,
)

_STATIC: Final = frozenset({"dtype", "name", "ndim", "shape"})
_READS_VALUES: Final = frozenset(
    {"batch_get_value", "epsilon", "eval", "floatx", "function", "get_session", "get_value"}
    | {"image_data_format", "image_dim_ordering", "print_tensor", "py_func", "numpy_function"}
    | {"py_function", "get_uid", "count_params"}
)
"""Functions of TensorFlow and its Keras backend that give what something holds when they run."""
_CHANGES_LAYERS: Final = frozenset({"add", "pop"})
_CHANGES_LISTS: Final = frozenset(
    {"append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"}
)


class Unchanging:
    """The arguments of one call, looked at for what may change before it."""

    def __init__(self, module: Module, call: ast.Call) -> None:
        self._module = module
        self._levels = Levels.of(module)
        self._call = call
        self._scope = module.scope_of(call)
        self._inside = {id(node) for node in ast.walk(call)}

    def why_not(self, before: Callable[[ast.expr], bool]) -> str | None:
        """Why the call may be another one elsewhere; None if it is the same.

        ``before`` tells whether a change is made before the place to which the call moves.
        """
        parts = [*self._call.args, *(k.value for k in self._call.keywords)]
        part = next(filter(None, map(self._in_value, parts)), None)
        if part is not None:
            return f"{ast.unparse(part)} may be another value by then"
        for name in self._set_by_name():
            return f"self.{name} may be set by its name"
        for model in self._models():
            for node in self._module.nodes:
                if isinstance(node, ast.expr) and self._is_change(model, node) and not before(node):
                    return f"line {node.lineno} changes {ast.unparse(model)}"
        return None

    def _models(self) -> Iterator[ast.expr]:
        for node in ast.walk(self._call):
            if isinstance(node, ast.Attribute) and (
                node.attr in KERAS_GRAPH_ATTRIBUTES | KERAS_GRAPH_CALLS | {"layers"}
            ):
                own = isinstance(node.value, ast.Name) and node.value.id == "self"
                if isinstance(node.value, (ast.Name, ast.Attribute)) and not own:
                    yield node.value

    def _is_change(self, model: ast.expr, node: ast.expr) -> bool:
        match node:
            case ast.Call(func=ast.Name(id="getattr"), args=[holder, asked, *_]):
                by_name = not isinstance(asked, ast.Constant) or asked.value in _CHANGES_LAYERS
                return by_name and self._may_be(model, holder)
            case ast.Attribute(value=holder, attr=name) if name in _CHANGES_LAYERS:
                call = self._module.parent_of(node)
                called = isinstance(call, ast.Call) and call.func is node
                return not called and self._may_be(model, holder)
            case ast.Call(func=ast.Attribute(value=holder, attr=name)):
                if name in _CHANGES_LAYERS and any(
                    self._may_be(model, part) for part in (holder, *node.args[:1])
                ):
                    return True
                if name == "add" and self._adds_layer(node) and not self._is_new(holder):
                    return True  # it may be the model by another name
                return (
                    name in _CHANGES_LISTS
                    and isinstance(holder, ast.Attribute)
                    and holder.attr in KERAS_GRAPH_ATTRIBUTES | {"layers", "_layers"}
                    and self._may_be(model, holder.value)
                )
            case (
                ast.Attribute(value=holder, attr=name, ctx=ast.Store() | ast.Del())
                | ast.Subscript(
                    value=ast.Attribute(value=holder, attr=name), ctx=ast.Store() | ast.Del()
                )
            ):
                changed = name in KERAS_GRAPH_ATTRIBUTES | {"layers", "_layers"}
                return changed and self._may_be(model, holder)
        return False

    def _adds_layer(self, call: ast.Call) -> bool:
        """Whether a layer is added, to whatever: ``net.add(Dense(1))``, ``net.add(layer)``."""
        match call.args:
            case [ast.Name() as name]:
                return self._levels.value(name).level is Level.PLAIN
            case [ast.Call(func=func)]:
                return bool(resolved := self._module.names.resolve(func)) and is_library(
                    self._module, resolved
                )
        return False

    def _is_new(self, holder: ast.expr) -> bool:
        """Whether it is an object that its own function has made: ``net = Sequential()``."""
        if not isinstance(holder, ast.Name):
            return False
        bound = self._module.names.bindings(holder.id, self._module.scope_of(holder))
        return bool(bound) and all(
            isinstance(node, ast.Assign) and isinstance(node.value, (ast.Call, ast.Set))
            for node in bound
        )

    def _may_be(self, model: ast.expr, holder: ast.expr) -> bool:
        """Whether ``holder`` is called what ``model`` is called."""
        if isinstance(model, ast.Attribute):
            return isinstance(holder, ast.Attribute) and holder.attr == model.attr
        if not isinstance(model, ast.Name) or not isinstance(holder, ast.Name):
            return False
        resolve = self._module.scopes.resolve
        own = resolve(model.id, self._scope)
        return holder.id == model.id and resolve(holder.id, self._module.scope_of(holder)) is own

    def _in_value(self, expr: ast.expr) -> ast.expr | None:
        """The first part of ``expr`` that may give something else at another time."""
        match expr:
            case ast.Constant():
                return None
            case ast.Name():
                return None if self._is_kept(expr) else expr
            case ast.Attribute(value=inner, attr=name):
                if isinstance(inner, ast.Name) and inner.id == "self":
                    return None if self._is_kept(expr) else expr
                if name in KERAS_GRAPH_ATTRIBUTES and self._levels.value(expr).symbolic:
                    return self._in_model(inner)
                if name in _STATIC and self._levels.value(inner).symbolic:
                    return self._in_value(inner)
                return expr
            case ast.Call():
                return self._in_call(expr)
            case (
                ast.Subscript() | ast.BinOp() | ast.UnaryOp() | ast.BoolOp() | ast.Compare()
                | ast.IfExp() | ast.List() | ast.Tuple() | ast.Starred() | ast.Slice()
            ):  # fmt: skip
                return self._in_parts(expr)
            case ast.ListComp() | ast.GeneratorExp():
                for generator in expr.generators:
                    found = self._in_model(generator.iter)
                    if found is not None:
                        return found
                    if generator.ifs:
                        return generator.ifs[0]
                return self._in_value(expr.elt)
        return expr

    def _in_parts(self, expr: ast.expr) -> ast.expr | None:
        parts = (part for part in ast.iter_child_nodes(expr) if isinstance(part, ast.expr))
        return next(filter(None, map(self._in_value, parts)), None)

    def _in_call(self, call: ast.Call) -> ast.expr | None:
        func = call.func
        if isinstance(func, ast.Attribute) and func.attr in KERAS_GRAPH_CALLS:
            return self._in_model(call)
        resolved = self._module.names.resolve(func)
        name = tensorflow_function(resolved)
        if name is None and resolved.startswith(BACKEND):
            name = resolved.removeprefix(BACKEND)
        if name is None or name.rpartition(".")[2] in _READS_VALUES:
            return call
        given = (*call.args, *(k.value for k in call.keywords))
        return next(filter(None, map(self._in_value, given)), None)

    def _in_model(self, expr: ast.expr) -> ast.expr | None:
        """The same for a model, a layer or a list of layers, which is asked for its tensors."""
        match expr:
            case ast.Name():
                return None
            case ast.Attribute(value=ast.Name(id="self")):
                return None
            case ast.Attribute(value=inner, attr="layers"):
                return self._in_model(inner)
            case ast.Attribute(value=inner, attr=name) if name in KERAS_GRAPH_ATTRIBUTES:
                return self._in_value(expr)
            case ast.Subscript(value=ast.Attribute(attr="layers") as inner, slice=index):
                return self._in_model(inner) or self._in_index(index)
            case ast.Call(func=ast.Attribute(value=inner, attr=name), args=args) if (
                name in KERAS_GRAPH_CALLS
            ):
                given = (*args, *(k.value for k in expr.keywords))
                return next(filter(None, map(self._in_index, given)), self._in_model(inner))
        return expr

    def _in_index(self, expr: ast.expr) -> ast.expr | None:
        """The same for a number, a slice or a text, which cannot be changed in place."""
        match expr:
            case ast.Name():
                return None
            case ast.Attribute(value=ast.Name(id="self")):
                return None
        return self._in_value(expr)

    def _is_kept(self, expr: ast.Name | ast.Attribute) -> bool:
        """Whether a name, or an attribute of ``self``, holds what cannot be changed in place."""
        module = self._module
        if isinstance(expr, ast.Name):
            if module.scopes.is_comprehension_variable(expr):
                return True
            if module.names.resolve(expr):
                return False
        value = self._levels.value(expr)
        if value.symbolic:
            return not value.holds or self._is_only_read(expr)
        return all(map(_is_constant, self._given(expr)))

    def _given(self, expr: ast.Name | ast.Attribute) -> Iterator[ast.expr | None]:
        """What statements give a name or an attribute of ``self``; None for what is not seen."""
        module = self._module
        if isinstance(expr, ast.Name):
            owner = module.scopes.resolve(expr.id, self._scope)
            bound = module.names.bindings(expr.id, owner) if owner is not None else []
            for node in bound or [None]:
                yield value_given_by(node, Symbol(expr.id)) if isinstance(node, ast.stmt) else None
            return
        stores = [n for n in self._mentions(expr) if not isinstance(n.ctx, ast.Load)]
        if not stores:
            yield None
        for store in stores:
            yield value_given_by(module.statement_of(store), Symbol("self", ("." + expr.attr,)))

    def _mentions(self, expr: ast.Name | ast.Attribute) -> list[ast.Name | ast.Attribute]:
        if isinstance(expr, ast.Name):
            names = self._module.of_kind(ast.Name)
            return [n for n in names if n is expr or self._may_be(expr, n)]
        return [n for n in self._module.of_kind(ast.Attribute) if n.attr == expr.attr]

    def _is_only_read(self, expr: ast.Name | ast.Attribute) -> bool:
        """Whether nothing is put into a list: it is not handed about, and has no other name."""
        for node in self._mentions(expr):
            if id(node) in self._inside or isinstance(node.ctx, ast.Store):
                continue
            parent = self._module.parent_of(node)
            if isinstance(parent, ast.Subscript) and parent.value is node:
                if isinstance(parent.ctx, ast.Load):
                    continue
            if isinstance(parent, ast.Call) and node in parent.args:
                resolved = self._module.names.resolve(parent.func)
                if resolved.partition(".")[0] in KNOWN_MODULES:
                    continue
            return False
        return True

    def _set_by_name(self) -> Iterator[str]:
        """Attributes of ``self`` in the arguments that are set by a text."""
        names = {name for name, _ in set_by_name(self._module)}
        for node in ast.walk(self._call):
            match node:
                case ast.Attribute(value=ast.Name(id="self"), attr=name) if name in names:
                    yield name


def _is_constant(expr: ast.expr | None) -> bool:
    match expr:
        case ast.Constant():
            return True
        case ast.UnaryOp(operand=inner):
            return _is_constant(inner)
        case ast.BinOp(left=left, right=right):
            return _is_constant(left) and _is_constant(right)
        case ast.Tuple(elts=items):
            return all(map(_is_constant, items))
    return False


def bound_above(module: Module, name: ast.Name, scope: Scope, node: ast.stmt) -> bool:
    """Whether ``name`` is of the module, bound once, above ``node``, and never again."""
    top = module.scopes.module
    owner = module.scopes.resolve(name.id, scope)
    if owner is None or module.names.resolve(name):
        return True  # a builtin, or imported
    if owner is not top or any(name.id in other.globals for other in module.scopes):
        return False
    bound = module.names.bindings(name.id, top)
    if len(bound) != 1 or not isinstance(bound[0], ast.stmt):
        return False
    return module.start(bound[0]) < module.start(node)
