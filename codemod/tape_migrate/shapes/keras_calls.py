"""Levels of calls: layers and models keep Keras tensors, operations make graph tensors."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import symbol_of
from tape_migrate.shapes.evaluated import all_calls
from tape_migrate.shapes.keras_values import GRAPH, PLAIN, Level, Value, operation, static, union
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.tensorflow_facts import SEVERAL_RESULTS, tensorflow_function
from tape_migrate.sites import find_sites

if TYPE_CHECKING:
    from tape_migrate.shapes.keras_levels import Levels

BACKEND: Final = "keras.backend."
INPUTS: Final = frozenset(
    f"keras.{place}Input"
    for place in ("", "layers.", "engine.", "engine.topology.", "layers.core.", "models.")
)
_GRAPH_ONLY: Final = frozenset(("placeholder", "learning_phase"))
_NO_TENSOR: Final = frozenset(
    {
        "function",
        "eval",
        "get_value",
        "set_learning_phase",
        "clear_session",
        "get_session",
        "set_session",
    }
    | {"image_data_format", "image_dim_ordering", "epsilon", "floatx", "backend"}
)
_COLLECT: Final = frozenset(
    ("list", "tuple", "dict", "zip", "reversed", "sorted", "enumerate", "set", "iter")
)
_TELL: Final = frozenset(
    ("len", "isinstance", "print", "type", "str", "repr", "hasattr", "id", "range", "getattr")
)
_EVALUATE: Final = frozenset(("run", "eval", "numpy"))
_GIVE_TENSORS: Final = frozenset(("items", "values", "copy", "get", "pop"))
_LAYER_LISTS: Final = frozenset(("layers", "_layers"))


class CallLevels:
    """What a call gives, by what is called and with what."""

    def __init__(self, levels: Levels) -> None:
        self._levels = levels
        self._module = levels.module

    def value(self, call: ast.Call) -> Value:
        levels = self._levels
        given = [levels.value(a) for a in (*call.args, *(k.value for k in call.keywords))]
        top = union(given)
        resolved = self._module.names.resolve(call.func)
        if self._is_site(call):
            return Value(Level.GRAPH, True) if top.symbolic else PLAIN
        if resolved.startswith(BACKEND):
            leaf = resolved[len(BACKEND) :]
            if leaf in _GRAPH_ONLY:
                return GRAPH
            if leaf in ("int_shape", "ndim", "is_keras_tensor"):
                return static(given)
            return PLAIN if leaf in _NO_TENSOR else operation(given)
        name = tensorflow_function(resolved)
        if name is not None:
            if name == "placeholder":
                return GRAPH
            several = name in SEVERAL_RESULTS
            return Value(Level.GRAPH, several) if top.symbolic else PLAIN
        if resolved in INPUTS:
            return Value(Level.KERAS)
        if any(k.arg == "input_tensor" for k in call.keywords):
            # A model is made; the tensor that it is built on is looked at by itself.
            others = [k.value for k in call.keywords if k.arg != "input_tensor"]
            top = union(levels.value(a) for a in (*call.args, *others))
            if not top.symbolic:
                return PLAIN
        if resolved.startswith("keras."):
            return self._keras(resolved, top)
        if resolved:
            return operation(given)
        function = levels.summaries.callee(call)
        if function is not None:
            return levels.result(function, call)
        func = call.func
        if isinstance(func, ast.Name) and not self._module.names.is_local(
            func.id, self._module.scope_of(call)
        ):
            if func.id in _COLLECT:
                return Value(top.level, True)
            if func.id in _TELL:
                return GRAPH if top.level is Level.GRAPH else PLAIN
            return operation(given)
        if self.is_layer(func):
            return Value(top.level) if top.symbolic else PLAIN
        if isinstance(func, ast.Attribute) and func.attr in _EVALUATE:
            return PLAIN
        if isinstance(func, ast.Attribute):
            base = levels.value(func.value)
            if func.attr in _GIVE_TENSORS and base.holds:
                return Value(base.level, func.attr not in ("get", "pop"))
            if func.attr in ("get_shape", "keys", "index"):
                return GRAPH if base.level is Level.GRAPH else PLAIN
            return operation([base, *given]) if not base.holds else union([base], holds=True)
        return operation(given)

    def _is_site(self, call: ast.Call) -> bool:
        return any(found.call is call for found in find_sites(self._module))

    def _keras(self, resolved: str, top: Value) -> Value:
        leaf = resolved.rpartition(".")[2]
        if leaf[:1].isupper():
            return GRAPH if top.level is Level.GRAPH else PLAIN  # a layer or a model is made
        if resolved.startswith("keras.layers."):
            return Value(top.level)  # keras.layers.add([x, y])
        return GRAPH if top.symbolic else PLAIN

    def is_layer(self, func: ast.expr) -> bool:
        """Whether ``func`` is plainly a layer or a model: ``Dense(3)``, or a name for one."""
        if isinstance(func, ast.Call):
            resolved = self._module.names.resolve(func.func)
            if resolved == BACKEND + "function":
                return False
            last = func.func.attr if isinstance(func.func, ast.Attribute) else ""
            last = func.func.id if isinstance(func.func, ast.Name) else last
            return last[:1].isupper() or last in ("get_layer", "load_model", "clone_model")
        if isinstance(func, ast.Subscript):
            base = func.value
            return isinstance(base, ast.Attribute) and base.attr in _LAYER_LISTS
        symbol = symbol_of(func)
        if symbol is None:
            return False
        scope = self._module.scope_of(func)
        values: list[ast.expr | None] = []
        for definition in self._module.facts(scope).reaching_at(func, symbol):
            if isinstance(definition.stmt, ast.For):
                over = definition.stmt.iter
                values.append(ast.Subscript(over, ast.Constant(0), ast.Load()))
            elif definition.stmt is not None and definition.symbol == symbol:
                values.append(value_given_by(definition.stmt, symbol))
            elif definition.stmt is None and not symbol.path:
                values += self._outer_values(symbol.root, scope)
        calls = [v for v in values if v is not None]
        return (
            bool(calls)
            and all(
                self.is_layer(value)
                for value in calls
                if isinstance(value, (ast.Call, ast.Subscript))
            )
            and any(isinstance(value, (ast.Call, ast.Subscript)) for value in calls)
        )

    def _outer_values(self, name: str, scope: Scope) -> list[ast.expr | None]:
        bound = self._module.names.bindings(name, scope)
        return [b.value for b in bound if isinstance(b, (ast.Assign, ast.AnnAssign))]

    def fed(self, scope: Scope, name: str) -> Value:
        """A parameter that ``K.function`` takes as its input is a Keras tensor."""
        for node in all_calls(scope.node):
            if node.args:
                if self._module.names.resolve(node.func) == BACKEND + "function":
                    first = node.args[0]
                    items = first.elts if isinstance(first, (ast.List, ast.Tuple)) else [first]
                    if any(isinstance(item, ast.Name) and item.id == name for item in items):
                        return Value(Level.KERAS)
        return PLAIN
