"""The calls to watch: gradient calls of an old text, calls of tapes in a new one.

Of each call is known what a person would match it by: the function it stands in, the names its
results go to, the texts of its target and sources.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.module import Module
from tape_migrate.sites import find_sites

TAPE_METHODS = ("gradient", "jacobian", "batch_jacobian")


@dataclass(frozen=True)
class Call:
    """One call to watch; offsets are those of its callee in the UTF-8 text."""

    start: int
    end: int
    line: int
    last_line: int
    function: str
    """Qualified name of the enclosing function, ``<module>`` outside of any."""
    method: str
    """``gradients``, ``gradient``, ``jacobian``, …"""
    names: tuple[tuple[int | None, str], ...]
    """Where results go: (which item, or None for the whole result; the name)."""
    target: str
    sources: tuple[str, ...]
    text: str
    """The whole call, its white space normalised."""


def old_calls(text: bytes) -> list[Call]:
    """Every gradient call of a UTF-8 text, in source order.

    Raises:
        SourceError: if the text does not parse.
    """
    module = Module(text)
    return [_call(module, found.call) for found in find_sites(module)]


def calls_at(text: bytes, places: Sequence[tuple[int, int]]) -> list[Call]:
    """The calls that begin at these 1-based lines and columns (in characters), in that order.

    Raises:
        SourceError: if the text does not parse.
        LookupError: if there is no call at a place.
    """
    module = Module(text)
    starts: dict[tuple[int, int], ast.Call] = {}
    for node in module.nodes:
        if isinstance(node, ast.Call):
            line = module.text[module.line_start(node.lineno) : module.start(node)]
            place = (node.lineno, len(line.decode("utf-8")) + 1)
            # In f(x)(y) both calls begin at f; the gradient call is the inner one, which is later.
            starts[place] = node
    missing = [place for place in places if place not in starts]
    if missing:
        raise LookupError(f"no call at line {missing[0][0]}, column {missing[0][1]}")
    return [_call(module, starts[place]) for place in places]


def functions(text: bytes) -> frozenset[str]:
    """Qualified names of all functions of a UTF-8 text, and ``<module>``.

    Raises:
        SourceError: if the text does not parse.
    """
    module = Module(text)
    found = {
        module.scope_of(node.body[0]).qualname
        for node in module.nodes
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    return frozenset({"<module>", *found})


def tape_calls(text: bytes) -> list[Call]:
    """Every call of a method ``gradient``, ``jacobian`` or ``batch_jacobian``, in source order.

    Raises:
        SourceError: if the text does not parse.
    """
    module = Module(text)
    found = [
        _call(module, node)
        for node in module.nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in TAPE_METHODS
    ]
    return sorted(found, key=lambda call: call.end)


def _call(module: Module, node: ast.Call) -> Call:
    target, sources = _arguments(node)
    func = node.func
    return Call(
        start=module.start(func),
        end=module.end(func),
        line=node.lineno,
        last_line=node.end_lineno or node.lineno,
        function=_function_name(module.scope_of(node)),
        method=func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", ""),
        names=tuple(_names(module, node)),
        target=target,
        sources=sources,
        text=ast.unparse(node),
    )


def _function_name(scope: Scope) -> str:
    named: Scope | None = scope
    while named is not None and named.kind is ScopeKind.LAMBDA:
        named = named.parent
    return named.qualname if named is not None else "<module>"


def _arguments(node: ast.Call) -> tuple[str, tuple[str, ...]]:
    """The texts of target and sources, positional or by any of their keywords."""
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    positional = [arg for arg in node.args if not isinstance(arg, ast.Starred)]

    def pick(place: int, *keywords: str) -> ast.expr | None:
        if place < len(positional):
            return positional[place]
        return next((given[key] for key in keywords if key in given), None)

    target = pick(0, "ys", "target", "loss")
    source = pick(1, "xs", "sources", "variables", "source", "var_list", "params")
    texts: tuple[str, ...] = ()
    if source is not None:
        while isinstance(source, ast.Call) and len(source.args) == 1 and not source.keywords:
            source = source.args[0]  # tf.nest.flatten(x), list(x)
        elements = source.elts if isinstance(source, (ast.List, ast.Tuple)) else [source]
        texts = tuple(ast.unparse(element) for element in elements)
    return ast.unparse(target) if target is not None else "", texts


def _names(module: Module, node: ast.Call) -> Iterator[tuple[int | None, str]]:
    """Follow a call's result outwards to the names that it is bound to."""
    item: int | None = None
    current: ast.AST = node
    for parent in module.parents(node):
        if isinstance(parent, ast.Subscript) and parent.value is current:
            index = parent.slice
            if not isinstance(index, ast.Constant) or not isinstance(index.value, int):
                return
            if item is not None:
                return
            item = index.value
        elif isinstance(parent, (ast.List, ast.Tuple)) and len(parent.elts) == 1:
            if not isinstance(getattr(parent, "ctx", None), ast.Load):
                return
        elif isinstance(parent, (ast.List, ast.Tuple)):
            owner = module.parent_of(parent)
            place = parent.elts.index(current)  # type: ignore[arg-type]
            if isinstance(owner, ast.Assign) and owner.value is parent:
                for target in owner.targets:
                    if isinstance(target, (ast.Tuple, ast.List)) and len(target.elts) == len(
                        parent.elts
                    ):
                        yield item, ast.unparse(target.elts[place])
            elif isinstance(owner, ast.Return):
                yield item, f"return {place}"
            return
        elif isinstance(parent, ast.Assign) and parent.value is current:
            for target in parent.targets:
                if isinstance(target, (ast.Tuple, ast.List)) and item is None:
                    for number, element in enumerate(target.elts):
                        yield number, ast.unparse(element)
                else:
                    yield item, ast.unparse(target)
            return
        elif isinstance(parent, (ast.AnnAssign, ast.NamedExpr)) and parent.value is current:
            yield item, ast.unparse(parent.target)
            return
        elif isinstance(parent, ast.Return):
            yield item, "return"
            return
        else:
            return
        current = parent
