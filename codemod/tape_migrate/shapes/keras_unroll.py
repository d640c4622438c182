"""Graphs that are run by a Session later, or compiled in a comprehension: K.function on its own.

Before::

    loss = model.output[0, 1]
    grads = K.gradients(loss, model.input)[0]
    sess = K.get_session()
    for i in range(3):
        value, g = sess.run([loss, grads], feed_dict={model.input: x})
        x += g

After (then ``keras_function`` has it)::

    ...
    gradient_function = K.function([model.input], [loss, grads])
    for i in range(3):
        value, g = gradient_function([x])
        x += g

A Session runs what ``K.function`` compiles; tensors that the loop does not make are the same in all
its turns. And ``[K.function(…) for i in range(3)]`` is a loop that appends to a list.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.flow.scope import ScopeKind
from tape_migrate.module import Module
from tape_migrate.shapes.keras_calls import BACKEND
from tape_migrate.shapes.keras_compiled import Compiled, compiled_calls, read_compiled
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.keras_values import Level
from tape_migrate.sites import find_sites

_ALL_NAMES = frozenset({"locals", "vars", "dir", "eval", "exec"})
"""Builtins that see names which nothing reads by name."""


@dataclass(frozen=True)
class Run:
    """A Session's run in a block of its own, whose graph stands in a block around."""

    compiled: Compiled
    before: ast.stmt
    """The statement of the graph's block that holds the run."""
    site: ast.Call

    def in_block(self, module: Module, stmt: ast.stmt) -> bool:
        """Whether ``stmt`` is one of the graph's block, on a line of its own."""
        block = module.place_of(self.before).block
        return any(stmt is other for other in block) and len(block) > 1


@dataclass(frozen=True)
class Unrolled:
    """A comprehension that compiles functions, to be a loop."""

    comprehension: ast.ListComp | ast.DictComp
    stmt: ast.stmt
    target: ast.expr | None
    """What the statement assigns it to, if that is all the statement does."""
    sites: tuple[ast.Call, ...]


def find_run(module: Module, sites: list[ast.Call]) -> Run | None:
    """The first run of a Session deeper in the function of one of ``sites`` than its graph."""
    for call in compiled_calls(module):
        if module.names.resolve(call.func) == BACKEND + "function":
            continue
        compiled = read_compiled(module, call)
        if not isinstance(compiled, Compiled):
            continue
        for site in sites:
            before = _statement_around(module, call, site)
            if before is not None and _same_each_turn(module, compiled, before):
                return Run(compiled, before, site)
    return None


def find_run_elsewhere(module: Module, sites: list[ast.Call]) -> Compiled | None:
    """The first run of a Session in another function than the graph of one of ``sites``."""
    levels = Levels.of(module)
    scopes = {id(module.scope_of(site)) for site in sites}
    symbolic = [f.call for f in find_sites(module) if levels.value(f.call).level is Level.GRAPH]
    if not sites or any(call not in sites for call in symbolic):
        return None  # what is run may be one that must stay as it is
    for call in compiled_calls(module):
        if module.names.resolve(call.func) == BACKEND + "function":
            continue
        compiled = read_compiled(module, call)
        if isinstance(compiled, Compiled) and id(module.scope_of(call)) not in scopes:
            if levels.value(compiled.outputs).level is Level.GRAPH:
                return compiled
    return None


def _statement_around(module: Module, call: ast.Call, site: ast.Call) -> ast.stmt | None:
    """The statement that holds ``call``, in the block in which ``site`` stands, or None."""
    scope = module.scope_of(site)
    if module.scope_of(call) is not scope:
        return None
    block = module.place_of(module.statement_of(site)).block
    inner = module.statement_of(call)
    for place in module.places(call, within=scope):
        if place.block is block:
            stmt = block[place.index]
            later = stmt.lineno > module.statement_of(site).lineno
            return stmt if stmt is not inner and later else None
    return None


