"""Find inputs for the functions of a module by trying, and verify the functions with them.

A function is tried with float tensors of ranks 0 to 4 and small sizes, sizes that its module names
(in reshapes, slices, layers) first. Where TensorFlow's error says which two sizes do not go
together, the next try has them equal; where it wants another dtype or a Python number, the next
try has that. What runs in the old graph and gives a gradient that is neither ``None`` nor zero is
taken for a proof; functions for which nothing does are reported with the last error.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tape_migrate.model import Outcome
from tape_migrate.verify.case import Case, CaseError
from tape_migrate.verify.compare import Verdict, vacuous
from tape_migrate.verify.evidence import Evidence
from tape_migrate.verify.harness import Verifier
from tape_migrate.verify.inputs import Input, Literal, TensorSpec, parse_input

MOST_TRIES = 80
_CONTROL_FLOW = "OperatorNotAllowedInGraphError"
_SIZES = {0: (), 1: (3,), 2: (4, 3), 3: (2, 4, 3), 4: (2, 4, 4, 3)}
_RANKS = (2, 1, 0, 4, 3)
_CLASH = re.compile(r"(?:are|sizes?|shapes?:?) \[?(\d+)\]? (?:and|vs\.?) \[?(\d+)\]?")
_WANTS_NUMBER = (
    "cannot be interpreted as an integer",
    "Expected int",
    "must be an integer",
    "NoneType",
)
_WANTS_INTEGERS = ("not in list of allowed values: int32", "DataType float32 for attr 'Tindices'")
_FLAGS = re.compile(r"^(is_)?(train|training|reuse|use_\w+|with_\w+)$")
_NUMBERS = re.compile(r"^(n|k|num|num_\w+|n_\w+|axis|dim|steps|iters?|iterations|units|depth)$")

Shapes = tuple[tuple[str, "Input"], ...]


@dataclass(frozen=True)
class Probed:
    """One function: the evidence, or why none could be had."""

    entry: str
    inputs: tuple[str, ...] = ()
    """As ``--input`` takes them."""
    evidence: Evidence | None = None
    reason: str = ""
    tries: int = 0


def probe_module(path: Path, verifier: Verifier, tf_function: str = "auto") -> list[Probed]:
    """Probe every function of a module that holds a migrated call.

    Raises:
        CaseError: if the module cannot be read.
        SourceError: if it is not Python.
        TensorFlowMissingError: if a side has no TensorFlow.
    """
    from tape_migrate.verify.command import module_case  # noqa: PLC0415

    try:
        source = path.read_bytes()
    except OSError as error:
        raise CaseError(f"{path}: {error.strerror or error}") from None
    found: list[Probed] = []
    functions = entries(source, tf_function)
    for entry in functions:
        node = _function(source, entry)
        if node is None:
            found.append(Probed(entry, reason="it stands inside another function"))
            continue
        parameters = _parameters(node, method="." in entry)
        if parameters is None:
            found.append(Probed(entry, reason="it takes *arguments or keyword-only arguments"))
            continue
        placeholders = [f"{name}=0" for name in parameters]
        case = module_case(path, entry, placeholders, tf_function)
        found.append(_probe(replace(case, inputs=()), entry, parameters, source, verifier))
    return found


def entries(source: bytes, tf_function: str = "auto") -> list[str]:
    """The functions that hold a migrated call, in order.

    Raises:
        SourceError: if the source is not Python.
    """
    from tape_migrate.api import migrate_source  # noqa: PLC0415
    from tape_migrate.model import Options, TfFunction  # noqa: PLC0415

    migration = migrate_source(source, Options(tf_function=TfFunction(tf_function)))
    names = [
        result.site.function
        for result in migration.sites
        if result.outcome is Outcome.MIGRATED and result.site.function != "<module>"
    ]
    return list(dict.fromkeys(names))


def _probe(
    case: Case, entry: str, parameters: tuple[str, ...], source: bytes, verifier: Verifier
) -> Probed:
    waiting = deque(_first_tries(parameters, _sizes_named(source)))
    seen: set[Shapes] = set()
    tries, last = 0, ""
    doubtful: Probed | None = None
    while waiting and tries < MOST_TRIES:
        inputs = waiting.popleft()
        if inputs in seen:
            continue
        seen.add(inputs)
        tries += 1
        run = verifier.run_before(replace(case, inputs=inputs))
        if run.error is not None and _CONTROL_FLOW in run.error.type and case.old_mode == "auto":
            converted = replace(case, inputs=inputs, old_mode="autograph")
            again = verifier.run_before(converted)
            if again.error is None:
                run, case = again, converted
        if run.error is not None:
            last = run.error.sentence
            waiting.extendleft(reversed(list(_mended(inputs, run.error.message))))
            continue
        if run.not_run is not None:
            return Probed(entry, reason=run.not_run, tries=tries)
        empty = vacuous(run.value)
        if empty is not None:
            last = empty
            continue
        evidence = verifier.verify(replace(case, inputs=inputs))
        if evidence.verdict is Verdict.VACUOUS:
            last = evidence.sentence
            continue
        probed = Probed(entry, tuple(spelled(inputs)), evidence, tries=tries)
        if evidence.verdict is not Verdict.FAILED:
            return probed
        # Python code may take a tensor for a flag in a graph and not eagerly: try on.
        doubtful = doubtful or probed
    return doubtful or Probed(
        entry, reason=f"no input was found in {tries} tries; last: {last}", tries=tries
    )


def _function(source: bytes, entry: str) -> ast.FunctionDef | None:
    """The function, if it is one of the module or a method of a class of the module."""
    node: ast.Module | ast.ClassDef | ast.FunctionDef = ast.parse(source)
    for part in entry.split("."):
        if isinstance(node, ast.FunctionDef):
            return None
        named = [
            inner
            for inner in node.body
            if isinstance(inner, (ast.FunctionDef, ast.ClassDef)) and inner.name == part
        ]
        if not named:
            return None
        node = named[-1]
    return node if isinstance(node, ast.FunctionDef) else None


def _parameters(node: ast.FunctionDef, *, method: bool) -> tuple[str, ...] | None:
    """The parameters that must be given, or None where they cannot be told."""
    args = node.args
    if args.vararg is not None or any(d is None for d in args.kw_defaults):
        return None
    names = [arg.arg for arg in (*args.posonlyargs, *args.args)]
    names = names[: len(names) - len(args.defaults)]
    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list)
    return tuple(names[1:] if method and not static else names)


def _sizes_named(source: bytes) -> list[int]:
    """Sizes that the module's calls name, as last dimensions to try: the most frequent first."""
    found: dict[int, int] = {}
    for node in ast.walk(ast.parse(source)):
        values: list[ast.expr] = []
        if isinstance(node, ast.Call):
            values = [*node.args, *(keyword.value for keyword in node.keywords)]
        for value in values:
            if isinstance(value, (ast.List, ast.Tuple)):
                for element in value.elts[-2:]:
                    if isinstance(element, ast.Constant) and type(element.value) is int:
                        if 1 <= element.value <= 1024:
                            found[element.value] = found.get(element.value, 0) + 1
    return sorted(found, key=lambda size: (-found[size], size))[:4]


