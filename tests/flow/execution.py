"""Runs generated programs and notes which definition each read really found."""

from __future__ import annotations

import ast
import contextlib
import random
from collections import defaultdict
from collections.abc import Iterator
from types import FunctionType

from tests.flow.programs import NAMES

Chains = dict[tuple[int, int, str], frozenset[int]]
"""(line, column, name) of a read -> lines of what reaches it."""


class Stop(BaseException):
    """Ends a run that has gone on for long enough."""


class OddError(Exception):
    """What any call may raise."""


class EvenError(Exception):
    """What any call may raise as well."""


class Value:
    """A value that knows the line of the definition that holds it."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.attr = 0


class Run:
    """One execution of a program with random branches; ``seen`` collects what reads found."""

    def __init__(
        self, seed: int, raising: bool, seen: dict[tuple[int, int, str], set[int]]
    ) -> None:
        self.random = random.Random(seed)
        self.chance = self.random.choice((0.2, 0.35, 0.5, 0.65, 0.8))
        self.raising = raising
        self.seen = seen
        self.fuel = 120

    def tick(self) -> None:
        self.fuel -= 1
        if self.fuel < 0:
            raise Stop
        if self.raising and self.random.random() < 0.1:
            raise OddError if self.random.random() < 0.5 else EvenError

    def see(self, line: int, column: int, name: str, value: object) -> object:
        if isinstance(value, Value):
            self.seen[line, column, name].add(value.line)
        return value

    def mk(self, line: int, *_: object) -> Value:
        self.tick()
        return Value(line)

    def two(self, line: int, *_: object) -> tuple[Value, Value]:
        return self.mk(line), Value(line)

    def cond(self, *_: object) -> bool:
        self.tick()
        return self.random.random() < self.chance

    def rng(self, line: int, *_: object) -> Iterator[Value]:
        while self.cond():
            yield Value(line)

    def fail(self, _: object) -> Exception:
        return OddError() if self.random.random() < 0.5 else EvenError()

    @contextlib.contextmanager
    def scope(self, line: int, _: object) -> Iterator[Value]:
        yield self.mk(line)

    @contextlib.contextmanager
    def suppress(self, line: int, _: object) -> Iterator[Value]:
        with contextlib.suppress(OddError, EvenError):
            yield Value(line)

    def namespace(self) -> dict[str, object]:
        run = self

        class Maybe(type):
            def __instancecheck__(cls, _: object) -> bool:
                return run.cond()

        names = ("see", "mk", "two", "cond", "rng", "fail", "scope", "suppress")
        known: dict[str, object] = {name: getattr(self, name) for name in names}
        return {
            **known,
            "OddError": OddError,
            "EvenError": EvenError,
            "Some": Maybe("Some", (), {}),
        }


class _Spy(ast.NodeTransformer):
    """Reports every read: ``x`` becomes ``see(line, column, "x", x)``."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in NAMES or not isinstance(node.ctx, ast.Load):
            return node
        return _see(node, node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        assert isinstance(node.target, ast.Name)
        read = ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target)
        both = ast.Tuple([_see(read, node.target), self.visit(node.value)], ast.Load())
        value = ast.Subscript(both, ast.Constant(1), ast.Load())
        return ast.copy_location(ast.Assign([node.target], value), node)


def _see(read: ast.Name, place: ast.expr) -> ast.expr:
    where = [ast.Constant(place.lineno), ast.Constant(place.col_offset), ast.Constant(read.id)]
    call = ast.Call(ast.Name("see", ast.Load()), [*where, read], [])
    return ast.copy_location(call, place)


def observed(source: str, raising: bool, runs: int, expected: Chains | None = None) -> Chains:
    """What reads found in many runs, nested functions' reads included.

    Given ``expected``, stops early once all of it has been seen, and leaves other reads out.
    """
    tree = ast.fix_missing_locations(_Spy().visit(ast.parse(source)))
    code = compile(tree, "<program>", "exec")
    seen: dict[tuple[int, int, str], set[int]] = defaultdict(set)
    for seed in range(runs):
        namespace = Run(seed, raising, seen).namespace()
        exec(code, namespace)
        with contextlib.suppress(Stop, OddError, EvenError, NameError):
            program = namespace["program"]
            assert isinstance(program, FunctionType)
            program(*[Value(1)] * program.__code__.co_argcount)
        if expected is None or seed % 16 != 15:
            continue
        if all(seen[key] == lines for key, lines in expected.items()):
            break
    keys = seen if expected is None else expected
    return {key: frozenset(lines) for key, lines in seen.items() if key in keys}
