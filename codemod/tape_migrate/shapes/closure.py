"""Does one value of the module depend on another, by any order of execution?

A coarse, flow-insensitive graph over all scopes: variables, attributes of ``self`` by class,
parameters fed by visible calls, results of visible functions. It answers the question that
dataflow inside one function cannot: was an argument, or an attribute, computed from the source
before the function was entered? It errs on the side of "yes".
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator

from tape_migrate.flow.bindings import children
from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.module import Module
from tape_migrate.shapes.barriers import carries_nothing
from tape_migrate.shapes.binding import bind, comprehension_of
from tape_migrate.shapes.dependence import CONTAINER_METHODS
from tape_migrate.shapes.displays import displays, keyed, spread
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.loop_body import given_by_loop
from tape_migrate.shapes.stored import names_tensor
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.tensorflow_facts import always_new_tensor

Node = tuple[int, str]


class Closure:
    """The dependence graph of a module."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._summaries = Summaries.of(module)
        self._edges: dict[Node, set[Node]] = defaultdict(set)
        self._aliases: dict[Node, set[Node]] = defaultdict(set)
        """Variable -> what may hold the same tensor: arguments given for it, plain copies."""
        self._copies: dict[Node, set[Node]] = defaultdict(set)  # the same, without calls between
        self._parameters: set[Node] = set()
        self._given: dict[Node, list[ast.expr]] = defaultdict(list)  # what calls give a parameter
        self._listed: dict[Node, list[list[ast.expr]]] = defaultdict(list)  # of ``*args``
        self._read: dict[ast.AST, tuple[Node, ...]] = {}
        for node in module.nodes:
            self._visit(node)

    def node_for(self, symbol: Symbol, scope: Scope) -> Node:
        """The graph's node for ``symbol`` read in ``scope``."""
        if symbol.root in ("self", "cls") and symbol.path and symbol.path[0].startswith("."):
            owner = self._summaries.class_of(scope)
            attributes = [part for part in symbol.path if part.startswith(".")]
            if len(attributes) > 1:
                return (0, attributes[-1])
            if owner is not None:
                return (id(self._summaries.family(owner)), symbol.path[0])
        elif symbol.path and symbol.path[0].startswith("."):
            # Attributes of other objects are told apart by their names alone.
            return (0, [part for part in symbol.path if part.startswith(".")][-1])
        owner_scope = self._module.scopes.resolve(symbol.root, scope)
        args = owner_scope.args if owner_scope is not None else None
        if args is not None and args.kwarg is not None and args.kwarg.arg == symbol.root:
            return (id(owner_scope), symbol.root + "".join(symbol.path[:1]))
        return (id(owner_scope), symbol.root)

    def may_come_from_same(self, other: Node, source: Node) -> bool:
        """Whether ``other`` may have been computed from the tensor that ``source`` holds."""
        if other == source:
            return False
        if source not in self._parameters and other in self._reachable(source, avoid=None):
            return True
        seen: set[Node] = set()
        queue = list(self._aliases[source])
        while queue:
            alias = queue.pop()
            if alias in seen:
                continue
            if alias == source:
                # Handed on to itself by recursion: what was computed from it may come back.
                if other in self._reachable(source, avoid=None):
                    return True
                continue
            seen.add(alias)
            if other != alias and other in self._reachable(alias, avoid=source):
                return True
            queue.extend(self._aliases[alias])
        return False

    def reaches(self, source: Node, other: Node) -> bool:
        """Whether ``other`` may hold, or have been computed from, any tensor of ``source``."""
        seen: set[Node] = set()
        queue = [source]
        while queue:
            same = queue.pop()
            if same == other or other in self._reachable(same, avoid=None):
                return True
            seen.add(same)
            queue += self._aliases[same] - seen
        return False

    def members_depend(self, parameter: Node) -> bool:
        """Whether a visible caller gives ``parameter`` values computed from one another."""
        given = [group for expr in self._given[parameter] for group in displays(self._module, expr)]
        return self.depend([*given, *(spread(self._module, a) for a in self._listed[parameter])])

    def depend(self, groups: Iterable[list[ast.expr]]) -> bool:
        """Whether one member of a group may have been computed from another of it."""
        for group in groups:
            reads = [set(self._reads(expr)) for expr in group]
            for index in (i for i, expr in enumerate(group) if symbol_of(expr) is not None):
                for other in (i for i in range(len(group)) if i != index):
                    if symbol_of(group[other]) is None and reads[index] & reads[other]:
                        return True
                    for node in reads[index]:
                        if reads[other] & self._reachable(node, avoid=None):
                            return True
        return False

    def may_be_among(self, exprs: Iterable[ast.AST], other: Node) -> bool:
        """Whether what ``exprs`` read may be the very tensor of ``other``, by whatever name."""
        held = self._may_hold(node for expr in exprs for node in self._reads(expr))
        return not held.isdisjoint(self._may_hold([other]))

    def _may_hold(self, nodes: Iterable[Node]) -> set[Node]:
        """``nodes``, and all whose very tensor one of them may hold."""
        seen: set[Node] = set()
        queue = list(nodes)
        while queue:
            node = queue.pop()
            if node not in seen:
                seen.add(node)
                queue += self._copies.get(node, ())
        return seen

    def is_given_more(self, parameter: Node) -> bool:
        """Whether a visible caller gives ``parameter`` anything that is computed."""
        return any(
            isinstance(expr, (ast.BinOp, ast.Call)) or names_tensor(self._module, expr)
            for expr in self._given[parameter]
        )

    def given(self, parameter: Node) -> list[ast.expr]:
        """What visible callers give ``parameter``, methods of other objects told by their names."""
        return self._given.get(parameter, [])

    def _reachable(self, start: Node, *, avoid: Node | None) -> set[Node]:
        seen: set[Node] = set()
        queue = [start]
        while queue:
            node = queue.pop()
            for following in self._edges[node]:
                if following != avoid and following not in seen:
                    seen.add(following)
                    queue.append(following)
        return seen

    def _connect(self, sources: Iterable[Node], target: Node) -> None:
        for source in sources:
            if source != target:
                self._edges[source].add(target)

    def _visit(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(target, value)
            case ast.AugAssign(target=target, value=value):
                self._assign(target, value)
            case ast.NamedExpr(target=target, value=value):
                self._assign(target, value)
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                self._assign(target, value)
            case ast.With(items=items):
                for item in items:
                    if item.optional_vars is not None:
                        self._assign(item.optional_vars, item.context_expr)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                scope = self._module.scopes.opened_by(node)
                positional = [*node.args.posonlyargs, *node.args.args]
                pairs = [
                    *zip(reversed(positional), reversed(node.args.defaults), strict=False),
                    *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
                ]
                for arg, default in pairs:
                    if default is not None:
                        self._connect(self._reads(default), (id(scope), arg.arg))
                        self._alias(default, (id(scope), arg.arg))
                        self._given[(id(scope), arg.arg)].append(default)
            case ast.Return(value=ast.expr() as value) | ast.Yield(value=ast.expr() as value):
                function = self._module.scope_of(node).node
                self._connect(self._reads(value), (id(function), "return"))
            case ast.Call():
                self._call(node)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, (ast.Tuple, ast.List)):
            if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
                for part, item in zip(target.elts, value.elts, strict=True):
                    self._assign(part, item)
                return
            returned = self._returned(value, len(target.elts))
            for index, part in enumerate(target.elts):
                for given in [r.elts[index] for r in returned] or [value]:
                    self._assign(part, given)
            return
        if isinstance(target, ast.Starred):
            target = target.value
        reads = self._reads(value)
        name = target.attr if isinstance(target, ast.Attribute) else ""
        if isinstance(target, ast.Name) and self._module.scope_of(target).kind is ScopeKind.CLASS:
            name = target.id
        if name:
            # The attribute is read through other names of its object as well.
            for family in (0, *map(id, self._summaries.families())):
                self._connect(reads, (family, "." + name))
                self._alias(value, (family, "." + name))
        for written in self._find_reads(target, storing=True):
            self._connect(reads, written)
            self._alias(value, written)

    def _alias(self, value: ast.expr, written: Node) -> None:
        """Record that ``written`` may hold the very tensor that ``value`` gives."""
        match value:
            case ast.BinOp() | ast.UnaryOp() | ast.Constant():
                return
            case ast.List(elts=members) | ast.Tuple(elts=members):
                for member in members:
                    self._alias(member, written)
            case ast.ListComp(elt=member) | ast.DictComp(value=member):
                self._alias(member, written)
            case ast.Call(func=func) if self._makes_new(func):
                return
            case _:
                self._aliases[written].update(self._reads(value))
                if not any(isinstance(node, ast.Call) for node in self._module.inside(value)):
                    self._copies[written].update(self._reads(value))

    def _makes_new(self, func: ast.expr) -> bool:
        resolved = self._module.names.resolve(func)
        return always_new_tensor(resolved) or resolved.startswith("numpy.")

    def _returned(self, value: ast.expr, size: int) -> list[ast.Tuple]:
        """The tuples of ``size`` that a visible function called by ``value`` returns, if only
        such."""
        function = self._summaries.callee(value) if isinstance(value, ast.Call) else None
        if function is None:
            return []
        scope = self._module.scopes.opened_by(function)
        returns = [
            node.value
            for node in self._module.inside(function)
            if isinstance(node, ast.Return) and self._module.scope_of(node) is scope
        ]
        tuples = [r for r in returns if isinstance(r, ast.Tuple) and len(r.elts) == size]
        return tuples if len(tuples) == len(returns) else []

    def _call(self, call: ast.Call) -> None:
        function = self._summaries.callee(call)
        if function is None:
            made = self._summaries.made_by(call)
            if made is not None:
                scope = self._module.scopes.opened_by(made)
                names = [a.arg for a in made.args.args][1:]
                given = list(zip(names, call.args, strict=False))
                given += [(k.arg, k.value) for k in call.keywords if k.arg is not None]
                for parameter, arg in given:
                    self._connect(self._reads(arg), (id(scope), parameter))
                    self._parameters.add((id(scope), parameter))
                    self._alias(arg, (id(scope), parameter))
                    self._given[(id(scope), parameter)].append(arg)
        for body, parameter, values in given_by_loop(self._module, call, self._summaries.may_name):
            written = (id(self._module.scopes.opened_by(body)), parameter)
            self._connect((node for value in values for node in self._reads(value)), written)
        handed = list(self._handed_on(call)) if function is None else []
        for ran, its_call in handed or [(function, call)]:
            if ran is not None:
                self._give(ran, its_call)
                for other in () if isinstance(ran, ast.Lambda) else self._summaries.overrides(ran):
                    self._give(other, its_call)
            self._call_of_object(its_call, known=ran is not None)

    def _call_of_object(self, call: ast.Call, *, known: bool) -> None:
        """A method of an object whose class is not known: all methods of that name."""
        if not isinstance(call.func, ast.Attribute) or self._module.names.resolve(call.func):
            return
        for method in () if known else self._summaries.methods_named(call.func.attr):
            self._give(method, call)
        if call.func.attr in CONTAINER_METHODS:
            for receiver in self._reads(call.func.value):
                for arg in call.args:
                    self._connect(self._reads(arg), receiver)
                    self._alias(arg, receiver)

    def _give(self, function: Function | ast.Lambda, call: ast.Call) -> None:
        """Connect the arguments of ``call`` with the parameters of ``function``."""
        scope = self._module.scopes.opened_by(function)
        for parameter, arg in bind(function, call):
            self._connect(self._reads(arg), (id(scope), parameter))
            self._parameters.add((id(scope), parameter))
            self._alias(arg, (id(scope), parameter))
            self._given[(id(scope), parameter)].append(arg)
        if function.args.kwarg is not None:
            self._keywords(function.args.kwarg.arg, scope, call)
        if function.args.vararg is not None:
            node = (id(scope), function.args.vararg.arg)
            self._parameters.add(node)
            self._listed[node].append(call.args)
            for arg in call.args:
                self._connect(self._reads(arg), node)
                self._alias(arg, node)

    def _handed_on(self, call: ast.Call) -> Iterator[tuple[Function | ast.Lambda | None, ast.Call]]:
        """``partial(f, a)``, ``map(f, a)``, ``(lambda v: …)(a)`` as the call ``f(a)`` they make."""
        scope = self._module.scope_of(call)
        values: list[ast.AST | None] = [call, call.func]
        if isinstance(call.func, ast.Name):
            bound = self._module.names.bindings(call.func.id, scope)
            values += [node.value for node in bound if isinstance(node, ast.Assign)]
        for value in values:
            if isinstance(value, ast.Lambda):
                yield value, call
            elif isinstance(value, ast.Call) and value is not call:
                yield from ((made, call) for made in self._summaries.returned_by(value))
            if isinstance(value, ast.Call) and value.args:
                if self._module.names.resolve(value.func) == "functools.partial":
                    args, keywords = value.args[1:], value.keywords
                    if value is not call:
                        args, keywords = [*args, *call.args], [*keywords, *call.keywords]
                    yield self._as_call(value.args[0], args, keywords)
        if isinstance(call.func, ast.Name) and call.func.id in ("map", "filter"):
            if call.args and not self._module.names.is_local(call.func.id, scope):
                yield self._as_call(call.args[0], call.args[1:], [])

    def _as_call(
        self, func: ast.expr, args: list[ast.expr], keywords: list[ast.keyword]
    ) -> tuple[Function | ast.Lambda | None, ast.Call]:
        ran = func if isinstance(func, ast.Lambda) else self._summaries.named(func)
        return ran, ast.Call(func=func, args=args, keywords=keywords)

    def _keywords(self, name: str, scope: Scope, call: ast.Call) -> None:
        """Members of ``**name``, each by its key."""
        given: list[tuple[object, ast.expr]] = []
        for keyword in call.keywords:
            own = [(keyword.arg, keyword.value)] if keyword.arg is not None else ()
            given += own or keyed(self._module, keyword.value)
        for key, value in given:
            node = (id(scope), f"{name}[{key!r}]")
            self._connect(self._reads(value), node)
            self._parameters.add(node)
            self._alias(value, node)
            self._edges[node].add((id(scope), name))

    def _is_library(self, node: ast.Name | ast.Attribute) -> bool:
        """``tf`` in ``tf.cast(x)``: no value that two calls of it have in common."""
        top, _, rest = self._module.names.resolve(node).partition(".")
        if top not in ("tensorflow", "numpy"):
            return False
        return bool(rest) or isinstance(node, ast.Name)

    def _reads(self, expr: ast.AST) -> tuple[Node, ...]:
        """What evaluating ``expr`` reads; asked for of most expressions twice."""
        known = self._read.get(expr)
        if known is None:
            known = self._read[expr] = tuple(self._find_reads(expr))
        return known

    def _find_reads(self, expr: ast.AST, *, storing: bool = False) -> Iterator[Node]:
        stack: list[ast.AST] = [expr]
        while stack:
            node = stack.pop()
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.value.id in ("self", "cls"):
                    scope = self._module.scope_of(node)
                    yield self.node_for(Symbol(node.value.id, ("." + node.attr,)), scope)
                    continue
            if isinstance(node, (ast.Name, ast.Attribute)) and carries_nothing(
                self._module, node, self._summaries.keeps_nothing
            ):
                continue
            if isinstance(node, (ast.Name, ast.Attribute)) and self._is_library(node):
                continue
            if isinstance(node, ast.Name):
                inside = comprehension_of(self._module, node)
                if inside is not None:
                    yield (id(inside), node.id)
                else:
                    yield self.node_for(Symbol(node.id), self._module.scope_of(node))
                continue
            if isinstance(node, ast.Attribute) and not self._module.names.resolve(node):
                yield (0, "." + node.attr)
                if storing:
                    continue
            if isinstance(node, ast.Call) and not storing:
                function = self._summaries.callee(node)
                if function is not None:
                    for each in (function, *self._summaries.overrides(function)):
                        yield (id(each), "return")
                    continue  # what it makes of its arguments comes back by its return
            stack += children(node)
