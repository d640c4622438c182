"""Names of operations that a program asks for, which are others on a tape.

``tf.gradients`` puts its operations below ``gradients/`` (or below the ``name=`` that it is given).
Those of a tape stand where the call stands, under the names of their kinds: ``Reshape``, ``Sum``,
``mul_2``. So a name below ``gradients/`` is none any more, and ``"Sum:0"`` may be another tensor.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from tape_migrate.module import Module
from tape_migrate.shapes.hazards import LOOKUPS
from tape_migrate.shapes.modes import identifiers
from tape_migrate.shapes.object_names import ObjectNames
from tape_migrate.shapes.plan import Refusal, Request

_ASKING: Final = LOOKUPS | {"get_operations"}
_WRITING: Final = frozenset(
    {"extract_sub_graph", "convert_variables_to_constants", "as_graph_def", "TransformGraph"}
)
_TENSOR: Final = re.compile(r"\^?[A-Za-z0-9.][\w.\\/>-]*:\d+$")
_BELOW_GRADIENTS: Final = re.compile(r"(.*/)?gradients(_\d+)?(/.*)?$")
_WRITTEN: Final = re.compile(rb"[\"'/]gradients(?:_[0-9]+)?[/\"']")
_SPELLING: Final = frozenset({"name", "str", "repr", "getattr"})
_NUMBER: Final = re.compile(r"_\d+$")

_OF_GRADIENTS: Final = frozenset(
    [
        *("add", "addn", "add_n", "addv2", "and", "broadcastgradientargs", "broadcastto", "cast"),
        *("concat", "concatv2", "const", "cos", "div", "dynamicstitch", "equal", "exp"),
        *(
            "expanddims",
            "fill",
            "floordiv",
            "floormod",
            "gather",
            "gatherv2",
            "greater",
            "identity",
        ),
        *("invert", "invertpermutation", "less", "log", "logicaland", "logicalor", "logicalnot"),
        *("matmul", "max", "maximum", "min", "minimum", "mod", "mul", "neg", "notequal", "ones"),
        *("ones_like", "oneslike", "pack", "pad", "pow", "prod", "range", "rank", "realdiv"),
        *("reciprocal", "reshape", "rsqrt", "scatter", "select", "selectv2", "shape", "sign"),
        *("sin", "size", "slice", "split", "sqrt", "square", "squeeze", "stack", "stridedslice"),
        *("strided_slice", "sub", "sum", "tile", "transpose", "truediv", "unpack", "unstack"),
        *("where", "zeros", "zeros_like", "zeroslike", "batchmatmul", "batchmatmulv2", "cumsum"),
        *("reversev2", "scatternd", "shapen", "unsortedsegmentsum", "sigmoid", "tanh", "softmax"),
        *("accumulatenv2", "greaterequal", "lessequal", "greater_equal", "less_equal"),
        "matrixbandpart",
    ]
)
"""Names, in small letters, that operations of a gradient take where nobody gives them any."""


def refuse_names(module: Module, request: Request) -> Refusal | None:
    """Refuse a gradient where the program asks for operations by names that a tape changes."""
    asked = _asked(module)
    given = [k for k in request.dropped if isinstance(k, ast.keyword) and k.arg == "name"]
    if given and (identifiers(module) & _ASKING or _mentioned(given[0].value, asked)):
        return Refusal("TM124", "the gradient is given a name, and tensors are looked up by name")
    inputs = _inputs_read(module, request)
    if inputs is not None:
        return Refusal(
            "TM124",
            f"line {inputs.lineno} reads the inputs of the operation that makes the gradient, "
            "which is another one on a tape",
        )
    kind = _kind_asked(module, request)
    if kind is not None:
        return Refusal(
            "TM124",
            f"line {kind.lineno} asks whether the gradient is a tensor of a graph, which one of a "
            "tape that runs eagerly is not",
        )
    for name in asked:
        if _BELOW_GRADIENTS.match(name.partition(":")[0]):
            return Refusal(
                "TM124",
                f'"{name}" is asked for, the name of an operation of the gradient, which is '
                "another one on a tape",
            )
        leaf = name.partition(":")[0].rpartition("/")[2]
        if _NUMBER.sub("", leaf).lower() in _OF_GRADIENTS or leaf.endswith("Grad"):
            return Refusal(
                "TM124",
                f'"{name}" is asked for, a name that an operation of a tape may take',
            )
    return None


def _inputs_read(module: Module, request: Request) -> ast.expr | None:
    """``g.op.inputs``, where ``g`` is what the call gives, or a part of it."""
    read = [
        around
        for op in (module.attributes("op") if "inputs" in identifiers(module) else ())
        if isinstance(around := module.parent_of(op), ast.Attribute) and around.attr == "inputs"
    ]
    if not read:
        return None
    names = ObjectNames.of(module)
    own = names.bound_by(module.statement_of(request.call))
    known = own | names.others(own)
    return next((each for each in read if names.mentioned(each.value) & known), None)


def _kind_asked(module: Module, request: Request) -> ast.expr | None:
    """``hasattr(g, "name")``, where ``g`` is what the call gives, or a part of it."""
    asked = [
        (call, held)
        for call in (module.of_kind(ast.Call) if "hasattr" in identifiers(module) else ())
        for held in _of_graphs(call)
    ]
    if not asked:
        return None
    names = ObjectNames.of(module)
    own = names.bound_by(module.statement_of(request.call))
    known = own | names.others(own)
    return next((call for call, held in asked if names.mentioned(held) & known), None)


def _of_graphs(call: ast.Call) -> Iterator[ast.expr]:
    match call:
        case ast.Call(func=ast.Name(id="hasattr"), args=[held, ast.Constant(value=str(name))]):
            if name in ("name", "op", "graph", "numpy", "consumers"):
                yield held


def _mentioned(name: ast.expr, asked: frozenset[str]) -> bool:
    """Whether a name stands below that of the gradient, or that is not known."""
    if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
        return bool(asked)
    below = re.compile(rf"(.*/)?{re.escape(name.value)}(_\d+)?(/|$)")
    return any(below.match(each) for each in asked)


def _asked(module: Module) -> frozenset[str]:
    """Names of operations and tensors that are written in the module, as far as it asks for any."""
    key = "names asked for"
    known = module.memo.get(key)
    if not isinstance(known, frozenset):
        known = module.memo[key] = frozenset(_all_asked(module))
    return known


def _all_asked(module: Module) -> Iterator[str]:
    words = identifiers(module)
    asks = bool(words & _ASKING)
    writes = bool(words & _WRITING)
    runs = bool(words & {"run", "eval", "partial_run", "make_callable"})
    if not (asks or writes or runs or (words & _SPELLING and _WRITTEN.search(module.text))):
        return
    for constant in module.of_kind(ast.Constant):
        value = constant.value
        if not isinstance(value, str) or len(value) > 200:
            continue
        below = _BELOW_GRADIENTS.match(value)
        inside = below and "/" in value and (asks or writes)
        named = (asks or writes or runs) and _TENSOR.match(value)
        if named or inside or (below and _compares(module, constant)):
            yield value
    for call in module.of_kind(ast.Call):
        leaf = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if leaf in LOOKUPS or leaf in _WRITING:
            for node in (n for arg in _values(call) for n in module.inside(arg)):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def _compares(module: Module, constant: ast.Constant) -> bool:
    """``op.name.startswith("gradients")``, ``"gradients" in op.name``."""
    around = module.parent_of(constant)
    if isinstance(around, ast.Compare):
        return any(
            (isinstance(n, ast.Attribute) and n.attr == "name")
            or (isinstance(n, ast.Name) and n.id in ("str", "repr", "getattr"))
            for n in module.inside(around)
        )
    func = around.func if isinstance(around, ast.Call) else None
    return isinstance(func, ast.Attribute) and func.attr in ("startswith", "match", "find", "index")


def _values(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]