def _same_each_turn(module: Module, compiled: Compiled, around: ast.stmt) -> bool:
    """Whether inputs and outputs are plain reads of what ``around`` does not change."""
    stored = {
        node.id
        for node in ast.walk(around)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }
    changed = {
        node.attr
        for node in ast.walk(around)
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load)
    }
    for part in [*compiled.inputs, compiled.outputs]:
        for node in ast.walk(part):
            if isinstance(node, ast.Name) and node.id in stored:
                return False
            if isinstance(node, ast.Attribute) and node.attr in changed:
                return False
            if isinstance(node, ast.Call):
                resolved = module.names.resolve(node.func)
                layer = isinstance(node.func, ast.Attribute) and node.func.attr == "get_layer"
                if not layer and resolved != BACKEND + "learning_phase":
                    return False
    return True


def find_unrolled(module: Module, sites: list[ast.Call]) -> Unrolled | None:
    """The first comprehension with a ``K.function`` for one of ``sites``."""
    for call in compiled_calls(module):
        parents = list(module.parents(call))
        comprehensions = [p for p in parents if isinstance(p, (ast.ListComp, ast.DictComp))]
        if len(comprehensions) != 1:
            continue
        own = [site for site in sites if module.scope_of(site) is module.scope_of(call)]
        made = _unrolled(module, comprehensions[0], call, own) if own else None
        if made is not None:
            return made
    return None


def _unrolled(
    module: Module, node: ast.ListComp | ast.DictComp, call: ast.Call, own: list[ast.Call]
) -> Unrolled | None:
    stmt = module.statement_of(node)
    scope = module.scope_of(node)
    if scope.kind not in (ScopeKind.FUNCTION, ScopeKind.MODULE) or len(node.generators) != 1:
        return None
    value = node.elt if isinstance(node, ast.ListComp) else node.value
    generator = node.generators[0]
    if value is not call or generator.is_async:
        return None
    if isinstance(node, ast.DictComp) and any(isinstance(n, ast.Call) for n in ast.walk(node.key)):
        return None  # a loop computes the key after the value
    if not isinstance(stmt, (ast.Assign, ast.Return)) or stmt.value is not node:
        return None
    names = {n.id for n in ast.walk(generator.target) if isinstance(n, ast.Name)}
    if _taken(module, node, names):
        return None
    if names & (scope.globals | scope.nonlocals):
        return None
    if scope.args is not None and names & {
        a.arg for a in ast.walk(scope.args) if isinstance(a, ast.arg)
    }:
        return None
    target: ast.expr | None = None
    if isinstance(stmt, ast.Assign):
        target = stmt.targets[0]
        if len(stmt.targets) != 1 or not isinstance(target, (ast.Name, ast.Attribute)):
            return None
        if isinstance(target, ast.Attribute) and not isinstance(target.value, ast.Name):
            return None
        text = ast.unparse(target)
        if any(
            isinstance(n, (ast.Name, ast.Attribute)) and ast.unparse(n) == text
            for n in ast.walk(node)
        ):
            return None
    return Unrolled(node, stmt, target, tuple(own))


def _taken(module: Module, node: ast.ListComp | ast.DictComp, names: set[str]) -> bool:
    """Whether anything else is called like the variables, which a loop makes names of the scope.

    That hides what is called so around the scope, too, from all that stands in it.
    """
    scope = module.scope_of(node)
    around = (scope, None, *scope.enclosing)
    first = module.inside(node.generators[0].iter)  # evaluated outside, before any turn
    for other in module.of_kind(ast.Name):
        reader = module.scope_of(other)
        inside = reader is scope or scope in reader.enclosing
        if inside and other.id in _ALL_NAMES:
            return True
        if other.id not in names or (module.holds(node, other) and other not in first):
            continue
        owner = module.scopes.resolve(other.id, reader)
        if owner in (scope, None) or (inside and owner in around):
            if not module.scopes.is_comprehension_variable(other):
                return True
    return False
