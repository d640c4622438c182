"""The grammar of inputs, and what is drawn from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tape_migrate.verify.inputs import (
    Fill,
    InputError,
    Literal,
    Nested,
    TensorSpec,
    draw,
    encode,
    parse_argument,
    parse_input,
)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("float32[16,1]", TensorSpec("float32", (16, 1))),
        ("float32[]", TensorSpec("float32", ())),
        (" float64 [ 2 , 3 ] ", TensorSpec("float64", (2, 3))),
        ("float32[3] positive", TensorSpec("float32", (3,), Fill.POSITIVE)),
        ("float32[3] uniform(-1, 2.5)", TensorSpec("float32", (3,), Fill.UNIFORM, -1.0, 2.5)),
        ("int32[4] int < 10", TensorSpec("int32", (4,), Fill.INTEGERS, 0.0, 10)),
        ("int64[4] < 3", TensorSpec("int64", (4,), Fill.INTEGERS, 0.0, 3)),
        ("int32[4]", TensorSpec("int32", (4,), Fill.INTEGERS, 0.0, 5)),
        ("float16[2] ones", TensorSpec("float16", (2,), Fill.ONES)),
        ("bfloat16[2] zeros", TensorSpec("bfloat16", (2,), Fill.ZEROS)),
        (
            "float32[2] positive variable",
            TensorSpec("float32", (2,), Fill.POSITIVE, role="variable"),
        ),
    ],
)
def test_specification(text: str, spec: TensorSpec) -> None:
    assert parse_input(text) == spec


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("flaot32[3]", "unknown dtype 'flaot32'"),
        ("float32[3,x]", "a shape is a list of sizes"),
        ("float32[-1]", "a shape is a list of sizes"),
        ("float32[3] postive", "cannot read 'postive'"),
        ("float32[3] uniform(a,b)", "two numbers"),
    ],
)
def test_wrong_specification_says_why(text: str, complaint: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_input(text)
    assert complaint in str(caught.value)
    assert text in str(caught.value)


@pytest.mark.parametrize("value", [3, 0.5, True, "relu", [1, 2], {"a": 1}])
def test_anything_else_is_the_value_itself(value: Any) -> None:
    assert parse_input(value) == Literal(value)


def test_lists_and_tables_may_hold_tensors() -> None:
    tensor = TensorSpec("float32", (2,))
    assert parse_input(["float32[2]", 3]) == Nested("list", (tensor, Literal(3)))
    assert parse_input({"x": "float32[2]"}) == Nested("dict", (tensor,), ("x",))


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("x=float32[16,1]", "x", TensorSpec("float32", (16, 1))),
        ("n = 3", "n", Literal(3)),
        (
            "xs=['float32[2]', 'float32[2]']",
            "xs",
            Nested("list", (TensorSpec("float32", (2,)),) * 2),
        ),
        ("mode=relu", "mode", Literal("relu")),
    ],
)
def test_command_line_argument(text: str, name: str, value: Any) -> None:
    assert parse_argument(text) == (name, value)


@pytest.mark.parametrize("text", ["float32[3]", "=3", "a b=3"])
def test_command_line_argument_needs_a_name(text: str) -> None:
    with pytest.raises(InputError, match="expected name=value"):
        parse_argument(text)


def test_drawing_depends_on_name_and_seed_only() -> None:
    spec = TensorSpec("float32", (4, 3))
    assert np.array_equal(draw(spec, "x", 0), draw(spec, "x", 0))
    assert not np.array_equal(draw(spec, "x", 0), draw(spec, "t", 0))
    assert not np.array_equal(draw(spec, "x", 0), draw(spec, "x", 1))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("float32[200] positive", 0.5, np.inf),
        ("float64[200] uniform(2,3)", 2.0, 3.0),
        ("int32[200] int < 3", 0, 2),
        ("bool[200]", False, True),
        ("float32[200] ones", 1.0, 1.0),
        ("bfloat16[200] zeros", 0.0, 0.0),
    ],
)
def test_drawn_values_keep_their_bounds(text: str, low: float, high: float) -> None:
    spec = parse_input(text)
    assert isinstance(spec, TensorSpec)
    array = draw(spec, "x", 0)
    assert array.shape == (200,)
    assert array.min() >= low
    assert array.max() <= high
    assert array.dtype.name == spec.dtype.replace("bfloat16", "float32")


def test_encoding_keys_arrays_by_path() -> None:
    arrays: dict[str, Any] = {}
    value = parse_input({"weights": ["float32[2]", "float32[3]"], "n": 4})
    encoded = encode(value, "p", 0, arrays)
    assert list(arrays) == ["p.weights.0", "p.weights.1"]
    assert encoded["items"]["n"] == {"kind": "value", "value": 4}
    assert encoded["items"]["weights"]["items"][1]["key"] == "p.weights.1"


def test_tuples_and_complex_numbers() -> None:
    spec = parse_input(("float32[2]", 3))
    assert isinstance(spec, Nested)
    assert (spec.kind, len(spec.items)) == ("tuple", 2)
    arrays: dict[str, Any] = {}
    encode(parse_input("complex64[3]"), "z", 0, arrays)
    (drawn,) = arrays.values()
    assert drawn.dtype == np.complex64
    assert np.all(drawn.imag != 0)
