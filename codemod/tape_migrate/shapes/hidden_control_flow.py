"""TensorFlow 1 control flow that no loop and no branch of the program names.

After ``disable_v2_behavior()`` a tape cannot go through ``tf.cond`` and ``tf.while_loop``. Some
functions of TensorFlow make such inside (``tf.layers.dropout(x, training=flag)``,
``tf.linalg.expm``), and a gradient that is taken in a branch of ``tf.cond`` has what comes from
around it through the branch.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.stored import put_into, values_of
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import tensorflow_function

_ALWAYS: Final = frozenset(
    [
        *("linalg.expm", "linalg.experimental.conjugate_gradient", "linalg.eigh_tridiagonal"),
        *("image.random_flip_left_right", "image.random_flip_up_down", "image.rot90"),
        *("image.stateless_random_flip_left_right", "image.stateless_random_flip_up_down"),
        *("image.ssim_multiscale", "nn.ctc_loss_v2", "nn.ctc_unique_labels"),
        *("nn.collapse_repeated"),
        *("keras.backend.rnn", "keras.backend.map_fn"),
        *("keras.backend.foldl", "keras.backend.foldr", "keras.backend.switch"),
        *("keras.backend.in_train_phase", "keras.backend.in_test_phase"),
    ]
)
"""Functions that branch or loop whatever they are given."""

_BY_TENSOR: Final = {
    "layers.batch_normalization": ("training", 8),
    "layers.dropout": ("training", 4),
    "layers.BatchNormalization": ("training", 99),
    "layers.Dropout": ("training", 99),
    "nn.static_rnn": ("sequence_length", 4),
    "nn.static_bidirectional_rnn": ("sequence_length", 6),
    "nn.static_state_saving_rnn": ("sequence_length", 4),
    "keras.backend.dropout": ("level", 99),
}
"""Those that branch where an argument (its name and position) is a tensor."""

_BRANCHES: Final = frozenset({"cond", "case", "switch_case"})
_HOLDING: Final = (
    *(ast.List, ast.Tuple, ast.Dict, ast.IfExp, ast.BoolOp),
    *(ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.Return),
)
_DEPTH: Final = 4


def hidden_control_flow(module: Module, call: ast.Call) -> str | None:
    """``tf.layers.dropout`` with a tensor for ``training``: the name of what may branch inside."""
    resolved = module.names.resolve(call.func)
    name = resolved if resolved.startswith("keras.backend.") else tensorflow_function(resolved)
    if name is None:
        return None
    shown = name.replace("keras.backend.", "K.") if name == resolved else f"tf.{name}"
    if name in _ALWAYS:
        return shown
    asked = _BY_TENSOR.get(name)
    if asked is None:
        return None
    keyword, position = asked
    given = [k.value for k in call.keywords if k.arg in (keyword, None)]
    given += call.args[position : position + 1]
    given += [arg for arg in call.args if isinstance(arg, ast.Starred)]
    return shown if any(not _is_python(module, each, _DEPTH) for each in given) else None


def _is_python(module: Module, value: ast.expr, depth: int) -> bool:
    """Whether ``value`` is certainly no tensor: ``True``, ``None``, a name of such."""
    match value:
        case ast.Constant():
            return True
        case ast.UnaryOp(op=ast.Not()):
            return True  # of a tensor it raises
        case ast.Compare(ops=[ast.Is() | ast.IsNot() | ast.In() | ast.NotIn()]):
            return True
        case ast.IfExp(body=body, orelse=orelse):
            return _is_python(module, body, depth) and _is_python(module, orelse, depth)
        case ast.Name(id=name) if depth:
            scope = module.scope_of(value)
            bound = module.names.bindings(name, scope)
            owner = module.scopes.resolve(name, scope)
            return bool(bound) and all(
                _given_python(module, owner, name, depth)
                if each is None
                else isinstance(each, ast.Assign)
                and all(isinstance(target, ast.Name) for target in each.targets)
                and _is_python(module, each.value, depth - 1)
                for each in bound
            )
    return False


def _given_python(module: Module, scope: Scope | None, name: str, depth: int) -> bool:
    """Whether every call of a function of this module gives a parameter something of Python's."""
    function = scope.node if scope is not None else None
    if not isinstance(function, ast.FunctionDef) or function.decorator_list:
        return False
    ordered = [*function.args.posonlyargs, *function.args.args]
    parameter = next((arg for arg in ordered if arg.arg == name), None)
    if parameter is None:
        return False
    position = ordered.index(parameter)
    from_end = position - len(ordered)
    defaults = function.args.defaults
    default = defaults[from_end] if -from_end <= len(defaults) else None
    calls = 0
    for node in module.of_kind(ast.Name):
        if node.id != function.name or not isinstance(node.ctx, ast.Load):
            continue
        call = module.parent_of(node)
        if not isinstance(call, ast.Call) or call.func is not node:
            return False
        if any(isinstance(arg, ast.Starred) for arg in call.args):
            return False
        named = [k.value for k in call.keywords if k.arg in (parameter.arg, None)]
        given = [*call.args[position : position + 1], *named] or ([default] if default else [])
        if not given or not all(_is_python(module, each, depth - 1) for each in given):
            return False
        calls += 1
    if any(node.attr == function.name for node in module.of_kind(ast.Attribute)):
        return False
    return calls > 0


