"""Central differences of the old graph's targets, in float64: what the gradient should be.

A source that is a tensor is fed with shifted values (which cuts what comes before it, as its
gradient does), a variable is loaded with them and restored. The target is summed in numpy, with
``grad_ys`` held fixed, so that no operation is added to the program's graph. Some components of
each source are tried: where the gradient is largest, and others at random.
"""

from typing import Any

import numpy as np

from .ancestry import ancestors, harmless
from .sites import flat
from .tensorflow_of import tf

EPS = 1e-4
COMPONENTS = 3
_CUTS = ("StopGradient", "PreventGradient")
_STEPS = ("Round", "Rint", "Floor", "Ceil", "Sign")


class Differences:
    """Knows targets and sources of the tracked calls; samples each once, when it is computed."""

    def __init__(self, store: Any, seed: int) -> None:
        self._store = store
        self._random = np.random.RandomState(seed)
        self._asked = {}  # type: Any

    def ask(self, call: int, number: int, args: Any, kwargs: Any) -> None:
        """Remember what a call differentiates."""
        given = dict(zip(("ys", "xs", "grad_ys"), args))
        given.update(kwargs)
        targets = given.get("ys", given.get("loss"))
        sources = given.get("xs", given.get("variables"))
        if targets is not None and sources is not None and not given.get("stop_gradients"):
            self._asked[call, number] = (flat(targets), flat(sources), flat(given.get("grad_ys")))

    def sample(self, session: Any, run: Any, instance: Any, feed: Any, fed: Any) -> None:
        """Sample the components of one instance's gradients; ``run`` is the plain Session.run."""
        asked = self._asked.pop((instance.call, instance.number), None)
        if asked is None:
            return
        targets, sources, weights = asked
        why = self._unfit(targets, fed)
        if why is not None:
            self._store.note(what="differences", call=instance.call, rows=[], why=why)
            return
        feed = dict(feed or {})
        weights = [w for w in weights if w is not None]
        if weights and len(weights) != len(targets):
            return
        fixed = run(session, weights, feed) if weights else [1.0] * len(targets)

        def target(more: Any) -> float:
            values = run(session, targets, {**feed, **more})
            return float(sum(np.sum(np.float64(v) * w) for v, w in zip(values, fixed)))

        for source, gradient in zip(sources, instance.items):
            if not isinstance(gradient, tf.Tensor) or gradient.dtype.base_dtype != tf.float64:
                continue
            value = np.array(run(session, source, feed), np.float64)
            claimed = np.array(run(session, gradient, feed), np.float64)
            if value.shape != claimed.shape or not value.size:
                continue
            rows = self._rows(session, source, value, claimed, target)
            self._store.note(what="differences", call=instance.call, rows=rows, why="")

    def _rows(self, session: Any, source: Any, value: Any, claimed: Any, target: Any) -> Any:
        largest = int(np.argmax(np.abs(claimed)))
        others = self._random.randint(0, value.size, COMPONENTS - 1).tolist()
        rows = []
        for place in sorted({largest, *others}):
            row = []
            for step in (0.0, EPS, -EPS, EPS / 10, -EPS / 10):
                moved = value.copy()
                moved.reshape(-1)[place] += step
                if isinstance(source, tf.Tensor):
                    row.append(target({source: moved}))
                else:
                    source.load(moved, session)
                    row.append(target({}))
            rows.append([*row, float(claimed.reshape(-1)[place])])
        if not isinstance(source, tf.Tensor):
            source.load(value, session)
        return rows

    def _unfit(self, targets: Any, fed: Any) -> Any:
        """Why differences say nothing of these targets, or None."""
        if not all(isinstance(target, tf.Tensor) for target in targets):
            return "a target is no tensor"
        if any(target.dtype.base_dtype != tf.float64 for target in targets):
            return "the target is not float64"
        graph = targets[0].graph
        for name in ancestors(targets, fed):
            operation = graph.get_operation_by_name(name)
            if operation.type in _CUTS:
                return "a {} is on the way: the gradient is meant to differ".format(operation.type)
            if operation.type in _STEPS:
                return "a {} is on the way, which has steps".format(operation.type)
            if operation.type == "IdentityN":
                return "a custom gradient may be on the way"
        if not harmless(targets, fed):
            return "the target cannot be evaluated over and over"
        return None
