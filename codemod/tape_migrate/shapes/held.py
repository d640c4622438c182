"""What an object holds from one method to another: whether it is still what it was.

``losses = self.losses`` and then ``losses.append(…)`` changes what the object holds without a word
of the object; so does a function that is handed the list, and ``net.deepen()`` where ``net`` is
``self.net``. A tensor cannot be changed; of everything else each use must be one that only reads.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Final

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.dependence import CONTAINER_METHODS, HARMLESS_BUILTINS
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.in_place import changes_parameter
from tape_migrate.shapes.kinds import kind_of, value_given_by
from tape_migrate.shapes.members import TAKES_OUT
from tape_migrate.shapes.modes import identifiers
from tape_migrate.shapes.plan import Kind
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.unittests import ancestors, is_assertion

_READS: Final = frozenset(
    {"as_list", "eval", "get_shape", "index", "items", "keys", "numpy", "set_shape", "values"}
)
"""Methods that change neither a collection nor a tensor's value."""

_GIVES_VALUES: Final = frozenset({"gradient", "jacobian", "run", "watch"})
"""Methods of tapes and of Sessions."""

_BUILTINS: Final = HARMLESS_BUILTINS | {"enumerate", "float", "int", "list", "sum", "tuple", "zip"}

_BEHIND: Final = frozenset({"__dict__", "__setattr__", "delattr", "setattr", "vars"})
"""Ways to set an attribute that does not stand there by name."""

_DEPTH: Final = 4


def stays_as_it_was(
    module: Module, maker: Function, targets: Iterable[Symbol], sources: Iterable[Symbol]
) -> bool:
    """Whether nothing but ``maker`` changes what attributes of ``self`` hold, in place."""
    scope = module.scopes.opened_by(maker)
    changeable = {
        symbol.path[0]
        for symbol in targets
        if len(symbol.path) > 1 or _kind(module, maker, scope, symbol) is not Kind.TENSOR
    }
    changeable |= {
        symbol.path[0]
        for symbol in sources
        if _kind(module, maker, scope, Symbol(symbol.root, symbol.path[:1])) is Kind.LIST
    }
    given = {symbol.path[0] for symbol in sources}
    parts = {part for symbol in targets for part in symbol.path[1:]}
    reads = _Reads(module)
    owner = Summaries.of(module).class_of(scope)
    if not _BEHIND.isdisjoint(identifiers(module)):
        return False
    concerned = sorted(changeable | given | parts)
    for node in (node for name in concerned for node in module.attributes(name[1:])):
        name = "." + node.attr
        if module.holds(maker, node) or _of_another(module, node, owner):
            continue
        if isinstance(node.ctx, ast.Load):
            if name in changeable and not reads.only(node):
                return False
            if name in given and _is_filled(module, node):
                return False
        elif name in parts and not _in_constructor(module, node):
            return False
    return True


def is_done_with(
    module: Module, maker: Function, before: Iterable[ast.stmt], attributes: Iterable[str]
) -> bool:
    """Whether ``maker`` changes no attribute (``.name``) of ``self`` after ``before``, its first
    statements: neither what it holds nor what that holds."""
    scope, reads, done = module.scopes.opened_by(maker), _Reads(module), list(before)
    for name in sorted(attributes):
        kind = _kind(module, maker, scope, Symbol("self", (name,)))
        for node in module.attributes(name[1:]):
            if not module.holds(maker, node) or any(module.holds(stmt, node) for stmt in done):
                continue
            if not isinstance(node.ctx, ast.Load):
                return False
            if kind is not Kind.TENSOR and not reads.only(node):
                return False
    return True


def has_one_name(module: Module, symbol: Symbol, scope: Scope) -> bool:
    """Whether an attribute of ``self`` holds a tensor, or what is changed by its own name only.

    What methods do to ``self.losses`` is followed; what they do to ``losses``, another name of it,
    is not.
    """
    owner = Summaries.of(module).class_of(scope)
    found = [
        node
        for node in module.attributes(symbol.path[0][1:])
        if not _of_another(module, node, owner)
    ]
    given = [
        (value_given_by(module.statement_of(node), symbol), module.scope_of(node))
        for node in found
        if isinstance(node.ctx, ast.Store)
    ]
    if all(v is not None and kind_of(module, v, s) is Kind.TENSOR for v, s in given):
        return True
    reads = _Reads(module)
    return all(
        _is_filled(module, node) or reads.only(node)
        for node in found
        if isinstance(node.ctx, ast.Load)
    )


def is_only_read(module: Module, node: ast.expr) -> bool:
    """Whether what ``node`` reads is neither changed there nor handed to what may change it."""
    return _Reads(module).only(node)


def _kind(module: Module, maker: Function, scope: Scope, symbol: Symbol) -> Kind:
    """What kind of value ``maker`` gives an attribute, where all its statements agree."""
    kinds = {
        kind_of(module, value, scope)
        for stmt in module.inside(maker)
        if isinstance(stmt, ast.stmt) and (value := value_given_by(stmt, symbol)) is not None
    }
    return kinds.pop() if len(kinds) == 1 else Kind.UNKNOWN


