"""Gradients of a graph: their values are fetched along with every run that computes them.

A tensor is fetched along only where the run computes it anyway, so that nothing of the program
changes. One that a run could compute and does not (a gradient nobody has asked for yet) is
evaluated by a run of its own before, if its ancestors have no side effects; such evaluations are
marked as extra.
"""

from typing import Any

from .ancestry import READS, ancestors, harmless, name_of, quick_key
from .tensorflow_of import inner, tf, v1
from .traced import EAGER, values

EXTRA_RUNS = 3
"""How often at most a gradient that the program does not compute is evaluated."""

FAILURES = 10
"""How often that may fail (variables are not initialised yet, say)."""

_CALLS = (
    "While",
    "StatelessWhile",
    "If",
    "StatelessIf",
    "Case",
    "StatelessCase",
    "PartitionedCall",
    "StatefulPartitionedCall",
    "PyFunc",
    "PyFuncStateless",
    "EagerPyFunc",
)
"""What a loop, a branch or a ``tf.function`` with a watched call inside becomes."""


def is_eager(item: Any) -> bool:
    """Whether a tensor has its value already."""
    return isinstance(item.values if isinstance(item, tf.IndexedSlices) else item, EAGER)


def eager_value(item: Any) -> Any:
    """An item of an eager result as the store takes it."""
    if item is None:
        return None
    if isinstance(item, tf.IndexedSlices):
        shape = None if item.dense_shape is None else item.dense_shape.numpy()
        return (item.values.numpy(), item.indices.numpy(), shape)
    return item.numpy() if isinstance(item, EAGER) else "object"


class Instance:
    """One call of a watched site while a graph was built."""

    def __init__(self, call: int, number: int, items: Any) -> None:
        self.call = call
        self.number = number
        self.items = items
        self.plan = []  # type: Any
        self.tensors = []  # type: Any
        self.plain = False
        self.computed = 0
        self.extras = 0
        self.failures = 0
        for item in items:
            if isinstance(item, tf.IndexedSlices):
                parts = [item.values, item.indices]
                if item.dense_shape is not None:
                    parts.append(item.dense_shape)
                self.plan.append(("slices", len(parts), ""))
                self.tensors += parts
            elif isinstance(item, tf.Tensor):
                self.plan.append(("tensor", 1, ""))
                self.tensors.append(item)
            else:
                self.plan.append(("none" if item is None else "object", 0, ""))
        self.plain = all(kind == "tensor" for kind, _, _ in self.plan)


class Watch:
    """What one run computes of the tracked gradients."""

    def __init__(self, needed: Any, tensors: Any) -> None:
        self.needed = needed  # pairs: an instance, and for each of its tensors whether it is there
        self.tensors = tensors
        self.placed = False


