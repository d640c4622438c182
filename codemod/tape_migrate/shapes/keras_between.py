"""What changes between where a Keras graph was built and where its ``K.function`` stands.

::

    grads = K.gradients(loss * CONFIG["scale"], model.input)[0]
    CONFIG["scale"] = 5.0
    f = K.function([model.input], [grads])

The old graph holds the number that was there when it was built; what moves into the new function
would read the later one. What variables of the scope itself are given is followed by their
definitions. Here it is about what objects hold, by whatever name they go: those of the scope and
of the scopes around it, attributes of ``self``, and all that the functions read which are called.
"""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterator, Sequence
from typing import Final, NamedTuple

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.changes_made import Change, Changes, OfScope, is_fixed
from tape_migrate.shapes.keras_calls import BACKEND
from tape_migrate.shapes.kinds import value_given_by
from tape_migrate.shapes.libraries import is_library
from tape_migrate.shapes.one_object import OUTSIDE
from tape_migrate.shapes.set_by_name import attribute_set_by
from tape_migrate.shapes.tensorflow_facts import KERAS_GRAPH_ATTRIBUTES, KERAS_GRAPH_CALLS

_OF_MODELS: Final = KERAS_GRAPH_ATTRIBUTES | KERAS_GRAPH_CALLS | {"layers", "name"}
_KERAS_SETTINGS: Final = {
    "set_epsilon": ("epsilon", "crossentropy", "normalize", "normalization"),
    "set_floatx": ("floatx", "placeholder", "variable", "constant", "cast", "zeros", "ones", "eye"),
    "set_image_data_format": ("image_data_format", "conv2d", "pool2d", "bias_add", "resize_images"),
}
"""Functions that set something, and the ends of names of functions that ask for it."""


def changed_between(
    module: Module,
    scope: Scope,
    moved: Sequence[tuple[int, ast.stmt]],
    between: Sequence[tuple[int, ast.stmt]],
) -> tuple[str, int] | None:
    """What the ``moved`` statements read, and the line among the statements ``between`` at which
    it may change; None if nothing does. With each stands its place in the block."""
    if not between:
        return None
    setting = _setting(module, moved, between) or _renamed(module, moved, between)
    if setting is not None:
        return setting
    reads: list[tuple[int, _Read]] = []
    reader = _Reader(module, scope)
    for index, stmt in moved:
        if index < between[-1][0]:
            reads += ((index, read) for read in reader.reads_of(stmt))
    if not reads:
        return None
    changes = Changes(module, scope)
    for place, stmt in between:
        before = [read for index, read in reads if index < place]
        for change in changes.made_by(stmt) if before else ():
            for read in before:
                if reader.meets(read, change):
                    return read.name, change.line
    return None


def _setting(
    module: Module,
    moved: Sequence[tuple[int, ast.stmt]],
    between: Sequence[tuple[int, ast.stmt]],
) -> tuple[str, int] | None:
    """A setting of Keras that the moved statements ask for."""
    asked = {
        setting
        for _, stmt in moved
        for call in _calls(stmt)
        for setting, names in _KERAS_SETTINGS.items()
        if last_name(call.func).endswith(names)
    }
    for _, stmt in between:
        for call in _calls(stmt):
            setting = module.names.resolve(call.func).removeprefix(BACKEND)
            if setting in asked:
                return f"what {ast.unparse(call.func)} sets", call.lineno
    return None


def _renamed(
    module: Module,
    moved: Sequence[tuple[int, ast.stmt]],
    between: Sequence[tuple[int, ast.stmt]],
) -> tuple[str, int] | None:
    """``layer._name = "b"`` after a moved statement that asks for a layer by its name."""
    asked = [
        (index, ast.unparse(call.func.value))
        for index, stmt in moved
        for call in _calls(stmt)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "get_layer"
    ]
    for place, stmt in between if asked else ():
        for node in ast.walk(stmt):
            holder = _given_a_name(module, node)
            # A model that is asked is no layer of its own.
            if holder is not None and any(
                index < place and model != ast.unparse(holder) for index, model in asked
            ):
                return "the name of a layer", holder.lineno
    return None


def _given_a_name(module: Module, node: ast.AST) -> ast.expr | None:
    match node:
        case ast.Attribute(value=holder, attr="name" | "_name", ctx=ast.Store()):
            return holder
        case ast.Call():
            found = attribute_set_by(module, node)
            if found is not None and isinstance(found[1], ast.Constant):
                return found[0] if found[1].value in ("name", "_name") else None
    return None


def _calls(part: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(part) if isinstance(node, ast.Call))


class _Read(NamedTuple):
    """Objects whose contents are read, or (``attribute``) of which one attribute is."""

    name: str
    objects: frozenset[Hashable]
    attribute: str | None
    outer: bool
    """Whether others than the scope itself have them."""
    of_any: bool = False
    """Whether a method that is called reads it of its own object: which one, is not known."""


