"""What makes a tape silently wrong, in a whole module or in a region: reasons to refuse.

Every check here stands for a measured difference between graph gradients and tapes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cached_property

from tape_migrate.flow.fence import FenceKind, fences
from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.module import Module
from tape_migrate.names import WORDS
from tape_migrate.shapes.back_prop import refuse_back_prop
from tape_migrate.shapes.dependence import Dependence, reads_track
from tape_migrate.shapes.evaluated import calls_in
from tape_migrate.shapes.modes import identifiers
from tape_migrate.shapes.overrides_elsewhere import overridden_elsewhere
from tape_migrate.shapes.plan import Link, Refusal, Region, Request, Track
from tape_migrate.shapes.tensorflow_facts import tensorflow_function

_OVERRIDES = frozenset(
    {"gradient_override_map", "RegisterGradient", "_gradient_override_map", "Defun"}
)
_GRAPH_IMPORTS = frozenset({"import_graph_def", "import_meta_graph", "import_scoped_meta_graph"})
_BARE_OPERATIONS = frozenset({"create_op", "_create_op_internal", "_create_op_from_tf_operation"})
LOOKUPS = frozenset({"get_tensor_by_name", "get_operation_by_name", "as_graph_element"})

_LEAVING_METHODS = frozenset({"numpy", "eval", "run", "item", "tolist"})
_LEAVING_BUILTINS = frozenset({"float", "int", "bool", "complex"})
_DEPTH = 8
_ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)
_SHAPES = frozenset({"shape", "get_shape"})
_LEAVING_BACKEND = frozenset({"eval", "get_value", "batch_get_value"})

ASSIGNING = frozenset(
    [
        *("assign", "assign_add", "assign_sub", "batch_scatter_update", "count_up_to"),
        *("scatter_add", "scatter_div", "scatter_max", "scatter_min", "scatter_mul"),
        *("scatter_nd_add", "scatter_nd_sub", "scatter_nd_update", "scatter_sub"),
        "scatter_update",
    ]
)
_UPDATES = frozenset({"update", "update_add", "update_sub", "moving_average_update"})
"""Functions of ``keras.backend`` that assign to their first argument."""

_ASYNC_OR_GENERATOR = frozenset({FenceKind.YIELD, FenceKind.AWAIT, FenceKind.ASYNC})


class ModuleHazards:
    """Hazards that concern every call of a module, found in one walk."""

    def __init__(self, module: Module) -> None:
        self._module = module

    @property
    def _identifiers(self) -> frozenset[str]:
        return identifiers(self._module)

    @cached_property
    def patched(self) -> bool:
        """Whether the module replaces TensorFlow's gradient function."""
        module = self._module
        for name in WORDS:
            for attribute in module.attributes(name):
                if not isinstance(attribute.ctx, ast.Load) and module.names.api_of(attribute):
                    return True
        for item in module.of_kind(ast.Subscript):
            if not isinstance(item.ctx, ast.Load) and _names_gradients(item.slice):
                if "__dict__" in ast.dump(item.value):
                    return True
        return any(
            _leaf(call.func) in ("setattr", "patch", "object")
            and any(_names_gradients(arg) for arg in call.args[:2])
            for call in module.of_kind(ast.Call)
        )

    def refuse(self) -> Refusal | None:
        """A reason that holds for every call of the module."""
        if self._identifiers & _OVERRIDES:
            name = min(self._identifiers & _OVERRIDES)
            return Refusal("TM109", f"the module uses {name}; a tape ignores gradient overrides")
        if self._identifiers & _GRAPH_IMPORTS:
            name = min(self._identifiers & _GRAPH_IMPORTS)
            return Refusal("TM109", f"the module uses {name}; a tape sees no imported graph")
        if self._identifiers & _BARE_OPERATIONS:
            name = min(self._identifiers & _BARE_OPERATIONS)
            return Refusal("TM109", f"the module uses {name}; a tape sees no operation made so")
        overriding = overridden_elsewhere(self._module)
        if overriding is not None:
            return Refusal(
                "TM109",
                f"{overriding} overrides gradients, perhaps of what is differentiated here; a tape "
                "ignores gradient overrides",
            )
        if self.patched:
            return Refusal("TM110", "the module replaces the gradient function at run time")
        return None


def _names_gradients(expr: ast.expr) -> bool:
    return (
        isinstance(expr, ast.Constant)
        and isinstance(expr.value, str)
        and expr.value.rpartition(".")[2] in ("gradients", "hessians")
    )


def _leaf(expr: ast.expr) -> str:
    if isinstance(expr, ast.Attribute):
        return expr.attr
    return expr.id if isinstance(expr, ast.Name) else ""


