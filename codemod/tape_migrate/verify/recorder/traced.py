"""Record tensors that no Session can fetch: in a ``tf.function``, a loop body, a branch.

An operation that hands the values to the store (``stream.py``; a call of Python where that does not
do) is put before them, and the program goes on with
identities of the tensors that wait for it. An identity's gradient is the identity, so what is
differentiated further comes out the same.
"""

from typing import Any

from .tensorflow_of import inner, tf, v1
from .values import Named

EAGER = inner("framework.ops").EagerTensor
_FUNC_GRAPH = inner("framework.func_graph")


def is_unfetchable(item: Any) -> bool:
    """Whether a tensor lives where only the program's own execution can show its value."""
    tensor = item.values if isinstance(item, tf.IndexedSlices) else item
    if isinstance(tensor, EAGER):
        return False
    graph = tensor.graph
    if _FUNC_GRAPH is not None and isinstance(graph, _FUNC_GRAPH.FuncGraph):
        return True
    return not graph.is_fetchable(tensor)


def record(
    store: Any, stream: Any, call: int, instance: int, items: Any, placement: Any = None
) -> Any:
    """Add the recording operation; returns the items to go on with."""
    plan = []  # type: Any
    tensors = []  # type: Any
    for item in items:
        if isinstance(item, tf.IndexedSlices):
            parts = [item.values, item.indices]
            if item.dense_shape is not None:
                parts.append(item.dense_shape)
            plan.append(("slices", len(parts), item.dtype.base_dtype.name))
            tensors += parts
        elif isinstance(item, tf.Tensor):
            plan.append(("tensor", 1, item.dtype.base_dtype.name))
            tensors.append(item)
        else:
            plan.append(("none" if item is None else "object", 0, ""))
    # Recorded as float32: numpy knows no bfloat16.
    shown = [tf.cast(t, "float32") if t.dtype.base_dtype.name == "bfloat16" else t for t in tensors]

    # A thread of TensorFlow's own runs it, which coverage cannot follow.
    def write(*arrays: Any) -> Any:  # pragma: no cover
        if placement is not None:
            placement.ran(call, instance)
        store.evaluation(call, instance, "traced", values(plan, list(arrays)))
        return True

    if placement is None and stream.takes(shown):
        operation = stream.operation(call, instance, plan, shown)
    else:
        make = getattr(tf, "numpy_function", None) or v1.py_func
        operation = make(write, shown, [tf.bool])[0].op
        if placement is not None:
            placement.inside(call, instance, tensors, operation.get_attr("token"))
    with tf.control_dependencies([operation]):
        kept = [tf.identity(tensor) for tensor in tensors]
    return pack(items, plan, kept)


def values(plan: Any, arrays: Any) -> Any:
    """Group arrays into items as the plan says."""
    result = []  # type: Any
    at = 0
    for kind, count, dtype in plan:
        part = arrays[at : at + count]
        at += count
        if kind == "slices":
            result.append((part[0], part[1], part[2] if count == 3 else None))
        elif kind == "tensor":
            result.append(Named(part[0], dtype) if dtype == "bfloat16" else part[0])
        else:
            result.append(None if kind == "none" else "object")
    return result


def pack(items: Any, plan: Any, tensors: Any) -> Any:
    result = []  # type: Any
    at = 0
    for item, (kind, count, _) in zip(items, plan):
        part = tensors[at : at + count]
        at += count
        if kind == "slices":
            shape = part[2] if count == 3 else None
            result.append(tf.IndexedSlices(part[0], part[1], shape))
        else:
            result.append(part[0] if kind == "tensor" else item)
    return result
