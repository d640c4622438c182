"""What the worker needs inside a job: pinned randomness, a float64 run, values in and out.

Imported by ``worker.py`` once TensorFlow is known to be there, and by nothing else.

Randomness is pinned so that both sides see the same numbers without touching what an initialiser
says: Python's, numpy's and TensorFlow's seeds are set, and TensorFlow's stateful random ops are
replaced by stateless ones keyed by (seed, index of the call). Calls made by a variable's callable
initialiser are keyed by (index of the variable among those made so, index of the call) instead,
because ``tf.function`` may trace such an initialiser more than once. Ops of ``tf.random`` beyond
uniform, normal, truncated normal and integers are not replaced.
"""

import contextlib
import importlib
import importlib.util
import os
import random
import sys
from typing import Any

np = importlib.import_module("numpy")  # type: Any
tf = importlib.import_module("tensorflow")  # type: Any


class Randomness:
    """Replaces random ops and variable initialisers' draws for the length of a job."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.calls = 0
        self.variables = 0
        self.stream = 0

    def key(self) -> Any:
        self.calls += 1
        return [self.seed * 7919 + self.stream, self.calls]

    def creator(self, double: bool) -> Any:
        """A variable creator that gives each variable's initialiser its own stream."""

        def create(next_creator: Any, **kwargs: Any) -> Any:
            value = kwargs.get("initial_value")
            if callable(value):
                self.variables += 1
                kwargs["initial_value"] = self.in_stream(value, self.variables, double)
            elif double and value is not None:
                kwargs["initial_value"] = widen(value)
            if double and kwargs.get("dtype") is not None:
                kwargs["dtype"] = wide_dtype(kwargs["dtype"])
            return next_creator(**kwargs)

        return create

    def in_stream(self, initialiser: Any, number: int, double: bool) -> Any:
        def draw(*args: Any, **kwargs: Any) -> Any:
            saved = self.stream, self.calls
            self.stream, self.calls = number, 0
            try:
                value = initialiser(*args, **kwargs)
                return widen(value) if double else value
            finally:
                self.stream, self.calls = saved

        return draw

    @contextlib.contextmanager
    def patched(self) -> Any:
        ops = importlib.import_module("tensorflow.python.ops.gen_random_ops")
        pure = importlib.import_module("tensorflow.python.ops.gen_stateless_random_ops")
        random.seed(self.seed)
        np.random.seed(self.seed)
        tf.compat.v1.set_random_seed(self.seed)

        def floats(op: Any) -> Any:
            def draw(
                shape: Any, dtype: Any, seed: Any = 0, seed2: Any = 0, name: Any = None
            ) -> Any:
                del seed, seed2
                return op(shape, self.key(), dtype=dtype, name=name)

            return draw

        def integers(
            shape: Any, minval: Any, maxval: Any, *_: Any, name: Any = None, **__: Any
        ) -> Any:
            return pure.stateless_random_uniform_int(shape, self.key(), minval, maxval, name=name)

        with patched_attributes(
            (ops, "random_uniform", floats(pure.stateless_random_uniform)),
            (ops, "random_standard_normal", floats(pure.stateless_random_normal)),
            (ops, "truncated_normal", floats(pure.stateless_truncated_normal)),
            (ops, "random_uniform_int", integers),
        ):
            yield


_SWITCHES = [
    "disable_v2_behavior",
    "enable_v2_behavior",
    "disable_eager_execution",
    "enable_eager_execution",
    "disable_resource_variables",
    "enable_resource_variables",
    "disable_v2_tensorshape",
    "enable_v2_tensorshape",
    "disable_control_flow_v2",
    "enable_control_flow_v2",
    "disable_tensor_equality",
    "enable_tensor_equality",
]


