"""What one run of one side gave: a nested structure with arrays at its leaves, or an error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Leaf:
    """A tensor (or numpy value): dtype name, shape and values.

    ``bfloat16`` values are held as float32; strings as bytes.
    """

    dtype: str
    shape: tuple[int, ...]
    array: Array


@dataclass(frozen=True)
class Scalar:
    """A plain Python number, boolean or string; ``text`` is its ``repr``."""

    type: str
    text: str


@dataclass(frozen=True)
class Opaque:
    """An object that cannot be compared except by its type's name."""

    type: str


@dataclass(frozen=True)
class Slices:
    """``tf.IndexedSlices``: rows of a gradient, and the dense tensor they stand for.

    ``dense`` is None where the dense shape is unknown.
    """

    values: Leaf
    indices: Leaf
    dense: Leaf | None


@dataclass(frozen=True)
class Tree:
    """A list, tuple, named tuple or dict of results."""

    kind: str
    name: str
    keys: tuple[str, ...]
    items: tuple[Node, ...]


Node = Leaf | Scalar | Opaque | Slices | Tree | None


@dataclass(frozen=True)
class RunError:
    """An exception in a worker, or the worker's own death."""

    type: str
    message: str
    traceback: str = ""

    @property
    def sentence(self) -> str:
        """Type and first line."""
        first = self.message.splitlines()[0] if self.message else ""
        return f"{self.type}: {first}" if first else self.type


@dataclass(frozen=True)
class RunResult:
    """The whole answer to one job; exactly one of the three is meaningful.

    ``value`` is the result if both others are None (a result may itself be None).
    """

    value: Node = None
    error: RunError | None = None
    not_run: str | None = None

    @property
    def ok(self) -> bool:
        """Whether there is a value to compare."""
        return self.error is None and self.not_run is None


def read_result(answer: dict[str, Any], arrays: Path) -> RunResult:
    """Build a result from a worker's answer and the ``.npz`` file it wrote."""
    if answer["error"] is not None:
        return RunResult(error=RunError(**answer["error"]))
    if answer["not_run"] is not None:
        return RunResult(not_run=answer["not_run"])
    with np.load(arrays) as stored:
        return RunResult(value=_node(answer["structure"], dict(stored)))


def _node(node: dict[str, Any], arrays: dict[str, Array]) -> Node:
    kind = node["kind"]
    if kind == "none":
        return None
    if kind == "tensor":
        array = arrays[str(node["index"])]
        dtype = node.get("dtype", array.dtype.name)
        return Leaf(dtype, tuple(node.get("shape", array.shape)), array)
    if kind == "python":
        return Scalar(node["type"], node["value"])
    if kind == "object":
        return Opaque(node["type"])
    items = tuple(_node(item, arrays) for item in node["items"])
    if kind == "slices":
        values, indices, shape = items
        assert isinstance(values, Leaf)
        assert isinstance(indices, Leaf)
        return Slices(values, indices, _densify(values, indices, shape))
    return Tree(kind, node.get("name", ""), tuple(node.get("keys", ())), items)


def _densify(values: Leaf, indices: Leaf, shape: Node) -> Leaf | None:
    if not isinstance(shape, Leaf):
        return None
    dense = np.zeros(tuple(int(size) for size in shape.array), values.array.dtype)
    np.add.at(dense, indices.array, values.array)
    return Leaf(values.dtype, dense.shape, dense)


def leaves(node: Node, path: str = "result") -> Iterator[tuple[str, Node]]:
    """Every leaf with its path, in order; a dict's keys and a list's indices make the path."""
    if isinstance(node, Tree):
        for number, item in enumerate(node.items):
            label = repr(node.keys[number]) if node.keys else str(number)
            yield from leaves(item, f"{path}[{label}]")
    else:
        yield path, node


def describe(node: Node) -> str:
    """A few words for a message: ``None``, ``float32[3,2]``, ``list of 2``."""
    if node is None:
        return "None"
    if isinstance(node, Leaf):
        return f"{node.dtype}[{','.join(str(size) for size in node.shape)}]"
    if isinstance(node, Slices):
        return f"IndexedSlices of {describe(node.values)}"
    if isinstance(node, Scalar):
        return f"Python {node.type} {node.text}"
    if isinstance(node, Opaque):
        return f"an object of type {node.type}"
    return f"{node.name or node.kind} of {len(node.items)}"
