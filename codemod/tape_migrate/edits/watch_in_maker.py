"""Hand a maker a tape where it is called, and let it watch what it makes there."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from tape_migrate.edits.draft import Draft
from tape_migrate.module import Module
from tape_migrate.shapes.plan import Candidate, Made


def hand_to_makers(
    module: Module, draft: Draft, candidates: Iterable[Candidate], tape: str
) -> None:
    """Give ``tape`` to the calls of makers that the sources of ``candidates`` come from.

    What the makers themselves become is written once for all of a draft: ``take_tapes``.
    """
    made = [m for c in candidates for source in c.paths.to_watch for m in source.made]
    for each in {id(m.call): m for m in made}.values():
        _add_argument(module, draft, each, tape)
    draft.makers += made


def take_tapes(module: Module, draft: Draft) -> None:
    """Give the makers of ``draft`` their parameter, and let them watch what they make."""
    functions = {id(made.function): made for made in draft.makers}
    for made in functions.values():
        if made.new:
            _add_parameter(module, draft, made.function, made.parameter)
    names: dict[int, dict[str, None]] = {}
    places: dict[int, tuple[ast.stmt, str]] = {}
    for made in draft.makers:
        for watch in made.watches:
            places[id(watch.after)] = watch.after, made.parameter
            names.setdefault(id(watch.after), {})[watch.name] = None
    for key, (after, parameter) in places.items():
        _watch_after(module, draft, after, parameter, list(names[key]))
    draft.makers.clear()


def _add_argument(module: Module, draft: Draft, made: Made, tape: str) -> None:
    call = made.call
    text = f"{made.parameter}={tape}".encode()
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    if given:
        draft.insert(max(module.end(value) for value in given), b", " + text)
    else:
        draft.insert(module.end(call) - 1, text)


def _add_parameter(module: Module, draft: Draft, function: ast.FunctionDef, name: str) -> None:
    args = function.args
    text = f"{name}=None".encode()
    if not args.kwonlyargs and args.vararg is None:
        text = b"*, " + text
    parts: list[ast.expr | ast.arg] = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    parts += [*args.defaults, *(default for default in args.kw_defaults if default is not None)]
    if args.vararg is not None:
        parts.append(args.vararg)
    if parts:
        draft.insert(max(module.end(part) for part in parts), b", " + text)
    else:
        name_at = module.text.index(function.name.encode(), module.start(function))
        draft.insert(module.text.index(b"(", name_at) + 1, text)


def _watch_after(
    module: Module, draft: Draft, after: ast.stmt, parameter: str, names: list[str]
) -> None:
    indent, newline = module.indent_of(after), module.newline
    watched = names[0] if len(names) == 1 else f"[{', '.join(names)}]"
    lines = [
        indent + f"if {parameter} is not None:".encode(),
        indent + module.indent_unit + f"{parameter}.watch({watched})".encode(),
    ]
    offset = module.line_end(module.last_line(after))
    draft.insert(offset, b"".join(line + newline for line in lines))
