"""What a target may be computed from though nothing shows it: collections, methods replaced.

After ``Model.build = lambda self: self.h`` or ``setattr(model, "build", …)`` what ``self.build()``
computes is not what the class says, and may come from the source by a way that no tape has seen.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.flow.scope import ScopeKind
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.evaluated import own_expressions
from tape_migrate.shapes.plan import Refusal, Source

_SETTERS = frozenset(("setattr", "object"))
"""Functions that are given the name of an attribute to set (``mock.patch.object``)."""
_MAKERS = frozenset(("type", "new_class"))


def refuse_out_of_sight(
    context: Context,
    dep: Dependence,
    every_node: frozenset[int],
    inline_exprs: list[ast.expr],
    sources: list[Source],
) -> Refusal | None:
    """A target that reads a collection, or calls a method that the module replaces."""
    collection = context.reads_collection(dep, every_node, inline_exprs, sources)
    if collection is not None:
        return _refuse_collection(collection)
    replaced = replaced_methods(context.module)
    called = called_methods(context, dep, every_node, inline_exprs) if replaced else frozenset()
    for name in sorted(called & replaced.keys()):
        return Refusal(
            "TM105",
            f"line {replaced[name]} replaces the method {name}: what the target is computed from "
            "then is not seen",
        )
    return None


def refuse_set_on_results(
    context: Context, dep: Dependence, every_node: frozenset[int], inline_exprs: list[ast.expr]
) -> Refusal | None:
    """A target that reads what was put into an object which a call gives, of which variables are
    the sources: where they came in is not seen."""
    kept = _set_on_results(context.module)
    for holder, name in attributes_read(context, dep, every_node, inline_exprs) if kept else ():
        line = kept.get((ast.unparse(holder), name)) if isinstance(holder, ast.Call) else None
        if line is not None:
            return Refusal(
                "TM106",
                f"line {line} sets {name} of what {ast.unparse(holder)} gives, perhaps to what was "
                "computed from the variables, before a tape could be opened here",
            )
    return None


def _set_on_results(module: Module) -> dict[tuple[str, str], int]:
    """``Config.get().h = h``: calls by which an object is had, and attributes that are set there.

    With the lines of that; so is set what a class keeps of which there is one object only.
    """
    known = module.memo.get("attributes set on results")
    if not isinstance(known, dict):
        known = module.memo["attributes set on results"] = {
            (ast.unparse(node.value), node.attr): node.lineno
            for node in module.of_kind(ast.Attribute)
            if isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Call)
        }
    return known


def called_methods(
    context: Context, dep: Dependence, every_node: frozenset[int], inline_exprs: list[ast.expr]
) -> frozenset[str]:
    """Names of all methods that the target may be computed by, called by visible functions, too."""
    return frozenset(
        call.func.attr
        for call in method_calls(context, dep, every_node, inline_exprs)
        if isinstance(call.func, ast.Attribute)
    )


def method_calls(
    context: Context, dep: Dependence, every_node: frozenset[int], inline_exprs: list[ast.expr]
) -> Iterator[ast.Call]:
    """All calls of methods that the target may be computed by, in visible functions, too."""
    module = context.module
    parts = parts_of(dep, every_node, inline_exprs)
    for part in parts:
        yield from _methods_called(module, part)
    known = module.memo.setdefault("methods called", {})
    assert isinstance(known, dict)
    for function in context.summaries.called_functions(parts):
        if function not in known:
            known[function] = tuple(_methods_called(module, function))
        yield from known[function]


def attributes_read(
    context: Context, dep: Dependence, every_node: frozenset[int], inline_exprs: list[ast.expr]
) -> Iterator[tuple[ast.expr, str]]:
    """Objects and names of all attributes that the target may be computed from, in visible
    functions, too: those that are not called."""
    module = context.module
    parts = parts_of(dep, every_node, inline_exprs)
    for part in (*parts, *context.summaries.called_functions(parts)):
        for node in module.of_kind_inside(ast.Attribute, part):
            parent = module.parent_of(node)
            called = isinstance(parent, ast.Call) and parent.func is node
            if isinstance(node.ctx, ast.Load) and not called:
                yield node.value, node.attr
        for call in module.of_kind_inside(ast.Call, part):
            match call:
                case ast.Call(
                    func=ast.Name(id="getattr"),
                    args=[receiver, ast.Constant(value=str(name)), *_],
                ):
                    yield receiver, name


def functions_run(
    context: Context, dep: Dependence, every_node: frozenset[int], inline_exprs: list[ast.expr]
) -> frozenset[str]:
    """Names of the functions at the top of the module that the target may be computed by."""
    parts = parts_of(dep, every_node, inline_exprs)
    return frozenset(
        function.name
        for function in context.summaries.called_functions(parts)
        if context.module.scopes.opened_by(function).parent is context.module.scopes.module
    )


def parts_of(
    dep: Dependence, every_node: frozenset[int], inline_exprs: list[ast.expr]
) -> list[ast.AST]:
    """What the target is computed by: expressions of the function, and those of the call."""
    parts: list[ast.AST] = [*inline_exprs]
    for node_id in sorted(every_node):
        node = dep.cfg.nodes[node_id].node
        if isinstance(node, ast.stmt) and not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            parts += own_expressions(node)
        elif isinstance(node, ast.expr):
            parts.append(node)
    return parts


def _methods_called(module: Module, part: ast.AST) -> Iterator[ast.Call]:
    for call in module.of_kind_inside(ast.Call, part):
        if isinstance(call.func, ast.Attribute):
            yield call


def _refuse_collection(collection: str) -> Refusal:
    why = "what was collected may have been computed from the source before a tape was opened"
    if collection.endswith("variables"):
        why = "the source is among them, and is read by no name of its own"
    if "regularization" in collection:
        why = (
            "penalties of layers, and what code puts there, are computed before a tape was "
            "opened (only get_variable's are read anew, since TensorFlow 2.6); compute them "
            "again from the variables, inside the tape"
        )
    return Refusal("TM105", f"the target uses tf.{collection}: {why}")


def replaced_methods(module: Module) -> dict[str, int]:
    """Methods of the module's classes for which something else is put in, and the lines of that."""
    known = module.memo.get("replaced methods")
    if isinstance(known, dict):
        return known
    names = methods_of(module)
    found: dict[str, int] = {}
    for name in names:
        for node in module.attributes(name):
            if isinstance(node.ctx, ast.Store):
                found.setdefault(name, node.lineno)
    for constant in module.of_kind(ast.Constant):
        if (
            constant.value in names
            and isinstance(constant.value, str)
            and sets_attribute(module, constant)
        ):
            found.setdefault(constant.value, constant.lineno)
    for scope in module.scopes:
        if scope.kind is ScopeKind.CLASS:
            for name in names & module.scopes.bindings(scope):
                for bound in module.names.bindings(name, scope):
                    if isinstance(bound, (ast.Assign, ast.AnnAssign)):
                        found.setdefault(name, bound.lineno)
    for call in module.of_kind(ast.Call):
        if last_name(call.func) == "setattr" and is_function(module, call.args[2:]):
            if not isinstance(call.args[1], ast.Constant):
                found |= dict.fromkeys(names - found.keys(), call.lineno)
    for keyword in module.of_kind(ast.keyword):
        if keyword.arg in names and keyword.arg is not None and is_of_object(module, keyword):
            found.setdefault(keyword.arg, keyword.value.lineno)
    module.memo["replaced methods"] = found
    return found


