"""Variables that a graph knows otherwise than a tape.

``caching_device=`` reads a variable once, when it is made, and every later use takes that copy. A
``custom_getter=`` or a ``variable_creator_scope`` may compute something from the variable, and
``get_variable`` gives that. Both are there before a tape is opened, and a graph goes back through
them. A collection of trainable variables may hold some that are not trainable, which a tape does
not watch; and ``partitioner=`` makes a variable of several, which is none itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.arguments import elements
from tape_migrate.shapes.computed_before import Made, made_by
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.given_by_callers import given_by_callers
from tape_migrate.shapes.modes import identifiers
from tape_migrate.shapes.plan import Refusal, Request, Source
from tape_migrate.shapes.reference import may_be_variable
from tape_migrate.shapes.set_up_elsewhere import set_up_by
from tape_migrate.shapes.tensorflow_facts import makes_one_tensor, tensorflow_function
from tape_migrate.shapes.variable_getters import computing_getters, getters_compute
from tape_migrate.shapes.variables import listed_by_graph

_KEYWORDS: Final = frozenset({"caching_device", "partitioner", "collections"})
_METHODS: Final = frozenset(
    [
        *("set_caching_device", "set_partitioner", "create_partitioned_variables"),
        *("add_to_collection", "add_to_collections", "get_collection_ref"),
    ]
)
_WORDS: Final = (
    *("caching_device", "set_caching_device", "partitioner", "set_partitioner"),
    "create_partitioned_variables",
)
_TRAINABLE: Final = ("TRAINABLE_VARIABLES", "trainable_variables")
_PUT_BY_HAND: Final = (
    r"(?:add_to_collections?|get_collection_ref)\s*\(\s*\W*(?:\w+\.)*(?i:trainable_var)"
    r"|collections\s*=[^)]*(?i:trainable_var)"
)


@dataclass(frozen=True)
class _Special:
    """What is said of variables somewhere in a module."""

    place: ast.expr
    why: str
    listed: bool = False
    """It concerns lists of variables that the graph keeps, and no others."""
    named: bool = False
    """It concerns variables that have a name in the program, and no lists of the graph."""
    elsewhere: bool = False
    """Another module says it."""


def refuse_special_variables(
    context: Context, dep: Dependence, request: Request, sources: list[Source]
) -> Refusal | None:
    """Refuse sources that may be variables of a kind which a tape sees otherwise."""
    if getters_compute(context.module) and not request.all_variables:
        own = computing_getters(context.module)
        if not listed_by_graph(context.module, request.source):
            for source in sources:
                if not own and _is_plain(dep, source):
                    continue
                if source.collected or may_be_variable(context, dep, source, unknown=False):
                    return Refusal(
                        "TM106",
                        f"{source.symbol} may be what a custom getter computed from a variable "
                        "before a tape is opened",
                    )
    said = _said(context.module)
    taken = any(special.elsewhere for special in said) and any(
        _is_variable(context.module, each) for each in elements(request.source)
    )
    for special in said:
        for source in sources:
            if source.collected:
                concerned = not special.named
            elif special.listed:
                concerned = False
            elif special.elsewhere:
                concerned = not _is_plain(dep, source) and (
                    source.variable
                    or taken
                    or may_be_variable(context, dep, source, unknown=False)
                    or (not special.named and _is_taken(dep, source))
                )
            else:
                concerned = source.variable or may_be_variable(
                    context, dep, source, unknown=not special.named
                )
            if concerned:
                shown = "" if source.collected else f"{source.symbol} may be a variable: "
                return Refusal("TM106", shown + special.why)
    return None


def _is_plain(dep: Dependence, source: Source) -> bool:
    """``w = tf.Variable(…)``, which no ``get_variable`` gives: a getter does not come by it."""
    reached = dep.reaching(source.node_id, source.symbol)
    made = [getattr(definition.stmt, "value", None) for definition in reached]
    return bool(made) and all(
        isinstance(value, ast.Call)
        and (tensorflow_function(dep.module.names.resolve(value.func)) or "").endswith("Variable")
        for value in made
    )


def _is_variable(module: Module, source: ast.expr) -> bool:
    """Whether a source is made as a variable by functions in sight, of other modules too."""
    if made_by(module, source) is Made.VARIABLE:
        return True
    scope = module.scope_of(source)
    function = scope.node
    if not isinstance(source, ast.Name) or not isinstance(function, ast.FunctionDef):
        return False
    given = given_by_callers(module, function, source.id)
    return None in module.names.bindings(source.id, scope) and any(
        made_by(user, value) is Made.VARIABLE for user, value in given
    )


def _is_taken(dep: Dependence, source: Source) -> bool:
    """Whether nothing is known of what made a source, other than that it was made here."""
    reached = dep.reaching(source.node_id, source.symbol)
    return any(
        isinstance(value := getattr(definition.stmt, "value", None), ast.Call)
        and not makes_one_tensor(dep.module.names.resolve(value.func))
        for definition in reached
    )


def _said(module: Module) -> list[_Special]:
    key = "special variables"
    if key not in module.memo:
        found = list(_all_said(module))
        for home, special in _said_elsewhere(module):
            where = f"line {special.place.lineno} of {home.path}"
            found.append(replace(special, why=f"{special.why} ({where})", elsewhere=True))
        module.memo[key] = found
    said = module.memo[key]
    assert isinstance(said, list)
    return said


def _said_elsewhere(module: Module) -> Iterator[tuple[Module, _Special]]:
    """What other modules say of variables that this one may be given, or makes."""

    def places(home: Module) -> list[ast.AST]:
        return [special.place for special in _all_said(home)]

    found = [
        *set_up_by(module, _WORDS, places),
        *set_up_by(module, _TRAINABLE, places, _PUT_BY_HAND),
    ]
    for home, place in found:
        yield from ((home, each) for each in _all_said(home) if each.place is place)


def _all_said(module: Module) -> Iterator[_Special]:
    keywords = [k for k in module.of_kind(ast.keyword) if k.arg in _KEYWORDS]
    keywords = [k for k in keywords if not _is_none(k.value)]
    given = {name: [k.value for k in keywords if k.arg == name] for name in sorted(_KEYWORDS)}
    for name, values in given.items():
        if f'"{name}"'.encode() in module.text or f"'{name}'".encode() in module.text:
            # `get_variable(name, **OPTIONS)`
            pairs = (
                pair
                for d in module.of_kind(ast.Dict)
                for pair in zip(d.keys, d.values, strict=True)
            )
            values += [v for k, v in pairs if _is_text(k, name) and not _is_none(v)]
    mentioned = identifiers(module) & _METHODS
    for place in [*given["caching_device"], *_named(module, mentioned & {"set_caching_device"})]:
        yield _Special(
            place,
            "caching_device= keeps a copy of a variable from when it is made, which a tape opened "
            "later does not see",
        )
    listing = given["collections"]
    for call in module.of_kind(ast.Call) if mentioned else ():
        leaf = last_name(call.func)
        around = module.parent_of(call)
        changed = leaf == "get_collection_ref" and isinstance(around, (ast.Attribute, ast.Assign))
        if leaf.startswith("add_to_collection") or changed:
            listing += [*call.args[:1], *(k.value for k in call.keywords if k.arg != "value")]
    for place in listing:
        if _names_trainable(module, place):
            yield _Special(
                place,
                "what is put into the collection of trainable variables by hand need not be "
                "trainable, and a tape does not see it then",
                listed=True,
            )
    parts = mentioned & {"set_partitioner", "create_partitioned_variables"}
    for place in [*given["partitioner"], *_named(module, parts)]:
        yield _Special(place, "a partitioned variable is none that a tape can watch", named=True)


def _named(module: Module, names: frozenset[str]) -> Iterator[ast.expr]:
    """Where functions or methods of these names are named."""
    for name in sorted(names):
        yield from module.attributes(name)
        yield from (node for node in module.of_kind(ast.Name) if node.id == name)


def _is_text(key: ast.expr | None, text: str) -> bool:
    return isinstance(key, ast.Constant) and key.value == text


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _names_trainable(module: Module, value: ast.expr) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and node.attr == "TRAINABLE_VARIABLES")
        or (isinstance(node, ast.Constant) and node.value == "trainable_variables")
        for node in module.inside(value)
    )