@contextlib.contextmanager
def preserved(source: bytes) -> Any:
    """Undo what a case does to its process: modules, paths, the registry, patched TensorFlow.

    Keras is loaded for that only where ``source`` speaks of it. The switches between TensorFlow 1
    and 2 behaviour cannot be undone, so within a case they do nothing: the run's mode has decided
    already.
    """
    modules, path, folder = dict(sys.modules), list(sys.path), os.getcwd()
    ops = importlib.import_module("tensorflow.python.framework.ops")
    registry = getattr(ops, "gradient_registry", None) or getattr(ops, "_gradient_registry", None)
    gradients = dict(getattr(registry, "_registry", {}))
    patchable = [tf, tf.compat.v1, tf.nn, tf.math]
    if b"keras" in source:
        patchable.append(importlib.import_module(tf.keras.backend.__name__))
    owners = [(owner, dict(vars(owner))) for owner in patchable]
    switches = [(o, n) for o in (tf, tf.compat.v1) for n in _SWITCHES if hasattr(o, n)]
    try:
        with patched_attributes(*((o, n, lambda *_, **__: None) for o, n in switches)):
            yield
    finally:
        for owner, before in owners:
            for name, value in list(vars(owner).items()):
                if name in before and value is not before[name] and callable(before[name]):
                    setattr(owner, name, before[name])
        for name in set(getattr(registry, "_registry", {})) - set(gradients):
            del registry._registry[name]  # type: ignore[union-attr]
        for name in set(sys.modules) - set(modules):
            file = getattr(sys.modules[name], "__file__", None) or ""
            if file and not any(mark in file for mark in _INSTALLED):
                del sys.modules[name]
        sys.modules["tensorflow"] = modules["tensorflow"]
        sys.path[:] = path
        os.chdir(folder)