def refuse_position(module: Module, request: Request) -> Refusal | None:
    """A place in which nothing can be put before the call."""
    scope = request.found.scope
    if scope.kind is ScopeKind.CLASS:
        return Refusal("TM122", "the call stands in a class body")
    stmt = module.statement_of(request.call)
    if isinstance(stmt, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return Refusal("TM122", "the call stands in a default argument, a decorator or a base")
    for parent in module.parents_below(request.call, scope.node):
        if isinstance(parent, ast.arguments):
            return Refusal("TM122", "the call stands in a default argument")
        if isinstance(parent, (ast.With, ast.AsyncWith)):
            expecting = _expecting(parent)
            if expecting is not None:
                return Refusal("TM130", f"the call stands where {expecting} expects it to fail")
    read = {n.id for n in module.inside(request.call) if isinstance(n, ast.Name)}
    for node in module.inside(stmt):
        if isinstance(node, ast.NamedExpr) and node.target.id in read:
            return Refusal("TM104", f"{node.target.id} is bound in the statement of the call")
    if scope.kind is ScopeKind.FUNCTION and isinstance(scope.node, ast.AsyncFunctionDef):
        return Refusal("TM115", "the call stands in async code")
    return None


_EXPECTING = re.compile(r"(assertRaises\w*|raises|assertWarns\w*|warns|deprecated_call)$")


def _expecting(stmt: ast.With | ast.AsyncWith) -> str | None:
    """``assertRaises`` of ``with self.assertRaises(ValueError):``."""
    for item in stmt.items:
        call = item.context_expr
        name = _leaf(call.func) if isinstance(call, ast.Call) else ""
        if _EXPECTING.match(name):
            return name
    return None


def refuse_scope(scope: Scope) -> Refusal | None:
    """Constructs anywhere in the function that make its dataflow unknowable."""
    for fence in fences(scope.body, scope):
        if fence.kind is FenceKind.EXEC:
            return Refusal("TM115", "exec, eval, globals() or setattr may change any name here")
        if fence.kind in _ASYNC_OR_GENERATOR and scope.kind is not ScopeKind.MODULE:
            return Refusal(
                "TM115", "the call stands in a generator or async code: a tape would stay open"
            )
    return None


def refuse_both_paths(module: Module, call: ast.Call) -> Refusal | None:
    """``if tf.executing_eagerly(): tape … else: tf.gradients``."""
    if _asks_for_mode(module, module.scope_of(call)):
        return Refusal("TM111", "the function already asks in which mode it runs")
    child: ast.AST = call
    for parent in module.parents(call):
        if isinstance(parent, (ast.If, ast.IfExp)):
            test = ast.dump(parent.test)
            other = _other_branches(parent, child)
            mode = any(
                word in test for word in ("executing_eagerly", "__version__", "is_eager", "TF2")
            )
            taped = any("GradientTape" in ast.dump(node) for node in other)
            if mode or taped:
                return Refusal(
                    "TM111",
                    "the branch depends on the execution mode or version; "
                    "another branch already serves TensorFlow 2",
                )
        child = parent
    return None


def _asks_for_mode(module: Module, scope: Scope) -> bool:
    """Whether a function branches on ``executing_eagerly``; looked up once for all its calls."""
    spoken = module.memo.get("executing_eagerly")
    if spoken is None:
        spoken = module.memo["executing_eagerly"] = b"executing_eagerly" in module.text
    if not spoken:
        return False
    key = f"asks for mode {id(scope.node)}"
    if key not in module.memo:
        module.memo[key] = any(
            isinstance(node, (ast.If, ast.IfExp)) and "executing_eagerly" in ast.dump(node.test)
            for node in module.inside(scope.node)
        )
    return bool(module.memo[key])


def _other_branches(parent: ast.If | ast.IfExp, child: ast.AST) -> list[ast.AST]:
    if isinstance(parent, ast.IfExp):
        return [part for part in (parent.body, parent.orelse) if part is not child]
    return list(parent.orelse if any(s is child for s in parent.body) else parent.body)


def refuse_region(dep: Dependence, region: Region, carriers: frozenset[int]) -> Refusal | None:
    """Fences inside the statements that a tape would enclose."""
    for fence in fences(region.stmts, dep.scope):
        match fence.kind:
            case FenceKind.TRY:
                assert isinstance(fence.node, ast.stmt)
                if any(n in carriers for n in dep.cfg.span(fence.node)):
                    return Refusal("TM115", "part of the forward pass stands in a try statement")
            case FenceKind.DELETE:
                return Refusal("TM115", "a name is deleted between the source and the target")
            case FenceKind.GLOBAL | FenceKind.NONLOCAL:
                return Refusal(
                    "TM115", "a function between the source and the target rebinds outer names"
                )
            case FenceKind.STAR_IMPORT:
                return Refusal("TM115", "a star import between the source and the target")
    return None


def refuse_leaving(
    dep: Dependence,
    carriers: Iterable[int],
    inline: Collection[ast.AST],
    inline_links: Iterable[Link],
    hot: frozenset[int],
    tracks: Iterable[Track],
) -> Refusal | None:
    """Calls that take a value on its way to the target out of TensorFlow.

    ``carriers`` are nodes that carry a source; ``inline`` are inline target expressions and
    ``inline_links`` what they read; ``hot`` are all nodes that compute from a source.
    """
    tracks = tuple(tracks)
    carriers = tuple(carriers)
    nodes = [dep.cfg.nodes[node_id].node for node_id in carriers]
    own = [n for n in nodes if n is not None and not isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    refusal = refuse_back_prop(dep.module, [*own, *inline])
    if refusal is not None:
        return refusal

    def carries(link: Link) -> bool:
        return link.definition.node_id in hot or any(reads_track(link, t) for t in tracks)

    for node_id in carriers:
        node = dep.cfg.nodes[node_id].node
        if node is not None and not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            refusal = _leaving_call(dep, node, dep.links_into(node_id), carries)
            if refusal is not None:
                return refusal
    links = tuple(inline_links)
    for expr in inline:
        refusal = _leaving_call(dep, expr, links, carries)
        if refusal is not None:
            return refusal
    return None


def _leaving_call(
    dep: Dependence, node: ast.AST, links: Iterable[Link], carries: Callable[[Link], bool]
) -> Refusal | None:
    reads: dict[int, list[Link]] = {}
    for link in filter(carries, links):
        reads.setdefault(id(link.use.node), []).append(link)
    for call in calls_in(node):
        values = [*call.args, *(k.value for k in call.keywords)]
        if isinstance(call.func, ast.Attribute):
            values.append(call.func)
        read = [link for v in values for n in ast.walk(v) for link in reads.get(id(n), ())]
        if not read:
            continue
        why = _leaves(dep, call)
        asks = why is not None and why.startswith((".", "K."))
        if why is not None and (asks or not all(_is_size(dep, each, carries) for each in read)):
            return Refusal("TM112", f"the path to the target goes through {why}")
        resolved = dep.module.names.resolve(call.func)
        if resolved.startswith("tensorflow.contrib."):
            return Refusal("TM125", f"{resolved.replace('tensorflow', 'tf', 1)} is on the path")
        name = tensorflow_function(resolved)
        if name in ("assign", "assign_add", "assign_sub") or (
            isinstance(call.func, ast.Attribute)
            and call.func.attr in ("assign", "assign_add", "assign_sub", "initialized_value")
        ):
            return Refusal("TM118", "the result of an assignment to a variable is on the path")
    return None


def _is_size(
    dep: Dependence, link: Link, carries: Callable[[Link], bool], depth: int = _DEPTH
) -> bool:
    """Whether a ``shape`` is read, or what was computed from some.

    Were it a tensor that goes by that name, Python and numpy would take it for no number.
    """
    part: ast.AST = link.use.node
    around = dep.module.parent_of(link.use.node)
    if isinstance(around, ast.Attribute) and around.attr in _SHAPES:
        return True
    while isinstance(part, (ast.Attribute, ast.Subscript)):
        if isinstance(part, ast.Attribute) and part.attr in _SHAPES:
            return True
        part = part.value
    if not depth or not isinstance(link.definition.stmt, _ASSIGNMENTS):
        return False
    behind = [each for each in dep.links_into(link.definition.node_id) if carries(each)]
    return behind != [] and all(_is_size(dep, each, carries, depth - 1) for each in behind)


def _leaves(dep: Dependence, call: ast.Call) -> str | None:
    resolved = dep.module.names.resolve(call.func)
    top = resolved.partition(".")[0]
    leaf = _leaf(call.func)
    if top in ("numpy", "scipy", "math", "cmath", "random", "pandas"):
        if leaf in ("ndim", "shape", "prod") or resolved in (
            "numpy.float32",
            "numpy.float64",
            "numpy.int32",
            "numpy.int64",
        ):
            return None
        return resolved
    if resolved.startswith("keras.backend.") and leaf in _LEAVING_BACKEND:
        return f"K.{leaf}"
    if isinstance(call.func, ast.Attribute) and leaf in _LEAVING_METHODS and not resolved:
        return f".{leaf}()"
    if isinstance(call.func, ast.Name) and leaf in _LEAVING_BUILTINS:
        if not dep.module.names.is_local(leaf, dep.scope):
            return f"{leaf}()"
    return None


def assigned_variables(module: Module, part: ast.AST) -> Iterator[ast.expr]:
    """``v`` of ``v.assign(…)``, ``tf.assign(v, …)``, ``K.update(v, …)``, ``map(v.assign, …)``."""
    for node in module.inside(part):
        if isinstance(node, ast.Attribute) and node.attr in ASSIGNING:
            if not module.names.resolve(node):
                yield node.value
        if not isinstance(node, ast.Call):
            continue
        resolved = module.names.resolve(node.func)
        leaf = resolved.rpartition(".")[2]
        if (tensorflow_function(resolved) or "") in ASSIGNING or (
            resolved.startswith("keras.backend.") and leaf in _UPDATES
        ):
            yield from [*node.args[:1], *(k.value for k in node.keywords if k.arg in ("ref", "x"))]
        elif resolved.startswith(("tensorflow.raw_ops.Assign", "tensorflow.raw_ops.Resource")):
            yield from (k.value.value for k in node.keywords if isinstance(k.value, ast.Attribute))
