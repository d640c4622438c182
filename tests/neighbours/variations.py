"""Small changes of a program: each gives a program that is nearly the same.

A variation is named by its kind and the place where it is made (``identity 12:8``), so that it can
be made again. Most keep the program running; whether the engine treats what comes out rightly is
for others to say (``proving.py``).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from tests.neighbours import kinds

_SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Return, ast.Assert, ast.Delete)


def variations(text: str) -> dict[str, str]:
    """Each variation of a program in ASCII with plain line ends, by its name.

    Some may not parse.

    Raises:
        SyntaxError: the program itself does not parse.
    """
    found: dict[str, str] = {}
    for name, varied in _Program(text).all():
        if varied != text:
            found.setdefault(name, varied)
    return found


class _Program:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tree = ast.parse(text)
        self._starts = [0]
        for line in text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def all(self) -> Iterator[tuple[str, str]]:
        for node in ast.walk(self._tree):
            for field in ("body", "orelse", "finalbody"):
                block = getattr(node, field, None)
                if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                    yield from self._block(block)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                yield from self._name(node)
            if isinstance(node, ast.Call):
                yield from self._call(node)
            if isinstance(node, ast.FunctionDef):
                yield from self._function(node)
            if isinstance(node, ast.ClassDef):
                yield from self._class(node)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                for number, text in enumerate(kinds.ATTRIBUTES.get(node.attr, ())):
                    new = f"{self._of(node.value)}.{text}"
                    yield self._put(f"attribute_{number}", node, new)
            if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
                yield self._put("constant", node, repr(_other(node.value)))
        yield from self._module()

    def _block(self, block: list[ast.stmt]) -> Iterator[tuple[str, str]]:
        for stmt in block:
            if not self._has_its_lines(stmt):
                continue
            if isinstance(stmt, _SIMPLE):
                yield self._put("drop", stmt, "pass")
                yield from self._bound(stmt)
            if isinstance(stmt, (*_SIMPLE, ast.If, ast.For, ast.While, ast.With)):
                own = self._of(stmt)
                indent = " " * stmt.col_offset
                yield self._put("twice", stmt, f"{own}\n{indent}{own}")
                inner = own.replace("\n", "\n    ")
                for kind, (head, tail) in kinds.BLOCKS.items():
                    last = tail.format(indent=indent)
                    if last and not last.startswith("\n"):
                        last = f"\n{indent}    {last}"
                    new = f"{head.format(indent=indent)}\n{indent}    {inner}{last}"
                    yield self._put(f"{kind}_around", stmt, new)
        for first, second in pairwise(block):
            if self._has_its_lines(first) and self._has_its_lines(second):
                if isinstance(first, _SIMPLE) and isinstance(second, _SIMPLE):
                    start, end = self._span(first)[0], self._span(second)[1]
                    between = self._text[self._span(first)[1] : self._span(second)[0]]
                    new = self._of(second) + between + self._of(first)
                    yield self._at("swap", first, start, end, new)

    def _bound(self, stmt: ast.stmt) -> Iterator[tuple[str, str]]:
        targets: list[ast.expr] = []
        if isinstance(stmt, ast.Assign):
            targets = stmt.targets
        elif isinstance(stmt, (ast.AugAssign, ast.AnnAssign)):
            targets = [stmt.target]
        indent = " " * stmt.col_offset
        for target in targets:
            for node in ast.walk(target):
                own = isinstance(node, ast.Name) or (
                    isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
                )
                if own and isinstance(getattr(node, "ctx", None), ast.Store):
                    name = self._of(node)
                    for kind, text in kinds.AFTER.items():
                        plain = name.replace(".", "_")
                        said = text.replace("{n}_", f"{plain}_").format(n=name)
                        new = f"{self._of(stmt)}\n{indent}{said}"
                        yield self._at(kind, node, *self._span(stmt), new)

    def _name(self, node: ast.Name) -> Iterator[tuple[str, str]]:
        for kind, text in kinds.NAMES.items():
            yield self._put(kind, node, text.format(n=node.id))

    def _call(self, call: ast.Call) -> Iterator[tuple[str, str]]:
        callee = call.func
        name = callee.attr if isinstance(callee, ast.Attribute) else getattr(callee, "id", "")
        if call.args:
            start, end = self._span(call.args[0])[0], self._span(call.args[-1])[1]
            yield self._at("star_args", call, start, end, f"*[{self._text[start:end]}]")
        if name not in kinds.GRADIENT_CALLS or len(call.args) < 2:
            return
        own = self._of(call)
        for which, argument in zip(("target", "source"), call.args, strict=False):
            for kind, text in kinds.TARGETS.items():
                yield self._put(f"{which}_{kind}", argument, text.format(n=self._of(argument)))
            for element in getattr(argument, "elts", ()):
                for kind, text in kinds.TARGETS.items():
                    new = text.format(n=self._of(element))
                    yield self._put(f"{which}_element_{kind}", element, new)
        y, x = self._of(call.args[0]), self._of(call.args[1])
        if name == "function":
            for kind, text in kinds.OF_FUNCTION_CALL.items():
                begun = own[:-1].rstrip().rstrip(",")
                yield self._put(f"function_{kind}", call, text.format(c=begun))
            return
        for kind, text in kinds.KEYWORDS.items():
            new = f"{own[:-1].rstrip().rstrip(',')}, {text.format(x=x, y=y)})"
            yield self._put(kind, call, new)
        for kind, text in kinds.AROUND.items():
            yield self._put(kind, call, text.format(c=own))

    def _function(self, function: ast.FunctionDef) -> Iterator[tuple[str, str]]:
        start = self._starts[function.lineno - 1] + function.col_offset
        indent = " " * function.col_offset
        for kind, text in kinds.DECORATORS.items():
            yield self._at(kind, function, start, start, f"@{text}\n{indent}")
        body = function.body[0]
        if self._has_its_lines(body):
            begin = self._span(body)[0]
            for kind, text in kinds.BEGINNINGS.items():
                new = f"{text}\n{' ' * body.col_offset}"
                yield self._at(kind, function, begin, begin, new)
        if function.args.args and not function.args.vararg and not function.args.kwarg:
            last = self._span(function.args.args[-1])[1]
            if not function.args.defaults and not function.args.kwonlyargs:
                for kind, text in {
                    "default": ", extra=None", "many": ", *rest", "keywords": ", **rest",
                    "keyword_only": ", *, extra=None",
                }.items():  # fmt: skip
                    yield self._at(kind, function, last, last, text)
        name = function.name
        if not name.startswith("_") and name not in ("setUp",):
            yield f"private {name}", _renamed(self._text, name, f"_{name}")
        elif not name.startswith("__"):
            yield f"public {name}", _renamed(self._text, name, f"{name.lstrip('_')}_public")
        if function in self._tree.body:
            for kind, text in kinds.OF_FUNCTION.items():
                yield f"{kind} {name}", f"{self._text}\n\n{text.format(f=name)}\n"

    def _class(self, made: ast.ClassDef) -> Iterator[tuple[str, str]]:
        if made not in self._tree.body:
            return
        for kind, text in kinds.OF_CLASS.items():
            yield f"{kind} {made.name}", f"{self._text}\n\n{text.format(f=made.name)}\n"
        attributes = sorted({
            node.attr
            for node in ast.walk(made)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name) and node.value.id == "self"
        })  # fmt: skip
        begin, indent = self._span(made.body[0])[0], " " * made.body[0].col_offset
        for attribute in attributes:
            for kind, text in kinds.OF_ATTRIBUTE.items():
                new = f"{self._text}\n\n{text.format(a=attribute)}\n"
                yield f"{kind} {made.name}.{attribute}", new
            methods = attribute in {n.name for n in made.body if isinstance(n, ast.FunctionDef)}
            for kind, text in (kinds.OF_METHOD if methods else kinds.OF_SELF).items():
                body = text.format(a=attribute)
                said = f"def unheard_of(self):\n{indent}    {body}\n\n{indent}"
                new = self._text[:begin] + said + self._text[begin:]
                yield f"{kind} {made.name}.{attribute}", new
            if methods:
                said = kinds.OVERRIDDEN.format(f=made.name, a=attribute)
                yield f"overridden {made.name}.{attribute}", f"{self._text}\n\n{said}\n"

    def _module(self) -> Iterator[tuple[str, str]]:
        imports = [s for s in self._tree.body if isinstance(s, (ast.Import, ast.ImportFrom))]
        if imports:
            end = self._span(imports[-1])[1]
            for kind, text in kinds.MODULE.items():
                yield kind, f"{self._text[:end]}\n\n{text}\n{self._text[end:]}"
                yield f"{kind}_last", f"{self._text}\n\n{text}\n"

    def _has_its_lines(self, stmt: ast.stmt) -> bool:
        start, end = self._span(stmt)
        line = self._text[self._starts[stmt.lineno - 1] : start]
        rest = self._text[end : self._starts[stmt.end_lineno or 0]]
        decorated = getattr(stmt, "decorator_list", ())
        return not line.strip() and not decorated and ";" not in rest

    def _put(self, kind: str, node: ast.expr | ast.stmt, new: str) -> tuple[str, str]:
        return self._at(kind, node, *self._span(node), new)

    def _at(self, kind: str, node: ast.AST, start: int, end: int, new: str) -> tuple[str, str]:
        place = f"{getattr(node, 'lineno', 0)}:{getattr(node, 'col_offset', 0)}"
        return f"{kind} {place}", self._text[:start] + new + self._text[end:]

    def _of(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return self._text[start:end]

    def _span(self, node: ast.AST) -> tuple[int, int]:
        first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", 1)
        start = self._starts[first - 1] + getattr(node, "col_offset", 0)
        return start, self._starts[last - 1] + getattr(node, "end_col_offset", 0)


def _other(value: float | bool) -> float | bool:
    return not value if isinstance(value, bool) else value + 1


def _renamed(text: str, old: str, new: str) -> str:
    """The text with another name in every place; places in strings and comments stay."""
    tree = ast.parse(text)
    lines = text.splitlines(keepends=True)
    places: set[tuple[int, int]] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, lineno=line, col_offset=column) if name == old:
                places.add((line, column))
            case ast.Attribute(attr=name, end_lineno=int(line), end_col_offset=int(column)):
                if name == old:
                    places.add((line, column - len(old)))
            case ast.FunctionDef(name=name, lineno=line, col_offset=column) if name == old:
                places.add((line, lines[line - 1].index("def", column) + len("def ")))
    for line, column in sorted(places, reverse=True):
        own = lines[line - 1]
        if own[column : column + len(old)] == old:
            lines[line - 1] = own[:column] + new + own[column + len(old) :]
    return "".join(lines)
