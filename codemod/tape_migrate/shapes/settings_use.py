"""What configures: a value that is only asked for sizes, switches and names.

That something is called ``config`` or ``params`` tells nothing of what it holds: ``params["w"]``
may be a variable. How it is used does: a number of units, a condition, a shape.
"""

from __future__ import annotations

import ast
import re
from typing import Final

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import Symbol
from tape_migrate.module import Module
from tape_migrate.shapes.tensorflow_facts import tensorflow_function

_TENSORS: Final = frozenset(
    [
        *("a", "b", "x", "y", "ids", "input", "inputs", "input_tensor", "tensor", "tensors"),
        *("value", "values", "logits", "labels", "targets", "initial_state", "params", "features"),
        *("initial_value", "weights", "sequences", "condition"),
    ]
)
"""Keywords by which TensorFlow's functions take tensors."""

_SETTINGS: Final = re.compile(
    r"^(?:.*_)?(?:hparams|hps|params|config|cfg|conf|args|opts?|options|flags|settings|env|envs|"
    r"sess|session|space|mode|names?|scope|training|train|reuse|sizes?|dims?|units|rate|lr|coef|"
    r"steps|seed|dtype|shape|kwargs|bounds?|gamma|tau|momentum|decay|discount|buckets)$|^(?:n|num|is|use|max|min)_\w+$|^n[a-z]+s$|^FLAGS$",
)
"""Names of what configures a model, never of a tensor that a model computed."""

_JOINS: Final = frozenset(("concat", "stack", "add_n", "parallel_stack", "tuple", "group"))
_NUMBERS: Final = frozenset(("range", "int", "float", "len", "str", "bool", "min", "max", "print"))


def is_setting(module: Module, symbol: Symbol, scope: Scope) -> bool:
    """Whether its name says that it configures something (or is an Estimator's data)."""
    names = [symbol.root] if symbol.root not in ("self", "cls") else []
    names += [part[1:] for part in symbol.path if part.startswith(".")][:1]
    if any(map(_is_name_of_setting, names[:1])):
        return True
    owner = module.scopes.resolve(symbol.root, scope)
    args = owner.args if owner is not None and owner.kind is ScopeKind.FUNCTION else None
    if args is None or symbol.root not in ("features", "labels"):
        return False
    # The signature of an Estimator's model_fn: these two come out of its input_fn.
    return {"features", "labels", "mode"} <= {a.arg for a in args.args}


def _is_name_of_setting(name: str) -> bool:
    return _SETTINGS.match(name) is not None


def keeps_setting(module: Module, node: ast.AST) -> bool:
    """``self.s_dim = state_dim``: a setting there, too, whose uses are looked at by themselves."""
    match module.parent_of(node):
        case ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)], value=ast.Name()):
            return _is_name_of_setting(name)
    return False


def configures(module: Module, node: ast.AST) -> bool:
    """Whether the setting that ``node`` reads is used as a number, a switch or a name."""
    child = node
    for parent in module.parents(node):
        match parent:
            case ast.Attribute() | ast.BinOp() | ast.UnaryOp() | ast.JoinedStr():
                pass
            case ast.FormattedValue() | ast.Compare() | ast.BoolOp() | ast.List() | ast.Tuple():
                if isinstance(parent, (ast.Compare, ast.FormattedValue)):
                    return True
            case ast.Subscript(slice=index):
                if index is child:
                    return True
            case ast.IfExp(test=test):
                if test is child:
                    return True
            case ast.If(test=test) | ast.While(test=test) | ast.Assert(test=test):
                return test is child
            case ast.keyword(arg=name):
                return name is not None and name not in _TENSORS
            case ast.Call(func=func):
                if func is child:
                    child = parent  # `config.get("n")`
                    continue
                if isinstance(func, ast.Name) and func.id in _NUMBERS:
                    return not module.names.is_local(func.id, module.scope_of(parent))
                leaf = (tensorflow_function(module.names.resolve(func)) or "").rpartition(".")[2]
                shapes = isinstance(child, (ast.List, ast.Tuple)) and bool(leaf)
                return leaf in _MAKERS or (shapes and leaf not in _JOINS)
            case ast.With() | ast.withitem():
                return True
            case _:
                return False
        child = parent
    return False


_MAKERS: Final = frozenset(
    [
        *("placeholder", "get_variable", "zeros", "ones", "variable_scope", "name_scope", "device"),
        *("one_hot", "range"),
        *("set_random_seed", "constant_initializer", "truncated_normal_initializer"),
    ]
)
"""Functions whose arguments are sizes and names, none of them a tensor to be differentiated."""
