"""Values on their way out of functions: through a queue of TensorFlow's own.

A function that is called eagerly hands its gradients to a queue, a matter of microseconds, and a
thread of ours writes down what comes out; a call of Python in the middle of each step would cost
several times as much. The queue is known by its name alone, so that no function captures it.
"""

import threading
from typing import Any

from .tensorflow_of import inner, tf, v1
from .values import WHOLE

CAPACITY = 32
"""How many evaluations may wait; a function that is faster than the disk waits then."""
PATIENCE_S = 60.0
_END = -1


class Stream:
    """One queue for each combination of dtypes, and what its numbers stand for."""

    def __init__(self, store: Any, unpack: Any) -> None:
        self._store = store
        self._unpack = unpack  # (plan, arrays) -> items
        self._kinds = []  # type: Any  # by number: (call, instance, plan)
        self._queues = {}  # type: Any  # dtypes -> (eager handle, thread)

    def takes(self, tensors: Any) -> bool:
        """Whether these may go through a queue.

        Not without an eager program around (a Session has resources of its own), not what a data
        set computes, and nothing large, which is better reduced to a digest at once.
        """
        if not tensors or not hasattr(tf, "raw_ops"):
            return False
        graph = v1.get_default_graph()
        while graph is not None:
            if "Dataset_" in getattr(graph, "name", ""):
                return False
            graph = getattr(graph, "outer_graph", None)
        with tf.init_scope():
            if not tf.executing_eagerly():
                return False
        sizes = [tensor.shape.num_elements() or 0 for tensor in tensors]
        return sum(sizes) * 8 <= WHOLE

    def operation(self, call: int, instance: int, plan: Any, tensors: Any) -> Any:
        """The operation that hands the tensors over each time it runs."""
        dtypes = tuple(tensor.dtype.base_dtype for tensor in tensors)
        if dtypes not in self._queues:
            with tf.init_scope():
                handle = _handle(dtypes)
            thread = threading.Thread(target=self._drain, args=(handle, dtypes), daemon=True)
            self._queues[dtypes] = (handle, thread)
            thread.start()
        self._kinds.append((call, instance, plan))
        number = tf.constant(len(self._kinds) - 1, tf.int64)
        with tf.device("/CPU:0"):
            return _enqueue(_handle(dtypes), [number, *tensors])

    def _drain(self, handle: Any, dtypes: Any) -> None:
        take = inner("ops.gen_data_flow_ops").queue_dequeue_v2
        kinds = [tf.int64, *dtypes]
        while True:
            number, *tensors = take(handle, kinds)
            number = int(number)
            if number == _END:
                return
            call, instance, plan = self._kinds[number]
            items = self._unpack(plan, [tensor.numpy() for tensor in tensors])
            self._store.evaluation(call, instance, "traced", items)

    def finish(self) -> None:
        """Wait until everything that was handed over is written down."""
        for dtypes, (handle, thread) in self._queues.items():
            with tf.init_scope():
                end = tf.constant(_END, tf.int64)
                _enqueue(handle, [end, *[tf.zeros([], dtype) for dtype in dtypes]])
            thread.join(PATIENCE_S)
        self._queues.clear()


def _handle(dtypes: Any) -> Any:
    name = "tape_migrate:" + ",".join(dtype.name for dtype in dtypes)
    with tf.device("/CPU:0"):
        return tf.raw_ops.FIFOQueueV2(
            component_types=[tf.int64, *dtypes],
            shapes=[],
            capacity=CAPACITY,
            container="",
            shared_name=name,
        )


def _enqueue(handle: Any, components: Any) -> Any:
    return tf.raw_ops.QueueEnqueueV2(handle=handle, components=components, timeout_ms=-1)
