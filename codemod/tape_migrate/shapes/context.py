"""What deciding the calls of one module shares: facts, hazards, earlier decisions."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from tape_migrate.flow.scope import Scope
from tape_migrate.module import Module
from tape_migrate.shapes.cached import kept_results
from tape_migrate.shapes.called_elsewhere import called_elsewhere
from tape_migrate.shapes.closure import Closure
from tape_migrate.shapes.collections_read import (
    ALL_VARIABLES,
    collected_elsewhere,
    collects_variables,
)
from tape_migrate.shapes.copies import value_of
from tape_migrate.shapes.dependence import Dependence
from tape_migrate.shapes.evaluated import all_calls, calls_in
from tape_migrate.shapes.hazards import LOOKUPS, ModuleHazards, refuse_scope
from tape_migrate.shapes.modes import OtherModules
from tape_migrate.shapes.plan import Candidate, Refusal, Request, Source
from tape_migrate.shapes.repeats import repeat_of
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import COLLECTIONS, tensorflow_function
from tape_migrate.shapes.variable_makers import makes_variables

if TYPE_CHECKING:
    from tape_migrate.shapes.kept_tape import Kept

_COLLECTING = frozenset(name.rpartition(".")[2] for name in COLLECTIONS)
_PLAIN_BUILTINS = frozenset({"len", "range", "float", "int", "list", "tuple", "zip", "enumerate"})


class Context:
    """Lazy facts shared by the decisions about one module's text."""

    def __init__(
        self, module: Module, *, pending: frozenset[int], fed: frozenset[str] = frozenset()
    ) -> None:
        """``pending`` are the ``id()``s of the gradient calls not migrated yet, ``fed`` the names
        of functions in which only what they are called with is symbolic.
        """
        self.module = module
        self.fed = fed
        self.hazards = ModuleHazards(module)
        self._pending = pending
        self._dependences: dict[Scope, Dependence] = {}
        self._scope_refusals: dict[Scope, Refusal | None] = {}
        self.kept: dict[int, tuple[Request, Kept | None]] = {}
        """What ``kept_tape.find_kept`` said, by the call."""

    @classmethod
    def of(
        cls, module: Module, *, pending: frozenset[int], fed: frozenset[str] = frozenset()
    ) -> Context:
        """The context with these ``pending`` and ``fed``, made once for a module."""
        made = module.memo.setdefault("contexts", {})
        assert isinstance(made, dict)
        known: Context | None = made.get((pending, fed))
        if known is None:
            known = made[pending, fed] = cls(module, pending=pending, fed=fed)
        return known

    def dependence(self, scope: Scope) -> Dependence:
        known = self._dependences.get(scope)
        if known is None:
            known = self._dependences[scope] = Dependence(self.module, scope, self.summaries)
        return known

    def is_closed(self, dep: Dependence, node_id: int) -> bool:
        """Whether every call that a node makes can be seen through."""
        node = dep.cfg.nodes[node_id].node
        if node is None or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return True
        return all(self.summaries.is_closed(call) for call in calls_in(node))

    def calls_of(
        self, dep: Dependence, nodes: Iterable[int], exprs: Iterable[ast.AST]
    ) -> list[ast.Call]:
        """Calls made by ``nodes`` and ``exprs``, and by the visible functions that they run."""
        parts = self.run_by(dep, nodes, exprs)
        calls = [call for part in parts for call in calls_in(part)]
        for function in self.summaries.called_functions(parts):
            calls += all_calls(function)
        return calls

    @staticmethod
    def run_by(dep: Dependence, nodes: Iterable[int], exprs: Iterable[ast.AST]) -> list[ast.AST]:
        """What is evaluated by ``nodes`` and ``exprs``: no bodies of functions."""
        stmts = (dep.cfg.nodes[node_id].node for node_id in nodes)
        defined = (ast.FunctionDef, ast.ClassDef)
        run = [node for node in stmts if node is not None and not isinstance(node, defined)]
        return [*exprs, *run]

    @cached_property
    def others(self) -> OtherModules | None:
        """The project's other modules, if there is a project."""
        project = self.module.project
        return project if isinstance(project, OtherModules) else None

    def opaque_calls(self, dep: Dependence, node_id: int) -> frozenset[str]:
        """Objects of unknown state that a node calls into."""
        node = dep.cfg.nodes[node_id].node
        if node is None or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return frozenset()
        return self.summaries.opaque_roots(node)

    def reads_collection(
        self,
        dep: Dependence,
        nodes: frozenset[int],
        exprs: Iterable[ast.AST],
        sources: Iterable[Source],
    ) -> str | None:
        """The function by which the target takes tensors out of a graph collection.

        Variables do not count where they are the sources themselves, as they were collected; they
        do where a source is one of them by a name of its own.
        """
        named = [source for source in sources if not source.collected]
        variable = any(self._is_variable(source) for source in named)
        parts = self._parts_on_the_way(dep, nodes, exprs)
        for call in (call for part in parts for call in all_calls(part)):
            name = tensorflow_function(self.module.names.resolve(call.func))
            if name in COLLECTIONS and (named or not collects_variables(self.module, call)):
                return name
            if variable and name in ALL_VARIABLES:
                return name
            elsewhere = collected_elsewhere(self.module, call) if name is None else None
            if elsewhere is not None:
                return elsewhere
        for dotted, called in called_elsewhere(self.module, parts, _COLLECTING, across=False):
            name = tensorflow_function(called)
            if name in COLLECTIONS and self.others and self.others.function(dotted) is None:
                return name
        return None

    def _is_variable(self, source: Source) -> bool:
        values = [value_of(d, source.symbol) for d in source.track.definitions]
        return source.variable or any(
            value is not None and makes_variables(self.module, value) for value in values
        )

    def looks_up(
        self, dep: Dependence, nodes: frozenset[int], exprs: Iterable[ast.AST]
    ) -> str | None:
        """What may give the target a tensor that exists already: a graph that is asked for it by
        its name, a function that keeps its results."""
        parts = self._parts_on_the_way(dep, nodes, exprs)
        for call in (call for part in parts for call in all_calls(part)):
            if isinstance(call.func, ast.Attribute) and call.func.attr in LOOKUPS:
                return f"{call.func.attr}: what it finds"
        for dotted, name in called_elsewhere(self.module, parts, LOOKUPS, across=True):
            return f"{dotted}, which calls {name.rpartition('.')[2]}: what it finds"
        kept = kept_results(self.module, parts)
        return f"{kept[0]}, which keeps what it returns ({kept[1]}): that" if kept else None

    def _parts_on_the_way(
        self, dep: Dependence, nodes: frozenset[int], exprs: Iterable[ast.AST]
    ) -> list[ast.AST]:
        parts = list(exprs)
        for node_id in nodes:
            node = dep.cfg.nodes[node_id].node
            if node is not None and not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                parts.append(node)
        return [*parts, *self.summaries.called_functions(parts)]

    def refuse_scope(self, scope: Scope) -> Refusal | None:
        if scope not in self._scope_refusals:
            self._scope_refusals[scope] = refuse_scope(scope)
        return self._scope_refusals[scope]

    @cached_property
    def summaries(self) -> Summaries:
        return Summaries.of(self.module)

    @cached_property
    def closure(self) -> Closure:
        return Closure(self.module)

    def _gradient_calls(self, dep: Dependence, nodes: frozenset[int]) -> list[ast.Call]:
        found: list[ast.Call] = []
        for node_id in nodes:
            node = dep.cfg.nodes[node_id].node
            if node is not None:
                found += [c for c in calls_in(node) if id(c) in self._pending]
        return found

    def waits_on(self, request: Request) -> frozenset[int]:
        """``id()``s of gradient calls, not migrated yet, that feed the target."""
        dep = self.dependence(request.found.scope)
        node_id = dep.facts.node_id(request.call)
        exprs = [request.target]
        if request.output_gradients is not None:
            exprs.append(request.output_gradients)
        repeat = repeat_of(self.module, request)
        around = () if isinstance(repeat, Refusal) else repeat.target_reads
        found = {id(c) for e in (*exprs, *around) for c in calls_in(e)} & self._pending
        nodes, _ = dep.slice_back(dep.links_of(node_id, exprs))
        found |= {id(c) for c in self._gradient_calls(dep, nodes)}
        parts: list[ast.AST] = [*exprs]
        for n in nodes:
            node = dep.cfg.nodes[n].node
            if node is not None and not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                parts.append(node)
        for function in self.summaries.called_functions(parts):
            found |= {id(c) for c in self.module.inside(function)} & self._pending
        return frozenset(found - {id(request.call)})

    def pending_inside(self, decision: Candidate) -> frozenset[int]:
        """``id()``s of other gradient calls, not migrated yet, inside the tape of ``decision``."""
        request = decision.request
        parts: list[ast.AST] = [*decision.region.stmts, request.target]
        if request.output_gradients is not None:
            parts.append(request.output_gradients)
        dep = self.dependence(request.found.scope)
        nodes = (dep.cfg.nodes[node_id].node for node_id in decision.paths.required)
        parts += [node for node in nodes if node is not None]
        parts += self.summaries.called_functions(parts)
        found = {id(node) for part in parts for node in self.module.inside(part)}
        return frozenset(found & self._pending - {id(request.call)})

    def order_matters(self, request: Request) -> bool:
        """Whether the target and something else in its statement both call unknown functions."""
        inside = {id(node) for expr in request.given for node in self.module.inside(expr)}
        around = {id(parent) for parent in self.module.parents(request.call)}
        mine = other = False
        for call in self.module.inside(self.module.statement_of(request.call)):
            if not isinstance(call, ast.Call) or call is request.call or id(call) in around:
                continue
            if self._is_plain_call(call):
                continue
            mine |= id(call) in inside
            other |= id(call) not in inside
        return mine and other

    def _is_plain_call(self, call: ast.Call) -> bool:
        if self.module.names.resolve(call.func):
            return True
        function = self.summaries.callee(call)
        if function is not None:
            return self.summaries.is_quiet(function)
        return isinstance(call.func, ast.Name) and call.func.id in _PLAIN_BUILTINS
