"""In which mode a module runs: does it turn version 2 off, does it build graphs for a Session?

A tape is exact in a graph as well, with one exception that was measured: TensorFlow 1 control flow
(after ``disable_v2_behavior()``) hides ``tf.map_fn``, ``tf.while_loop`` and ``tf.cond`` from it,
and reference variables cannot be its sources. Where a module says that it turns version 2 off, what
may go through those is refused; where it only shows that it runs under a Session, version 2 control
flow is assumed aloud.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Final, Protocol, runtime_checkable

from tape_migrate.flow.scope import Scope
from tape_migrate.module import Module
from tape_migrate.shapes.hidden_control_flow import hidden_control_flow, runs_in_branch
from tape_migrate.shapes.plan import Refusal
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import V1_CONTROL_FLOW, tensorflow_function

V2_OFF: Final = frozenset(
    {"disable_v2_behavior", "disable_control_flow_v2", "disable_resource_variables"}
)

_GRAPH_MODE: Final = frozenset(
    {
        "Session",
        "InteractiveSession",
        "placeholder",
        "disable_eager_execution",
        "disable_v2_behavior",
        "get_variable",
        "variable_scope",
        "get_default_session",
        "get_session",
        "MonitoredSession",
        "contrib",
        "test_session",
        "test_context",
        "cached_session",
        "sess",
        "session",
    }
)

_LOOP_NAMES: Final = frozenset(name.rpartition(".")[2] for name in V1_CONTROL_FLOW)
_UNSEEN: Final = frozenset(
    {"Defun", "RegisterGradient", "gradient_override_map"}
    | {"import_graph_def", "import_meta_graph", "import_scoped_meta_graph", "create_op"}
)
"""Functions that give gradients of their own, or make operations: no tape sees either."""

ASSUMES_V2_CONTROL_FLOW: Final = (
    "assumes TensorFlow 2 control flow: after disable_v2_behavior() a tape gives None for what "
    "goes through tf.map_fn, tf.while_loop or tf.cond"
)


@runtime_checkable
class OtherModules(Protocol):
    """What a project can tell of functions in its other modules."""

    def function_calls(
        self, dotted: str, leaves: frozenset[str], *, across: bool = False, classes: bool = False
    ) -> frozenset[str]:
        """Canonical names that the function named ``dotted`` calls, as far as is seen: all that
        end in one of ``leaves``, and perhaps others. ``across`` follows calls into further modules;
        with ``classes`` all that the methods of a class call."""

    def hold(self, words: frozenset[str]) -> bool:
        """Whether the text of any module holds one of ``words``."""

    def turns_eager_off(self) -> tuple[str, ...]:
        """Paths of the modules that turn eager execution off."""

    def turns_v2_off(self) -> str | None:
        """A module of the program (not a test) that makes all variables reference variables."""

    def function(self, dotted: str) -> tuple[Module, ast.FunctionDef] | None:
        """The function named ``dotted`` of another module, and that module."""


def identifiers(module: Module) -> frozenset[str]:
    """Every name and attribute that occurs in the module."""
    known = module.memo.get("identifiers")
    if not isinstance(known, frozenset):
        found: set[str] = set()
        found.update(module.parsed.by_attribute)
        found.update(node.id for node in module.of_kind(ast.Name))
        for node in module.of_kind(ast.ImportFrom):
            found.update(alias.name for alias in node.names)
        known = module.memo["identifiers"] = frozenset(found)
    return known


def graph_mode(module: Module) -> str | None:
    """A name by which the module shows that it builds graphs, if it does."""
    shown = identifiers(module) & _GRAPH_MODE
    return min(shown) if shown else None


def assume_graph(module: Module) -> list[str]:
    """What is taken for granted where variables come from collections; nothing if it shows."""
    if graph_mode(module) is not None:
        return []
    return ["assumes a graph: run eagerly, its collections of variables are empty"]


def v2_off(module: Module) -> bool:
    """Whether the module turns TensorFlow 2 control flow or variables off."""
    return bool(identifiers(module) & V2_OFF)


def reference_variables(module: Module) -> bool:
    """Whether the module turns TensorFlow 2 variables off and does not turn them on again."""
    shown = identifiers(module)
    if "enable_resource_variables" in shown:
        return False
    project = module.project
    elsewhere = isinstance(project, OtherModules) and project.turns_v2_off() is not None
    return elsewhere or bool(shown & {"disable_v2_behavior", "disable_resource_variables"})


def _made_by(module: Module, call: ast.Call) -> list[ast.expr]:
    """What made the function that is called: ``wrap`` of ``f = wrap(3)(g)``, then ``f(x)``."""
    found: list[ast.expr] = []
    if isinstance(call.func, ast.Name):
        for node in module.names.bindings(call.func.id, module.scope_of(call)):
            value = node.value if isinstance(node, ast.Assign) else None
            while isinstance(value, ast.Call):
                found.append(value.func)
                value = value.func
    return found


def judge_control_flow(
    module: Module, calls: Iterable[ast.Call], project: OtherModules | None
) -> list[str] | Refusal:
    """What ``calls``, made on the path to a target, mean for a tape in this module's mode."""
    calls = list(calls)
    for call in calls if project is not None and project.hold(_UNSEEN) else ():
        for func in (call.func, *_made_by(module, call)):
            dotted = module.names.resolve(func)
            names = (
                project.function_calls(dotted, _UNSEEN, across=True, classes=True)
                if project and dotted
                else ()
            )
            hidden = sorted({name.rpartition(".")[2] for name in names} & _UNSEEN)
            if hidden:
                return Refusal("TM109", f"{dotted} uses {hidden[0]}, of which a tape sees nothing")
    if graph_mode(module) is None and not v2_off(module):
        return []
    summaries = Summaries.of(module)
    direct = [
        name
        for call in calls
        if (name := tensorflow_function(module.names.resolve(call.func))) in V1_CONTROL_FLOW
    ]
    off = v2_off(module)
    if direct and off:
        return _refusal(f"tf.{direct[0]} is on the path")
    for call in calls if off else ():
        branching = hidden_control_flow(module, call)
        if branching is not None:
            return _refusal(f"{branching}, which may branch or loop inside, is on the path")
    unseen = [call for call in calls if not summaries.is_closed(call)]
    for call in unseen:
        dotted = module.names.resolve(call.func)
        called = project.function_calls(dotted, _LOOP_NAMES) if project and dotted else ()
        for name in sorted(called):
            if tensorflow_function(name) in V1_CONTROL_FLOW:
                return Refusal(
                    "TM121",
                    f"the module runs in graph mode, and {dotted} goes through "
                    f"tf.{tensorflow_function(name)}: in TensorFlow 1 control flow a tape gives "
                    "None there",
                )
    if unseen and off:
        return _refusal(f"{ast.unparse(unseen[0].func)} may use control flow")
    return [ASSUMES_V2_CONTROL_FLOW] if unseen or direct else []


def refuse_branch(module: Module, scope: Scope) -> Refusal | None:
    """Refuse a gradient that is taken in a branch of TensorFlow 1 control flow."""
    branching = runs_in_branch(module, scope) if v2_off(module) else None
    if branching is None:
        return None
    return Refusal(
        "TM121",
        f"the module turns TensorFlow 2 behaviour off and the gradient is taken in a branch of "
        f"tf.{branching}: a tape cannot go through what comes from around it",
    )


def _refusal(what: str) -> Refusal:
    return Refusal(
        "TM121",
        f"the module turns TensorFlow 2 behaviour off and {what}: a tape gives None there",
    )
