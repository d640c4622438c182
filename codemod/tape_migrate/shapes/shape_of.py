"""Which shape of rewrite a call that can be migrated has, for reports and ``--shapes``."""

from __future__ import annotations

import ast

from tape_migrate.flow.scope import ScopeKind
from tape_migrate.model import Shape
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.in_tf_function import is_tf_function
from tape_migrate.shapes.loop_body import is_loop_body
from tape_migrate.shapes.nested import is_nested
from tape_migrate.shapes.optimizers import METHODS
from tape_migrate.shapes.plan import Request, Source


def shape_of(
    context: Context,
    dep: Dependence,
    request: Request,
    every_node: frozenset[int],
    sources: list[Source],
) -> Shape:
    """The shape of a call that can be migrated: the most particular one that fits."""
    if request.is_hessian:
        return Shape.HESSIANS
    if any(source.collected for source in sources) or request.found.site.api in METHODS:
        return Shape.TRAINING
    if is_tf_function(context.module, request.found.scope):
        return Shape.IN_TF_FUNCTION
    if is_loop_body(context.module, request.found.scope):
        return Shape.LOOP_BODY
    if is_nested(dep, every_node, request):
        return Shape.NESTED
    if any(source.made for source in sources):
        return Shape.MAKERS
    if dep.scope.kind is ScopeKind.FUNCTION and _branches(dep):
        return Shape.CONTROL_FLOW
    for place in dep.module.places(request.call, within=dep.scope):
        if isinstance(place.owner, (ast.If, ast.For, ast.While)):
            return Shape.CONTROL_FLOW
    for node_id in every_node:
        stmt = dep.stmt_of(node_id)
        if isinstance(stmt, (ast.If, ast.For, ast.While)):
            return Shape.CONTROL_FLOW
        if stmt is not None and any(
            isinstance(p.owner, (ast.If, ast.For, ast.While))
            for p in dep.module.places(stmt, within=dep.scope)
        ):
            return Shape.CONTROL_FLOW
    return Shape.LOCAL


def _branches(dep: Dependence) -> bool:
    """Whether the function itself branches or loops (looked up once)."""
    key = f"control flow {id(dep.scope)}"
    if key not in dep.module.memo:
        dep.module.memo[key] = _has_control_flow(dep.scope.body)
    return bool(dep.module.memo[key])


def _has_control_flow(stmts: list[ast.stmt]) -> bool:
    """Whether the statements branch or loop (nested functions left out)."""
    stack: list[ast.AST] = list(stmts)
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.If, ast.For, ast.While)):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            stack.extend(ast.iter_child_nodes(node))
    return False
