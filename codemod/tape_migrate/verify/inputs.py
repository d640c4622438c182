"""What to call a function with: a small grammar of tensor specifications, and the arrays for it.

A specification is ``dtype[shape]`` followed by optional words: ``positive``, ``uniform(a,b)``,
``int < n``, ``ones``, ``zeros``, ``variable``, ``numpy``. ``float32[16,1]`` is a float32 tensor of
shape (16, 1) drawn from a standard normal distribution; ``float32[]`` is a scalar; ``int32[4] int
< 10`` holds integers in 0…9; ``variable`` makes it a ``tf.Variable`` rather than a tensor,
``numpy`` a plain array. Anything that is no specification is passed to the function as the Python
value it is.
"""

from __future__ import annotations

import ast
import enum
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
DTYPES = (*FLOATS, *INTEGERS, "bool", "complex64", "complex128")

_SPEC = re.compile(r"\s*(?P<dtype>[A-Za-z]\w*)\s*\[(?P<shape>[^\]]*)\]\s*(?P<words>.*)", re.DOTALL)
_WORD = re.compile(
    r"(?P<uniform>uniform\s*\(\s*(?P<low>[^,()]+),(?P<high>[^,()]+)\))"
    r"|(?P<bound>(?:int\s*)?<\s*(?P<limit>\d+))"
    r"|(?P<plain>positive|ones|zeros|variable|numpy)(?!\w)"
)


class InputError(ValueError):
    """An input specification that cannot be read; the message says which and why."""


class Fill(enum.Enum):
    """Where the numbers of a tensor come from."""

    NORMAL = "normal"
    POSITIVE = "positive"
    UNIFORM = "uniform"
    INTEGERS = "int"
    ONES = "ones"
    ZEROS = "zeros"


@dataclass(frozen=True)
class TensorSpec:
    """One tensor to be drawn: dtype name, static shape, and the distribution of its values."""

    dtype: str
    shape: tuple[int, ...]
    fill: Fill = Fill.NORMAL
    low: float = 0.0
    high: float = 1.0
    """Bounds for ``UNIFORM`` (half open); ``high`` alone, exclusive, for ``INTEGERS``."""
    role: str = "tensor"
    """What the function is given: ``tensor``, ``variable`` or ``numpy``."""


@dataclass(frozen=True)
class Nested:
    """A list, tuple or dict argument that may hold tensors (``keys`` only for a dict)."""

    kind: str
    items: tuple[Input, ...]
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Literal:
    """A Python value passed as it is."""

    value: Any


Input = TensorSpec | Nested | Literal


def parse_input(value: Any) -> Input:
    """Turn a TOML value or a command-line string into an input.

    Strings that look like a specification (``name[...]``) must be one; other strings, numbers and
    booleans are literals; lists and tables may mix both.

    Raises:
        InputError: for an unknown dtype, a bad shape or an unknown word.
    """
    if isinstance(value, str):
        match = _SPEC.fullmatch(value)
        return _parse_spec(value, match) if match else Literal(value)
    if isinstance(value, (list, tuple)):
        items = tuple(parse_input(item) for item in value)
        if isinstance(value, tuple):
            return Nested("tuple", items)
        plain = all(isinstance(item, Literal) for item in items)
        return Literal(value) if plain else Nested("list", items)
    if isinstance(value, dict):
        items = tuple(parse_input(item) for item in value.values())
        if all(isinstance(item, Literal) for item in items):
            return Literal(value)
        return Nested("dict", items, tuple(str(key) for key in value))
    return Literal(value)


def parse_argument(text: str) -> tuple[str, Input]:
    """Read ``name=specification`` or ``name=python literal`` as given on a command line.

    Raises:
        InputError: if there is no name, or the specification is wrong.
    """
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not name.isidentifier():
        raise InputError(f"{text!r}: expected name=value, such as x=float32[16,1]")
    try:
        return name, parse_input(ast.literal_eval(value.strip()))
    except (ValueError, SyntaxError):
        return name, parse_input(value.strip())


def _parse_spec(text: str, match: re.Match[str]) -> TensorSpec:
    dtype = match["dtype"]
    if dtype not in DTYPES:
        raise InputError(f"{text!r}: unknown dtype {dtype!r}; known are {', '.join(DTYPES)}")
    sizes = [part.strip() for part in match["shape"].split(",") if part.strip()]
    if not all(size.isdigit() for size in sizes):
        raise InputError(f"{text!r}: a shape is a list of sizes, such as [16,1], not [{match[2]}]")
    fill, low, high, role = Fill.NORMAL, 0.0, 1.0, "tensor"
    if dtype in INTEGERS or dtype == "bool":
        fill, high = Fill.INTEGERS, 2 if dtype == "bool" else 5
    rest = match["words"].strip()
    while rest:
        word = _WORD.match(rest)
        if word is None:
            raise InputError(
                f"{text!r}: cannot read {rest!r}; known words are positive, uniform(a,b), "
                "int < n, ones, zeros, variable, numpy"
            )
        rest = rest[word.end() :].strip()
        if word["uniform"]:
            fill = Fill.UNIFORM
            try:
                low, high = float(word["low"]), float(word["high"])
            except ValueError:
                raise InputError(f"{text!r}: uniform(a,b) needs two numbers") from None
        elif word["bound"]:
            fill, high = Fill.INTEGERS, int(word["limit"])
        elif word["plain"] in {"variable", "numpy"}:
            role = word["plain"]
        else:
            fill = Fill(word["plain"])
    return TensorSpec(dtype, tuple(int(size) for size in sizes), fill, low, high, role)


def draw(spec: TensorSpec, name: str, seed: int) -> npt.NDArray[np.generic]:
    """Draw the array for one tensor, the same for the same name and seed on every machine.

    bfloat16 comes back as float32 (numpy has no such type): the worker casts it.
    """
    import numpy as np  # noqa: PLC0415

    generator = np.random.RandomState((zlib.crc32(name.encode()) + seed) % 2**32)
    array: Any
    if spec.fill is Fill.ONES:
        array = np.ones(spec.shape)
    elif spec.fill is Fill.ZEROS:
        array = np.zeros(spec.shape)
    elif spec.fill is Fill.UNIFORM:
        array = generator.uniform(spec.low, spec.high, spec.shape)
    elif spec.fill is Fill.INTEGERS:
        array = generator.randint(0, max(int(spec.high), 1), spec.shape)
    else:
        array = np.asarray(generator.standard_normal(spec.shape))
        if spec.fill is Fill.POSITIVE:
            array = np.abs(array) + 0.5
        elif spec.dtype.startswith("complex"):
            array = array + 1j * generator.standard_normal(spec.shape)
    return np.asarray(array).astype("float32" if spec.dtype == "bfloat16" else spec.dtype)


def encode(value: Input, name: str, seed: int, arrays: dict[str, npt.NDArray[np.generic]]) -> Any:
    """The worker's JSON form of one argument; tensors are drawn into `arrays`, keyed by path."""
    if isinstance(value, Literal):
        return {"kind": "value", "value": value.value}
    if isinstance(value, TensorSpec):
        arrays[name] = draw(value, name, seed)
        return {"kind": "array", "key": name, "dtype": value.dtype, "role": value.role}
    labels = value.keys or tuple(str(number) for number in range(len(value.items)))
    items = [
        encode(item, f"{name}.{label}", seed, arrays)
        for label, item in zip(labels, value.items, strict=True)
    ]
    if value.kind == "dict":
        return {"kind": "dict", "items": dict(zip(value.keys, items, strict=True))}
    return {"kind": value.kind, "items": items}
