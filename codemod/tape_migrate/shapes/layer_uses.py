"""Where a layer class is used, on what a model gives and the model's input.

``GradNorm()([critic(mixed), mixed])``, or with a name, ``out = critic(mixed)``, that nothing else
reads.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.flow.scope import ScopeKind
from tape_migrate.module import Module
from tape_migrate.shapes.layer_chain import Chain, chain_of

_PAIR = 2


@dataclass(frozen=True)
class LayerUse:
    """``GradNorm()([critic(mixed), mixed])``."""

    made: ast.Call
    """``GradNorm()``."""
    pair: ast.expr
    """The list of the two tensors."""
    forward: ast.Call
    """``critic(mixed)``."""
    source: ast.expr
    suffix: ast.Subscript | None
    """``critic(mixed)[0]``, where the critic gives several outputs."""
    named: ast.Assign | None
    """``out = critic(mixed)``, where the pair is ``[out, mixed]``: it has no other use."""
    chain: Chain | None
    """The layers that stand for the critic, where there are several."""

    @property
    def links(self) -> tuple[ast.expr, ...]:
        return self.chain.links if self.chain is not None else (self.forward.func,)


def uses_in(
    module: Module, node: ast.ClassDef, pair: tuple[int, int]
) -> tuple[LayerUse, ...] | str:
    """Every use of the class."""
    found: list[LayerUse] = []
    for name in names_class(module, node):
        if isinstance(name, ast.Attribute):
            return f"line {name.lineno} uses {ast.unparse(name)}"
        use = use_of(module, name, pair)
        if isinstance(use, str):
            return use
        found.append(use)
    return tuple(found) or f"{node.name} is not used"


def names_class(module: Module, node: ast.ClassDef) -> list[ast.Name | ast.Attribute]:
    """Where the module names the class, but for ``super(GradNorm, self)`` in it."""
    scope = module.scopes.opened_by(node).parent
    found: list[ast.Name | ast.Attribute] = []
    for name in module.nodes:
        if isinstance(name, ast.Attribute) and name.attr == node.name:
            found.append(name)
        if not isinstance(name, ast.Name) or name.id != node.name:
            continue
        if module.scopes.resolve(name.id, module.scope_of(name)) is not scope:
            continue
        around = module.parent_of(name)
        if not (isinstance(around, ast.Call) and _is_in(around, node, module)):
            found.append(name)
    return found


def _is_in(call: ast.Call, node: ast.ClassDef, module: Module) -> bool:
    """Whether ``call`` is ``super(GradNorm, self)`` in the class."""
    named = isinstance(call.func, ast.Name) and call.func.id == "super"
    return named and any(parent is node for parent in module.parents(call))


def use_of(module: Module, name: ast.expr, pair: tuple[int, int]) -> LayerUse | str:
    """The use of a class where it is named, if it has the form."""
    where = f"line {name.lineno}"
    text = ast.unparse(name)
    made = module.parent_of(name)
    called = module.parent_of(made) if isinstance(made, ast.Call) and made.func is name else None
    if not isinstance(made, ast.Call) or not isinstance(called, ast.Call):
        return f"{where} uses {text} otherwise than to call it"
    starred = any(isinstance(arg, ast.Starred) for arg in made.args)
    if called.func is not made or len(called.args) != 1 or called.keywords or starred:
        return f"{where} uses {text} otherwise than to call it on two tensors"
    given = called.args[0]
    if not isinstance(given, (ast.List, ast.Tuple)) or len(given.elts) != _PAIR:
        return f"{where} uses {text} otherwise than to call it on two tensors"
    target, source = (given.elts[place] for place in pair)
    if not _is_plain(source):
        return f"{where}: {ast.unparse(source)} is no name"
    stmt = _named(module, target, source) if isinstance(target, ast.Name) else None
    if isinstance(stmt, str):
        return f"{where}: {stmt}"
    target = stmt.value if stmt is not None else target
    suffix = target if isinstance(target, ast.Subscript) else None
    if suffix is not None and not isinstance(suffix.slice, ast.Constant):
        return f"{where}: {ast.unparse(target)} is not what a model gives"
    forward = target.value if isinstance(target, ast.Subscript) else target
    if not isinstance(forward, ast.Call):
        return f"{where}: {ast.unparse(target)} is not what a model gives there"
    if b"#" in module.segment(given):
        return f"{where}: a comment stands between the two tensors"
    if len(forward.args) != 1 or forward.keywords:
        return f"{where}: {ast.unparse(forward)} gives the model more than its input"
    chain: Chain | None = None
    plain = isinstance(forward.func, (ast.Name, ast.Attribute))
    if not plain or ast.dump(forward.args[0]) != ast.dump(source):
        user = module.statement_of(name) if stmt is not None else None
        found = _chain(module, forward, source, user)
        if isinstance(found, str) or suffix is not None:
            why = f": {found}" if isinstance(found, str) else ""
            return f"{where}: {ast.unparse(forward)} is not a model's on {ast.unparse(source)}{why}"
        chain = found
    return LayerUse(made, given, forward, source, suffix, stmt, chain)


def _chain(
    module: Module, forward: ast.Call, source: ast.expr, user: ast.stmt | None
) -> Chain | str:
    """The layers between ``source`` and what ``forward`` gives; ``user`` calls them then."""
    if not isinstance(source, ast.Name):
        return "it is no name"
    chain = chain_of(module, forward, source.id, user)
    if isinstance(chain, str):
        return chain
    why = (_set_again(module, stmt) for stmt in chain.stmts if user is not None)
    return next((again for again in why if again is not None), chain)


def _named(module: Module, target: ast.Name, source: ast.expr) -> ast.Assign | str:
    """The statement that computes the target, if nothing but the layer reads it."""
    why = f"{target.id} is not what a model gives for {ast.unparse(source)} alone"
    bound = module.names.bindings(target.id, module.scope_of(target))
    stmt = bound[0] if len(bound) == 1 else None
    if not isinstance(stmt, ast.Assign) or len(stmt.targets) != 1:
        return why
    if not isinstance(stmt.targets[0], ast.Name) or not isinstance(source, ast.Name):
        return why
    scope = module.scope_of(stmt)
    reads = [
        node
        for node in module.nodes
        if isinstance(node, ast.Name)
        and node.id == target.id
        and isinstance(node.ctx, ast.Load)
        and module.scopes.resolve(node.id, module.scope_of(node)) is scope
    ]
    if scope is not module.scope_of(target) or scope.kind is not ScopeKind.FUNCTION:
        return why
    here = module.statement_of(target)
    if module.place_of(stmt).block is not module.place_of(here).block:
        return why
    if len(reads) != 1 or b"#" in module.segment(stmt):
        return f"{target.id} is used in lines {', '.join(str(node.lineno) for node in reads)}"
    return _set_again(module, stmt) or stmt


def _set_again(module: Module, stmt: ast.Assign) -> str | None:
    """Why what a statement reads may be another thing later."""
    between = {name.id for name in ast.walk(stmt.value) if isinstance(name, ast.Name)}
    held = {a.attr for a in ast.walk(stmt.value) if isinstance(a, ast.Attribute)}
    sets = [
        node.attr
        for node in module.nodes
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    ]
    scope = module.scope_of(stmt)
    again = any(len(module.names.bindings(name, scope)) > 1 for name in between)
    if again or any(sets.count(name) > 1 for name in held):
        return f"what {ast.unparse(stmt.value)} reads is bound more than once"
    return None


def _is_plain(expr: ast.expr) -> bool:
    """``mixed`` or ``self.mixed``: the same tensor where it is read twice in an expression."""
    root = expr.value if isinstance(expr, ast.Attribute) else expr
    return isinstance(root, ast.Name)
