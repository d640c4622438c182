"""The same random numbers on both sides.

- Python's and numpy's generators are seeded; generators of numpy made without a seed get one.
- TensorFlow's uniform, normal, truncated normal and integer draws become stateless ones whose key
  is made of the seed, the *place* in the user's old code that asks (``places.py``), and how many
  times that place has asked before, counted modulo how many times it asks on the old side. So a
  step that runs eagerly over and over sees what the one operation in the old graph gives, every
  time it runs. Inside a variable's initialiser the number of the variable takes the place of the
  place.
- Other random operations (gamma, shuffles of data sets, …) keep their generators, seeded from the
  same key.

What a place drew is written down, so that the new side can be held against it.
"""

import contextlib
import random
import sys
import zlib
from typing import Any

import numpy as np

from .tensorflow_of import inner, tf, v1


class Randomness:
    """Keys for random operations, and the patches that use them."""

    def __init__(self, seed: int, places: Any, known: Any) -> None:
        self._seed = seed
        self._places = places
        self._known = known  # how often each identity draws on the old side; None there
        self.counts = {}  # type: Any
        self.unmatched = []  # type: Any
        self._variable = ""

    def identity(self, kind: str) -> str:
        return (self._variable or self._places.here()) + ":" + kind

    def key(self, kind: str) -> Any:
        """Two numbers for the next draw of this kind from here."""
        who = self.identity(kind)
        if self._variable and self._known is not None and who not in self._known:
            # Old libraries draw first and make the variable of what was drawn.
            elsewhere = self._places.here() + ":" + kind
            if elsewhere in self._known:
                who = elsewhere
        number = self.counts.get(who, 0)
        self.counts[who] = number + 1
        if self._known is not None:
            total = self._known.get(who)
            if total is None and who not in self.unmatched:
                self.unmatched.append(who)
            number = number % total if total else number
        return [(zlib.crc32(who.encode("utf-8")) & 0x3FFFFFFF) ^ self._seed, number]

    @contextlib.contextmanager
    def in_variable(self, number: int) -> Any:
        saved = self._variable
        self._variable = f"variable {number}"
        counts = {k: v for k, v in self.counts.items() if k.startswith(self._variable + ":")}
        for who in counts:
            # An initialiser may be traced more than once: it draws the same each time.
            self.counts[who] = 0
        try:
            yield
        finally:
            self._variable = saved

    def install(self) -> None:
        """Seed everything and replace TensorFlow's draws."""
        random.seed(self._seed)
        np.random.seed(self._seed)
        self._seed_numpy()
        old = inner("ops.gen_random_ops")
        pure = inner("ops.gen_stateless_random_ops")
        for name, kind in (
            ("random_uniform", "uniform"),
            ("random_standard_normal", "normal"),
            ("truncated_normal", "truncated_normal"),
        ):
            setattr(
                old,
                name,
                self._floats(
                    getattr(pure, "stateless_random_" + kind, None)
                    or getattr(pure, "stateless_" + kind),
                    kind,
                ),
            )
        old.random_uniform_int = self._integers(pure.stateless_random_uniform_int)
        newer = inner("ops.gen_stateless_random_ops_v2")
        for name, kind in (
            ("stateless_random_uniform_v2", "uniform"),
            ("stateless_random_normal_v2", "normal"),
            ("stateless_truncated_normal_v2", "truncated_normal"),
        ):
            if hasattr(newer, name):
                setattr(newer, name, self._stateless(getattr(old, _OLD[kind])))
        self._seed_operations()

    def _floats(self, op: Any, kind: str) -> Any:
        def draw(shape: Any, dtype: Any, seed: Any = 0, seed2: Any = 0, name: Any = None) -> Any:
            del seed, seed2
            return op(shape, self.key(kind), dtype=dtype, name=name)

        return draw

    def _integers(self, op: Any) -> Any:
        def draw(shape: Any, minval: Any, maxval: Any, *_: Any, name: Any = None, **__: Any) -> Any:
            return op(shape, self.key("integers"), minval, maxval, name=name)

        return draw

    def _stateless(self, draw: Any) -> Any:
        def stateless(
            shape: Any, key: Any, counter: Any, alg: Any, dtype: Any = tf.float32, name: Any = None
        ) -> Any:
            del key, counter, alg
            return draw(shape, dtype, name=name)

        return stateless

    def _seed_operations(self) -> None:
        seeds = inner("framework.random_seed")
        original = seeds.get_seed

        def get_seed(op_seed: Any) -> Any:
            first, second = original(op_seed if op_seed is not None else 0)
            if op_seed is not None:
                return first, second
            # Without a seed of its own an operation's would depend on how many there are.
            return first, self.key("seed")[0] ^ self.counts[self.identity("seed")]

        seeds.get_seed = get_seed
        v1.get_seed = get_seed

    def _seed_numpy(self) -> None:
        state = {"made": 0}

        def next_seed() -> int:
            state["made"] += 1
            return self._seed * 7919 + state["made"]

        # Keras draws seeds of its own from the program's generators, more or fewer by release.
        np.random.randint = apart(np.random.randint, np.random.RandomState(self._seed).randint)
        random.randint = apart(random.randint, random.Random(self._seed).randint)
        plain = np.random.RandomState

        class RandomState(plain):  # type: ignore[misc,valid-type]
            def __init__(self, seed: Any = None) -> None:
                super().__init__(next_seed() if seed is None else seed)

        RandomState.__module__, RandomState.__qualname__ = plain.__module__, plain.__qualname__
        np.random.RandomState = RandomState  # type: ignore[misc]
        make = getattr(np.random, "default_rng", None)
        if make is not None:
            np.random.default_rng = lambda seed=None: make(next_seed() if seed is None else seed)


def apart(function: Any, ours: Any) -> Any:
    """``function`` for the program, ``ours`` for the libraries of TensorFlow."""

    def draw(*args: Any, **kwargs: Any) -> Any:
        caller = sys._getframe(1).f_globals.get("__name__") or ""
        library = caller.partition(".")[0] in _LIBRARIES
        return (ours if library else function)(*args, **kwargs)

    return draw


_LIBRARIES = ("keras", "tf_keras", "tensorflow", "tensorflow_core", "tensorflow_estimator")
_OLD = {
    "uniform": "random_uniform",
    "normal": "random_standard_normal",
    "truncated_normal": "truncated_normal",
}
