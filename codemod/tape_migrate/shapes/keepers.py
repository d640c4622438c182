"""Calls, and functions handed on, that may keep what they are given.

``recorder.put(h)`` keeps ``h``; so does ``run(recorder.put, h)``, where ``run`` calls what it is
given, ``tf.nest.map_structure(recorder.put, h)``, and ``late = functools.partial(recorder.put, h)``
once ``late`` is called. A function value is harmless where it is seen what it is: a function of a
library's, or one of the module's own that keeps nothing.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable

from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.barriers import runs_arguments
from tape_migrate.shapes.binding import bind, comprehension_of
from tape_migrate.shapes.dependence import CONTAINER_METHODS
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.kinds import kind_of, value_given_by
from tape_migrate.shapes.libraries import is_own
from tape_migrate.shapes.plan import Kind
from tape_migrate.shapes.quiet import OtherFunctions
from tape_migrate.shapes.stored import put_into
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import tensorflow_function

RUNS_ARGUMENTS = frozenset({"map", "filter", "next", "iter", "setattr", "exec", "eval", "vars"})
"""Builtins that run, or step, what they are given."""
_GIVE_MEMBERS = frozenset(
    {"list", "tuple", "dict", "set", "zip", "enumerate", "reversed", "iter", "next", "sorted"}
)
"""Builtins that give back what they are given, or members of it."""
_GIVE_ANYTHING = frozenset({"getattr", "vars", "globals", "locals", "eval", "map", "filter"})
_TAKE_KEY = frozenset({"sorted", "max", "min"})
_RUN = {
    "functools.reduce": 0,
    "itertools.accumulate": 1,
    "itertools.dropwhile": 0,
    "itertools.filterfalse": 0,
    "itertools.groupby": 1,
    "itertools.starmap": 0,
    "itertools.takewhile": 0,
}
"""Which argument it is that is run; what ``partial`` is given runs when that is called."""
_LIBRARY_KEEPERS = frozenset(
    {"operator.setitem", "operator.iadd", "operator.iconcat", "heapq.heappush", "heapq.heappushpop"}
    | {"heapq.heapreplace", "bisect.insort", "bisect.insort_left", "bisect.insort_right"}
)
"""Functions of libraries that put one argument into another."""
_WRAPPERS = frozenset({"function", "custom_gradient", "recompute_grad", "autograph.to_graph"})
_DEPTH = 6
_DISPLAYS = (ast.List, ast.Tuple, ast.Set)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp)
_DATA = (ast.Constant, ast.JoinedStr, ast.Compare, ast.UnaryOp)


class Keepers:
    """Lazy answers about the calls and the function values of one module."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._summaries = Summaries.of(module)

    def keeps(self, call: ast.Call) -> bool:
        """Whether ``call`` runs code of the module that may keep its arguments."""
        module, summaries = self._module, self._summaries
        resolved = module.names.resolve(call.func)
        if resolved:
            if resolved in _LIBRARY_KEEPERS or self._library_runs_keeper(resolved, call):
                return True
            return self._other_module_keeps(resolved, call)
        function = summaries.callee(call) or summaries.made_by(call)
        if function is not None:
            if not summaries.is_quiet(function):
                return True
            # `hand(remember, v)`: what is handed in, and called, may keep what it is given.
            return self._any_may_keep(self._run_by(function, call))
        func = call.func
        if isinstance(func, ast.Name):
            scope = module.scope_of(call)
            if not module.names.is_local(func.id, scope):
                if func.id in RUNS_ARGUMENTS or not hasattr(builtins, func.id):
                    return True
                keys = [k.value for k in call.keywords if k.arg in ("key", None)]
                return func.id in _TAKE_KEY and self._any_may_keep(keys)
            return any(self._binding_keeps(node) for node in module.names.bindings(func.id, scope))
        if isinstance(func, ast.Attribute):
            if func.attr in CONTAINER_METHODS:
                return func.attr != "watch"
            methods = summaries.methods_named(func.attr)
            if any(not summaries.is_quiet(method) for method in methods):
                return True
            inner = (each for method in methods for each in summaries.reached(method))
            if any(map(summaries.runs_given, inner)):
                given = [*call.args, *(keyword.value for keyword in call.keywords)]
                if self._any_may_keep(given):
                    return True
            if isinstance(func.value, ast.Call) and (call.args or call.keywords):
                # `get().put(h)`: an object that another module keeps, perhaps.
                return is_own(module, module.names.resolve(func.value.func))
            return any(self.may_keep(value) for value in self._stored_as(func.attr))
        return True

    def _other_module_keeps(self, resolved: str, call: ast.Call) -> bool:
        """Whether a function of the project's that is in sight keeps it, or a method of an object.

        What a class is given is found in the object that it makes.
        """
        project = self._module.project
        if not is_own(self._module, resolved) or not isinstance(project, OtherFunctions):
            return False
        if project.class_of(resolved) is not None:
            return False
        return self._summaries.keeps_elsewhere(call, resolved)

    def _library_runs_keeper(self, resolved: str, call: ast.Call) -> bool:
        position = 0 if runs_arguments(resolved) else _RUN.get(resolved)
        if position is None:
            return False
        run = call.args[position : position + 1]
        run += [k.value for k in call.keywords if k.arg in ("func", "function", "key", None)]
        data = [value for value in call.args if value not in run]
        for value in run:
            if isinstance(value, ast.Lambda):
                # What it calls of its own parameters is among what is given beside it.
                keeps = self._lambda_keeps(value, others=True)
                runs_data = self._lambda_keeps(value) != keeps
            else:
                keeps = self.may_keep(value)
                function = self._summaries.named(value)
                runs_data = function is not None and bool(self._summaries.runs_given(function))
            if keeps or (runs_data and self._any_may_keep(data)):
                return True
        return any(isinstance(value, ast.Starred) for value in data) and self._any_may_keep(data)

    def _run_by(self, function: Function, call: ast.Call) -> list[ast.expr]:
        """What ``call`` gives a visible ``function`` that may be called there."""
        summaries = self._summaries
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        reached = summaries.reached(function)
        if any(summaries.runs_given(inner) for inner in reached if inner is not function):
            return given
        run = summaries.runs_given(function)
        args = function.args
        names = {arg.arg for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs)}
        if not run <= names:
            return given  # by a name that it gave it itself: `for hook in hooks: hook(v)`
        bound = list(bind(function, call))
        known = {id(value) for _, value in bound}
        # Of `*given` it is not said which is which.
        return [value for name, value in bound if name in run] + [
            value
            for arg in given
            if run and id(value := arg.value if isinstance(arg, ast.Starred) else arg) not in known
        ]

    def _binding_keeps(self, node: ast.AST | None) -> bool:
        """Whether what this statement binds may, when called, keep its arguments in the module."""
        if isinstance(node, (ast.arg, ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)):
            return isinstance(node, ast.FunctionDef)  # one of several of this name
        if isinstance(node, ast.Assign):
            if isinstance(node.value, ast.Lambda):
                return self._lambda_keeps(node.value)
            if isinstance(node.value, ast.Call):
                resolved = self._module.names.resolve(node.value.func)
                return not resolved or (_wraps(resolved) and self.may_keep(node.value))
        return True

    def _any_may_keep(self, values: Iterable[ast.expr], depth: int = _DEPTH) -> bool:
        return any(self.may_keep(value, depth) for value in values)

    def may_keep(self, value: ast.expr, depth: int = _DEPTH) -> bool:
        """Whether what is handed on may be, or hold, a function that keeps its arguments."""
        if depth == 0:
            return True
        if isinstance(value, _DATA):
            return False
        match value:
            case ast.Lambda():
                return self._lambda_keeps(value)
            case ast.IfExp(body=first, orelse=second) | ast.BinOp(left=first, right=second):
                return self._any_may_keep((first, second), depth - 1)
            case ast.NamedExpr(value=inner) | ast.Starred(value=inner) | ast.Await(value=inner):
                return self.may_keep(inner, depth - 1)
            case ast.BoolOp(values=members):
                return self._any_may_keep(members, depth - 1)
            case ast.Dict(values=members):
                return self._any_may_keep(members, depth - 1)
            case ast.DictComp(value=inner):
                return self.may_keep(inner, depth - 1)
        if isinstance(value, _DISPLAYS):
            return self._any_may_keep(value.elts, depth - 1)
        if isinstance(value, _COMPREHENSIONS):
            return self.may_keep(value.elt, depth - 1)
        if kind_of(self._module, value, self._module.scope_of(value)) is Kind.TENSOR:
            return False
        match value:
            case ast.Name():
                return self._name_may_keep(value, depth)
            case ast.Attribute():
                return self._attribute_may_keep(value, depth)
            case ast.Subscript(value=holder):
                return self._member_may_keep(holder, depth)
            case ast.Call():
                return self._result_may_keep(value, depth)
        return True

    def _lambda_keeps(self, function: ast.Lambda, *, others: bool = False) -> bool:
        own = {arg.arg for arg in ast.walk(function.args) if isinstance(arg, ast.arg)}
        return any(
            self.keeps(call)
            for call in calls_in(function.body)
            if not (others and isinstance(call.func, ast.Name) and call.func.id in own)
        )

    def _name_may_keep(self, name: ast.Name, depth: int) -> bool:
        names, scope = self._module.names, self._module.scope_of(name)
        owner = comprehension_of(self._module, name)
        if isinstance(owner, (*_COMPREHENSIONS, ast.DictComp)):
            return any(self._member_may_keep(made.iter, depth) for made in owner.generators)
        if not names.is_local(name.id, scope):
            return name.id in ("setattr", "exec", "eval")
        function = self._summaries.named(name)
        if function is not None:
            return not self._summaries.is_quiet(function)
        return any(
            self._bound_may_keep(name, node, depth) for node in names.bindings(name.id, scope)
        )

    def _bound_may_keep(self, name: ast.Name, node: ast.AST | None, depth: int) -> bool:
        match node:
            case ast.Import() | ast.ImportFrom():
                return self._module.names.resolve(name) in _LIBRARY_KEEPERS
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return not self._summaries.is_quiet(node)
            case ast.Assign(value=value):
                exact = value_given_by(node, Symbol(name.id))
                return self.may_keep(exact or value, depth - 1) or self._is_given(name, depth)
            case ast.AnnAssign(value=value):
                return value is not None and self.may_keep(value, depth - 1)
            case ast.AugAssign(value=value) | ast.NamedExpr(value=value):
                return self.may_keep(value, depth - 1)
            case ast.For(iter=value) | ast.AsyncFor(iter=value) | ast.comprehension(iter=value):
                return self._member_may_keep(value, depth)
            case ast.With(items=items) | ast.AsyncWith(items=items):
                return self._any_may_keep((item.context_expr for item in items), depth - 1)
        return True

    def _attribute_may_keep(self, attribute: ast.Attribute, depth: int) -> bool:
        summaries = self._summaries
        resolved = self._module.names.resolve(attribute)
        if resolved:
            return resolved in _LIBRARY_KEEPERS
        base, attr = attribute.value, attribute.attr
        plain = isinstance(base, ast.Name) and hasattr(builtins, base.id)
        if attr in CONTAINER_METHODS:
            return True
        function = summaries.named(attribute)
        methods = [function] if function is not None else summaries.methods_named(attr)
        stored = self._stored_as(attr)
        if methods or stored:
            return any(not summaries.is_quiet(method) for method in methods) or (
                self._any_may_keep(stored, depth - 1)
            )
        # `str.strip`; of any other object nothing is known: `table.__setitem__`, `queue.put`.
        return not (plain and not attr.startswith("__"))

    def _stored_as(self, attr: str) -> list[ast.expr]:
        """What the module stores in attributes of this name, whatever the object.

        But for parameters: of `self.model = model` nobody knows more than of any other object.
        """
        return [
            exact
            for node in self._module.attributes(attr)
            if isinstance(node.ctx, ast.Store)
            and isinstance(stmt := self._module.statement_of(node), (ast.Assign, ast.AnnAssign))
            and (symbol := symbol_of(node)) is not None
            and (exact := value_given_by(stmt, symbol) or stmt.value) is not None
            and not self._is_parameter(exact)
        ]

    def _is_parameter(self, value: ast.expr) -> bool:
        if not isinstance(value, ast.Name):
            return False
        bound = self._module.names.bindings(value.id, self._module.scope_of(value))
        return bool(bound) and all(node is None or isinstance(node, ast.arg) for node in bound)

    def _member_may_keep(self, holder: ast.expr, depth: int) -> bool:
        """A member of ``holder``, or what an item of it is: ``hooks[0]``, ``hooks.get("put")``."""
        return self.may_keep(holder, depth - 1) or self._is_given(holder, depth)

    def _is_given(self, holder: ast.expr, depth: int) -> bool:
        """Whether a keeper is put into ``holder`` by any statement: ``hooks.append(box.put)``."""
        symbol = symbol_of(holder)
        put = put_into(self._module, symbol) if symbol is not None else []
        return self._any_may_keep(put, depth - 2) if depth > 2 else bool(put)

    def _result_may_keep(self, call: ast.Call, depth: int) -> bool:
        """What a call gives back: a function that it makes, or one that it was given."""
        names, summaries = self._module.names, self._summaries
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        func = call.func
        resolved = names.resolve(func)
        if resolved:
            return _wraps(resolved) and self._any_may_keep(given, depth - 1)
        function = summaries.callee(call)
        if function is not None:
            return self._any_may_keep((*given, *self._returned(function)), depth - 1)
        if isinstance(func, ast.Name):
            if not names.is_local(func.id, self._module.scope_of(call)):
                return self._builtin_gives_keeper(func.id, call, given, depth)
            if summaries.is_class(func.id):
                called = (*summaries.methods_named("__call__"), *summaries.methods_named("call"))
                return any(not summaries.is_quiet(method) for method in called)
            return True
        if isinstance(func, ast.Attribute):
            methods = summaries.methods_named(func.attr)
            if methods:
                returned = [value for method in methods for value in self._returned(method)]
                return self._any_may_keep((*given, *returned), depth - 1)
            return self._member_may_keep(func.value, depth) or self._any_may_keep(given, depth - 1)
        return True

    def _builtin_gives_keeper(
        self, name: str, call: ast.Call, given: list[ast.expr], depth: int
    ) -> bool:
        match name, call.args:
            case "getattr", [_, ast.Constant(value=str(attr)), *_]:
                methods = self._summaries.methods_named(attr)
                quiet = bool(methods) and all(map(self._summaries.is_quiet, methods))
                return not quiet or attr in CONTAINER_METHODS
        if name in _GIVE_MEMBERS:
            return any(self._member_may_keep(value, depth) for value in given)
        return name in _GIVE_ANYTHING or not hasattr(builtins, name)

    def _returned(self, function: Function) -> list[ast.expr]:
        return [
            node.value
            for node in self._module.inside(function)
            if isinstance(node, ast.Return) and node.value is not None
        ]


def _wraps(resolved: str) -> bool:
    """Whether a library's function makes a function of one: ``functools.partial(keep, held)``."""
    known = resolved.partition(".")[0] in KNOWN_MODULES
    return not known or tensorflow_function(resolved) in _WRAPPERS or resolved == "numpy.vectorize"
