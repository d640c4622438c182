"""What certainly reads no trainable variable: data, placeholders, sizes, settings.

A tape around a forward pass has to hold every statement that may read one of the variables. To
find the others, and to judge what comes from outside the function, is the business of this module.
Everything that is not recognised counts as a reader; for what comes from outside, that is a reason
to refuse, since it was computed before any tape could be opened here.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable
from typing import Final

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.shapes.computed_before import Made, made_by
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.displays import is_plain_name
from tape_migrate.shapes.evaluated import calls_in, own_expressions
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.functions_set import made_by_others
from tape_migrate.shapes.given_values import GivenValues
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.may_hold import may_hold_tensor
from tape_migrate.shapes.modes import assume_graph
from tape_migrate.shapes.own_state import is_set_here
from tape_migrate.shapes.plan import OUTSIDE, Link, Refusal, Request
from tape_migrate.shapes.settings_use import configures, is_setting, keeps_setting
from tape_migrate.shapes.stored import put_into
from tape_migrate.shapes.tensorflow_facts import (
    TENSOR_LOOPS,
    VARIABLE_MAKERS,
    makes_one_tensor,
    tensorflow_function,
)
from tape_migrate.shapes.unnamed_calls import captured
from tape_migrate.shapes.variable_makers import makes_variables
from tape_migrate.shapes.variables import listed_by_graph

_DEPTH = 6

_PLAIN_MODULES: Final = frozenset(
    [
        *("numpy", "scipy", "math", "cmath", "random", "os", "sys", "time", "logging", "warnings"),
        *("collections", "itertools", "functools", "json", "pickle", "re", "copy", "datetime"),
        *("argparse", "pathlib", "glob", "pandas", "gym", "string", "operator"),
    ]
)

_PLAIN_METHODS: Final = frozenset(
    [
        *("get_shape", "as_list", "get_next", "make_one_shot_iterator", "batch", "repeat"),
        *("make_initializable_iterator", "shuffle", "prefetch", "format", "lower", "upper"),
        *("split", "strip", "join", "keys", "items", "values", "get", "copy", "astype"),
        *("reshape", "startswith", "endswith", "append", "extend", "index", "count", "tolist"),
    ]
)
"""Methods that give no more than their object and their arguments hold."""

_NO_VALUES: Final = frozenset(
    [
        *("variable_scope", "name_scope", "device", "Graph", "control_dependencies", "Session"),
        *("variable_op_scope", "InteractiveSession", "ConfigProto", "GPUOptions"),
        *("get_default_session", "set_random_seed"),
    ]
)
"""TensorFlow functions that give no value of the graph."""


class Leaves:
    """Tells readers of variables from the rest, for one scope."""

    def __init__(self, context: Context, dep: Dependence) -> None:
        self._context = context
        self._module = context.module
        self._dep = dep
        self._values = GivenValues(context)
        self._nodes: dict[int, bool] = {}
        self.assumed: list[Symbol] = []
        """Values from outside that are taken for settings, or for data."""

    def readers(self, nodes: Iterable[int]) -> frozenset[int]:
        """Those of ``nodes`` that may read a variable, or compute from one."""
        return frozenset(n for n in nodes if not self._is_leaf_node(n) and not self._makes_only(n))

    def refuse_outside(self, outside: Iterable[Link]) -> Refusal | None:
        """A value from outside that may have been computed from a variable."""
        for link in outside:
            symbol = link.use.symbol
            if is_set_here(self._dep, link) or self._is_fed(link) or self._counts_turns(link):
                continue
            if self._is_callee(link):
                if not self._runs_tensor(link):
                    continue
            elif not self._may_carry(symbol, self._dep.scope, _DEPTH):
                if self._made_elsewhere(link) is not Made.COMPUTED:
                    continue
            if is_setting(self._module, symbol, self._dep.scope) and not self._values.shows_tensor(
                symbol, self._dep.scope
            ):
                self.assumed.append(symbol)
                continue
            return Refusal(
                "TM106",
                f"{symbol} comes from outside this function and may have been computed from the "
                "variables, before a tape could be opened here",
            )
        return None

    def _runs_tensor(self, link: Link) -> bool:
        """``grads(lambda v: v * h)``: a function that is handed in, and holds what was computed."""
        symbol = link.use.symbol
        owner = self._module.scopes.resolve(symbol.root, self._dep.scope)
        if owner is None or symbol.path or link.definition.kind is not DefKind.PARAMETER:
            return False
        functions: list[ast.AST | None] = []
        for value in self._values.given(symbol.root, owner):
            functions.append(value)
            if isinstance(value, ast.Name):
                functions += self._module.names.bindings(value.id, self._module.scope_of(value))
        return any(
            not self._is_leaf_value(name, _DEPTH)
            for function in functions
            if isinstance(function, (ast.Lambda, ast.FunctionDef))
            for name in captured(self._module, function)
        )

    def _is_fed(self, link: Link) -> bool:
        """A parameter of a function that was made of a Keras graph: what the graph was fed."""
        node = self._dep.scope.node
        fed = isinstance(node, ast.FunctionDef) and node.name in self._context.fed
        return fed and link.definition.kind is DefKind.PARAMETER

    def _counts_turns(self, link: Link) -> bool:
        """``range(n + 1)`` takes whole numbers only, into which no gradient goes."""
        around = self._module.parents(link.use.node)
        call = next(node for node in around if not isinstance(node, (ast.BinOp, ast.UnaryOp)))
        if not isinstance(call, ast.Call) or call.func is link.use.node:
            return False
        counts = isinstance(call.func, ast.Name) and call.func.id == "range"
        return counts and not self._module.names.is_local("range", self._dep.scope)

    def assumptions(
        self, request: Request, nodes: Iterable[int], inline: Iterable[ast.expr]
    ) -> list[str]:
        """What a migration takes for granted of values and calls that are not in sight."""
        sentences: list[str] = []
        names = ", ".join(dict.fromkeys(str(symbol) for symbol in self.assumed))
        if names:
            verb = "hold no tensors" if "," in names else "holds no tensor"
            sentences.append(f"assumes that {names} {verb} computed from the variables")
        roots = {root for n in nodes for root in self._opaque(n)}
        roots |= {root for e in inline for root in self._context.summaries.opaque_roots(e)}
        if roots:
            called = ", ".join(sorted(roots))
            sentences.append(
                f"assumes that what {called} returns or sets is computed when it is called"
            )
        sentences.append("assumes TensorFlow 2's variables (resource variables)")
        if request.all_variables or listed_by_graph(self._module, request.source):
            sentences += assume_graph(self._module)
        return sentences

    def _opaque(self, node_id: int) -> frozenset[str]:
        return self._context.opaque_calls(self._dep, node_id)

    def _is_leaf_node(self, node_id: int) -> bool:
        known = self._nodes.get(node_id)
        if known is None:
            self._nodes[node_id] = True  # a loop adds nothing of its own
            known = self._nodes[node_id] = self._look(node_id)
        return known

    def _look(self, node_id: int) -> bool:
        node = self._dep.cfg.nodes[node_id].node
        if node is None or isinstance(
            node, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
        ):
            return True
        if isinstance(node, ast.Assign) and all(_names_session(t) for t in node.targets):
            if self._may_be_session(node.value):
                return True
        parts = own_expressions(node) if isinstance(node, ast.stmt) else [node]
        if any(not self._is_leaf_call(call) for part in parts for call in calls_in(part)):
            return False
        return all(self._is_leaf_link(link) for link in self._dep.links_into(node_id))

    def _may_be_session(self, value: ast.expr) -> bool:
        if isinstance(value, ast.Call):
            return not makes_one_tensor(self._module.names.resolve(value.func))
        return isinstance(value, (ast.Name, ast.Attribute, ast.BoolOp, ast.IfExp, ast.Constant))

    def _is_leaf_link(self, link: Link) -> bool:
        if link.definition.kind not in OUTSIDE:
            # `net.w` after `net = lib.NET`.
            held = link.use.symbol.path and self._is_leaf_node(link.definition.node_id)
            if held and made_by(self._module, link.use.node) is not Made.NOTHING:
                return False
            return self._is_leaf_node(link.definition.node_id)
        if self._is_callee(link):
            return True  # the call is judged by itself
        symbol, scope = link.use.symbol, self._dep.scope
        if is_setting(self._module, symbol, scope):
            node = link.use.node
            return configures(self._module, node) or keeps_setting(self._module, node)
        if self._made_elsewhere(link) is not Made.NOTHING:
            return False
        return not self._may_carry(symbol, scope, _DEPTH) and not self._is_variable(symbol, scope)

    def _made_elsewhere(self, link: Link) -> Made:
        """What a module gives: ``lib.W``, ``W`` after ``from lib import W``, ``W = lib.W`` of its
        own; or what another module sets for a name of this one."""
        node = link.use.node
        return max(made_by(self._module, node), made_by_others(self._module, node))

    def _is_callee(self, link: Link) -> bool:
        """``policy(…)`` or ``self.policy(…)``, not a method of an object that may hold tensors."""
        node = link.use.node
        parent = self._module.parent_of(node)
        if not (isinstance(parent, ast.Call) and parent.func is node):
            return False
        own = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        plain = isinstance(node, ast.Name) or (own and link.use.symbol.root in ("self", "cls"))
        return plain and isinstance(node, ast.expr) and symbol_of(node) == link.use.symbol

    def _makes_only(self, node_id: int) -> bool:
        """``w = tf.Variable(…)``: whoever reads it counts, who makes it does not."""
        node = self._dep.cfg.nodes[node_id].node
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
            return False
        return makes_variables(self._module, node.value)

    def _is_leaf_call(self, call: ast.Call, depth: int = _DEPTH) -> bool:
        """Whether the call, given leaves, gives leaves."""
        resolved = self._module.names.resolve(call.func)
        if resolved:
            top = resolved.partition(".")[0]
            if top in _PLAIN_MODULES:
                return True
            name = tensorflow_function(resolved)
            leaf = resolved.rpartition(".")[2]
            if name is None or leaf in VARIABLE_MAKERS:
                return False
            if leaf in _NO_VALUES or name.partition(".")[0] in ("data", "flags", "logging", "app"):
                return True
            runs = name in TENSOR_LOOPS or any(self._is_function(arg) for arg in call.args)
            one = makes_one_tensor(resolved) and not leaf.startswith(("get_", "trainable"))
            return one and not runs and leaf not in ("switch_case", "function")
        function = self._context.summaries.callee(call)
        if function is not None:
            return depth > 0 and self._is_leaf_function(function, depth - 1)
        if isinstance(call.func, ast.Name):
            local = self._module.names.is_local(call.func.id, self._module.scope_of(call))
            return hasattr(builtins, call.func.id) and not local
        # A method of what is a leaf: `images.get_shape()`, `iterator.get_next()`.
        if not isinstance(call.func, ast.Attribute):
            return False
        return call.func.attr in _PLAIN_METHODS or self._is_plain_object(call.func.value)

    def _is_plain_object(self, receiver: ast.expr) -> bool:
        """``np.random.RandomState(0)``, made by a module that knows of no TensorFlow."""
        if not isinstance(receiver, ast.Call):
            return False
        resolved = self._module.names.resolve(receiver.func)
        return resolved.partition(".")[0] in _PLAIN_MODULES or (
            isinstance(receiver.func, ast.Attribute) and self._is_plain_object(receiver.func.value)
        )

    def _is_function(self, expr: ast.expr) -> bool:
        """A function that is handed over, to be run."""
        if isinstance(expr, ast.Lambda):
            return True
        if not isinstance(expr, ast.Name):
            return False
        bound = self._module.names.bindings(expr.id, self._module.scope_of(expr))
        return any(isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in bound)

    def _is_leaf_function(self, function: Function, depth: int) -> bool:
        if self._context.summaries.outer_reads(function):
            return False
        nodes = list(ast.walk(function))
        return all(
            self._is_leaf_call(node, depth) for node in nodes if isinstance(node, ast.Call)
        ) and not any(isinstance(node, ast.Name) and node.id == "self" for node in nodes)

    def _is_leaf_value(self, value: ast.expr, depth: int) -> bool:
        """Whether an expression of any scope is a leaf, or a variable that is only made."""
        if makes_variables(self._module, value):
            return True
        if any(not self._is_leaf_call(call) for call in calls_in(value)):
            return False
        scope = self._module.scope_of(value)
        dep = self._context.dependence(scope)
        node_id = dep.facts.node_id(value)
        inner = self if dep is self._dep else Leaves(self._context, dep)
        # A variable under another name is a variable; what is computed from one is not.
        named = is_plain_name(value)
        return all(
            inner._gives_leaf(link, scope, depth - 1, named=named)
            for link in dep.links_of(node_id, [value])
        )

    def _gives_leaf(self, link: Link, scope: Scope, depth: int, *, named: bool) -> bool:
        """Whether a value that reads ``link`` is none that was computed from a variable."""
        definition, symbol = link.definition, link.use.symbol
        if definition.kind not in OUTSIDE:
            only = named and self._makes_only(definition.node_id)
            return only or self._is_leaf_node(definition.node_id)
        if self._is_callee(link):
            return True
        made = self._made_elsewhere(link)
        if made is not Made.NOTHING:
            return named and made is Made.VARIABLE
        if not self._may_carry(symbol, scope, depth):
            return named or not self._is_variable(symbol, scope)
        setting = is_setting(self._module, symbol, scope)
        return (
            setting
            and configures(self._module, link.use.node)
            and not self._values.shows_tensor(symbol, scope)
        )

    def _may_carry(self, symbol: Symbol, scope: Scope, depth: int) -> bool:
        """Whether a value from outside may have been computed from a variable."""
        if depth <= 0:
            return True
        if not may_hold_tensor(self._context, scope, symbol):
            return False
        owner = self._module.scopes.resolve(symbol.root, scope)
        if symbol.root in ("self", "cls") and symbol.path:
            return self._attribute_may_carry(Symbol(symbol.root, symbol.path[:1]), scope, depth)
        if owner is None:
            return True  # a builtin holds no tensor: it came by a star import
        if any(symbol.root in s.globals | s.nonlocals for s in self._module.scopes):
            return True
        if any(
            not self._is_leaf_value(v, depth) for v in put_into(self._module, Symbol(symbol.root))
        ):
            return True
        for node in self._module.names.bindings(symbol.root, scope):
            if node is None or isinstance(node, ast.arg):
                if self._parameter_may_carry(symbol.root, owner, depth):
                    return True
                continue
            if isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)):
                continue
            if isinstance(node, (ast.Assign, ast.AnnAssign)):
                value = value_given_by(node, Symbol(symbol.root)) or node.value
            elif isinstance(node, ast.For):
                value = node.iter
            else:
                return True
            if value is None or not self._is_leaf_value(value, depth):
                return True
        return False

    def _is_variable(self, symbol: Symbol, scope: Scope, depth: int = _DEPTH) -> bool:
        """What may be a variable (or hold some) that was made elsewhere: read where it is used."""
        if depth <= 0:
            return True
        values: list[ast.expr | None] = []
        if symbol.root in ("self", "cls"):
            if symbol.path:
                first = Symbol(symbol.root, symbol.path[:1])
                values = [*self._values.stored(first, scope), *put_into(self._module, first)]
        else:
            for node in self._module.names.bindings(symbol.root, scope):
                if node is None or isinstance(node, ast.arg):
                    if may_hold_tensor(self._context, scope, symbol):
                        return True
                elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.For)):
                    values.append(node.iter if isinstance(node, ast.For) else node.value)
        return any(value is None or self._names_variable(value, depth - 1) for value in values)

    def _names_variable(self, value: ast.expr, depth: int) -> bool:
        """Whether an expression makes variables, or names some that were made before."""
        if any(makes_variables(self._module, call) for call in calls_in(value)):
            return True
        scope = self._module.scope_of(value)
        callees = {id(call.func) for call in calls_in(value)}
        for part in ast.walk(value):
            if isinstance(part, (ast.Name, ast.Attribute)) and id(part) not in callees:
                symbol = symbol_of(part)
                if symbol is not None and self._is_variable(symbol, scope, depth):
                    return True
        return False

    def _parameter_may_carry(self, name: str, owner: Scope, depth: int) -> bool:
        given = self._values.given(name, owner)
        return not given or not all(self._is_leaf_value(value, depth - 1) for value in given)

    def _attribute_may_carry(self, symbol: Symbol, scope: Scope, depth: int) -> bool:
        values = [*self._values.stored(symbol, scope), *put_into(self._module, symbol)]
        return not self._values.stored(symbol, scope) or any(
            value is None or not self._is_leaf_value(value, depth - 1) for value in values
        )


def _names_session(target: ast.expr) -> bool:
    """A Session runs a graph; it is no value of it."""
    symbol = symbol_of(target)
    return symbol is not None and (symbol.path[-1:] or (symbol.root,))[0].lstrip("._") in (
        "sess",
        "session",
    )
