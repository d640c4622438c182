"""Python control flow around a gradient goes under ``tf.function``.

Before (graph mode cannot branch on a tensor; eager code is slow)::

    if x > 1.0:
        y = x * x
    else:
        y = x
    g = tf.gradients(y, x)

After::

    @tf.function
    def compute_y(x):
        if x > 1.0:
            y = x * x
        else:
            y = x
        return y


    with tf.GradientTape() as tape:
        y = compute_y(x)
    g = tape.gradient(y, [x])

A function that is nothing but TensorFlow on its own parameters and names is decorated as a whole;
else each control-flow statement inside the tape is taken out into a function of its own, its inputs
as parameters. Exact: a tape records a compiled function as one differentiable operation of its
inputs, and AutoGraph's ``tf.cond``/``tf.while_loop`` have the gradients of the branch taken. What
could mean something else when compiled (see ``purity``) stays eager, where it is exact as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from tape_migrate.edits.draft import Applied, Draft
from tape_migrate.edits.extract import decorate, extract
from tape_migrate.edits.names import fresh_name, tensorflow_name, used_names
from tape_migrate.flow.liveness import live_in, live_out
from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.model import Options, TfFunction
from tape_migrate.module import Module
from tape_migrate.shapes.in_tf_function import is_tf_function
from tape_migrate.shapes.loop_body import is_loop_body
from tape_migrate.shapes.modes import graph_mode
from tape_migrate.shapes.purity import Purity, always_bound, undefined_after_branch
from tape_migrate.sites import find_sites

_CONTROL = (ast.If, ast.For, ast.While)


class Compiler:
    """Decides and edits, for one module whose calls are migrated."""

    def __init__(self, module: Module, options: Options) -> None:
        self.module = module
        self._always = options.tf_function is TfFunction.ALWAYS
        self._purity = Purity(module)
        self._made: set[str] = set()
        """Names of the functions that were taken out."""
        self.notes: dict[int, str] = {}
        """Scope node id -> why its control flow stays eager."""

    def compile(self, first_lines: Sequence[int]) -> Applied | None:
        """Edit the functions whose tapes begin on ``first_lines``; None if nothing changes."""
        draft = Draft(self.module.text)
        by_scope: dict[int, list[ast.With]] = {}
        for tape in self._tapes(first_lines):
            by_scope.setdefault(id(self.module.scope_of(tape)), []).append(tape)
        for tapes in by_scope.values():
            self._scope(draft, self.module.scope_of(tapes[0]), tapes)
        return draft.apply() if draft.edits else None

    def _tapes(self, first_lines: Sequence[int]) -> list[ast.With]:
        wanted = set(first_lines)
        return [
            node
            for node in self.module.nodes
            if isinstance(node, ast.With)
            and node.lineno in wanted
            and isinstance(call := node.items[0].context_expr, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == "GradientTape"
        ]

    def _scope(self, draft: Draft, scope: Scope, tapes: list[ast.With]) -> None:
        control = self._control_flow(scope, tapes)
        if not control and not self._always:
            return
        if is_tf_function(self.module, scope) or is_loop_body(self.module, scope):
            return
        shown = graph_mode(self.module)
        if shown is not None:
            self.notes[id(scope.node)] = (
                f"no tf.function added: the module runs in graph mode ({shown})"
            )
            return
        if self._has_tape_from_outside(scope):
            note = "control flow stays eager: a gradient is taken on a tape from outside"
            self.notes[id(scope.node)] = note
            return
        if self._decorate(draft, scope):
            return
        inside = [stmt for tape in tapes for stmt in tape.body if isinstance(stmt, _CONTROL)]
        reasons: list[str] = []
        for stmt in inside:
            reason = self._extract(draft, scope, stmt, tapes)
            if reason is not None:
                reasons.append(reason)
        if reasons or not inside:
            reason = reasons[0] if reasons else self.notes.get(id(scope.node), "")
            if reason:
                self.notes[id(scope.node)] = f"control flow stays eager: {reason}"
        else:
            self.notes.pop(id(scope.node), None)

    def _has_tape_from_outside(self, scope: Scope) -> bool:
        """Whether the scope takes a gradient on a tape that it does not open: eager operations are
        on it, which a traced function cannot differentiate."""
        own = {
            item.optional_vars.id
            for stmt in self.module.of_kind_inside(ast.With, scope.node)
            for item in stmt.items
            if isinstance(item.optional_vars, ast.Name)
        }
        for call in self.module.of_kind_inside(ast.Call, scope.node):
            match call.func:
                case ast.Attribute(value=tape, attr="gradient" | "jacobian" | "batch_jacobian"):
                    outside = symbol_of(tape) is not None and ast.unparse(tape) not in own
                    if outside and self.module.scope_of(call) is scope:
                        return True
        return False

    def _control_flow(self, scope: Scope, tapes: list[ast.With]) -> bool:
        if scope.kind is ScopeKind.FUNCTION:
            return _holds_control_flow(scope.body)
        return any(_holds_control_flow(tape.body) for tape in tapes) or any(
            isinstance(parent, _CONTROL) for tape in tapes for parent in self.module.parents(tape)
        )

    def _decorate(self, draft: Draft, scope: Scope) -> bool:
        node = scope.node
        if not isinstance(node, ast.FunctionDef) or node.decorator_list:
            return False
        if scope.parent is None or scope.parent.kind is not ScopeKind.MODULE:
            self.notes[id(node)] = "it is a method or a nested function"
            return False
        reason = self._purity.why_not(scope.body, scope, closed=True) or _loop_around_gradient(
            self.module, scope
        )
        if reason is None and self._partly_bound(scope):
            reason = "a name is bound in one branch only"
        if reason is not None:
            self.notes[id(node)] = reason
            return False
        tf = self._tensorflow(scope.parent, node)
        if tf is None:
            return False
        decorate(self.module, draft, node, tf)
        return True

    def _partly_bound(self, scope: Scope) -> bool:
        cfg = self.module.facts(scope).cfg
        for stmt in _statements(scope.body):
            if isinstance(stmt, ast.If):
                after = live_out(cfg, [stmt])
                before = self._bound_before(scope, stmt, after)
                if undefined_after_branch(stmt, before, after):
                    return True
        return False

    def _bound_before(self, scope: Scope, stmt: ast.stmt, names: Iterable[str]) -> frozenset[str]:
        facts = self.module.facts(scope)
        node_id = facts.cfg.node_of(stmt)
        return frozenset(
            name
            for name in names
            if (found := facts.reaching.at(node_id, Symbol(name)))
            and all(d.kind is not DefKind.EXTERNAL for d in found)
        )

    def _extract(
        self, draft: Draft, scope: Scope, stmt: ast.stmt, tapes: Iterable[ast.With]
    ) -> str | None:
        """Take ``stmt`` out into a compiled function; a reason if that cannot be done."""
        reason = self._purity.why_not([stmt], scope, closed=False)
        if reason is not None:
            return reason
        if any(isinstance(n, ast.Return) for n in ast.walk(stmt)):
            return "it returns from the function"
        if isinstance(stmt, ast.If) and any(
            isinstance(n, (ast.Break, ast.Continue)) for n in ast.walk(stmt)
        ):
            return "it leaves a loop around it"
        if _calls_tape(stmt, ("gradient", "jacobian")) or self._holds_site(stmt):
            return "a gradient is taken inside it"
        if _calls_tape(stmt, ("watch",)):
            # What comes out of a compiled function is a copy of what is watched in it.
            return "what is watched is made inside it"
        if _hands_tape(stmt, tapes):
            return "a function in it watches what it makes"
        cfg = self.module.facts(scope).cfg
        written = live_out(cfg, [stmt])
        if scope.kind is ScopeKind.MODULE:
            written = written & self._read_later(stmt)
        if not written:
            return "nothing it computes is used later"
        read = sorted(self._parameters(live_in(cfg, [stmt]), scope))
        before = self._bound_before(scope, stmt, written)
        if undefined_after_branch(stmt, before, written):
            return "a name is bound in one branch only"
        read = sorted({*read, *(written & before)}) if not isinstance(stmt, ast.If) else read
        missing = written - always_bound([stmt])
        read = sorted({*read, *(missing & before)})
        tape = self._outermost_with(stmt)
        tf = self._tensorflow(scope, tape)
        if tf is None:
            return "TensorFlow has no name there"
        results = sorted(written)
        used = used_names(self.module, scope) | self._made
        name = fresh_name(f"compute_{results[0]}", used)
        self._made.add(name)
        extract(self.module, draft, stmt, tape, name=name, read=read, written=results, tf=tf)
        return None

    def _holds_site(self, stmt: ast.stmt) -> bool:
        """Whether a gradient call that is left alone stands in ``stmt``."""
        calls = {id(item.call) for item in find_sites(self.module)}
        return any(id(node) in calls for node in ast.walk(stmt))

    def _outermost_with(self, stmt: ast.stmt) -> ast.With:
        """The outermost of the ``with`` blocks directly around ``stmt``."""
        found: ast.With | None = None
        for parent in self.module.parents(stmt):
            if not isinstance(parent, ast.With):
                break
            found = parent
        assert found is not None
        return found

    def _parameters(self, names: Iterable[str], scope: Scope) -> set[str]:
        """Live-in names that are values (not modules, functions or built-ins)."""
        found: set[str] = set()
        for name in names:
            bindings = self.module.names.bindings(name, scope)
            if bindings and not all(
                isinstance(b, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef))
                for b in bindings
            ):
                found.add(name)
        return found

    def _read_later(self, stmt: ast.stmt) -> frozenset[str]:
        """Names that the module reads anywhere outside ``stmt`` (its globals live on)."""
        inside = {id(n) for n in ast.walk(stmt)}
        return frozenset(
            n.id
            for n in self.module.nodes
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and id(n) not in inside
        )

    def _tensorflow(self, scope: Scope, stmt: ast.stmt) -> str | None:
        call = ast.Call(func=ast.Name(id="tf", ctx=ast.Load()), args=[], keywords=[])
        return tensorflow_name(self.module, scope, call, stmt.lineno)


def _holds_control_flow(stmts: Iterable[ast.stmt]) -> bool:
    return any(isinstance(stmt, _CONTROL) for stmt in _statements(stmts))


def _statements(stmts: Iterable[ast.stmt]) -> list[ast.stmt]:
    """All statements below ``stmts``, nested functions and classes left out."""
    found: list[ast.stmt] = []
    stack: list[ast.AST] = list(stmts)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.stmt):
            found.append(node)
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.expr)):
            stack.extend(ast.iter_child_nodes(node))
    return found


def _calls_tape(stmt: ast.stmt, methods: tuple[str, ...]) -> bool:
    return any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr in methods
        for n in ast.walk(stmt)
    )


def _hands_tape(stmt: ast.stmt, tapes: Iterable[ast.With]) -> bool:
    """Whether one of ``tapes`` is handed to a function that ``stmt`` calls."""
    opened = {ast.unparse(tape.items[0].optional_vars) for tape in tapes
              if tape.items[0].optional_vars is not None}  # fmt: skip
    return any(
        isinstance(node, ast.keyword) and ast.unparse(node.value) in opened
        for node in ast.walk(stmt)
    )


def _loop_around_gradient(module: Module, scope: Scope) -> str | None:
    """A gradient in a loop whose tape is outside: compiled, the loop may become a tensor loop."""
    for stmt in _statements(scope.body):
        if not isinstance(stmt, (ast.For, ast.While)):
            continue
        opened = {
            item.optional_vars.id
            for inner in ast.walk(stmt)
            if isinstance(inner, ast.With)
            for item in inner.items
            if isinstance(item.optional_vars, ast.Name)
        }
        for node in ast.walk(stmt):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("gradient", "jacobian")
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id not in opened
            ):
                return "a gradient is taken in a loop inside its tape"
    return None
