"""What is known of TensorFlow's own functions: which make new tensors, lists, variables, loops."""

from __future__ import annotations

from typing import Final

MAY_RETURN_ARGUMENT: Final = frozenset(
    {
        # Measured: these give the same tensor object back when there is nothing to do.
        "cast",
        "convert_to_tensor",
        "add_n",
        "nn.dropout",
        "real",
        "math.real",
        "conj",
        "math.conj",
        "to_float",
        "to_double",
        "to_int32",
        "to_int64",
        "saturate_cast",
        "dtypes.cast",
        "tuple",
        "group",
        "identity_n",
        "nest.map_structure",
        "nest.flatten",
        "ensure_shape",
        "cond",
        "case",
        "numpy_function",
        "py_function",
        "py_func",
        "check_numerics",
        "convert_to_tensor_or_indexed_slices",
        "convert_to_tensor_or_sparse_tensor",
        "dimension_value",
        "verify_tensor_all_finite",
        "debugging.check_numerics",
        "with_dependencies",
        "squeeze",
        "stack",
    }
)

SEVERAL_RESULTS: Final = frozenset(
    {
        "split",
        "unstack",
        "unpack",
        "gradients",
        "hessians",
        "meshgrid",
        "nn.moments",
        "nn.weighted_moments",
        "unique",
        "unique_with_counts",
        "nn.top_k",
        "math.top_k",
        "dynamic_partition",
        "trainable_variables",
        "global_variables",
        "local_variables",
        "all_variables",
        "model_variables",
        "get_collection",
        "get_collection_ref",
        "while_loop",
        "cond",
        "case",
        "map_fn",
        "scan",
        "foldl",
        "foldr",
        "py_func",
        "py_function",
        "numpy_function",
        "tuple",
        "group",
        "clip_by_global_norm",
        "linalg.svd",
        "svd",
        "linalg.qr",
        "qr",
        "linalg.eigh",
        "self_adjoint_eig",
        "identity_n",
        "nn.dynamic_rnn",
        "nn.static_rnn",
        "nn.bidirectional_dynamic_rnn",
        "nn.fused_batch_norm",
        "setdiff1d",
        "broadcast_static_shape",
        "required_space_to_batch_paddings",
        "linalg.lu",
        "sparse.split",
        "ragged.constant",
        "eig",
        "linalg.eig",
        "linalg.normalize",
        "linalg.slogdet",
        "approx_top_k",
        "math.approx_max_k",
        "math.approx_min_k",
        "nn.approx_max_k",
        "nn.approx_min_k",
        "nn.collapse_repeated",
        "nn.ctc_unique_labels",
        "nn.isotonic_regression",
        "shape_n",
    }
)
"""Functions that give several tensors (measured)."""

NO_TENSOR: Final = frozenset(
    [
        "add_to_collection",
        "colocate_with",
        "container",
        "control_dependencies",
        "custom_gradient",
        "device",
        "fixed_size_partitioner",
        "get_seed",
        "get_static_value",
        "grad_pass_through",
        "initialize_all_tables",
        "initialize_variables",
        "make_template",
        "make_tensor_proto",
        "min_max_variable_partitioner",
        "moving_average_variables",
        "name_scope",
        "no_op",
        "no_regularizer",
        "op_scope",
        "recompute_grad",
        "set_random_seed",
        "tables_initializer",
        "type_spec_from_value",
        "variable_creator_scope",
        "variable_op_scope",
        "variable_scope",
        "variables_initializer",
    ]
)
"""Functions that give no tensor at all (measured)."""

_NO_TENSOR_PREFIXES: Final = ("_", "assert_", "disable_", "enable_", "is_")

COLLECTED_VARIABLES: Final = frozenset(
    {
        "trainable_variables",
        "global_variables",
        "all_variables",
        "local_variables",
        "model_variables",
        "get_collection",
        "get_collection_ref",
    }
)

COLLECTED_ATTRIBUTES: Final = frozenset(
    {
        "trainable_weights",
        "trainable_variables",
        "weights",
        "variables",
        "non_trainable_weights",
        "vars",
        "params",
    }
)

