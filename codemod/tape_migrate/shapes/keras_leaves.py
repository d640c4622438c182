"""The Keras tensors that moved code reads: they become outputs of one sub-model."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tape_migrate.flow.bindings import target_names
from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.keras_structures import holds_others, is_iterator
from tape_migrate.shapes.keras_values import Level
from tape_migrate.shapes.kinds import outer_value, value_given_by
from tape_migrate.shapes.plan import Refusal

_DEPTH = 4


@dataclass(frozen=True)
class Leaf:
    """A Keras tensor (or a collection of them) and the places that read it.

    ``text`` is the expression for it outside the function. ``read`` is the text to put at the
    places instead; ``holds`` tells a collection.
    """

    text: str
    canonical: str
    expr: ast.expr
    places: tuple[tuple[ast.expr, str], ...]
    """Each place, and what is appended to the leaf's new name there (``[layer_name]``)."""
    holds: bool

    @property
    def is_name(self) -> bool:
        return isinstance(self.expr, ast.Name)


def canonical(module: Module, expr: ast.expr, at: ast.AST | None = None) -> str:
    """One spelling for a Keras tensor and the names that it has: ``model.input`` for ``x``.

    ``expr`` is read where it stands, so a name counts only if one definition of it gets there, and
    only if that means the same at ``at`` (there, if it is None).
    """
    return _plural(_named(module, behind_names(module, expr, at)))


def spelled(module: Module, expr: ast.expr) -> str:
    """The same in the words of the code itself: an attribute of ``self`` stays one."""
    return _plural(ast.unparse(behind_names(module, expr)))


def _plural(text: str) -> str:
    # `model.input` is a list where there are several inputs; the first layer's is the first.
    text = re.sub(r"\.input(\[\d+\])$", r".inputs\1", text)
    return re.sub(r"\.layers\[0\]\.input$", ".inputs[0]", text)


def behind_names(module: Module, expr: ast.expr, at: ast.AST | None = None) -> ast.expr:
    """The expression that a name was given, or that another name that it was given was given."""
    seen = 0
    read = expr if at is None else at
    while seen < _DEPTH:
        expr = _member(module, expr)
        if not isinstance(expr, ast.Name):
            break
        scope = module.scope_of(expr)
        symbol = Symbol(expr.id)
        reached = module.facts(scope).reaching_at(expr, symbol)
        strong = [d for d in reached if d.kind is not DefKind.MUTATION]
        if len(strong) == 1 and strong[0].kind is DefKind.EXTERNAL:
            given = outer_value(module, symbol, scope, frozenset(strong))
        elif len(strong) == 1 and strong[0].stmt is not None:
            given = value_given_by(strong[0].stmt, symbol)
        else:
            break
        if not isinstance(given, (ast.Name, ast.Attribute, ast.Subscript)):
            break
        if _another_model(module, given, read):
            break
        expr = given
        seen += 1
    return expr


def _another_model(module: Module, given: ast.expr, read: ast.AST) -> bool:
    """Whether ``given`` means something else where ``read`` stands: the model was changed since."""
    root = given
    while isinstance(root, (ast.Attribute, ast.Subscript)):
        root = root.value
    scope = module.scope_of(read)
    if not isinstance(root, ast.Name) or module.scope_of(root) is not scope:
        return False
    facts, symbol = module.facts(scope), Symbol(root.id)
    before, now = facts.reaching_at(root, symbol), facts.reaching_at(read, symbol)
    return any(d.kind is not DefKind.MUTATION or _grows(d.stmt) for d in before ^ now)


def _grows(stmt: ast.stmt | None) -> bool:
    """``model.pop()``, ``model.add(…)``: its outputs are others then."""
    call = stmt.value if isinstance(stmt, ast.Expr) else None
    func = call.func if isinstance(call, ast.Call) else None
    return isinstance(func, ast.Attribute) and func.attr in ("pop", "add")


