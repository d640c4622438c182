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
        if self._widen is not None:
            self._widen_get_variable()

    def _widen_get_variable(self) -> None:
        """``get_variable`` decides for float32 before any creator is asked."""
        scope = inner("ops.variable_scope").VariableScope
        get_variable = scope.get_variable

        def wide(self: Any, var_store: Any, name: Any, *args: Any, **kwargs: Any) -> Any:
            dtype = kwargs.get("dtype")
            if dtype is None or tf.as_dtype(dtype).base_dtype.name == "float32":
                kwargs["dtype"] = tf.float64
            return get_variable(self, var_store, name, *args, **kwargs)

        scope.get_variable = wide
        for home in (inner("framework.ops"), inner("framework.tensor_conversion")):
            if hasattr(home, "convert_to_tensor"):
                home.convert_to_tensor = _converting(home.convert_to_tensor)

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


def _converting(convert: Any) -> Any:
    """A Python number that nothing else decides for becomes float64 (an optimizer's, say)."""

    def convert_to_tensor(value: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        if dtype is None and isinstance(value, float) and not args:
            if not (kwargs.get("preferred_dtype") or kwargs.get("dtype_hint")):
                dtype = tf.float64
        return convert(value, dtype, *args, **kwargs)

    return convert_to_tensor