def runs_in_branch(module: Module, scope: Scope) -> str | None:
    """The ``tf.cond`` or ``tf.case`` of whose branches one may run a function of this module."""
    around: Scope | None = scope
    while around is not None:
        node = around.node
        if isinstance(node, ast.FunctionDef) and node.name in _run_in_branches(module):
            return _run_in_branches(module)[node.name]
        if isinstance(node, ast.Lambda):
            for parent in module.parents(node):
                name = _branching(module, parent)
                if name is not None:
                    return name
        around = around.parent
    return None


def _branching(module: Module, node: ast.AST) -> str | None:
    if not isinstance(node, ast.Call):
        return None
    name = tensorflow_function(module.names.resolve(node.func))
    return name if name in _BRANCHES else None


def _run_in_branches(module: Module) -> dict[str, str]:
    """Names of functions that branches may run, and what branches."""
    known = module.memo.get("run in branches")
    if isinstance(known, dict):
        return known
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    functions: dict[str, list[ast.AST]] = {}
    for function in module.of_kind(ast.FunctionDef):
        functions.setdefault(function.name, []).append(function)
    for call in module.of_kind(ast.Call):
        branching = _branching(module, call)
        waiting: list[ast.AST] = [call] if branching is not None else []
        while waiting and branching is not None:
            for node in module.inside(waiting.pop()):
                name = node.id if isinstance(node, ast.Name) else ""
                name = node.attr if isinstance(node, ast.Attribute) else name
                if name in functions and name not in found:
                    found[name] = branching
                    waiting += functions[name]
                elif name and (name, branching) not in seen and _may_be_called(module, node):
                    seen.add((name, branching))
                    waiting += _handed_on(module, node)
    module.memo["run in branches"] = found
    return found


def _may_be_called(module: Module, node: ast.AST) -> bool:
    """Whether what a name gives, or a part of it, is called or handed on."""
    part, parent = node, module.parent_of(node)
    while isinstance(parent, (ast.Subscript, ast.Starred)) and part is parent.value:
        part, parent = parent, module.parent_of(parent)
    return isinstance(parent, (ast.Call, ast.keyword, *_HOLDING))


def _handed_on(module: Module, node: ast.AST) -> Iterator[ast.AST]:
    """What a name or an attribute is given that a branch may call: no result of a call."""
    symbol = symbol_of(node) if isinstance(node, ast.expr) else None
    put = put_into(module, symbol) if symbol is not None else []
    for value in [*values_of(module, node), *put, *_given_by_callers(module, node)]:
        stack: list[ast.AST] = [value]
        while stack:
            part = stack.pop()
            if isinstance(part, (ast.Name, ast.Attribute, ast.Lambda)):
                yield part
            elif isinstance(part, ast.Call):
                stack += [*part.args, *(keyword.value for keyword in part.keywords)]
            else:
                stack += ast.iter_child_nodes(part)


def _given_by_callers(module: Module, node: ast.AST) -> Iterator[ast.expr]:
    """What calls of the module give a parameter."""
    if not isinstance(node, ast.Name):
        return
    owner = module.scopes.resolve(node.id, module.scope_of(node))
    if owner is not None and isinstance(owner.node, ast.FunctionDef):
        for call in Summaries.of(module).callers(owner.node):
            yield from (value for name, value in bind(owner.node, call) if name == node.id)
