"""Layers whose Python keeps something from one call to the next, or draws random numbers.

::

    class Scaled(Layer):
        def call(self, x):
            self.alphas = K.softmax(x)  # and elsewhere: Model(model.input, layer.alphas)
            return x * self._scales.pop()

The graph was built by one call. A sub-model makes another one: what the first has changed is there,
and what it kept is replaced by what belongs to the second. What a method of the layer changes after
the graph was built (``layer.set_scale(0.1)``) the graph does not see, and the second call does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from tape_migrate.flow.bindings import FunctionNode, free_variables
from tape_migrate.module import Module
from tape_migrate.shapes.attribute_readers import is_asked_elsewhere
from tape_migrate.shapes.in_place import CHANGING
from tape_migrate.shapes.keras_calls import BACKEND
from tape_migrate.shapes.made_here import root_of
from tape_migrate.shapes.plan import Refusal
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.unittests import ancestors

BEFORE_CALLS: Final = frozenset(
    {"__init__", "__new__", "build", "get_config", "from_config", "compute_output_shape"}
)
"""Methods that run before a layer is called, or beside that."""
_UPDATES: Final = frozenset({"update", "update_add", "update_sub", "moving_average_update"})
_MAKES: Final = frozenset(
    {"variable", "zeros", "ones", "eye", "random_uniform_variable", "random_normal_variable"}
)
_ASSIGNS: Final = frozenset({"assign", "assign_add", "assign_sub", "scatter_update", "scatter_add"})
_RANDOM: Final = ("numpy.random.", "random.")
_GENERATORS: Final = frozenset({"RandomState", "default_rng", "Random", "Generator", "PCG64"})


def class_keeps(module: Module, node: ast.ClassDef) -> Refusal | None:
    """Why objects of a layer class do not compute the same when they are called once more."""
    classes = (*reversed(ancestors(module, node)), node)
    methods = {m.name: m for c in classes for m in c.body if isinstance(m, ast.FunctionDef)}
    if "call" not in methods:
        return None
    run = run_by_call(methods)
    for name in run:
        line = _by_another_name(module, methods[name])
        if line is not None:
            return Refusal(
                "TM140",
                f"a layer goes by another name than self when it is called (line {line}): what it "
                "keeps from one call to the next is not seen",
            )
    found = next(filter(None, (function_keeps(module, methods[name]) for name in run)), None)
    if found is not None:
        return found
    drawn = set().union(*(_made_random(module, each) for each in classes))
    for name in run:
        for part in module.inside(methods[name]):
            if isinstance(part, ast.Attribute) and part.attr in drawn and _is_own(part):
                if part.attr in _called_on(module, part):
                    return _draws(part)
    inside = {id(part) for name in run for part in module.inside(methods[name])}
    for name in run:
        for store in _own(module, methods[name], ast.Store):
            if isinstance(module.statement_of(store), ast.AugAssign):
                return _keeps(f"{ast.unparse(store)} (line {store.lineno})")
            read = read_apart(module, methods[name], store, inside)
            if read is not None:
                return Refusal(
                    "TM140",
                    f"a layer sets {ast.unparse(store)} when it is called (line {store.lineno}), "
                    f"which is read {read}: a sub-model calls it once more",
                )
        for call in module.of_kind_inside(ast.Call, methods[name]):
            losses = module.attributes("losses")
            if losses and isinstance(call.func, ast.Attribute) and call.func.attr == "add_loss":
                return Refusal(
                    "TM140",
                    f"a layer adds a loss when it is called (line {call.lineno}); .losses (line "
                    f"{losses[0].lineno}) gives all: a sub-model calls it once more",
                )
    return _changed_by_methods(module, node, methods, run)


def function_keeps(module: Module, function: FunctionNode) -> Refusal | None:
    """Why a function that a layer runs does not compute the same when it runs once more."""
    outer = free_variables(function) | _kept_defaults(function.args)
    for part in module.inside(function):
        match part:
            case ast.Global() | ast.Nonlocal():
                return _keeps(f"{part.names[0]} (line {part.lineno})")
            case ast.Subscript(ctx=ast.Store() | ast.Del()):
                root = root_of(part)
                if root is not None and (root.id in outer or _is_self(part)):
                    return _keeps(f"{ast.unparse(part)} (line {part.lineno})")
            case ast.AugAssign(target=ast.Name(id=name)) if name in outer:
                return _keeps(f"{name} (line {part.lineno})")
            case ast.Call():
                found = _call_keeps(module, part, outer)
                if found is not None:
                    return found
    return None


def _kept_defaults(args: ast.arguments) -> frozenset[str]:
    """Parameters that have what was made once where nothing is given: ``def call(x, seen=[])``."""
    plain = [*args.posonlyargs, *args.args]
    pairs = [*zip(reversed(plain), reversed(args.defaults), strict=False)]
    pairs += [(a, d) for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True) if d]
    return frozenset(arg.arg for arg, value in pairs if not isinstance(value, ast.Constant))


def _by_another_name(module: Module, method: ast.FunctionDef) -> int | None:
    """The line where a method calls its object otherwise: ``def call(this, x)``, ``me = self``."""
    first = [*method.args.posonlyargs, *method.args.args][:1]
    if first and first[0].arg != "self" and not method.decorator_list:
        return method.lineno
    for node in module.of_kind_inside(ast.Name, method):
        parent = module.parent_of(node)
        if node.id != "self" or isinstance(parent, ast.Attribute):
            continue
        if isinstance(parent, (ast.Assign, ast.List, ast.Tuple, ast.Dict)):
            return node.lineno
        function = Summaries.of(module).callee(parent) if isinstance(parent, ast.Call) else None
        for part in module.of_kind_inside(ast.Attribute, function) if function else ():
            if not isinstance(part.ctx, ast.Load):
                return part.lineno
    return None


def _call_keeps(module: Module, call: ast.Call, outer: frozenset[str]) -> Refusal | None:
    resolved = module.names.resolve(call.func)
    if _is_drawn(module, call):
        return _draws(call)
    text = f"{ast.unparse(call)} (line {call.lineno})"
    last = resolved.rpartition(".")[2]
    if resolved.removeprefix(BACKEND) in _UPDATES or (
        resolved.startswith("tensorflow.") and last in _ASSIGNS
    ):
        return _updates(call)
    made = resolved.startswith(BACKEND) and resolved.removeprefix(BACKEND) in _MAKES
    made |= resolved.startswith("tensorflow.") and last in ("Variable", "get_variable")
    if made or ast.unparse(call.func) in ("self.add_weight", "self.add_variable"):
        return Refusal(
            "TM140",
            f"a layer makes a variable when it is called (line {call.lineno}), which each call of "
            "a model would do once more",
        )
    if isinstance(call.func, ast.Name) and call.func.id == "next" and call.args:
        root = root_of(call.args[0])
        if root is not None and (root.id in outer or _is_self(call.args[0])):
            return _keeps(text)
    if not isinstance(call.func, ast.Attribute) or resolved:
        return None
    held = call.func.value
    root = root_of(held)
    if root is None or not (root.id in outer or _is_self(held)):
        return None
    if call.func.attr in _ASSIGNS:
        return _updates(call)
    changes = call.func.attr in CHANGING and (held is not root or root.id in outer)
    return _keeps(text) if changes else None


def _is_drawn(module: Module, call: ast.Call) -> bool:
    """``np.random.rand(3)``, ``rng.rand()``, ``draw()`` after ``draw = rng.rand``.

    A generator that is made with a seed, then and there, gives the same again.
    """
    resolved = module.names.resolve(call.func)
    if resolved.startswith(_RANDOM):
        made = resolved.rpartition(".")[2] in _GENERATORS
        return not (made and (call.args or call.keywords))
    return any(
        _speaks_of_random(module, each)
        for value in _assigned(module, call.func)
        for each in (value, *_assigned(module, value))
    )


def _speaks_of_random(module: Module, value: ast.expr) -> bool:
    """``np.random.rand``, ``np.random.RandomState(0).rand``."""
    return any(
        isinstance(node, (ast.Name, ast.Attribute))
        and module.names.resolve(node).startswith(_RANDOM)
        for node in ast.walk(value)
    )


def _assigned(module: Module, expr: ast.expr) -> list[ast.expr]:
    """What a name, or the object whose attribute is read, is given by assignments."""
    name = expr.value if isinstance(expr, ast.Attribute) else expr
    if not isinstance(name, ast.Name):
        return []
    bound = module.names.bindings(name.id, module.scope_of(name))
    return [stmt.value for stmt in bound if isinstance(stmt, ast.Assign)]


def _keeps(what: str) -> Refusal:
    return Refusal(
        "TM140", f"a layer changes {what} when it is called: a sub-model calls it once more"
    )


def _draws(node: ast.expr) -> Refusal:
    return Refusal(
        "TM140",
        f"a layer draws random numbers in Python (line {node.lineno}) when it is called: a "
        "sub-model calls it once more, and they are others",
    )


def _updates(call: ast.Call) -> Refusal:
    return Refusal(
        "TM140",
        f"a layer updates a variable when it is called (line {call.lineno}), which the run of the "
        "old graph did not do, and each call of a model would",
    )


def run_by_call(methods: dict[str, ast.FunctionDef]) -> list[str]:
    """``call``, and the methods that it runs."""
    found = ["call"]
    for name in found:
        for part in ast.walk(methods[name]):
            if isinstance(part, ast.Attribute) and _is_own(part):
                if part.attr in methods and part.attr not in (*found, *BEFORE_CALLS):
                    found.append(part.attr)
    return found


def _is_own(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "self"


def _is_self(expr: ast.expr) -> bool:
    root = root_of(expr)
    return root is not None and root.id == "self"


def _own(module: Module, part: ast.AST, kind: type[ast.expr_context]) -> Iterator[ast.Attribute]:
    for node in module.of_kind_inside(ast.Attribute, part):
        if _is_own(node) and isinstance(node.ctx, kind):
            yield node


def _made_random(module: Module, node: ast.ClassDef) -> set[str]:
    """Attributes that hold generators of random numbers (``np.random.RandomState(0)``), or methods
    of such."""
    found: set[str] = set()
    for stmt in module.of_kind_inside(ast.Assign, node):
        value = stmt.value
        if isinstance(value, ast.Attribute) and _speaks_of_random(module, value):
            found |= {t.attr for t in stmt.targets if isinstance(t, ast.Attribute)}
        made = isinstance(value, ast.Call) and module.names.resolve(value.func).startswith(_RANDOM)
        if made and isinstance(value, ast.Call):
            if module.names.resolve(value.func).rpartition(".")[2][:1].isupper() or (
                module.names.resolve(value.func).endswith("default_rng")
            ):
                found |= {t.attr for t in stmt.targets if isinstance(t, ast.Attribute)}
    return found


def _called_on(module: Module, node: ast.Attribute) -> tuple[str, ...]:
    """The attribute itself if what it holds, or a method of that, is called."""
    method = module.parent_of(node)
    if isinstance(method, ast.Call) and method.func is node:
        return (node.attr,)
    call = module.parent_of(method) if isinstance(method, ast.Attribute) else None
    return (node.attr,) if isinstance(call, ast.Call) and call.func is method else ()


def read_apart(
    module: Module, function: ast.FunctionDef, store: ast.Attribute, inside: set[int]
) -> str | None:
    """Where an attribute is read that does not have what the same call has set just before."""
    stmt = module.statement_of(store)
    always = any(each is stmt for each in function.body)
    for read in module.attributes(store.attr):
        if not isinstance(read.ctx, ast.Load):
            continue
        if id(read) not in inside:
            return f"in line {read.lineno}"
        after = module.holds(function, read) and read.lineno > store.lineno
        if not (always and after):
            return f"in line {read.lineno}, maybe before that"
    return "in another module" if is_asked_elsewhere(module, store.attr) else None


def _changed_by_methods(
    module: Module, node: ast.ClassDef, methods: dict[str, ast.FunctionDef], run: list[str]
) -> Refusal | None:
    """A method that changes what the layer computes with."""
    read = {part.attr for name in run for part in _own(module, methods[name], ast.Load)}
    for name, method in methods.items():
        if name in (*run, *BEFORE_CALLS) or not _is_used(module, node, name):
            continue
        for part in module.inside(method):
            held = _changed_by(part)
            while isinstance(held, ast.Subscript):
                held = held.value
            if isinstance(held, ast.Attribute) and _is_own(held) and held.attr in read:
                return Refusal(
                    "TM144",
                    f"{node.name}.{name} changes {ast.unparse(held)} (line {held.lineno}), with "
                    "which the layer computes: a graph built before does not see it",
                )
    return None


def _changed_by(part: ast.AST) -> ast.expr | None:
    """What a node sets, or changes in place."""
    match part:
        case ast.Attribute(ctx=ast.Store() | ast.Del()):
            return part
        case ast.Subscript(ctx=ast.Store() | ast.Del(), value=value):
            return value
        case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in CHANGING:
            return value
    return None


def _is_used(module: Module, node: ast.ClassDef, name: str) -> bool:
    if name.startswith("__"):
        return True  # `with layer:` and the like run it unasked
    own = {id(part) for part in module.inside(node)}
    asked = any(id(part) not in own for part in module.attributes(name))
    return asked or is_asked_elsewhere(module, name)