def _of_another(module: Module, node: ast.Attribute, owner: Scope | None) -> bool:
    """``net.y`` of an imported module, ``self.y`` in a class with no object in common."""
    if isinstance(node.value, ast.Name) and all(
        isinstance(bound, (ast.Import, ast.ImportFrom))
        for bound in module.names.bindings(node.value.id, module.scope_of(node)) or (None,)
    ):
        return True
    if not (isinstance(node.value, ast.Name) and node.value.id == "self"):
        return False
    if isinstance(node.ctx, ast.Store):
        return False  # it may be what the object holds
    klass = Summaries.of(module).class_of(module.scope_of(node))
    if klass is None or owner is None or klass is owner:
        return False
    one, other = klass.node, owner.node
    assert isinstance(one, ast.ClassDef)
    assert isinstance(other, ast.ClassDef)
    return one not in ancestors(module, other) and other not in ancestors(module, one)


def _is_filled(module: Module, node: ast.Attribute) -> bool:
    """``self.xs.append(…)``, ``self.xs[0] = …``: it is a list, whatever it was made of."""
    parent = module.parent_of(node)
    if isinstance(parent, ast.Subscript):
        return parent.value is node and not isinstance(parent.ctx, ast.Load)
    return isinstance(parent, ast.Attribute) and parent.attr in CONTAINER_METHODS | TAKES_OUT


def _in_constructor(module: Module, node: ast.Attribute) -> bool:
    """``self.y = …`` in an ``__init__``: the object is not the one that is held already."""
    own = isinstance(node.value, ast.Name) and node.value.id == "self"
    return own and module.scope_of(node).name == "__init__"


class _Reads:
    """Tells uses that only read a value from those that may change or keep it."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._summaries = Summaries.of(module)

    def only(self, node: ast.expr, depth: int = _DEPTH) -> bool:
        """Whether what ``node`` reads is neither changed nor handed to what may change it."""
        current: ast.AST = node
        in_display = False
        while True:
            parent = self._module.parent_of(current)
            match parent:
                case ast.Attribute() | ast.Subscript() if parent.value is current:
                    if not isinstance(parent.ctx, ast.Load):
                        return False
                    above = self._module.parent_of(parent)
                    if isinstance(above, ast.Call) and above.func is parent:
                        return isinstance(parent, ast.Attribute) and parent.attr in _READS
                case ast.Tuple() if (name := self._unpacked(parent, current)) is not None:
                    return not in_display and depth > 0 and self._only_by_name(name, depth - 1)
                case ast.List() | ast.Tuple() | ast.Set() | ast.Dict():
                    in_display = True
                case ast.Starred() | ast.BoolOp() | ast.IfExp() | ast.keyword():
                    pass
                case ast.Call():
                    return self._only_read_by(parent, node)
                case ast.For(iter=iterable):
                    return iterable is current and not in_display
                case ast.comprehension(iter=iterable):
                    return iterable is current and not in_display
                case ast.Assign(targets=[ast.Name() as name]) if not in_display:
                    return depth > 0 and self._only_by_name(name, depth - 1)
                case ast.BinOp() | ast.UnaryOp() | ast.Compare() | ast.Slice() | ast.Subscript():
                    return True
                case ast.FormattedValue() | ast.Expr() | ast.Assert() | ast.AugAssign():
                    return True
                case ast.If() | ast.While():
                    return True
                case _:
                    return False
            current = parent

    def _unpacked(self, display: ast.Tuple, item: ast.AST) -> ast.Name | None:
        """``b`` for ``y`` in ``a, b = x, y``."""
        stmt = self._module.parent_of(display)
        if not isinstance(stmt, ast.Assign) or len(stmt.targets) != 1 or stmt.value is not display:
            return None
        names = stmt.targets[0].elts if isinstance(stmt.targets[0], ast.Tuple) else []
        if len(names) != len(display.elts):
            return None
        pairs = zip(names, display.elts, strict=True)
        if any(isinstance(part, ast.Starred) for part in (*names, *display.elts)):
            return None
        return next((n for n, v in pairs if v is item and isinstance(n, ast.Name)), None)

    def _only_by_name(self, name: ast.Name, depth: int) -> bool:
        scope = self._module.scope_of(name)
        return all(
            self.only(node, depth)
            for node in self._module.inside(scope.node)
            if isinstance(node, ast.Name) and node.id == name.id and isinstance(node.ctx, ast.Load)
        )

    def _only_read_by(self, call: ast.Call, node: ast.expr) -> bool:
        resolved = self._module.names.resolve(call.func)
        if resolved:
            return resolved.partition(".")[0] in KNOWN_MODULES | {"tree"}
        if is_assertion(self._module, call):
            return True
        function = self._summaries.callee(call)
        if function is not None:
            return not any(
                changes_parameter(self._summaries, function, parameter)
                for parameter, value in bind(function, call)
                if self._module.holds(value, node)
            )
        if isinstance(call.func, ast.Attribute):
            return call.func.attr in _GIVES_VALUES
        local = self._module.scope_of(call)
        return (
            isinstance(call.func, ast.Name)
            and call.func.id in _BUILTINS
            and not self._module.names.is_local(call.func.id, local)
        )