def methods_of(module: Module) -> frozenset[str]:
    """Names of methods of the module's classes, without ``__init__`` and the like."""
    known = module.memo.get("names of methods")
    if not isinstance(known, frozenset):
        known = module.memo["names of methods"] = frozenset(
            stmt.name
            for node in module.of_kind(ast.ClassDef)
            for stmt in node.body
            if isinstance(stmt, ast.FunctionDef) and not stmt.name.startswith("__")
        )
    return known


def is_function(module: Module, given: list[ast.expr]) -> bool:
    """Whether ``setattr(m, name, value)`` certainly sets a function."""
    for value in given:
        bound: list[ast.AST | None] = []
        if isinstance(value, ast.Name):
            bound = module.names.bindings(value.id, module.scope_of(value))
        if isinstance(value, ast.Lambda) or any(isinstance(b, ast.FunctionDef) for b in bound):
            return True
    return False


def sets_attribute(module: Module, constant: ast.Constant) -> bool:
    """``setattr(m, "build", …)``, ``vars(m)["build"] = …``, ``type("M", …, {"build": …})``."""
    parent = module.parent_of(constant)
    if isinstance(parent, ast.Call):
        return last_name(parent.func) in _SETTERS and parent.args[:2][-1] is constant
    if isinstance(parent, ast.Subscript) and parent.slice is constant:
        return isinstance(parent.ctx, ast.Store) and _is_namespace(parent.value)
    if isinstance(parent, ast.Dict) and constant in parent.keys:
        return is_of_object(module, parent)
    return False


def is_of_object(module: Module, node: ast.AST) -> bool:
    """Whether a dictionary, or an argument by name, is for a class or an object's attributes."""
    for parent in module.parents(node):
        if isinstance(parent, ast.Call):
            if last_name(parent.func) in _MAKERS:
                return True
            if last_name(parent.func) == "update" and isinstance(parent.func, ast.Attribute):
                return _is_namespace(parent.func.value)
        elif not isinstance(parent, (ast.Dict, ast.keyword)):
            return False
    return False


def _is_namespace(expr: ast.expr) -> bool:
    """``vars(m)``, ``m.__dict__``."""
    if isinstance(expr, ast.Call):
        return last_name(expr.func) == "vars"
    return last_name(expr) == "__dict__"
