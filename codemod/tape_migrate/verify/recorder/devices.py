"""Where gradients are computed: a GPU is set up for comparison, and a silent fall back is seen.

TensorFlow runs ``with tf.device("/GPU:0")`` on the CPU where there is no such device, or no kernel,
and says nothing. So on any device but the first CPU the place of every watched gradient is noted
down: an eager tensor knows it; a Session is asked once for each set of fetches for the partitions
that it runs; what is inside a ``tf.function`` is looked up in the graphs that TensorFlow ran.
"""

import contextlib
from typing import Any

from .tensorflow_of import inner, tf, v1

_FLOATS = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128")


def settle(device: str) -> None:
    """Every operation as it is written; on a GPU the same sums in the same order, in full float32,
    and nothing falls back to the CPU."""
    config = getattr(tf, "config", None)  # type: Any
    if hasattr(getattr(config, "optimizer", None), "set_experimental_options"):
        # With them one in ten traces of a Keras 3 training step (TensorFlow 2.21) gives others.
        config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    if device.startswith("GPU"):  # pragma: no cover - needs a GPU
        if hasattr(config, "set_soft_device_placement"):
            config.set_soft_device_placement(False)
        experimental = getattr(config, "experimental", None)  # type: Any
        if hasattr(experimental, "enable_tensor_float_32_execution"):
            experimental.enable_tensor_float_32_execution(False)
        if hasattr(experimental, "enable_op_determinism"):
            experimental.enable_op_determinism()


def short(device: str) -> str:
    """``GPU:0`` of a full device name; an empty string where none is given."""
    return device.rpartition("device:")[2].upper() if "device:" in device else ""


def inexact(tensor: Any) -> bool:
    """Whether a tensor's place matters: integers stay on the CPU by design."""
    return tensor.dtype.base_dtype.name in _FLOATS


class Placement:
    """Notes for each call on which devices its gradients were computed."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._seen = set()  # type: Any
        self._wanted = {}  # type: Any  # (call, instance) -> names of operations, and a mark
        self._runs = {}  # type: Any

    def note(self, call: int, device: str) -> None:
        if device and (call, device) not in self._seen:
            self._seen.add((call, device))
            self._store.note(what="device", call=call, device=device)

    def eager(self, call: int, items: Any) -> None:  # pragma: no cover - needs a GPU
        """Ask the tensors of an eager result."""
        for item in items:
            tensor = item.values if isinstance(item, tf.IndexedSlices) else item
            if tensor is not None and inexact(tensor):
                self.note(call, short(tensor.device or ""))

    # --- Sessions ---------------------------------------------------------------------------------

    def options(self, options: Any) -> Any:
        """Run options that ask for partitions besides."""
        asking = v1.RunOptions()
        if options is not None:
            asking.CopyFrom(options)
        asking.output_partition_graphs = True
        return asking

    def session(self, needed: Any, metadata: Any) -> None:
        """Look the gradients of a run up in the partitions that it ran."""
        places = nodes(metadata.partition_graphs)
        for instance, there in needed:
            for tensor, is_there in zip(instance.tensors, there):
                if is_there and inexact(tensor):
                    for device in places.get(tensor.op.name, ()):
                        self.note(instance.call, device)

    # --- Functions --------------------------------------------------------------------------------

    def inside(self, call: int, instance: int, tensors: Any, token: Any) -> None:
        """Look for these tensors once a function with the ``py_func`` of this token has run."""
        names = [t.op.name for t in tensors if inexact(t)]
        self._wanted[call, instance] = (names, token)
        self._context("enable_graph_collection")

    def ran(self, call: int, instance: int) -> None:  # pragma: no cover - needs a GPU
        """A function has come by; the graphs of a run are there once it is over."""
        runs = self._runs[call, instance] = self._runs.get((call, instance), 0) + 1
        if runs == 2 and (call, instance) in self._wanted:
            self.finish()

    def finish(self) -> None:
        """Look everything up that is still looked for."""
        if self._wanted:  # pragma: no cover - needs a GPU
            self._look_up()

    def _look_up(self) -> None:  # pragma: no cover - needs a GPU
        metadata = self._context("export_run_metadata")
        if metadata is None:
            return
        functions = [function.partition_graphs for function in metadata.function_graphs]
        for (call, instance), (names, token) in list(self._wanted.items()):
            # Names repeat from function to function, the token does not.
            holding = [graphs for graphs in functions if token in tokens(graphs)]
            for graphs in holding:
                for node, devices in nodes(graphs).items():
                    # What was inlined carries the name of the call in front of its own.
                    if any(node == name or node.endswith("/" + name) for name in names):
                        for device in devices:
                            self.note(call, device)
            if holding or not names:
                del self._wanted[call, instance]
        if not self._wanted:
            self._context("disable_graph_collection")

    def _context(self, method: str) -> Any:
        module = inner("eager.context")
        with contextlib.suppress(AttributeError, RuntimeError, ValueError):
            return getattr(module.context(), method)()
        return None


def nodes(graphs: Any) -> Any:
    """The devices of each node of several graph definitions, by its name."""
    found = {}  # type: Any
    for graph in graphs:
        for node in graph.node:
            device = short(node.device)
            if device:
                found.setdefault(node.name, set()).add(device)
    return found


def tokens(graphs: Any) -> Any:  # pragma: no cover - needs a GPU
    """The marks of all ``py_func`` operations of several graph definitions."""
    return {
        node.attr["token"].s
        for graph in graphs
        for node in graph.node
        if node.op in ("PyFunc", "PyFuncStateless")
    }
