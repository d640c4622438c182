"""What kind of value an expression is: one tensor, a list, a tuple, or unknown.

It decides the structure of the result: ``tf.gradients`` always gives a list, a tape mirrors its
sources. Evidence is needed for "one tensor"; without it the sources are flattened, which is exact
for every kind.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import DefKind, Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.counts import is_count
from tape_migrate.shapes.functional_model import is_one_tensor, output_of
from tape_migrate.shapes.kind_by_use import NOT_FOR_LISTS, cuts_tensor, used_as_tensor
from tape_migrate.shapes.plan import Kind
from tape_migrate.shapes.results import result_of
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import makes_one_tensor, tensorflow_function

_DEPTH = 8


_GIVES_LIST = frozenset(
    {"gradients", "hessians", "meshgrid", "nest.flatten", "split", "trainable_variables", "unstack"}
)


def kind_of(module: Module, expr: ast.expr, scope: Scope, depth: int = _DEPTH) -> Kind:
    """The kind of value that ``expr`` has where it stands."""
    if depth == 0:
        return Kind.UNKNOWN
    match expr:
        case ast.List() | ast.ListComp():
            return Kind.LIST
        case ast.Tuple():
            return Kind.TUPLE
        case ast.Call(func=ast.Attribute(value=whole, attr="copy"), args=[], keywords=[]):
            return kind_of(module, whole, scope, depth - 1)
        case ast.Call():
            return _call_kind(module, expr, depth)
        case ast.BinOp(left=left, op=op, right=right):
            return _operation_kind(module, left, op, right, scope, depth)
        case ast.UnaryOp(op=ast.USub(), operand=_):
            return Kind.TENSOR
        case ast.Subscript(value=whole, slice=ast.Tuple() as index):
            if cuts_tensor(index) or kind_of(module, whole, scope, depth - 1) is Kind.TENSOR:
                return Kind.TENSOR
            return Kind.UNKNOWN
        case ast.Subscript(value=whole, slice=ast.Slice()):
            return kind_of(module, whole, scope, depth - 1)
        case ast.IfExp(body=body, orelse=orelse):
            first = kind_of(module, body, scope, depth - 1)
            return first if first is kind_of(module, orelse, scope, depth - 1) else Kind.UNKNOWN
    symbol = symbol_of(expr)
    if symbol is None:
        return Kind.UNKNOWN
    return _symbol_kind(module, expr, symbol, scope, depth)


def _call_kind(module: Module, call: ast.Call, depth: int) -> Kind:
    resolved = module.names.resolve(call.func)
    if makes_one_tensor(resolved):
        return Kind.TENSOR
    name = tensorflow_function(resolved)
    if name in _GIVES_LIST or resolved == "tree.flatten":
        return Kind.LIST
    if isinstance(call.func, ast.Name) and not module.names.is_local(
        call.func.id, module.scope_of(call)
    ):
        if call.func.id in ("list", "sorted"):
            return Kind.LIST
        if call.func.id == "tuple":
            return Kind.TUPLE
    if isinstance(call.func, ast.Attribute) and call.func.attr == "gradient":
        return _tape_kind(module, call, depth)
    return Kind.UNKNOWN


def _tape_kind(module: Module, call: ast.Call, depth: int) -> Kind:
    """``tape.gradient(y, x)`` mirrors ``x``."""
    sources = call.args[1] if len(call.args) > 1 else None
    for keyword in call.keywords:
        if keyword.arg == "sources":
            sources = keyword.value
    if sources is None:
        return Kind.UNKNOWN
    return kind_of(module, sources, module.scope_of(call), depth - 1)


def _operation_kind(
    module: Module, left: ast.expr, op: ast.operator, right: ast.expr, scope: Scope, depth: int
) -> Kind:
    if isinstance(op, NOT_FOR_LISTS):
        return Kind.TENSOR
    if isinstance(op, ast.Add):
        kinds = {kind_of(module, side, scope, depth - 1) for side in (left, right)}
        if kinds in ({Kind.LIST}, {Kind.LIST, Kind.UNKNOWN}):
            return Kind.LIST
    if isinstance(op, ast.Mult):
        sides = ((left, right), (right, left))
        if any(kind_of(module, side, scope, depth - 1) is Kind.LIST for side, _ in sides):
            counted = any(is_count(other) for _, other in sides)
            return Kind.LIST if counted else Kind.UNKNOWN
    for side in (left, right):
        if isinstance(side, ast.Constant) and isinstance(side.value, float):
            return Kind.TENSOR
        if kind_of(module, side, scope, depth - 1) is Kind.TENSOR:
            return Kind.TENSOR
    return Kind.UNKNOWN


def _symbol_kind(module: Module, expr: ast.expr, symbol: Symbol, scope: Scope, depth: int) -> Kind:
    scope = module.scope_of(expr)
    facts = module.facts(scope)
    # What is done to a value in place does not change its kind.
    definitions = frozenset(
        d for d in facts.reaching_at(expr, symbol) if d.kind is not DefKind.MUTATION
    )
    outer = outer_value(module, symbol, scope, definitions)
    if outer is not None:
        return kind_of(module, outer, module.scopes.module, depth - 1)
    kinds = {
        _definition_kind(module, d.stmt, symbol, scope, depth)
        for d in definitions
        if d.symbol == symbol
    }
    if definitions and all(d.symbol == symbol and d.stmt is not None for d in definitions):
        if len(kinds) == 1 and Kind.UNKNOWN not in kinds:
            return kinds.pop()
    elif any(d.stmt is not None for d in definitions) and symbol.path:
        return Kind.UNKNOWN
    if _set_to_tensors(module, symbol, scope, depth):
        return Kind.TENSOR
    if used_as_tensor(module, symbol, scope, definitions):
        return Kind.TENSOR
    if _handed_as_tensor(module, symbol, scope, depth):
        return Kind.TENSOR
    return Kind.UNKNOWN


def outer_value(
    module: Module, symbol: Symbol, scope: Scope, definitions: frozenset[Definition]
) -> ast.expr | None:
    """What a module-level variable, read in a function, was assigned (once, for good)."""
    if symbol.path or module.is_module_scope(scope):
        return None
    if not definitions or any(d.kind is not DefKind.EXTERNAL for d in definitions):
        return None
    if module.scopes.resolve(symbol.root, scope) is not module.scopes.module:
        return None
    bindings = module.names.bindings(symbol.root, scope)
    if len(bindings) == 1 and isinstance(bindings[0], (ast.Assign, ast.AnnAssign)):
        return value_given_by(bindings[0], symbol)
    return None


def value_given_by(stmt: ast.stmt, symbol: Symbol) -> ast.expr | None:
    """The expression that an assignment gives ``symbol``, if it is one of its own."""
    if isinstance(stmt, ast.AnnAssign):
        return stmt.value
    if not isinstance(stmt, ast.Assign):
        return None
    for target in stmt.targets:
        if symbol_of(target) == symbol:
            return stmt.value
        if (
            isinstance(target, (ast.Tuple, ast.List))
            and isinstance(stmt.value, (ast.Tuple, ast.List))
            and len(target.elts) == len(stmt.value.elts)
        ):
            for name, value in zip(target.elts, stmt.value.elts, strict=True):
                if symbol_of(name) == symbol:
                    return value
    return None


def _definition_kind(
    module: Module, stmt: ast.AST | None, symbol: Symbol, scope: Scope, depth: int
) -> Kind:
    if isinstance(stmt, ast.AnnAssign) and stmt.value is not None:
        return kind_of(module, stmt.value, scope, depth - 1)
    if isinstance(stmt, ast.AugAssign):
        if isinstance(stmt.op, NOT_FOR_LISTS):
            return Kind.TENSOR
        return kind_of(module, stmt.value, scope, depth - 1)
    if not isinstance(stmt, ast.Assign):
        return Kind.UNKNOWN
    for target in stmt.targets:
        if symbol_of(target) == symbol:
            return kind_of(module, stmt.value, scope, depth - 1)
        if isinstance(target, (ast.Tuple, ast.List)):
            return _unpacked_kind(module, stmt.value, target, symbol, scope, depth)
    return Kind.UNKNOWN


def _unpacked_kind(
    module: Module,
    value: ast.expr,
    target: ast.Tuple | ast.List,
    symbol: Symbol,
    scope: Scope,
    depth: int,
) -> Kind:
    if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
        for name, item in zip(target.elts, value.elts, strict=True):
            if symbol_of(name) == symbol:
                return kind_of(module, item, scope, depth - 1)
    if isinstance(value, ast.Call):
        function = tensorflow_function(module.names.resolve(value.func))
        if function in ("gradients", "unstack", "split", "meshgrid", "nn.moments"):
            return Kind.TENSOR
        names = [symbol_of(name) for name in target.elts]
        output = output_of(module, value, names.index(symbol)) if symbol in names else None
        if output is not None and is_one_tensor(module, output, module.scope_of(output)):
            return Kind.TENSOR
        stmt = module.statement_of(value)
        result = result_of(module, stmt, symbol)
        if result is not None:
            return kind_of(module, result, module.scope_of(result), depth - 1)
    return Kind.UNKNOWN


def _set_to_tensors(module: Module, symbol: Symbol, scope: Scope, depth: int) -> bool:
    """``self.x`` that the class sets, and only ever to one tensor."""
    if symbol.root != "self" or len(symbol.path) != 1 or depth <= 1:
        return False
    summaries = Summaries.of(module)
    owner = summaries.class_of(scope)
    if owner is None:
        return False
    given, otherwise = _attributes_set(module, summaries.family(owner).node)
    if symbol in otherwise:
        return False
    values = given.get(symbol, [])
    return bool(values) and all(
        value is not None
        and kind_of(module, value, module.scope_of(value), depth // 2) is Kind.TENSOR
        for value in values
    )


def _attributes_set(
    module: Module, family: ast.AST
) -> tuple[dict[Symbol, list[ast.expr | None]], set[Symbol]]:
    """What a class assigns to each symbol, and what it sets in other ways (looked up once)."""
    key = f"attributes set {id(family)}"
    known = module.memo.get(key)
    if isinstance(known, _Set):
        return known.given, known.otherwise
    found = _Set({}, set())
    for node in module.inside(family):
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                inner = (t for t in module.inside(target) if isinstance(t, ast.expr))
                for symbol in {s for s in map(symbol_of, inner) if s is not None}:
                    value = value_given_by(node, symbol) or result_of(module, node, symbol)
                    found.given.setdefault(symbol, []).append(value)
        elif isinstance(node, (ast.For, ast.AugAssign)):
            written = symbol_of(node.target)
            if written is not None:
                found.otherwise.add(written)
    module.memo[key] = found
    return found.given, found.otherwise


@dataclass
class _Set:
    given: dict[Symbol, list[ast.expr | None]]
    otherwise: set[Symbol]


def _handed_as_tensor(module: Module, symbol: Symbol, scope: Scope, depth: int) -> bool:
    """A parameter that every visible caller gives a tensor, or that a visible callee uses as one.

    There must be a visible caller, or a callee that could not take a list.
    """
    node = scope.node
    if symbol.path or not isinstance(node, ast.FunctionDef) or depth <= 1:
        return False
    if _specified(module, symbol, node):
        return True
    summaries = Summaries.of(module)
    if scope.args is not None and symbol.root in {a.arg for a in scope.args.args}:
        given = [
            value
            for call in summaries.callers(node)
            for name, value in bind(node, call)
            if name == symbol.root
        ]
        if given and all(
            kind_of(module, value, module.scope_of(value), depth // 2) is Kind.TENSOR
            for value in given
        ):
            return True
    for call in module.of_kind_inside(ast.Call, node):
        function = summaries.callee(call)
        if function is None or function is node:
            continue
        for name, value in bind(function, call):
            inner = module.scopes.opened_by(function)
            if symbol_of(value) == symbol and (
                used_as_tensor(module, Symbol(name), inner, None)
                or (depth > 2 and _handed_on(module, Symbol(name), inner, depth // 2))
            ):
                return True
    return False


def _specified(module: Module, symbol: Symbol, function: ast.FunctionDef) -> bool:
    """``f = f.get_concrete_function(tf.TensorSpec(…))``: traced for a tensor at that position."""
    names = [arg.arg for arg in function.args.args]
    for node in module.names.bindings(function.name, module.scope_of(function)):
        if not isinstance(node, ast.Assign):
            continue
        for call in ast.walk(node.value):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                own = isinstance(call.func.value, ast.Name) and call.func.value.id == function.name
                if own and call.func.attr == "get_concrete_function":
                    for name, spec in zip(names, call.args, strict=False):
                        made = isinstance(spec, ast.Call) and module.names.resolve(spec.func)
                        if name == symbol.root and made == "tensorflow.TensorSpec":
                            return True
    return False


def _handed_on(module: Module, symbol: Symbol, scope: Scope, depth: int) -> bool:
    return _handed_as_tensor(module, symbol, scope, depth)