def _member(module: Module, expr: ast.expr) -> ast.expr:
    """``model.input`` for ``given[0]`` of ``given = [model.input]`` that nothing changes."""
    match expr:
        case ast.Subscript(value=ast.Name(id=name) as base, slice=ast.Constant(value=int(index))):
            symbol = Symbol(name)
            reached = list(module.facts(module.scope_of(expr)).reaching_at(base, symbol))
            stmt = reached[0].stmt if len(reached) == 1 else None
            given = value_given_by(stmt, symbol) if stmt is not None else None
            if isinstance(given, (ast.List, ast.Tuple)) and 0 <= index < len(given.elts):
                if not any(isinstance(item, ast.Starred) for item in given.elts):
                    return given.elts[index]
    return expr


def _named(module: Module, expr: ast.expr) -> str:
    """The text of ``expr``, a name written for an attribute that was set to it: ``self.model``."""
    text = ast.unparse(expr)
    base = expr
    while isinstance(base, (ast.Attribute, ast.Subscript)) and symbol_of(base) is None:
        base = base.value
    while isinstance(base, ast.Attribute):
        symbol = symbol_of(base)
        scope = module.scope_of(base)
        if symbol is None or scope.kind is not ScopeKind.FUNCTION:
            break
        reached = list(module.facts(scope).reaching_at(base, symbol))
        strong = [d for d in reached if d.kind is not DefKind.MUTATION and d.symbol == symbol]
        if len(strong) == 1 and len(reached) == 1 and strong[0].stmt is not None:
            given = value_given_by(strong[0].stmt, symbol)
            if isinstance(given, ast.Name) and _bound_once(module, scope, given.id):
                return given.id + text[len(ast.unparse(base)) :]
        base = base.value
    if isinstance(base, ast.Name) and base is not expr:
        scope = module.scope_of(base)
        bound = module.names.bindings(base.id, scope)
        if _bound_once(module, scope, base.id) and isinstance(bound[0], ast.Assign):
            given = value_given_by(bound[0], Symbol(base.id))
            if isinstance(given, ast.Name) and _bound_once(module, scope, given.id):
                return given.id + text[len(base.id) :]
    return text


def _bound_once(module: Module, scope: Scope, name: str) -> bool:
    if module.scopes.resolve(name, scope) is not scope:
        return False
    return len(module.names.bindings(name, scope)) == 1