class Tracker:
    """Knows the gradients of every graph, and watches Sessions run."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.differences = None  # type: Any
        self.placement = None  # type: Any
        self._graphs = {}  # type: Any  # id -> (graph, [Instance])
        self._watches = {}  # type: Any
        self._sessions = {}  # type: Any
        self._safe = {}  # type: Any
        self._quick = {}  # type: Any
        self._outer = {}  # type: Any
        self._busy = False

    def track(self, call: int, number: int, items: Any) -> None:
        instance = Instance(call, number, items)
        graph = instance.tensors[0].graph
        self._graphs.setdefault(id(graph), (graph, []))[1].append(instance)

    def track_inside(self, graph: Any) -> None:
        """Remember that a loop, a branch or a function of this graph holds a watched call."""
        while getattr(graph, "outer_graph", None) is not None:
            graph = graph.outer_graph
        self._outer[id(graph)] = graph

    # --- Sessions ---------------------------------------------------------------------------------

    def install(self) -> None:
        """Patch Sessions: ``run``, and the callables that Keras and ``make_callable`` use."""
        session = inner("client.session")
        base = session.BaseSession
        mapper = session._FetchMapper
        run, from_options = base.run, base._make_callable_from_options
        tracker = self

        def watched_run(
            self: Any,
            fetches: Any,
            feed_dict: Any = None,
            options: Any = None,
            run_metadata: Any = None,
        ) -> Any:
            known = tracker._graphs.get(id(self.graph))
            tracker._sessions[id(self.graph)] = self
            if known is None or tracker._busy:
                return run(self, fetches, feed_dict, options, run_metadata)
            quick = quick_key(self.graph, known[1], fetches, feed_dict)
            found = tracker._quick.get(quick) if quick is not None else None
            if found is None:
                with self.graph.as_default():
                    elements = mapper.for_fetch(fetches).unique_fetches()
                fed = {name_of(self.graph, key) for key in feed_dict} if feed_dict else set()
                found = (tracker.watch(self.graph, known[1], elements, fed), fed)
                if quick is not None:
                    # What the key is made of is kept: no other object may get its number.
                    held = list(fetches) if isinstance(fetches, (list, tuple)) else fetches
                    tracker._quick[quick] = (*found, held, list(feed_dict or ()))
            watch, fed = found[:2]
            if tracker.differences is not None:
                tracker.sample(self, run, watch, feed_dict, fed)
            if len(watch.needed) < len(known[1]):
                tracker.run_extras(self, known[1], watch, feed_dict, fed)
            if not watch.tensors:
                return run(self, fetches, feed_dict, options, run_metadata)
            both = [fetches, watch.tensors]
            if tracker.placement is None or watch.placed:
                if isinstance(fetches, (tf.Tensor, tf.Operation)):
                    # Flat lists cost TensorFlow less than nested ones.
                    result, *found = run(
                        self, [fetches, *watch.tensors], feed_dict, options, run_metadata
                    )
                else:
                    result, found = run(self, both, feed_dict, options, run_metadata)
            else:
                asking, metadata = tracker.placement.options(options), run_metadata
                metadata = v1.RunMetadata() if metadata is None else metadata
                result, found = run(self, both, feed_dict, asking, metadata)
                tracker.placement.session(watch.needed, metadata)
                watch.placed = True
            tracker.write(watch, found, "session")
            return result

        def watched_options(self: Any, options: Any) -> Any:
            known = tracker._graphs.get(id(self.graph))
            if known is None:
                return from_options(self, options)
            names = list(options.fetch)
            graph = self.graph
            elements = [graph.as_graph_element(name) for name in names + list(options.target)]
            fed = set(options.feed)
            fed.update(pair.to_tensor for pair in options.tensor_connection)
            watch = tracker.watch(graph, known[1], elements, fed)
            if not watch.tensors:
                return from_options(self, options)
            longer = type(options)()
            longer.CopyFrom(options)
            longer.fetch.extend(tensor.name for tensor in watch.tensors)
            if tracker.placement is not None:  # pragma: no cover - needs a GPU
                longer.run_options.output_partition_graphs = True
            function = from_options(self, longer)

            def call(*args: Any, **kwargs: Any) -> Any:
                if tracker.placement is None or watch.placed:
                    found = function(*args, **kwargs)
                else:  # pragma: no cover - needs a GPU
                    metadata = kwargs.setdefault("run_metadata", v1.RunMetadata())
                    found = function(*args, **kwargs)
                    tracker.placement.session(watch.needed, metadata)
                    watch.placed = True
                tracker.write(watch, found[len(names) :], "callable")
                return found[: len(names)]

            return call

        def watched_make_callable(
            self: Any, fetches: Any, feed_list: Any = None, accept_options: bool = False
        ) -> Any:
            del accept_options
            keys = list(feed_list or ())

            def call(*args: Any, **kwargs: Any) -> Any:
                return self.run(fetches, dict(zip(keys, args)) or None, **kwargs)

            return call

        base.run = watched_run
        base._make_callable_from_options = watched_options
        base.make_callable = watched_make_callable

    def watch(self, graph: Any, instances: Any, elements: Any, fed: Any) -> Watch:
        """Which gradients a run of ``elements`` computes when ``fed`` is fed."""
        key = (
            id(graph),
            graph.version,
            len(instances),
            tuple(element.name for element in elements),
            frozenset(fed),
        )
        known = self._watches.get(key)
        if known is not None:
            return known  # type: ignore[no-any-return]
        reached = ancestors(elements, fed)
        needed, tensors = [], []
        for instance in instances:
            there = [t.op.name in reached or t.name in fed for t in instance.tensors]
            if any(there):
                needed.append((instance, there))
                tensors += [t for t, is_there in zip(instance.tensors, there) if is_there]
        watch = self._watches[key] = Watch(needed, tensors)
        return watch

    def write(self, watch: Watch, found: Any, kind: str, **more: Any) -> None:
        """Write what a run has fetched along."""
        at = 0
        for instance, there in watch.needed:
            if instance.plain and all(there):
                arrays = found[at : at + len(there)]
                at += len(there)
                self._store.evaluation(instance.call, instance.number, kind, arrays, **more)
                instance.computed += 1
                continue
            arrays = []
            for is_there in there:
                arrays.append(found[at] if is_there else None)
                at += int(is_there)
            self._evaluation(instance, arrays, kind, **more)
            instance.computed += 1

    def _evaluation(self, instance: Instance, arrays: Any, kind: str, **more: Any) -> None:
        items = []
        position = 0
        for (_, count, _), value in zip(instance.plan, values(instance.plan, arrays)):
            missing = any(a is None for a in arrays[position : position + count])
            position += count
            items.append("not computed" if missing else value)
        self._store.evaluation(instance.call, instance.number, kind, items, **more)

    def sample(self, session: Any, run: Any, watch: Watch, feed: Any, fed: Any) -> None:
        """Take central differences of what a run is about to compute."""
        for instance, there in watch.needed:
            if all(there):
                self.differences.sample(session, run, instance, feed, fed)

    # --- Gradients that no run computes -----------------------------------------------------------

    def run_extras(self, session: Any, instances: Any, watch: Watch, feed: Any, fed: Any) -> None:
        """Evaluate, before a run, gradients that this run could compute but does not."""
        wanted = {id(instance) for instance, _ in watch.needed}
        for instance in instances:
            if id(instance) in wanted or instance.computed or instance.extras >= EXTRA_RUNS:
                continue
            if instance.failures >= FAILURES or not self._harmless(instance, fed):
                continue
            found = self._try(session, instance.tensors, feed, [instance])
            if found is None:
                instance.failures += 1
            else:
                instance.extras += 1
                self._evaluation(instance, found, "session", extra=True)

    def _harmless(self, instance: Instance, fed: Any) -> bool:
        key = (id(instance), frozenset(fed))
        if key not in self._safe:
            self._safe[key] = harmless(instance.tensors, fed)
        return bool(self._safe[key])

    def _try(self, session: Any, tensors: Any, feed: Any, instances: Any = ()) -> Any:
        self._busy = True
        try:
            if self.placement is None or not instances:
                return session.run(tensors, feed)
            metadata = v1.RunMetadata()
            found = session.run(tensors, feed, self.placement.options(None), metadata)
            self.placement.session([(i, [True] * len(i.tensors)) for i in instances], metadata)
            return found
        except (tf.errors.OpError, TypeError, ValueError, RuntimeError):
            return None
        finally:
            self._busy = False

    def finish(self) -> None:
        """After the program: evaluate what no run of a Session has shown."""
        for key, graph in list(self._outer.items()):
            if key not in self._sessions:
                self._run_insides(graph)
        for graph, instances in list(self._graphs.values()):
            left = [i for i in instances if not (i.computed or i.extras)]
            left = [i for i in left if harmless(i.tensors, set())]
            if not left:
                continue
            session = self._sessions.get(id(graph))
            session_was_known = session is not None
            with graph.as_default():
                own = session is None or getattr(session, "_closed", True)
                if own:
                    session = self._started(graph)
                if self.differences is not None:
                    for instance in left:
                        self.differences.sample(session, self._plain_run, instance, None, set())
                together = self._try(session, [i.tensors for i in left], None, left)
                for number, instance in enumerate(left):
                    found = together[number] if together is not None else None
                    if found is None:
                        found = self._try(session, instance.tensors, None, [instance])
                    if found is not None:
                        # Without any Session this is what the program's graph stands for.
                        self._evaluation(instance, found, "session", extra=session_was_known)
                if own:
                    session.close()

    def _plain_run(self, session: Any, fetches: Any, feed: Any) -> Any:
        busy, self._busy = self._busy, True
        try:
            return session.run(fetches, feed)
        finally:
            self._busy = busy

    def _started(self, graph: Any) -> Any:
        """A Session of our own with everything initialised that can be."""
        session = v1.Session(graph=graph, config=v1.ConfigProto(allow_soft_placement=True))
        for start in (
            v1.global_variables_initializer(),
            v1.local_variables_initializer(),
            v1.tables_initializer(),
        ):
            self._try(session, start, None)
        del self._sessions[id(graph)]
        return session

    def _run_insides(self, graph: Any) -> None:
        """Run the loops, branches and functions of a graph that no Session has run."""
        calls = [op for op in graph.get_operations() if op.type in _CALLS]
        with graph.as_default():
            session = self._started(graph)
            for call in calls:
                if harmless([call], set(), READS + _CALLS):
                    self._try(session, call, None)
            session.close()
            self._sessions.pop(id(graph), None)