class _LegacyKeras:
    """Finds ``keras`` and its modules in ``tf_keras``, the Keras 2 of a TensorFlow with Keras 3."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        del path, target
        if name == "keras" or name.startswith("keras."):
            return importlib.util.spec_from_loader(name, self)  # type: ignore[arg-type]
        return None

    def create_module(self, spec: Any) -> Any:
        module = importlib.import_module("tf_" + spec.name)
        self._own = module.__spec__
        return module

    def exec_module(self, module: Any) -> None:
        module.__spec__ = self._own


def use_keras_2() -> Any:
    """Let ``import keras`` give Keras 2; what is missing for that, or None."""
    minor = int(tf.version.VERSION.split(".")[1])
    if minor < 16 or tf.version.VERSION.startswith("1"):  # pragma: no cover - TensorFlow to 2.15
        return None
    try:
        importlib.import_module("tf_keras")
    except ImportError:
        return "no Keras 2 (tf_keras is not installed)"
    sys.meta_path.insert(0, _LegacyKeras())
    return None


_INSTALLED = ("site-packages", "dist-packages", os.path.dirname(os.__file__))


@contextlib.contextmanager
def patched_attributes(*patches: Any) -> Any:
    saved = [(owner, name, getattr(owner, name)) for owner, name, _ in patches]
    for owner, name, value in patches:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in saved:
            setattr(owner, name, value)


# --- A float64 run of float32 code ----------------------------------------------------------------


def wide_dtype(dtype: Any) -> Any:
    try:
        known = tf.as_dtype(dtype)
    except TypeError:
        return dtype
    return tf.float64.base_dtype if known.base_dtype.name == "float32" else dtype


def widen(value: Any) -> Any:
    if tf.is_tensor(value):
        return tf.cast(value, "float64") if value.dtype.name == "float32" else value
    if isinstance(value, np.ndarray) and value.dtype != np.float32:
        return value
    array = np.asarray(value)
    return np.asarray(value, np.float64) if array.dtype.kind == "f" else value


def _imported_v1() -> Any:
    try:
        return importlib.import_module("tensorflow.compat.v1")
    except ImportError:
        return None


@contextlib.contextmanager
def float64_world() -> Any:
    """Make what would default to float32 come out as float64, as far as the public API reaches.

    Constants keep their float32 value, so that the float64 run computes the same function.
    """
    double, single = tf.float64, tf.float32

    def promoting(function: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            def swap(value: Any) -> Any:
                is_type = isinstance(value, (tf.DType, type)) or value == "float32"
                return wide_dtype(value) if is_type else value

            args = tuple(a if tf.is_tensor(a) or hasattr(a, "shape") else swap(a) for a in args)
            kwargs = {k: swap(v) if k == "dtype" else v for k, v in kwargs.items()}
            result = function(*args, **kwargs)
            if tf.is_tensor(result) and result.dtype == single:
                return tf.compat.v1.saturate_cast(result, double)
            return result

        return call

    names = "constant convert_to_tensor zeros ones eye fill linspace cast random_normal "
    names += "random_uniform truncated_normal placeholder range"
    # `import tensorflow.compat.v1` may give another object than the attribute of that name.
    homes = {id(m): m for m in (tf, tf.compat.v1, _imported_v1()) if m is not None}
    owners = [(owner, name) for owner in homes.values() for name in names.split()]
    owners += [(tf.random, name) for name in ("normal", "uniform", "truncated_normal")]
    patches = [(o, n, promoting(getattr(o, n))) for o, n in owners if hasattr(o, n)]
    patches += [(home, "float32", double) for home in homes.values()]
    with patched_attributes(*patches):
        yield


# --- Values in and out ----------------------------------------------------------------------------


def read_argument(node: Any, arrays: Any, job: Any, symbolic: bool) -> Any:
    """Build one argument: a placeholder (fed later), a tensor, a variable, or a Python value."""
    kind = node["kind"]
    if kind == "value":
        return node["value"]
    if kind in ("list", "tuple"):
        items = [read_argument(item, arrays, job, symbolic) for item in node["items"]]
        return items if kind == "list" else tuple(items)
    if kind == "dict":
        return {k: read_argument(v, arrays, job, symbolic) for k, v in node["items"].items()}
    dtype = "float64" if job["double"] and node["dtype"] == "float32" else node["dtype"]
    array = arrays[node["key"]].astype(tf.as_dtype(dtype).as_numpy_dtype)
    if node["role"] == "numpy":
        return array
    if node["role"] == "variable":
        return tf.Variable(array)
    if not symbolic:
        return tf.constant(array)
    placeholder = tf.compat.v1.placeholder(dtype, shape=array.shape)
    job["feeds"][node["key"]] = (placeholder, array)
    return placeholder


class Skeleton:
    """Describes a nested result and collects the tensors at its leaves."""

    def __init__(self, device: str) -> None:
        self.leaves = []  # type: Any
        self.device = device

    def describe(self, value: Any) -> Any:
        if value is None:
            return {"kind": "none"}
        if isinstance(value, (bool, int, float, complex, str, bytes)) and not isinstance(
            value, np.generic
        ):
            return {"kind": "python", "type": type(value).__name__, "value": repr(value)}
        if isinstance(value, (list, tuple)):
            kind = "list" if isinstance(value, list) else "tuple"
            name = type(value).__name__ if hasattr(value, "_fields") else ""
            items = [self.describe(item) for item in value]
            return {"kind": kind, "name": name, "items": items}
        if hasattr(value, "items") and hasattr(value, "keys"):
            keys = list(value.keys())
            items = [self.describe(value[key]) for key in keys]
            return {"kind": "dict", "keys": [str(key) for key in keys], "items": items}
        if type(value).__name__ in ("IndexedSlices", "IndexedSlicesValue"):
            # Made by hand of lists, they still have lists.
            given = (value.values, value.indices, value.dense_shape)
            arrays = [p if p is None or tf.is_tensor(p) else np.asarray(p) for p in given]
            return {"kind": "slices", "items": [self.describe(part) for part in arrays]}
        keras = type(value).__module__.startswith("keras") and hasattr(value, "assign")
        if isinstance(value, tf.Variable) or keras:
            value = tf.convert_to_tensor(value)
        if tf.is_tensor(value) or isinstance(value, (np.ndarray, np.generic)):
            if hasattr(value, "dense_shape") and hasattr(value, "indices"):
                parts = [self.describe(p) for p in (value.values, value.indices, value.dense_shape)]
                return {"kind": "tuple", "name": "SparseTensor", "items": parts}
            if hasattr(value, "flat_values"):
                parts = [self.describe(value.flat_values), self.describe(value.nested_row_splits)]
                return {"kind": "tuple", "name": "RaggedTensor", "items": parts}
            return self.leaf(value)
        return {"kind": "object", "type": type(value).__name__}

    def leaf(self, value: Any) -> Any:
        placed = getattr(value, "device", "") or ""
        on_gpu = self.device.startswith("GPU")
        inexact = tf.is_tensor(value) and value.dtype.is_floating
        elsewhere = on_gpu and inexact and not placed.endswith(self.device)
        if elsewhere:  # pragma: no cover - needs a GPU
            raise RuntimeError(f"a result was computed on {placed!r}, not on {self.device}")
        self.leaves.append(value)
        return {"kind": "tensor", "index": len(self.leaves) - 1}


def finish(node: Any, values: Any) -> Any:
    """Fill dtypes and shapes into a skeleton; bfloat16 travels as float32 in the ``.npz``."""
    if node["kind"] == "tensor":
        array = values[node["index"]] = np.asarray(values[node["index"]])
        name = "string" if array.dtype.kind in "OSU" else array.dtype.name
        node.update(dtype=name, shape=list(array.shape))
        if name == "bfloat16":
            values[node["index"]] = array.astype(np.float32)
        elif name == "string":
            values[node["index"]] = array.astype("S")
    for item in node.get("items", ()):
        finish(item, values)
    return node
