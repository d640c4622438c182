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
from tape_migrate.imports import is_test
from tape_migrate.module import Module
from tape_migrate.shapes.hidden_control_flow import hidden_control_flow, runs_in_branch
from tape_migrate.shapes.plan import Refusal
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import V1_CONTROL_FLOW, tensorflow_function

V2_OFF: Final = frozenset(
    {"disable_v2_behavior", "disable_control_flow_v2", "disable_resource_variables"}
)

_CONTROL_FLOW_OFF: Final = ("disable_v2_behavior", "disable_control_flow_v2")

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

    def turns_v2_off(self, path: str) -> str | None:
        """A module that makes all variables reference variables; no test, seen from ``path``."""

    def matching(self, path: str, name: str, pattern: str) -> list[str]:
        """Paths of other modules that hold ``name`` and match a pattern of ``re``."""

    def program(self, path: str) -> list[str]:
        """Paths of the other modules that may run in one program with the one at ``path``."""

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


def control_flow_off(module: Module) -> str | None:
    """What turns TensorFlow 2 control flow off: the module itself, or another of its program."""
    if v2_off(module):
        return "the module"
    if "control flow off" not in module.memo:
        patterns = {name: rf"\b{name}\s*\(" for name in _CONTROL_FLOW_OFF}
        turning = [p for p in _holding(module, patterns) if not is_test(p, module.path)]
        module.memo["control flow off"] = min(turning, default="")
    return str(module.memo["control flow off"]) or None


def _holding(module: Module, patterns: dict[str, str]) -> set[str]:
    """Other modules of the program that hold one of the words, each with its pattern."""
    project = module.project
    found: set[str] = set()
    if isinstance(project, OtherModules):
        for name, pattern in patterns.items():
            found.update(project.matching(module.path, name, pattern))
        if found:
            found.intersection_update(project.program(module.path))
    return found


def reference_variables(module: Module) -> bool:
    """Whether the module turns TensorFlow 2 variables off and does not turn them on again."""
    shown = identifiers(module)
    if "enable_resource_variables" in shown:
        return False
    project = module.project
    elsewhere = isinstance(project, OtherModules) and project.turns_v2_off(module.path) is not None
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
    off = control_flow_off(module)
    if graph_mode(module) is None and off is None:
        return []
    summaries = Summaries.of(module)
    if off is not None:
        calls += _run_by_others(module, calls)
    direct = [
        name
        for call in calls
        if (name := tensorflow_function(module.names.resolve(call.func))) in V1_CONTROL_FLOW
    ]
    if direct and off is not None:
        return _refusal(off, f"tf.{direct[0]} is on the path")
    for call in calls if off is not None else ():
        branching = hidden_control_flow(module, call)
        if branching is not None and off is not None:
            return _refusal(off, f"{branching}, which may branch or loop inside, is on the path")
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
    may = unseen
    if may and off is not None and not v2_off(module):
        may = [call for call in unseen if not _is_seen(module, call, project)]
        may = may if may and _loops_anywhere(module) else []
    if may and off is not None:
        return _refusal(off, f"{ast.unparse(may[0].func)} may use control flow")
    return [ASSUMES_V2_CONTROL_FLOW] if unseen or direct else []


def _run_by_others(module: Module, calls: list[ast.Call]) -> list[ast.Call]:
    """Calls in functions that ``calls`` hand on: ``map(net, xs)``."""
    summaries = Summaries.of(module)
    given = [a for call in calls for a in (*call.args, *(k.value for k in call.keywords))]
    run = [function for a in given if (function := summaries.mentioned(a)) is not None]
    return [
        call
        for function in run
        for each in summaries.reached(function)
        for call in module.of_kind_inside(ast.Call, each)
    ]


def _is_seen(module: Module, call: ast.Call, project: OtherModules | None) -> bool:
    """Whether a call is of a function of another module that is in sight, with all that it runs."""
    dotted = module.names.resolve(call.func)
    if project is None or not dotted or project.function(dotted) is None:
        return False
    called = project.function_calls(dotted, _LOOP_NAMES, across=True)
    return not any(tensorflow_function(name) in V1_CONTROL_FLOW for name in called)


def _loops_anywhere(module: Module) -> bool:
    """Whether another module of the program writes a loop or a branch."""
    if "loops anywhere" not in module.memo:
        patterns = {name: rf"\b(tf|nn)\.{name}\s*\(" for name in sorted(_LOOP_NAMES)}
        module.memo["loops anywhere"] = bool(_holding(module, patterns))
    return bool(module.memo["loops anywhere"])


def refuse_branch(module: Module, scope: Scope) -> Refusal | None:
    """Refuse a gradient that is taken in a branch of TensorFlow 1 control flow."""
    off = control_flow_off(module)
    branching = runs_in_branch(module, scope) if off is not None else None
    if branching is None:
        return None
    return Refusal(
        "TM121",
        f"{off} turns TensorFlow 2 behaviour off and the gradient is taken in a branch of "
        f"tf.{branching}: a tape cannot go through what comes from around it",
    )


def _refusal(off: str, what: str) -> Refusal:
    return Refusal(
        "TM121", f"{off} turns TensorFlow 2 behaviour off and {what}: a tape gives None there"
    )
