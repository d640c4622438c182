"""What other modules put into the attributes of an object.

``net = lib.Net(tf.sin(x), x)``, ``class Mine(lib.Net)`` that gives ``super().__init__`` so,
``net.h = tf.sin(x)``, ``net.parts[1] = tf.sin(x)`` and ``setattr(net, "h", tf.sin(x))`` are as good
as statements of the module of ``Net``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tape_migrate.flow.bindings import free_variables
from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.homes import stem_of
from tape_migrate.mentions import last_name
from tape_migrate.module import Module
from tape_migrate.shapes.attribute_members import fills
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.calls_elsewhere import computed_elsewhere, members_elsewhere
from tape_migrate.shapes.computed_from import closure_of, depends, members_may_depend
from tape_migrate.shapes.kinds_elsewhere import Kinds, kinds_of
from tape_migrate.shapes.made_here import root_of
from tape_migrate.shapes.other_words import words_of
from tape_migrate.shapes.overridden import OtherTexts
from tape_migrate.shapes.set_by_name import set_by_name
from tape_migrate.shapes.summaries import Summaries

_FILL = "append|extend|insert|add|update|setdefault"
_SETS = rf"\.\s*{{name}}\b([^=\n]*=[^=]|\s*\.\s*({_FILL})|[^\n]*\bin\b)"


def set_elsewhere(module: Module, scope: Scope, source: Symbol, other: Symbol) -> str | None:
    """Where another module gives an object as ``other`` what it may have computed from ``source``.

    Both are read in ``scope``; ``other`` is an attribute of ``self``, or a member of one. None if
    nothing shows it.
    """
    project = module.project
    owner = Summaries.of(module).class_of(scope)
    if not isinstance(project, OtherTexts) or other.root != "self" or not other.path:
        return None
    if owner is None or not isinstance(owner.node, ast.ClassDef) or source == other:
        return None
    where = assigned_elsewhere(module, owner.node, other.path[0].removeprefix("."))
    if where is not None:
        return where
    kinds = kinds_of(module, project, owner.node)
    if source.root != "self" or not source.path:
        return None
    return _made_elsewhere(module, project, owner, kinds, source, other)


def assigned_elsewhere(
    module: Module, owner: ast.ClassDef, name: str, *, leaves: bool = False
) -> str | None:
    """Where another module sets or fills an attribute of a class's objects.

    What is set to a number, data or a variable counts with ``leaves`` only.
    """
    known = module.memo.setdefault("assigned elsewhere", {})
    assert isinstance(known, dict)
    key = (owner, name, leaves)
    if key not in known:
        known[key] = _assigned(module, owner, name, leaves=leaves)
    found: str | None = known[key]
    return found


def _assigned(module: Module, owner: ast.ClassDef, name: str, *, leaves: bool) -> str | None:
    project = module.project
    if not isinstance(project, OtherTexts):
        return None
    kinds = kinds_of(module, project, owner)
    for user, node in kinds[1:]:
        if name in user.scopes.bindings(user.scopes.opened_by(node)):
            return f"line {node.lineno} of {user.path}"
        for attribute in user.inside(node):
            if isinstance(attribute, ast.Attribute) and attribute.attr == name:
                root = attribute.value.id if isinstance(attribute.value, ast.Name) else ""
                if root == "self" and _is_set(user, attribute, leaves=leaves):
                    return f"line {attribute.lineno} of {user.path}"
    # Others of the program may have the object from one that makes it.
    around = {*_speaking(module, project, kinds), *project.program(module.path)}
    setting = project.matching(module.path, name, _SETS.format(name=name))
    for path in sorted(around & {*setting, *project.setting_by_name()}):
        other = project.module_at(path)
        if other is None:
            continue
        for attribute in other.attributes(name):
            if not _is_another(other, attribute.value, kinds):
                if _is_set(other, attribute, leaves=leaves):
                    return f"line {attribute.lineno} of {path}"
        for each, value in set_by_name(other):
            if each == name and (leaves or not is_leaf(other, value)):
                return f"line {value.lineno} of {path}"
    return None


def made_anew_elsewhere(module: Module, owner: ast.ClassDef, method: str) -> str | None:
    """Where a class of another module that is made of ``owner`` has a method so called."""
    project = module.project
    if not isinstance(project, OtherTexts):
        return None
    for user, node in kinds_of(module, project, owner)[1:]:
        if method in user.scopes.bindings(user.scopes.opened_by(node)):
            return f"line {node.lineno} of {user.path}"
    return None


def _speaking(module: Module, project: OtherTexts, kinds: Kinds) -> list[str]:
    """Paths of modules whose text speaks of one of the classes, or of their module."""
    words = {word for _, node in kinds for word in words_of(project, node.name)}
    words |= {stem_of(module.path)}
    found = (project.matching(module.path, word, rf"\b{word}\b") for word in words if word)
    return sorted({path for paths in found for path in paths})


def _is_another(user: Module, base: ast.expr, kinds: Kinds) -> bool:
    """Whether an object is certainly of another class: ``self``, or ``net = Net()`` of a class of
    the same module that is none of ``kinds``."""
    if not isinstance(base, ast.Name):
        return False
    if base.id in ("self", "cls"):
        return True
    bound = user.names.bindings(base.id, user.scope_of(base))
    return bool(bound) and all(_makes_another(user, node, kinds) for node in bound)


def _makes_another(user: Module, bound: ast.AST | None, kinds: Kinds) -> bool:
    match bound:
        case ast.Assign(targets=[ast.Name()], value=ast.Call(func=ast.Name(id=name) as func)):
            classes = user.names.bindings(name, user.scope_of(func))
            return bool(classes) and all(
                isinstance(node, ast.ClassDef)
                and all(node is not kind for _, kind in kinds)
                and _makes_its_own(node)
                for node in classes
            )
    return False


def _makes_its_own(node: ast.ClassDef) -> bool:
    """Whether a call of a class gives an object of it: no ``__new__``, decorator or metaclass."""
    methods = {stmt.name for stmt in node.body if isinstance(stmt, ast.FunctionDef)}
    return not node.decorator_list and not node.keywords and "__new__" not in methods


def _is_set(user: Module, node: ast.Attribute, *, leaves: bool) -> bool:
    """Whether an attribute is set to what may be computed, or something is put into it."""
    if isinstance(node.ctx, ast.Load):
        return fills(user, node)
    return leaves or not is_plain(user, node)


def is_plain(user: Module, node: ast.AST) -> bool:
    """``net.h = None``: a number, data or a variable."""
    stmt = user.statement_of(node)
    value = stmt.value if isinstance(stmt, (ast.Assign, ast.AnnAssign)) else None
    return value is not None and is_leaf(user, value)


def is_leaf(user: Module, value: ast.expr) -> bool:
    """Whether ``value`` is a number, data, a variable, or made of such."""
    match value:
        case ast.Constant():
            return True
        case ast.Lambda():
            scopes, scope = user.scopes, user.scope_of(value)
            owners = {scopes.resolve(name, scope) for name in free_variables(value)}
            return owners <= {scopes.module, None}
        case ast.UnaryOp(operand=operand):
            return is_leaf(user, operand)
        case ast.Tuple(elts=members) | ast.List(elts=members) | ast.Dict(values=members):
            return all(is_leaf(user, member) for member in members)
        case ast.Call(func=func):
            resolved = user.names.resolve(func)
            last = resolved.rpartition(".")[2]
            return resolved.startswith("numpy.") or (
                resolved.startswith("tensorflow.")
                and last in ("Variable", "get_variable", "placeholder", "constant")
            )
    return False


def _made_elsewhere(
    module: Module,
    project: OtherTexts,
    owner: Scope,
    kinds: Kinds,
    source: Symbol,
    other: Symbol,
) -> str | None:
    summaries = Summaries.of(module)
    init = summaries.inherited(owner, "__init__") or summaries.inherited(owner, "__new__")
    if init is None:
        return None
    closure = closure_of(module)
    inside = module.scopes.opened_by(init)
    args = [a.arg for a in (*init.args.posonlyargs, *init.args.args, *init.args.kwonlyargs)][1:]
    more = [a.arg for a in (init.args.vararg, init.args.kwarg) if a is not None]
    into = {
        symbol: {
            arg
            for arg in (*args, *more)
            if closure.reaches(
                closure.node_for(Symbol(arg), inside), closure.node_for(symbol, inside)
            )
        }
        for symbol in (source, other)
    }
    if not into[source] or not into[other]:
        return None
    for user, call in _makers(module, project, kinds):
        plain = ast.Call(
            func=ast.Name(id="__init__", ctx=ast.Load()),
            args=[ast.Constant(value=None), *call.args],
            keywords=call.keywords,
        )
        given = list(bind(init, plain))
        at = f"line {call.lineno} of {user.path}"
        unpacked = [arg.value for arg in call.args if isinstance(arg, ast.Starred)]
        unpacked += [keyword.value for keyword in call.keywords if keyword.arg is None]
        if any(_mixes(user, value) for value in unpacked):
            return at
        if into[source] & into[other] & {*more} and _depend(user, call):
            return at
        for one, alike in given:
            if one in into[source] & into[other] and _mixes(user, alike):
                return at
            for parameter, value in given:
                if one in into[source] and parameter in into[other] and parameter != one:
                    if value is alike or _computed(user, alike, value):
                        return at
    return _handed_about(module, project, kinds)


def _mixes(user: Module, value: ast.expr) -> bool:
    """Whether one member of what is given may have been computed from another."""
    if members_may_depend(user, ("", ""), value):
        return True
    symbol = symbol_of(value)
    return symbol is not None and (
        members_elsewhere(user, user.scope_of(value), symbol) is not None
    )


def _computed(user: Module, source: ast.expr, other: ast.expr) -> bool:
    """Whether ``other`` may have been computed from ``source``, in ``user`` or by who calls it."""
    if depends(user, other, source):
        return True
    one, two = symbol_of(source), symbol_of(other)
    return (
        one is not None
        and two is not None
        and computed_elsewhere(user, user.scope_of(source), one, two) is not None
    )


def _depend(user: Module, call: ast.Call) -> bool:
    """Whether one argument of a call may have been computed from another."""
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    return any(one is not two and depends(user, one, two) for one in values for two in values)


def _makers(module: Module, project: OtherTexts, kinds: Kinds) -> Iterator[tuple[Module, ast.Call]]:
    """Calls of other modules that make an object of one of the classes, or begin to."""
    for kind_module, kind in kinds:
        for path in _naming(module, project, kind):
            user = project.module_at(path)
            for call in user.of_kind(ast.Call) if user is not None else ():
                assert user is not None
                if _is_called(user, call.func, kind):
                    yield user, call
        if kind_module is not module:
            for node in kind_module.inside(kind):
                if isinstance(node, ast.Call) and last_name(node.func) == "__init__":
                    if isinstance(node.func, ast.Attribute) and last_name(node.func.value):
                        yield (
                            kind_module,
                            ast.copy_location(
                                ast.Call(
                                    func=node.func, args=node.args[1:], keywords=node.keywords
                                ),
                                node,
                            ),
                        )
                    else:
                        yield kind_module, node


def _naming(module: Module, project: OtherTexts, kind: ast.ClassDef) -> list[str]:
    """Paths of modules that hold a word by which they may have the class."""
    words = words_of(project, kind.name)
    return sorted({p for w in words for p in project.matching(module.path, w, rf"\b{w}\b")})


def _is_called(user: Module, expr: ast.expr, kind: ast.ClassDef) -> bool:
    """Whether an expression is called like the class, there or where that is defined."""
    if last_name(expr) == kind.name:
        return True
    return user.names.is_alias(last_name(root_of(expr) or expr)) and (
        user.names.resolve(expr).rpartition(".")[2] == kind.name
    )


def _handed_about(module: Module, project: OtherTexts, kinds: Kinds) -> str | None:
    """Where another module gives one of the classes another name: what it is made of is not seen.

    ``make = lib.Net``, ``build(lib.Net)``.
    """
    for _, kind in kinds:
        for path in _naming(module, project, kind):
            user = project.module_at(path)
            for node in user.nodes if user is not None else ():
                assert user is not None
                if not isinstance(node, (ast.Name, ast.Attribute)):
                    continue
                if not _is_called(user, node, kind):
                    continue
                parent = user.parent_of(node)
                named = isinstance(parent, ast.Assign) and parent.value is node
                given = isinstance(parent, ast.Call) and node in parent.args and not _asks(parent)
                if isinstance(node.ctx, ast.Load) and (named or given):
                    return f"line {node.lineno} of {path}"
    return None


def _asks(call: ast.Call) -> bool:
    """``isinstance(net, Net)``, ``super(Net, self)``."""
    name = last_name(call.func)
    return name in ("isinstance", "issubclass", "super", "assertIsInstance")
