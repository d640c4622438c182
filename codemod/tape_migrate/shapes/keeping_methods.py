"""What methods keep of what they are given, and what others read of that: of whatever class.

After ``model.build(x)`` of a class with ::

    def build(self, x):
        self.h = tf.sin(x)

    def loss(self, x):
        return tf.reduce_sum(self.h * x)

``model.h`` holds what was computed from ``x``, and ``model.loss`` reads it. Of an object no class
is known, so that all methods of a name count, in all modules of the program.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.changed_elsewhere import function_elsewhere
from tape_migrate.shapes.computed_from import closure_of
from tape_migrate.shapes.constructors import constructor_elsewhere
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.held_methods import held_methods
from tape_migrate.shapes.in_place import CHANGING
from tape_migrate.shapes.libraries import is_library
from tape_migrate.shapes.overridden import OtherTexts
from tape_migrate.shapes.own_state import reads_at_entry
from tape_migrate.shapes.put_in import filled_by
from tape_migrate.shapes.quiet import TENSOR_METHODS, OtherFunctions
from tape_migrate.shapes.summaries import Summaries

ANY: Final = "*"
"""An attribute by a name that is put together: ``getattr(self, name)``."""
_STORING: Final = frozenset({"setattr", "vars", "__setattr__", "partial"})
_RUNNING: Final = frozenset({"filter", "map", "map_structure", "partial", "starmap"})
"""What runs the method that it is given first with what it is given then."""
_DEPTH: Final = 3
"""How many methods may hand on to those of other objects what they are given."""

Found = tuple[Module, Function]


def run_by(user: Module, call: ast.Call) -> list[Found]:
    """What a call may run that its module does not show: a method of any class that has one so
    called, a function or a constructor of another module, the ``__call__`` of an object."""
    func = call.func
    dotted = user.names.resolve(func)
    if dotted and is_library(user, dotted):
        return []
    if dotted:
        plain = function_elsewhere(user, call)
        if plain is not None:
            return [plain]
        project = user.project
        if not isinstance(project, OtherFunctions):
            return []
        made = project.class_of(dotted)
        if made is not None:
            return [(made[0], each) for each in _constructors(*made)]
        # `lib.NET.build(x)`, `lib.Net.build(net, x)`
        return methods_anywhere(user, dotted.rpartition(".")[2]) if _is_inner(user, dotted) else []
    if func in user.parsed.positions and Summaries.of(user).callee(call) is not None:
        return []
    if isinstance(func, ast.Attribute):
        return methods_anywhere(user, func.attr) or methods_anywhere(user, "__call__")
    held = held_methods(user, func)
    if isinstance(func, ast.Name) and user.names.is_local(func.id, user.scope_of(call)):
        return [*held, *methods_anywhere(user, "__call__")]
    return held


def _is_inner(user: Module, dotted: str) -> bool:
    """Whether a name is one of what a class or an object of another module has."""
    project = user.project
    return isinstance(project, OtherFunctions) and len(project.split(dotted)[1]) > 1


def _constructors(home: Module, owner: ast.ClassDef) -> list[Function]:
    found = Summaries.of(home).inherited(home.scopes.opened_by(owner), "__init__")
    return [] if found is None else [found]


def methods_anywhere(user: Module, name: str) -> list[Found]:
    """The methods of this name of all classes of the project, those of ``user`` first."""
    project = user.project
    if name in TENSOR_METHODS or not isinstance(project, OtherTexts):
        return []
    found: list[Found] = [(user, method) for method in Summaries.of(user).methods_named(name)]
    for path in project.defining(user.path, name):
        home = project.module_at(path)
        if home is not None:
            found += [(home, method) for method in Summaries.of(home).methods_named(name)]
    return found


def kept_of(
    home: Module,
    function: Function,
    parameter: str,
    *,
    same: bool,
    depth: int = _DEPTH,
    making: bool = False,
) -> frozenset[str]:
    """The attributes that may hold, after a call of ``function``, what it computed from what it was
    given as ``parameter``; that itself counts unless it is the ``same`` tensor as is read later.

    What a constructor keeps in its new object counts if it is ``making`` one that is read.
    """
    known = home.memo.setdefault("kept of what is given", {})
    assert isinstance(known, dict)
    key = (function, parameter, same, making)
    if key not in known:
        known[key] = frozenset()  # of one that calls itself
        known[key] = frozenset(
            _find_kept(home, function, parameter, same=same, depth=depth, making=making)
        )
    found: frozenset[str] = known[key]
    return found


def _find_kept(
    home: Module, function: Function, parameter: str, *, same: bool, depth: int, making: bool
) -> Iterator[str]:
    # Most functions keep nothing, and a closure of their module need not be made.
    if not may_keep(home, function, depth):
        return
    calls = _calls_in(home, function)
    closure = closure_of(home)
    given = (id(home.scopes.opened_by(function)), parameter)
    computed, held = closure.spread(given)
    # What a new object keeps is looked at where that is.
    unseen = function.name == "__init__" and not making
    put = () if unseen else (*computed, *(() if same else held))
    yield from (name[1:] for _, name in put if name.startswith("."))
    for call in calls:
        match call:
            case ast.Call(func=ast.Name(id="setattr"), args=[_, name, value]):
                if not isinstance(name, ast.Constant):
                    yield from (ANY,) if closure.reads(value) & (computed | held) else ()
    above = (constructor_elsewhere(home, call) for call in calls) if making and depth else ()
    for init, plain in filter(None, above):
        for its, arg in bind(init[1], plain):
            if closure.reads(arg) & (computed | held):
                yield from kept_of(*init, its, same=False, depth=depth - 1, making=True)
    for run, its, arg in (each for call in calls if depth for each in given_to(home, call)):
        if may_keep(*run, depth - 1):
            read = closure.reads(arg)
            copied = bool(read & held)
            if copied or read & computed:
                same_there = same and copied and isinstance(arg, ast.Name)
                yield from kept_of(*run, its, same=same_there, depth=depth - 1)


def _calls_in(home: Module, function: Function) -> list[ast.Call]:
    reached = Summaries.of(home).reached(function)
    return [call for inner in reached for call in home.of_kind_inside(ast.Call, inner)]


def may_keep(home: Module, function: Function, depth: int = _DEPTH) -> bool:
    """Whether ``kept_of`` may find anything, by what is written alone."""
    known = home.memo.setdefault("functions that may keep what is given", {})
    assert isinstance(known, dict)
    if function not in known:
        known[function] = False  # of one that calls itself
        calls = _calls_in(home, function)
        known[function] = _may_store(home, function, calls) or any(
            may_keep(*run, depth - 1)
            for call in (calls if depth > 0 else ())
            for run, _, _ in given_to(home, call)
        )
    return bool(known[function])


def _may_store(home: Module, function: Function, calls: list[ast.Call]) -> bool:
    """Whether a function, or one of the module that it runs, puts anything into an object, gives
    back what may be put into one, or makes one."""
    for call in calls:
        name = last_name(call.func)
        if name in CHANGING or name in _STORING or name[:1].isupper():
            return True
        if filled_by(home, call) is not None:
            return True
    for inner in Summaries.of(home).reached(function):
        for node in home.inside(inner):
            if isinstance(node, (ast.Attribute, ast.Subscript)):
                if not isinstance(node.ctx, ast.Load):
                    return True
    return _gives_back(home, function)


def _gives_back(home: Module, function: Function) -> bool:
    """Whether the module itself calls a function that gives something back, and may keep that."""
    if not any(node.value for node in home.of_kind_inside(ast.Return, function)):
        return False
    return bool(home.attributes(function.name)) or any(
        name.id == function.name for name in home.of_kind(ast.Name)
    )


def given_to(user: Module, call: ast.Call) -> Iterator[tuple[Found, str, ast.expr]]:
    """What a call gives the parameters of what it may run, as far as ``run_by`` finds that."""
    call = written_out(user, call)
    for home, function in run_by(user, call) if call.args or call.keywords else ():
        for name, arg in bind(function, _plain(call, function)):
            if name != "self":
                yield (home, function), name, arg


def written_out(user: Module, call: ast.Call) -> ast.Call:
    """``net.build(x)`` for ``map(net.build, [x])``, ``getattr(net, "build")(x)``, and ``build(x)``
    where that is what ``build`` is."""
    func, args = call.func, call.args
    match call:
        case ast.Call(args=[ast.Attribute() as held, *others]) if last_name(call.func) in _RUNNING:
            func, args = held, others
        case ast.Call(args=[ast.Attribute() as held, over, *_]) if last_name(call.func) == "reduce":
            func, args = held, [over, over]
        case ast.Call(
            func=ast.Call(func=ast.Name(id="getattr"), args=[value, ast.Constant(value=str(name))])
        ):
            func = ast.copy_location(ast.Attribute(value=value, attr=name, ctx=ast.Load()), func)
        case ast.Call(func=ast.Name(id=name)):
            for bound in user.names.bindings(name, user.scope_of(call)):
                if isinstance(bound, ast.Assign) and isinstance(bound.value, ast.Attribute):
                    func = bound.value
    if func is call.func:
        return call
    return ast.copy_location(ast.Call(func=func, args=args, keywords=call.keywords), call)


def _plain(call: ast.Call, function: Function) -> ast.Call:
    """The call as one of a method is written, where it is one of an object or a class."""
    if isinstance(call.func, ast.Attribute) and call.func.attr == function.name:
        return call
    own = [arg.arg for arg in function.args.args[:1]]
    if not function.name.startswith("__") and (own != ["self"] or _names(call, function)):
        return call
    func = ast.Attribute(value=call.func, attr=function.name, ctx=ast.Load())
    return ast.copy_location(ast.Call(func=func, args=call.args, keywords=call.keywords), call)


def _names(call: ast.Call, function: Function) -> bool:
    """Whether a call is one of what is called like the function: no member of something."""
    return isinstance(call.func, (ast.Attribute, ast.Name)) and last_name(call.func) in (
        function.name,
        "",
    )


def read_by(user: Module, name: str) -> frozenset[str]:
    """The attributes that methods of other modules so called may read as they were before."""
    known = user.memo.setdefault("read by methods so called", {})
    assert isinstance(known, dict)
    if name not in known:
        others = [found for found in methods_anywhere(user, name) if found[0] is not user]
        known[name] = frozenset().union(*(reads_of(*found) for found in others))
    found: frozenset[str] = known[name]
    return found


def reads_of(home: Module, function: Function, depth: int = _DEPTH) -> frozenset[str]:
    """The attributes of objects that ``function``, and what it runs, may read as they were."""
    known = home.memo.setdefault("attributes that are read at entry", {})
    assert isinstance(known, dict)
    if function not in known:
        known[function] = frozenset()  # of one that calls itself
        known[function] = frozenset(_find_read(home, function, depth))
    found: frozenset[str] = known[function]
    return found


def _find_read(home: Module, method: Function, depth: int) -> Iterator[str]:
    summaries = Summaries.of(home)
    for function in summaries.reached(method):
        for node in home.of_kind_inside(ast.Attribute, function):
            if isinstance(node.ctx, ast.Load) and not home.names.resolve(node):
                own = isinstance(node.value, ast.Name) and node.value.id == "self"
                if not own or reads_at_entry(home, method, node.attr):
                    yield node.attr
        for call in home.of_kind_inside(ast.Call, function):
            if asks_by_expression(call):
                yield ANY
            if depth and summaries.callee(call) is None:
                for found in (*_run_elsewhere(home, call), *held_methods(home, call.func)):
                    yield from reads_of(*found, depth - 1)


def _run_elsewhere(home: Module, call: ast.Call) -> list[Found]:
    """The function of another module that a call runs, or methods of objects of any class."""
    func = written_out(home, call).func
    plain = function_elsewhere(home, call)
    if plain is not None:
        return [plain]
    if isinstance(func, ast.Attribute) and not home.names.resolve(call.func):
        return methods_anywhere(home, func.attr)
    return []


def asks_by_expression(call: ast.Call) -> bool:
    """``getattr(self, name)``."""
    match call:
        case ast.Call(func=ast.Name(id="getattr"), args=[_, name, *_]):
            return not isinstance(name, ast.Constant)
    return False