KERAS_GRAPH_ATTRIBUTES: Final = frozenset({"input", "inputs", "output", "outputs"})

KERAS_GRAPH_CALLS: Final = frozenset({"get_layer", "get_input_at", "get_output_at"})

VARIABLE_MAKERS: Final = frozenset({"Variable", "get_variable", "get_local_variable"})

COLLECTIONS: Final = frozenset(
    {
        "get_collection",
        "get_collection_ref",
        "losses.get_losses",
        "losses.get_total_loss",
        "losses.get_regularization_loss",
        "losses.get_regularization_losses",
    }
)
"""Functions that take tensors out of the graph's collections, where anything may have put them."""

TENSOR_LOOPS: Final = frozenset(
    {"while_loop", "map_fn", "scan", "foldl", "foldr", "vectorized_map", "cond", "case"}
)
"""TensorFlow functions that call a Python function to build a graph of its own."""

V1_CONTROL_FLOW: Final = TENSOR_LOOPS | {
    "nn.dynamic_rnn",
    "nn.bidirectional_dynamic_rnn",
    "nn.raw_rnn",
}


def tensorflow_function(canonical: str) -> str | None:
    """``reduce_sum`` for ``tensorflow.reduce_sum``, ``math.log`` for ``tensorflow.math.log``."""
    if canonical.startswith("tensorflow."):
        return canonical[len("tensorflow.") :]
    return None


def makes_one_tensor(canonical: str) -> bool:
    """Whether a call of this function gives exactly one tensor (a new one or its argument)."""
    name = tensorflow_function(canonical)
    if name is None:
        if canonical.startswith("keras.backend."):
            leaf = canonical.rpartition(".")[2]
            return leaf not in (
                "gradients",
                "function",
                "rnn",
                "moments",
                "ctc_decode",
                "get_value",
                "batch_get_value",
                "batch_set_value",
                "count_params",
                "dtype",
                "get_uid",
                "is_keras_tensor",
                "is_sparse",
                "eval",
                "int_shape",
                "ndim",
                "get_session",
                "map_fn",
                "foldl",
                "foldr",
                "normalize_batch_in_training",
                "switch",
                "in_train_phase",
                "in_test_phase",
            )
        return False
    leaf = name.rpartition(".")[2]
    if name in SEVERAL_RESULTS or name in NO_TENSOR or leaf.startswith(_NO_TENSOR_PREFIXES):
        return False
    if leaf == "Variable":
        return True
    if leaf[:1].isupper() or ("." in name and name.split(".")[0] in _OTHER_MODULES):
        return False
    return True


_OTHER_MODULES: Final = frozenset(
    {
        "contrib",
        "data",
        "keras",
        "layers",
        "train",
        "nest",
        "estimator",
        "io",
        "gfile",
        "logging",
        "app",
        "flags",
        "config",
        "saved_model",
        "summary",
        "python",
        "autograph",
        "distribute",
        "test",
        "compat",
        "initializers",
        "feature_column",
        "queue",
        "lookup",
        "version",
        "sysconfig",
        "experimental",
        "core",
        "tools",
        "examples",
        "parallel_for",
    }
)


def always_new_tensor(canonical: str) -> bool:
    """Whether a call of this function certainly makes a tensor that did not exist before."""
    name = tensorflow_function(canonical)
    if name is None:
        leaf = canonical.rpartition(".")[2]
        if canonical.startswith("keras.backend."):
            return makes_one_tensor(canonical) and leaf not in (
                "cast",
                "cast_to_floatx",
                "constant",
                "reshape",
                "dropout",
                "squeeze",
                "switch",
                "identity",
                "stack",
                "to_dense",
            )
        return False
    if name in MAY_RETURN_ARGUMENT:
        return False
    leaf = name.rpartition(".")[2]
    if leaf in VARIABLE_MAKERS:
        return leaf == "Variable"  # get_variable may return an existing variable (reuse)
    return makes_one_tensor(canonical) or name in ("split", "unstack", "meshgrid", "nn.moments")


SIZES: Final = frozenset(
    ("shape", "dtype", "name", "op", "graph", "device", "get_shape", "as_list", "initializer")
)
"""Attributes of a tensor through which no gradient passes."""