class _Reader(OfScope):
    """Tells what statements of ``scope`` read of objects that may change in place."""

    def meets(self, read: _Read, change: Change) -> bool:
        """Whether a change may be one of what was read."""
        if change.attribute is not None and change.attribute != read.attribute:
            return False
        if read.of_any and change.attribute is not None:
            return True
        if change.outside and read.outer:
            return True
        if change.attribute is None and read.attribute is not None and not change.outside:
            return False
        groups = self._objects.groups
        return not groups(read.objects).isdisjoint(groups(change.objects))

    def reads_of(self, stmt: ast.stmt) -> Iterator[_Read]:
        """What ``stmt`` and the functions that it calls read."""
        parts: list[ast.AST] = [stmt]
        for part in parts:
            parts += (run for run in self._run_by(part) if run not in parts)
        inner = {
            id(self._module.scopes.opened_by(node))
            for part in parts
            for node in ast.walk(part)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef))
        }
        for part in parts:
            for node in self._module.of_kind_inside(ast.Name, part):
                if isinstance(node.ctx, ast.Load):
                    yield from self._reads_by(node, inner)

    def _run_by(self, part: ast.AST) -> Iterator[ast.AST]:
        """Functions that ``part`` calls, or hands on to be called."""
        yield from self._summaries.called_functions([part])
        for asked in self._module.of_kind_inside(ast.Attribute, part):
            yield from self._summaries.methods_named(asked.attr)  # a property, too
        for name in self._module.of_kind_inside(ast.Name, part):
            scope = self._module.scope_of(name)
            for node in self._module.names.bindings(name.id, scope):
                value = (
                    value_given_by(node, Symbol(name.id)) if isinstance(node, ast.stmt) else None
                )
                if value is not None:
                    yield from self._functions_in(value)
                elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    yield node

    def _functions_in(self, value: ast.expr) -> Iterator[ast.AST]:
        """What ``fn`` may run after ``fn = box.loss``, or ``getattr(box, "loss")``."""
        yield from self._module.of_kind_inside(ast.Lambda, value)
        for asked in self._module.of_kind_inside(ast.Attribute, value):
            yield from self._summaries.methods_named(asked.attr)
        for text in self._module.of_kind_inside(ast.Constant, value):
            if isinstance(text.value, str):
                yield from self._summaries.methods_named(text.value)

    def _reads_by(self, name: ast.Name, inner: set[int]) -> Iterator[_Read]:
        resolved = self._module.names.resolve(name)
        if resolved and is_library(self._module, resolved):
            return
        scope = self._module.scope_of(name)
        owner = self._module.scopes.resolve(name.id, scope)
        own_self = name.id == "self" and owner is not None
        if self._module.scopes.is_comprehension_variable(name):
            owner = None
        elif owner is None or (id(owner) in inner and not own_self) or self._is_fixed(name, owner):
            return
        for what, objects, attribute in self._chain(name):
            groups = self._objects.groups(objects)
            outer = owner is not self._scope or own_self
            outer = outer or OUTSIDE in groups or self._objects.groups({OUTSIDE}) <= groups
            of_any = own_self and id(owner) in inner and attribute is not None
            yield _Read(ast.unparse(what), objects, attribute, outer, of_any)

    def _chain(self, name: ast.Name) -> Iterator[tuple[ast.expr, frozenset[Hashable], str | None]]:
        """What ``HOLDER.config["scale"]`` reads, step by step."""
        node: ast.expr = name
        while True:
            known = self._levels.value(node)
            if (known.symbolic and not known.holds) or self._is_key(node):
                return
            held = self._objects.value(node)
            parent = self._module.parent_of(node)
            if isinstance(parent, ast.Attribute):
                own = isinstance(node, ast.Name) and node.id == "self"
                if own:
                    yield parent, frozenset({OUTSIDE}), parent.attr
                elif parent.attr in _OF_MODELS:
                    return
                else:
                    yield parent, held.itself, parent.attr
                above = self._module.parent_of(parent)
                if isinstance(above, ast.Call) and above.func is parent:
                    if not own:
                        yield node, held.all, None
                    return
            elif isinstance(parent, ast.Subscript) and parent.value is node:
                yield node, held.itself, None
            elif isinstance(parent, ast.Call) and parent.func is node:
                # `fn = functools.partial(scaled, scale)`, `fn = Scaled(scale)`
                yield node, held.all, None
                return
            else:
                yield node, held.all, None
                return
            node = parent

    def _is_key(self, node: ast.expr) -> bool:
        """Whether it is a number, a slice or a text: of a tensor, in a dictionary, of a layer."""
        parent = self._module.parent_of(node)
        while isinstance(parent, (ast.Tuple, ast.Slice)):
            node, parent = parent, self._module.parent_of(parent)
        match parent:
            case ast.Subscript(slice=index):
                return index is node
            case ast.Call(func=ast.Attribute(attr=attr)):
                return attr in KERAS_GRAPH_CALLS and parent.func is not node
            case ast.Compare(ops=ops):
                return all(isinstance(op, (ast.Is, ast.IsNot)) for op in ops)
        return False

    def _is_fixed(self, name: ast.Name, owner: Scope) -> bool:
        """Whether a name only ever holds functions, numbers and texts."""
        parent = self._module.parent_of(name)
        bound = self._module.names.bindings(name.id, owner)
        for node in bound:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                if isinstance(parent, ast.Attribute):
                    return False
                continue
            if _counts(node, name.id):
                continue
            value = value_given_by(node, Symbol(name.id)) if isinstance(node, ast.stmt) else None
            if not is_fixed(self._module, value) and not isinstance(node, ast.AugAssign):
                return False
        return bool(bound)


def _counts(node: ast.AST | None, name: str) -> bool:
    """``for i in range(n)``, ``for i, x in enumerate(xs)``."""
    match node:
        case ast.For(target=ast.Name(), iter=ast.Call(func=ast.Name(id="range"))):
            return True
        case ast.For(
            target=ast.Tuple(elts=[ast.Name(id=first), *_]),
            iter=ast.Call(func=ast.Name(id="enumerate")),
        ):
            return first == name
    return False