def _first_tries(parameters: tuple[str, ...], sizes: list[int]) -> Iterator[Shapes]:
    """All tensors alike first, then ranks mixed; last dimensions that the module names early."""
    tensors = [name for name in parameters if _plain(name) is None]
    for rank in _RANKS:
        yield tuple((name, _plain(name) or _tensor(_SIZES[rank])) for name in parameters)
    for size in sizes:
        for rank in (2, 1, 4):
            shape = (*_SIZES[rank][:-1], size)
            yield tuple((name, _plain(name) or _tensor(shape)) for name in parameters)
    if len(tensors) > 1:
        for ranks in itertools.product(_RANKS[:4], repeat=min(len(tensors), 3)):
            shapes = dict(zip(tensors, itertools.chain(ranks, itertools.repeat(2)), strict=False))
            yield tuple(
                (name, _plain(name) or _tensor(_SIZES[shapes[name]])) for name in parameters
            )


def _plain(name: str) -> Input | None:
    if _FLAGS.match(name):
        return Literal(False)
    if _NUMBERS.match(name):
        return Literal(2)
    return None


def _tensor(shape: tuple[int, ...]) -> TensorSpec:
    spec = parse_input(f"float32[{','.join(map(str, shape))}]")
    assert isinstance(spec, TensorSpec)
    return spec


def _mended(inputs: Shapes, message: str) -> Iterator[Shapes]:
    """What TensorFlow's complaint suggests to try next."""
    clash = _CLASH.search(message)
    if clash is not None:
        one, two = int(clash[1]), int(clash[2])
        for old, new in ((one, two), (two, one)):
            for number, (name, value) in enumerate(inputs):
                if not isinstance(value, TensorSpec) or old not in value.shape:
                    continue
                place = len(value.shape) - 1 - value.shape[::-1].index(old)
                shape = (*value.shape[:place], new, *value.shape[place + 1 :])
                yield _changed(inputs, number, name, replace(value, shape=shape))
    if any(mark in message for mark in _WANTS_INTEGERS):
        for number, (name, value) in enumerate(inputs):
            if isinstance(value, TensorSpec) and value.dtype.startswith("float"):
                yield _changed(inputs, number, name, parse_input(_respelled(value, "int32")))
    if "float64" in message:
        wide = [(n, replace(v, dtype="float64") if isinstance(v, TensorSpec) else v)
                for n, v in inputs]  # fmt: skip
        yield tuple(wide)
    if any(mark in message for mark in _WANTS_NUMBER):
        for number, (name, value) in enumerate(inputs):
            if isinstance(value, TensorSpec):
                yield _changed(inputs, number, name, Literal(2))


def _respelled(spec: TensorSpec, dtype: str) -> str:
    return f"{dtype}[{','.join(map(str, spec.shape))}] int < 2"


def _changed(inputs: Shapes, number: int, name: str, value: Input) -> Shapes:
    return (*inputs[:number], (name, value), *inputs[number + 1 :])


def spelled(inputs: Shapes) -> Iterator[str]:
    """The inputs as ``--input`` takes them."""
    for name, value in inputs:
        if isinstance(value, TensorSpec):
            words = f" int < {int(value.high)}" if value.dtype.startswith("int") else ""
            yield f"{name}={value.dtype}[{','.join(map(str, value.shape))}]{words}"
        elif isinstance(value, Literal):
            yield f"{name}={value.value!r}"
