"""Variables: a stream of random numbers for each initialiser, and a list of what was made."""

from typing import Any

from .tensorflow_of import inner, tf

_FLOATS = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128")


class Variables:
    """Sees every variable that is made, in every graph and eagerly."""

    def __init__(self, store: Any, randomness: Any, widen: Any) -> None:
        self._store = store
        self._randomness = randomness
        self._widen = widen  # the functions of a float64 run, or None
        self._made = 0
        self._seen = 0

    def install(self) -> None:
        """Stand first among the variable creators of every graph."""
        graph = inner("framework.ops").Graph
        stack = graph._variable_creator_stack
        mine = (0, self.create)

        def with_mine(self: Any) -> Any:
            found = stack.fget(self)
            if mine not in found:
                # TensorFlow compares stacks by identity, so the longer one is kept.
                found = [mine, *found]
                stack.fset(self, found)
            return found

        graph._variable_creator_stack = property(with_mine, stack.fset)

    def create(self, next_creator: Any, **kwargs: Any) -> Any:
        value = kwargs.get("initial_value")
        dtype = kwargs.get("dtype")
        whole = dtype is not None and tf.as_dtype(dtype).base_dtype.name not in _FLOATS
        if self._widen is not None and dtype is not None:
            kwargs["dtype"] = self._widen.wide_dtype(dtype)
        if callable(value) and not whole:
            self._made += 1
            kwargs["initial_value"] = self._drawn(value, self._made)
        elif self._widen is not None and value is not None:
            kwargs["initial_value"] = self._widen.widen(value)
        variable = next_creator(**kwargs)
        name = variable.dtype.base_dtype.name
        if name in _FLOATS:
            self._seen += 1
            shape = variable.shape
            sizes = list(shape.as_list()) if shape.ndims is not None else None
            self._store.note(what="variable", number=self._seen, dtype=name, shape=sizes)
        return variable

    def _drawn(self, initialiser: Any, number: int) -> Any:
        def draw(*args: Any, **kwargs: Any) -> Any:
            with self._randomness.in_variable(number):
                value = initialiser(*args, **kwargs)
            return self._widen.widen(value) if self._widen is not None else value

        return draw
