"""Values on their way out of functions: through a queue of TensorFlow's own.

A function that is called eagerly hands its gradients to a queue, a matter of microseconds, and a
thread of ours writes down what comes out; a call of Python in the middle of each step would cost
several times as much. The queue is known by its name alone, so that no function captures it.
"""

import threading
import time
from typing import Any

from .tensorflow_of import inner, tf, v1
from .values import WHOLE

CAPACITY = 32
"""How many evaluations may wait; a function that is faster than the disk waits then."""
WAITING = 8 << 20
"""Where shapes are known: how many bytes may wait, so that many are taken out at once."""
PAUSE_S = 0.01
PATIENCE_S = 60.0
_END = -1


class Stream:
    """One queue for each combination of dtypes and shapes, and what its numbers stand for."""

    def __init__(self, store: Any, unpack: Any) -> None:
        self._store = store
        self._unpack = unpack  # (plan, arrays) -> items
        self._kinds = []  # type: Any  # by number: (call, instance, plan)
        self._queues = {}  # type: Any  # (dtypes, shapes) -> (eager handle, thread)

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
        shapes = None
        if all(tensor.shape.is_fully_defined() for tensor in tensors):
            shapes = tuple(tuple(tensor.shape.as_list()) for tensor in tensors)
        kind = (dtypes, shapes)
        if kind not in self._queues:
            with tf.init_scope():
                handle = _handle(dtypes, shapes)
            drain = self._drain if shapes is None else self._drain_many
            thread = threading.Thread(target=drain, args=(handle, dtypes), daemon=True)
            self._queues[kind] = (handle, thread)
            thread.start()
        self._kinds.append((call, instance, plan))
        number = tf.constant(len(self._kinds) - 1, tf.int64)
        with tf.device("/CPU:0"):
            return _enqueue(_handle(dtypes, shapes), [number, *tensors])

    def _drain(self, handle: Any, dtypes: Any) -> None:
        take = inner("ops.gen_data_flow_ops").queue_dequeue_v2
        kinds = [tf.int64, *dtypes]
        while True:
            number, *tensors = take(handle, kinds)
            if int(number) == _END:
                return
            self._write(int(number), [tensor.numpy() for tensor in tensors])

    def _drain_many(self, handle: Any, dtypes: Any) -> None:
        operations = inner("ops.gen_data_flow_ops")
        kinds = [tf.int64, *dtypes]
        while True:
            size = int(operations.queue_size_v2(handle))
            if not size:
                time.sleep(PAUSE_S)
                continue
            taken = operations.queue_dequeue_many_v2(handle, size, kinds)
            arrays = [tensor.numpy() for tensor in taken[1:]]
            for place, number in enumerate(taken[0].numpy().tolist()):
                if number == _END:
                    return
                self._write(number, [array[place, ...] for array in arrays])

    def _write(self, number: int, arrays: Any) -> None:
        call, instance, plan = self._kinds[number]
        self._store.evaluation(call, instance, "traced", self._unpack(plan, arrays))

    def finish(self) -> None:
        """Wait until everything that was handed over is written down."""
        for (dtypes, shapes), (handle, thread) in self._queues.items():
            with tf.init_scope():
                end = tf.constant(_END, tf.int64)
                known = shapes if shapes is not None else [()] * len(dtypes)
                last = [tf.zeros(shape, dtype) for shape, dtype in zip(known, dtypes)]
                _enqueue(handle, [end, *last])
            thread.join(PATIENCE_S)
        self._queues.clear()


def _handle(dtypes: Any, shapes: Any) -> Any:
    capacity = CAPACITY
    known = []  # type: Any
    if shapes is not None:
        known = [[], *[list(shape) for shape in shapes]]
        sizes = [tf.TensorShape(shape).num_elements() * 16 for shape in shapes]
        capacity = max(CAPACITY, min(WAITING // max(1, sum(sizes)), 4096))
    with tf.device("/CPU:0"):
        return tf.raw_ops.FIFOQueueV2(
            component_types=[tf.int64, *dtypes],
            shapes=known,
            capacity=capacity,
            container="",
            shared_name=f"tape_migrate:{[dtype.name for dtype in dtypes]}{shapes}",
        )


def _enqueue(handle: Any, components: Any) -> Any:
    return tf.raw_ops.QueueEnqueueV2(handle=handle, components=components, timeout_ms=-1)
