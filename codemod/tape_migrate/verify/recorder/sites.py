"""``__tape_migrate__(number, callee)``: what stands around the callee of each watched call."""

import contextlib
import functools
from typing import Any

from . import graphs, stream, traced, vectorised
from .tensorflow_of import tf, v1


class Sites:
    """Makes the built-in function and hands results to whoever can record them."""

    def __init__(self, store: Any, tracker: Any, differences: Any = None) -> None:
        self._store = store
        self._differences = differences
        self._tracker = tracker
        self._stream = stream.Stream(store, traced.values)
        self._instances = {}  # type: Any
        self._built = set()  # type: Any

    def builtin(self) -> Any:
        """The function to be put among Python's built-ins."""

        def __tape_migrate__(call: int, callee: Any) -> Any:  # noqa: N807
            def watched(*args: Any, **kwargs: Any) -> Any:
                try:
                    result = callee(*args, **kwargs)
                except Exception as error:
                    # Programs catch what their calls raise; test runners do.
                    self._store.note(what="raised", call=call, message=str(error)[:500])
                    raise
                return self.record(call, result, args, kwargs)

            # AutoGraph treats a call by what its callee is.
            with contextlib.suppress(AttributeError, TypeError):
                functools.update_wrapper(watched, callee)
            return unconverted(watched)

        return unconverted(__tape_migrate__)

    def record(self, call: int, result: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Record what a watched call returned; returns what the program shall see."""
        items = flat(result)
        instance = self._instances.get(call, 0)
        self._instances[call] = instance + 1
        tensors = [item for item in items if is_tensor(item)]
        kind = "none"
        if vectorised.inside():
            kind = "vectorised"
        elif tensors and all(graphs.is_eager(item) for item in tensors):
            kind = "eager"
        elif any(traced.is_unfetchable(item) for item in tensors):
            kind = "traced"
        elif tensors:
            kind = "graph"
        self._build(call, instance, items, kind)
        if kind == "eager" or (kind == "none" and in_eager()):
            values = [graphs.eager_value(item) for item in items]
            self._store.evaluation(call, instance, "eager", values)
            if self._tracker.placement is not None:  # pragma: no cover - needs a GPU
                self._tracker.placement.eager(call, items)
        elif kind == "traced":
            self._tracker.track_inside(v1.get_default_graph())
            replaced = traced.record(
                self._store, self._stream, call, instance, items, self._tracker.placement
            )
            return rebuilt(result, iter(replaced))
        elif kind == "graph":
            self._tracker.track(call, instance, items)
            if self._differences is not None:
                self._differences.ask(call, instance, args, kwargs or {})
        return result

    def _build(self, call: int, instance: int, items: Any, kind: str) -> None:
        """Note what came back; of eager calls, which come by in every step, only what is new."""
        if kind == "eager":
            seen = (call, *(item is None for item in items))
            if seen in self._built:
                return
            self._built.add(seen)
        self._store.build(call, instance, [outline(item) for item in items], kind)

    def finish(self) -> None:
        """After the program: wait for what functions have handed over."""
        self._stream.finish()


def in_eager() -> bool:
    return bool(tf.executing_eagerly()) if hasattr(tf, "executing_eagerly") else False


def unconverted(function: Any) -> Any:
    """Keep AutoGraph from rewriting a function of the recorder."""
    autograph = getattr(tf, "autograph", None)
    experimental = getattr(autograph, "experimental", None)
    keep = getattr(experimental, "do_not_convert", None)
    return keep(function) if keep is not None else function


def is_tensor(item: Any) -> bool:
    return isinstance(item, (tf.Tensor, tf.IndexedSlices))


def flat(result: Any) -> Any:
    """The leaves of what a gradient function returned, in order."""
    if isinstance(result, (list, tuple)):
        return [leaf for item in result for leaf in flat(item)]
    if isinstance(result, dict):
        # As tf.nest orders them.
        return [leaf for key in sorted(result) for leaf in flat(result[key])]
    return [result]


def rebuilt(result: Any, leaves: Any) -> Any:
    """The same structure with other leaves."""
    if isinstance(result, (list, tuple)):
        items = [rebuilt(item, leaves) for item in result]
        if hasattr(result, "_fields"):
            return type(result)(*items)
        return type(result)(items) if type(result) in (list, tuple) else items
    if isinstance(result, dict):
        filled = {key: rebuilt(result[key], leaves) for key in sorted(result)}
        return type(result)((key, filled[key]) for key in result)
    return next(leaves)


def outline(item: Any) -> Any:
    """What is known of a leaf without its value."""
    if item is None:
        return None
    if isinstance(item, tf.IndexedSlices):
        return "IndexedSlices " + item.dtype.base_dtype.name
    if isinstance(item, tf.Tensor):
        shape = item.shape.as_list() if item.shape.ndims is not None else None
        sizes = "?" if shape is None else ",".join("?" if s is None else str(s) for s in shape)
        return f"{item.dtype.base_dtype.name}[{sizes}]"
    return type(item).__name__