class Collector:
    """Finds the leaves of moved statements."""

    def __init__(self, module: Module, scope: Scope, moved: Iterable[str], at: ast.stmt) -> None:
        """``moved`` are names of the function alone, which is made at ``at``."""
        self._module = module
        self._at = at
        self._scope = scope
        self._levels = Levels.of(module)
        self._locals = frozenset(moved)
        self._found: dict[str, list[tuple[ast.expr, str]]] = {}
        self._exprs: dict[str, ast.expr] = {}
        self._refusal: Refusal | None = None

    def collect(self, nodes: Iterable[ast.AST]) -> list[Leaf] | Refusal:
        """The leaves that ``nodes`` read, in order, or why one cannot be given."""
        for node in nodes:
            self._visit(node)
        if self._refusal is not None:
            return self._refusal
        for text, expr in self._exprs.items():
            if self._levels.value(expr).holds and holds_others(self._module, expr):
                return Refusal("TM140", f"{text} holds more than Keras tensors")
        self._fold()
        return _merged(
            [
                Leaf(
                    text,
                    canonical(self._module, self._exprs[text], self._at),
                    self._exprs[text],
                    tuple(places),
                    self._levels.value(self._exprs[text]).holds
                    or isinstance(self._exprs[text], ast.DictComp),
                )
                for text, places in self._found.items()
            ]
        )

    def _fold(self) -> None:
        """``outputs['conv']`` is read of ``outputs`` where all of that is computed anyway."""
        for text, expr in list(self._exprs.items()):
            base: ast.expr = expr
            while isinstance(base, ast.Subscript):
                base = base.value
                whole = ast.unparse(base)
                if whole in self._found:
                    for place, rest in self._found.pop(text):
                        self._found[whole].append((place, text[len(whole) :] + rest))
                    break

    def _visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.Call) and is_iterator(self._module, node):
            for part in (getattr(node.func, "value", None), *node.args):
                if part is not None:
                    self._visit(part)
            return
        if isinstance(node, ast.ListComp) and self._is_of_layers(node):
            self._remember(node, node, "")
            return
        if isinstance(node, ast.expr) and self._is_leaf(node):
            self._add(node)
            return
        if isinstance(node, ast.Attribute) and self._is_of_unknown(node):
            self._refuse(node)
            return
        if isinstance(node, ast.Attribute) and not self._levels.value(node).symbolic:
            # `x.shape[1]` of a Keras tensor is known without computing it.
            if self._levels.value(node.value).level is Level.KERAS:
                self._visit(node.value)
                return
        for child in ast.iter_child_nodes(node):
            self._visit(child)

    def _is_of_layers(self, node: ast.ListComp) -> bool:
        """``[layer.output for layer in model.layers]``: all of it is computed outside."""
        targets = target_names([each.target for each in node.generators])
        used = {n.id for n in ast.walk(node.elt) if isinstance(n, ast.Name)}
        names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        return (
            isinstance(node.elt, ast.Attribute)
            and bool(used & targets)
            and not names & self._locals
            and self._levels.value(node.elt).level is Level.KERAS
            and not any(self._levels.value(each.iter).symbolic for each in node.generators)
        )

    def _is_leaf(self, expr: ast.expr) -> bool:
        if isinstance(getattr(expr, "ctx", None), (ast.Store, ast.Del)):
            return False
        if isinstance(expr, (ast.List, ast.Tuple, ast.ListComp, ast.GeneratorExp, ast.IfExp)):
            return False
        if isinstance(expr, (ast.Dict, ast.DictComp, ast.Starred, ast.NamedExpr, ast.BinOp)):
            return False
        if self._levels.value(expr).level is not Level.KERAS:
            return False
        return _root_name(expr) not in self._hidden(expr)

    def _hidden(self, expr: ast.expr) -> frozenset[str]:
        """Names that mean something inside the function only."""
        names = {n.id for n in ast.walk(expr) if isinstance(n, ast.Name) and self._is_inner(n)}
        return self._locals | names

    def _is_inner(self, name: ast.Name) -> bool:
        """Whether it is a variable of a comprehension, or a parameter of a lambda."""
        scope = self._module.scope_of(name)
        return self._module.scopes.is_comprehension_variable(name) or (
            scope.kind is ScopeKind.LAMBDA and scope is self._module.scopes.resolve(name.id, scope)
        )

    def _add(self, expr: ast.expr) -> None:
        hidden = self._hidden(expr)
        dynamic = sorted(
            {n.id for n in ast.walk(expr) if isinstance(n, ast.Name) and n.id in hidden}
        )
        if not dynamic:
            self._remember(expr, expr, "")
            return
        base: ast.expr = expr
        while isinstance(base, ast.Subscript):
            base = base.value
            used = {n.id for n in ast.walk(base) if isinstance(n, ast.Name)}
            if self._levels.value(base).holds and not used & hidden:
                # outputs_dict[layer_name]: the whole collection is computed.
                rest = ast.unparse(expr)[len(ast.unparse(base)) :]
                self._remember(base, expr, rest)
                return
        looped = self._over_loop(expr, dynamic)
        if looped is None:
            self._refuse(expr)
            return
        table, key = looped
        self._remember(table, expr, f"[{key}]")

    def _refuse(self, expr: ast.expr) -> None:
        self._refusal = self._refusal or Refusal(
            "TM140",
            f"which Keras tensors {ast.unparse(expr)} (line {expr.lineno}) means is only known "
            "inside the code that would move",
        )

    def _is_of_unknown(self, node: ast.Attribute) -> bool:
        """``layer.output`` in ``[K.sum(layer.output) for layer in model.layers]``."""
        root = node.value
        while isinstance(root, (ast.Attribute, ast.Subscript)):
            root = root.value
        return (
            isinstance(root, ast.Name)
            and root.id in self._hidden(root) - self._locals
            and self._levels.value(node).level is Level.KERAS
            and not self._levels.value(root).symbolic
        )

    def _over_loop(self, expr: ast.expr, dynamic: list[str]) -> tuple[ast.expr, str] | None:
        """``{name: layers[name].output for name in names}`` for a read in a loop over ``names``."""
        if len(dynamic) != 1:
            return None
        for parent in self._module.parents(expr):
            if not isinstance(parent, ast.For) or not isinstance(parent.target, ast.Name):
                continue
            if parent.target.id != dynamic[0]:
                continue
            used = {n.id for n in ast.walk(parent.iter) if isinstance(n, ast.Name)}
            if used & self._locals or not self._has_keys(parent.iter):
                return None
            if self._is_conditional(expr, parent):
                return None
            rebinds = [
                n
                for stmt in parent.body
                for n in ast.walk(stmt)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store) and n.id == dynamic[0]
            ]
            if rebinds:
                return None
            name = ast.Name(dynamic[0], ast.Load())
            generator = ast.comprehension(parent.target, parent.iter, [], 0)
            return ast.DictComp(name, expr, [generator]), dynamic[0]
        return None

    def _is_conditional(self, expr: ast.expr, loop: ast.For) -> bool:
        """Whether the loop may pass the read by (a check that raises does not count)."""
        previous: ast.AST = expr
        for parent in self._module.parents_below(expr, loop):
            if isinstance(parent, (ast.If, ast.IfExp, ast.BoolOp, ast.For, ast.While)):
                if not (isinstance(parent, ast.If) and previous is parent.test):
                    return True
            previous = parent
        for stmt in ast.walk(loop):
            if isinstance(stmt, (ast.Break, ast.Continue)) and stmt.lineno < expr.lineno:
                return True
        return False

    def _has_keys(self, iterable: ast.expr) -> bool:
        """Whether a loop over ``iterable`` can be run twice and gives what can be a key."""
        match iterable:
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return all(
                    isinstance(item, ast.Constant) and isinstance(item.value, (str, int))
                    for item in items
                )
            case ast.Call(func=ast.Name(id="range")):
                return True
            case ast.Call(func=ast.Attribute(attr="keys"), args=[]):
                return True
            case ast.Name(id=name):
                bound = self._module.names.bindings(name, self._module.scope_of(iterable))
                if len(bound) != 1 or not isinstance(bound[0], ast.Assign):
                    return False
                value = value_given_by(bound[0], Symbol(name))
                return value is not None and (isinstance(value, ast.Dict) or self._has_keys(value))
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=key)):
                bound = self._module.names.bindings(name, self._module.scope_of(iterable))
                if len(bound) != 1 or not isinstance(bound[0], ast.Assign):
                    return False
                value = value_given_by(bound[0], Symbol(name))
                if isinstance(value, ast.Dict):
                    for item_key, item in zip(value.keys, value.values, strict=True):
                        if isinstance(item_key, ast.Constant) and item_key.value == key:
                            return isinstance(item, ast.Dict) or self._has_keys(item)
        return False

    def _remember(self, leaf: ast.expr, place: ast.expr, rest: str) -> None:
        text = ast.unparse(leaf)
        self._exprs.setdefault(text, leaf)
        self._found.setdefault(text, []).append((place, rest))


def _merged(leaves: list[Leaf]) -> list[Leaf]:
    """One leaf for each Keras tensor: a name for it rather than ``model.output``."""
    found: dict[str, Leaf] = {}
    for leaf in leaves:
        same = found.get(leaf.canonical)
        if same is None or leaf.holds or same.holds:
            found[leaf.canonical if same is None else leaf.text] = leaf
            continue
        first, second = (same, leaf) if same.is_name or not leaf.is_name else (leaf, same)
        found[leaf.canonical] = replace(first, places=(*first.places, *second.places))
    return list(found.values())


def _root_name(expr: ast.expr) -> str:
    while isinstance(expr, (ast.Attribute, ast.Subscript)):
        expr = expr.value
    return expr.id if isinstance(expr, ast.Name) else ""
