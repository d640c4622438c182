"""The graph of ``closure``: what may flow where in a module, by any order of execution.

Edges lead from what is read to what is written: by assignments, by calls of visible functions from
arguments to parameters, by what is returned, and by what a function reads of what is around it.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import product

from tape_migrate.flow.scope import Scope, ScopeKind
from tape_migrate.module import Module
from tape_migrate.shapes.binding import bind
from tape_migrate.shapes.changed_elsewhere import changed_arguments
from tape_migrate.shapes.closure_nodes import Node, Nodes
from tape_migrate.shapes.displays import collects, keyed, taker_of
from tape_migrate.shapes.functions import Function
from tape_migrate.shapes.loop_body import given_by_loop
from tape_migrate.shapes.new_tensors import is_new, makes_new
from tape_migrate.shapes.put_in import PutIn, filled_by
from tape_migrate.shapes.set_by_name import set_by_name
from tape_migrate.shapes.summaries import Summaries
from tape_migrate.shapes.unnamed_calls import Handed, UnnamedCalls, captured

_VISITED = frozenset(
    {ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr, ast.For, ast.comprehension, ast.With}
    | {ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.Return, ast.Yield}
    | {ast.Call, ast.Subscript, ast.BinOp}
)
"""What tells of a dependence: most nodes are names, attributes and constants."""


class ClosureGraph:
    """What the statements and calls of a module connect."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._summaries = Summaries.of(module)
        self._nodes = Nodes(module)
        self._unnamed = UnnamedCalls(module)
        self._pending: list[Handed] = []
        self._edges: dict[Node, set[Node]] = defaultdict(set)
        self._flows: list[tuple[ast.expr, Node]] = []  # values, and what they are put into
        self._aliases: dict[Node, set[Node]] = defaultdict(set)
        """Variable -> what may hold the same tensor: arguments given for it, plain copies."""
        self._copies: dict[Node, set[Node]] = defaultdict(set)  # the same, without calls between
        self._captures: dict[Node, set[Node]] = defaultdict(set)
        """Variable -> functions that read it when they are run, not when they are made."""
        self._put_in = PutIn(self._nodes.reads)
        self._parameters: set[Node] = set()
        self._given: dict[Node, list[ast.expr]] = defaultdict(list)  # what calls give a parameter
        self._listed: dict[Node, list[list[ast.expr]]] = defaultdict(list)  # of ``*args``
        for node in module.nodes:
            if node.__class__ in _VISITED:
                self._visit(node)
        for name, value in set_by_name(module):
            for attribute in self._nodes.named(name):
                self._connect(self._nodes.reads(value), attribute)
                self._alias(value, attribute)
        self._run_handed()
        for value, holder in self._put_in.elsewhere():
            self._connect(self._nodes.reads(value), holder)
            self._alias(value, holder)

    def _reachable(self, start: Node) -> set[Node]:
        """What is computed from ``start``, or reads it."""
        seen: set[Node] = set()
        queue = [start]
        while queue:
            node = queue.pop()
            for following in (*self._edges[node], *self._captures.get(node, ())):
                if following not in seen:
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
                self._pending += self._unnamed.of_operator(node)
                if isinstance(value, (ast.List, ast.ListComp)):
                    for holder in self._nodes.find_reads(target, storing=True):
                        self._put_in.put(value, holder)
            case ast.NamedExpr(target=target, value=value):
                self._assign(target, value)
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                self._assign(target, value)
                for member in self._nodes.find_reads(target, storing=True):
                    self._put_in.name_members(value, member)
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
                        self._hand(default, (id(scope), arg.arg))
                        self._given[(id(scope), arg.arg)].append(default)
                if not isinstance(node, ast.Lambda):
                    self._run(self._unnamed.decorated(node))
                self._define(node)
            case ast.ClassDef():
                self._define(node)
            case ast.Return(value=ast.expr() as value) | ast.Yield(value=ast.expr() as value):
                function = self._module.scope_of(node).node
                self._connect(self._nodes.reads(value), (id(function), "return"))
                self._return(value, (id(function), "return"))
            case ast.Call():
                self._call(node)
            case ast.Subscript() | ast.BinOp():
                self._pending += self._unnamed.of_operator(node)

    def _define(self, node: Function | ast.ClassDef | ast.Lambda) -> None:
        """What a function reads of what is around it, it reads when it is run."""
        scope = self._module.scopes.opened_by(node)
        around = scope.parent
        if isinstance(node, ast.Lambda):
            own = (id(scope), "lambda")
        elif around is None:
            return
        elif around.kind is ScopeKind.CLASS:
            self._define_method(node, around)
            return
        else:
            own = (id(around), node.name)
        for name in captured(self._module, node):
            for read in self._nodes.reads(name):
                self._captures[read].add(own)

    def _define_method(self, node: Function | ast.ClassDef, owner: Scope) -> None:
        """What a method reads of its object, and of what is around, where it is a value:
        ``penalty(box.scaled, x)``."""
        if isinstance(node, ast.ClassDef) or node.name not in self._values:
            return
        if self._summaries.is_property(node.name):
            return  # to name it is to run it
        own = self._nodes.named(node.name)
        read = [each for name in captured(self._module, node) for each in self._nodes.reads(name)]
        for inner in self._module.of_kind_inside(ast.Attribute, node):
            if isinstance(inner.value, ast.Name) and inner.value.id == "self":
                if isinstance(inner.ctx, ast.Load):
                    read += self._nodes.reads(inner)
                    read.append((0, "." + inner.attr))  # set by whoever has the object
        for each in read:
            self._captures[each].update(node for node in own if node != each)

    @cached_property
    def _values(self) -> frozenset[str]:
        """Names of attributes that are read, and not to call them there."""
        called = {id(call.func) for call in self._module.of_kind(ast.Call)}
        return frozenset(
            node.attr
            for node in self._module.of_kind(ast.Attribute)
            if isinstance(node.ctx, ast.Load) and id(node) not in called
        )

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, (ast.Tuple, ast.List)):
            if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
                for part, item in zip(target.elts, value.elts, strict=True):
                    self._assign(part, item)
                return
            returned = self._nodes.returned(value, len(target.elts))
            for index, part in enumerate(target.elts):
                for given in [r.elts[index] for r in returned] or [value]:
                    self._assign(part, given)
            return
        if isinstance(target, ast.Starred):
            target = target.value
        reads = self._nodes.reads(value)
        name = target.attr if isinstance(target, ast.Attribute) else ""
        if isinstance(target, ast.Name) and self._module.scope_of(target).kind is ScopeKind.CLASS:
            name = target.id
        for attribute in self._nodes.named(name):
            self._connect(reads, attribute)
            self._alias(value, attribute)
        if isinstance(target, ast.Attribute):
            self._run(self._unnamed.setters(name, target.value, value))
            self._put_into_called(target.value, [value])
        for written in self._nodes.find_reads(target, storing=True):
            self._connect(reads, written)
            self._alias(value, written)
            self._put_in.bind(target, value, written)

    def _alias(self, value: ast.expr, written: Node) -> None:
        """Record that ``written`` may hold the very tensor that ``value`` gives."""
        self._flows.append((value, written))
        match value:
            case ast.BinOp(left=left, op=ast.Add(), right=right) if collects(value):
                self._alias(left, written)
                self._alias(right, written)
            case _ if is_new(self._module, value):
                return
            case (
                ast.List(elts=members) | ast.Tuple(elts=members) | ast.Dict(values=members)
            ):  # fmt: skip
                for member in members:
                    self._alias(member, written)
            case ast.ListComp(elt=member) | ast.DictComp(value=member):
                self._alias(member, written)
            case _:
                self._aliases[written].update(self._nodes.reads(value))
                if not any(isinstance(node, ast.Call) for node in self._module.inside(value)):
                    self._copies[written].update(self._nodes.reads(value))

    def _return(self, value: ast.expr, written: Node) -> None:
        if not isinstance(value, ast.Call) or self._summaries.callee(value) is not None:
            self._alias(value, written)
            self._put_in.name(value, written)
            return
        # What is called is no tensor that it gives back: `return Pair(a, b)`.
        self._flows.append((value, written))
        for given in (*value.args, *(keyword.value for keyword in value.keywords)):
            if not makes_new(self._module, value.func):
                self._alias(given, written)

    def _call(self, call: ast.Call) -> None:
        function = self._summaries.callee(call)
        for body, parameter, values in given_by_loop(self._module, call, self._summaries.may_name):
            written = (id(self._module.scopes.opened_by(body)), parameter)
            self._connect((node for value in values for node in self._nodes.reads(value)), written)
        handed = list(self._unnamed.handed_on(call)) if function is None else []
        for ran, its_call in handed or [(function, call)]:
            if ran is not None:
                self._give(ran, its_call)
                for other in () if isinstance(ran, ast.Lambda) else self._summaries.overrides(ran):
                    self._give(other, its_call)
            self._call_of_object(its_call, known=ran is not None)
        if function is None and not handed:
            made = self._unnamed.makers(call)
            self._run(made)
            self._pending += () if made else self._unnamed.may_run(call)
            for changed in changed_arguments(self._module, call):
                for holder in (*self._nodes.reads(changed), *self._nodes.attributes(changed)):
                    self._put_in.put(call, holder)
                    self._connect(self._nodes.reads(call), holder)

    def _run(self, calls: Iterable[tuple[Function | ast.Lambda | None, ast.Call]]) -> None:
        for function, call in calls:
            if function is not None:
                self._give(function, call)

    def _run_handed(self) -> None:
        """Calls of what was handed about, where it may have got to the call."""
        waiting = self._pending
        while waiting:
            reached: dict[ast.AST, set[Node]] = {}
            left: list[Handed] = []
            for each in waiting:
                own = each.definition
                if own not in reached:
                    names = self._nodes.names_of(own)
                    reached[own] = set(names).union(*map(self._reachable, names))
                if not reached[own].isdisjoint(self._nodes.reads(each.callee)):
                    self._give(each.function, each.call)
                else:
                    left.append(each)
            if len(left) == len(waiting):
                break
            waiting = left

    def _call_of_object(self, call: ast.Call, *, known: bool) -> None:
        """A method of an object whose class is not known: all methods of that name."""
        if isinstance(call.func, ast.Name) and not known:
            for func in self._methods_called(call.func):
                its_call = ast.Call(func=func, args=call.args, keywords=call.keywords)
                self._call_of_object(its_call, known=False)
        filled = filled_by(self._module, call)
        of_library = isinstance(call.func, ast.Attribute) and self._nodes.is_of_library(call.func)
        if filled is not None and (not of_library or filled[0] in call.args):
            self._fill(*filled)
        if not isinstance(call.func, ast.Attribute) or of_library:
            return
        for method in () if known else self._summaries.methods_named(call.func.attr):
            self._give(method, call)
            if not self._summaries.is_quiet(method):
                self._put_into_called(call.func.value, call.args)

    def _fill(self, holder: ast.expr, given: list[ast.expr]) -> None:
        receivers = [*self._nodes.reads(holder), *self._nodes.attributes(holder)]
        for receiver, arg in product(receivers, given):
            self._connect(self._nodes.reads(arg), receiver)
            self._alias(arg, receiver)
            self._put_in.put(arg, receiver)

    def _put_into_called(self, holder: ast.expr, values: Iterable[ast.expr]) -> None:
        """What is put into an object counts for its name where the object may be called itself:
        ``box.v = h`` and ``penalty(box, x)``."""
        if not isinstance(holder, ast.Name) or holder.id in ("self", "cls"):
            return
        if self._summaries.methods_named("__call__"):
            for value, written in product(values, self._nodes.reads(holder)):
                self._connect(self._nodes.reads(value), written)

    def _methods_called(self, name: ast.Name) -> Iterator[ast.Attribute]:
        """The methods of objects that a name is given: ``put = kept.append``."""
        for node in self._module.names.bindings(name.id, self._module.scope_of(name)):
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
                value = node.value
                for each in (value.body, value.orelse) if isinstance(value, ast.IfExp) else [value]:
                    if isinstance(each, ast.Attribute):
                        yield each

    def _give(self, function: Function | ast.Lambda, call: ast.Call) -> None:
        """Connect the arguments of ``call`` with the parameters of ``function``."""
        scope = self._module.scopes.opened_by(function)
        for parameter, arg in bind(function, call):
            self._parameters.add((id(scope), parameter))
            self._hand(arg, (id(scope), parameter))
            self._given[(id(scope), parameter)].append(arg)
        if function.args.kwarg is not None:
            self._keywords(function.args.kwarg.arg, scope, call)
        if function.args.vararg is not None:
            node = (id(scope), function.args.vararg.arg)
            self._parameters.add(node)
            bound = {id(arg) for _, arg in bind(function, call)}
            more = [arg for arg in call.args if id(arg) not in bound]
            self._listed[node].append(more)
            for arg in more:
                self._connect(self._nodes.reads(arg), node)
                self._alias(arg, node)

    def _hand(self, value: ast.expr, parameter: Node) -> None:
        self._connect(self._nodes.reads(value), parameter)
        self._alias(value, parameter)
        self._put_in.name(value, parameter)

    def _keywords(self, name: str, scope: Scope, call: ast.Call) -> None:
        """Members of ``**name``, each by its key."""
        given: list[tuple[object, ast.expr]] = []
        for keyword in call.keywords:
            own = [(keyword.arg, keyword.value)] if keyword.arg is not None else ()
            given += own or keyed(self._module, keyword.value)
        root = (id(scope), name)
        for key, value in given:
            if key is None:
                self._any_member(root, value)
                continue
            node = _member(root, key)
            self._connect(self._nodes.reads(value), node)
            self._parameters.add(node)
            self._alias(value, node)
            self._edges[node].add(root)

    def _any_member(self, root: Node, value: ast.expr) -> None:
        """Members of ``**root`` that are somewhere in ``value``: each may be any of it."""
        owner = taker_of(self._module, value)
        handed_on = (
            (id(owner), value.id) if owner is not None and isinstance(value, ast.Name) else None
        )
        if handed_on is None:
            self._connect(self._nodes.reads(value), root)
        for key in self._keys:
            node = _member(root, key)
            self._parameters.add(node)
            self._edges[node].add(root)
            if handed_on is not None:
                same = _member(handed_on, key)
                self._edges[same].add(node)
                self._aliases[node].add(same)
                self._copies[node].add(same)
                continue
            self._edges[root].add(node)
            self._alias(value, node)

    @cached_property
    def _keys(self) -> frozenset[object]:
        """All by which the module asks a dictionary for a member."""
        slices = (node.slice for node in self._module.of_kind(ast.Subscript))
        return frozenset(s.value for s in slices if isinstance(s, ast.Constant))


def _member(root: Node, key: object) -> Node:
    return (root[0], f"{root[1]}[{key!r}]")
