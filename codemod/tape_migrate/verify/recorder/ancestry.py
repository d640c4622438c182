"""What a run of a graph computes, and whether running it again would change anything."""

import collections
from typing import Any

from .tensorflow_of import tf

READS = (
    "ReadVariableOp",
    "VarHandleOp",
    "Variable",
    "VariableV2",
    "VarIsInitializedOp",
    "IsVariableInitialized",
    "VariableShape",
    "ResourceGather",
    "ResourceGatherNd",
    "HashTableV2",
    "LookupTableFindV2",
)
"""Stateful operations that only look."""
_PLACEHOLDERS = ("Placeholder", "PlaceholderV2")


def quick_key(graph: Any, instances: Any, fetches: Any, feed: Any) -> Any:
    """What a run computes, told in little time by identity; None where that cannot be."""
    if isinstance(fetches, (tf.Tensor, tf.Operation)):
        fetched = (id(fetches),)  # type: Any
    elif isinstance(fetches, (list, tuple)) and all(
        isinstance(fetch, (tf.Tensor, tf.Operation)) for fetch in fetches
    ):
        fetched = tuple(map(id, fetches))
    else:
        return None
    return (id(graph), graph.version, len(instances), fetched, tuple(map(id, feed or ())))


def name_of(graph: Any, key: Any) -> str:
    """The name of a fed tensor, however the feed spells it."""
    if isinstance(key, str):
        return key
    name = getattr(key, "name", None)
    if isinstance(name, str):
        return name
    try:
        return str(graph.as_graph_element(key).name)
    except (TypeError, ValueError, KeyError):
        return ""


def ancestors(elements: Any, fed: Any) -> Any:
    """Names of all operations that must run for ``elements``, cut where tensors are fed."""
    found = set()  # type: Any
    waiting = collections.deque()  # type: Any
    for element in elements:
        if getattr(element, "op", None) is None or hasattr(element, "node_def"):
            waiting.append(element)
        elif element.name not in fed:
            waiting.append(element.op)
    while waiting:
        operation = waiting.popleft()
        if operation.name in found:
            continue
        found.add(operation.name)
        for tensor in operation.inputs:
            if tensor.name not in fed:
                waiting.append(tensor.op)
        waiting.extend(operation.control_inputs)
    return found


def harmless(tensors: Any, fed: Any, allowed: Any = READS) -> bool:
    """Whether tensors can be evaluated without changing anything, with what is fed."""
    graph = tensors[0].graph
    for name in ancestors(tensors, fed):
        operation = graph.get_operation_by_name(name)
        if operation.type in _PLACEHOLDERS:
            return False
        definition = getattr(operation, "op_def", None)
        if definition is not None and definition.is_stateful and operation.type not in allowed:
            return False
    return True
