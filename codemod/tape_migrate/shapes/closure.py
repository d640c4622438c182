"""Does one value of the module depend on another, by any order of execution?

A coarse, flow-insensitive graph over all scopes: variables, attributes of ``self`` by class,
parameters fed by visible calls, results of visible functions. It answers the question that
dataflow inside one function cannot: was an argument, or an attribute, computed from the source
before the function was entered? It errs on the side of "yes".
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from typing import Final

from tape_migrate.flow.scope import Scope
from tape_migrate.flow.symbols import Symbol, symbol_of
from tape_migrate.shapes.changed_elsewhere import function_elsewhere
from tape_migrate.shapes.closure_graph import ClosureGraph
from tape_migrate.shapes.closure_nodes import Node
from tape_migrate.shapes.displays import collects, spread
from tape_migrate.shapes.held_functions import run_in
from tape_migrate.shapes.loop_body import in_loop
from tape_migrate.shapes.made_of import made_of
from tape_migrate.shapes.new_tensors import is_new
from tape_migrate.shapes.stored import is_tensor, names_tensor
from tape_migrate.shapes.unnamed_calls import members_of_object
from tape_migrate.shapes.variable_makers import makes_variables

_MAKING: Final = (ast.BinOp, ast.Call, ast.Subscript, ast.UnaryOp)


class Closure(ClosureGraph):
    """The dependence graph of a module, and what is asked of it."""

    def node_for(self, symbol: Symbol, scope: Scope) -> Node:
        """The graph's node for ``symbol`` read in ``scope``."""
        return self._nodes.node_for(symbol, scope)

    def may_come_from_same(self, other: Node, source: Node) -> bool:
        """Whether ``other`` may have been computed from the tensor that ``source`` holds."""
        if other == source:
            return False
        same = self._same(source)
        again = source not in self._parameters or self._is_given_again(source)
        if again and other in self._computed_from(source, same):
            return True
        for alias in same:
            # Handed on to itself by recursion: what was computed from it may come back.
            again = source in self._aliases[alias]
            if again and other in self._computed_from(source, same):
                return True
            if alias not in (source, other) and other in self._computed_from(
                alias, same, avoid=source
            ):
                return True
        return False

    def _is_given_again(self, parameter: Node) -> bool:
        """Whether two visible calls give ``parameter`` what may be the same tensor.

        What the first gives back may then be given to the second, beside the tensor itself.
        """
        seen: set[Node] = set()
        for expr in self._given[parameter]:
            held = {each for node in self._nodes.reads(expr) for each in self._same(node)}
            if seen & held or (held and in_loop(self._module, expr)):
                return True
            seen |= held
        return False

    def same_as(self, source: Node) -> set[Node]:
        """``source``, and whatever it may have been given the very tensor of."""
        return self._same(source)

    def holds_computed(self, called: Symbol, scope: Scope, source: Node) -> bool:
        """Whether a function or method of an object may read what was computed from ``source``.

        Of a method, so called in visible classes, what it reads of its object counts.
        """
        held = self._nodes.held_by(called, scope)
        return any(self.may_come_from_same(node, source) for node in sorted(held))

    def reaches(self, source: Node, other: Node) -> bool:
        """Whether ``other`` may hold, or have been computed from, any tensor of ``source``."""
        return other in self.reached_from(source)

    def reached_from(self, source: Node) -> set[Node]:
        """What may hold, or have been computed from, any tensor of ``source``."""
        if source not in self._reached:
            same = self._same(source)
            self._reached[source] = same.union(*(self._computed_from(n, same) for n in same))
        return self._reached[source]

    @cached_property
    def _reached(self) -> dict[Node, set[Node]]:
        return {}

    def spread(self, start: Node) -> tuple[set[Node], set[Node]]:
        """What may hold what was computed from ``start``, and what may hold the very same."""
        seen: set[tuple[Node, bool]] = {(start, False)}
        queue = [*seen]
        while queue:
            node, made = queue.pop()
            following: list[tuple[Node, bool]] = []
            for each in self._edges.get(node, ()):
                copied = node[1] == "lambda" or (
                    node in self._copies.get(each, ()) and (node, each) not in self._makes
                )
                state = (each, made or not copied)
                following.append(state)
            # A function that reads it may be kept, and read it when it is run.
            following += [(each, made) for each in self._captures.get(node, ())]
            for state in following:
                if state not in seen:
                    seen.add(state)
                    queue.append(state)
        return {node for node, made in seen if made}, {node for node, made in seen if not made}

    def reads(self, expr: ast.AST) -> set[Node]:
        """What evaluating ``expr`` reads."""
        return set(self._nodes.reads(expr))

    def share_objects(self, ones: Iterable[Node], others: Iterable[Node]) -> bool:
        """Whether two groups of variables may hold, or be made of, an object in common: no tensor
        by which two objects were made."""
        held, kept = self._may_hold(ones), self._may_hold(others)
        return (
            not held.isdisjoint(kept)
            or any(not kept.isdisjoint(self._reachable(one)) for one in held)
            or any(not held.isdisjoint(self._reachable(one)) for one in kept)
        )

    def leads_to(self, start: Node, other: Node) -> bool:
        """Whether ``other`` may hold or be made of what ``start`` holds, or read it when run."""
        return start == other or other in self._reachable(start)

    def is_computed_from_variables(self, symbol: Symbol, scope: Scope) -> bool:
        """Whether ``symbol`` may hold what was computed from a trainable variable of the module."""
        return self.node_for(symbol, scope) in self._from_variables

    @cached_property
    def _from_variables(self) -> frozenset[Node]:
        made = {node for value, node in self._flows if self._makes_trainable(value)}
        seen = {(node, False) for node in made}
        queue = [*seen]
        while queue:
            node, computed = queue.pop()
            for each in self._edges.get(node, ()):
                state = (each, computed or (node, each) in self._makes)
                if state not in seen:
                    seen.add(state)
                    queue.append(state)
        return frozenset(node for node, computed in seen if computed)

    def _makes_trainable(self, value: ast.expr) -> bool:
        return makes_variables(self._module, value) and not any(
            isinstance(node, ast.keyword) and node.arg == "trainable" for node in ast.walk(value)
        )

    def _computed_from(
        self, start: Node, same: Collection[Node], *, avoid: Node | None = None
    ) -> set[Node]:
        """What is computed from ``start``, the tensor that the nodes of ``same`` may hold.

        A function that reads the tensor itself does so when it is run: it holds nothing that was
        computed before. What it gives when something runs it was.
        """
        seen: set[tuple[Node, bool]] = set()
        queue = [(start, False)]
        while queue:
            node, held = queue.pop()
            following = [
                (each, held and (node, each) not in self._runs) for each in self._edges[node]
            ]
            following += [(each, held or node in same) for each in self._captures.get(node, ())]
            for state in following:
                if state[0] != avoid and state not in seen:
                    seen.add(state)
                    queue.append(state)
        return {node for node, held in seen if not held}

    @cached_property
    def _runs(self) -> set[tuple[Node, Node]]:
        """Edges by which what a function gives comes to be, of one that the first node holds."""
        return {
            (node, written)
            for value, written in self._flows
            for part in run_in(self._module, self._summaries, value)
            for node in self._nodes.reads(part)
        }

    def _same(self, source: Node) -> set[Node]:
        """``source``, and whatever it may have been given the very tensor of."""
        same = {source}
        if source[1].startswith("."):
            same.add((0, source[1]))  # `net.w`, from outside its class
        queue = [source]
        while queue:
            more = self._aliases[queue.pop()] - same
            same |= more
            queue += more
        return same

    def members_depend(self, parameter: Node) -> bool:
        """Whether a visible caller gives ``parameter`` values computed from one another."""
        exprs = self._given[parameter]
        given = [g for expr in exprs for g in made_of(self._module, self._summaries, expr)]
        given += [group for expr in exprs if (group := members_of_object(self._module, expr))]
        listed = [spread(self._module, args) for args in self._listed[parameter]]
        if self.depend([*given, *listed]) or any(map(self.mixes, exprs)):
            return True
        others = self._same(parameter) - {parameter}
        return any(self.hands_mixed(other) for other in others if other in self._listed)

    def hands_mixed(self, parameter: Node) -> bool:
        """Whether a visible caller gives ``*parameter`` a collection of which one member was
        computed from another."""
        return any(
            self.mixes(given) or self.depend(made_of(self._module, self._summaries, given))
            for args in self._listed[parameter]
            for given in args
        )

    def made_together(self, node: Node, seen: frozenset[Node] = frozenset()) -> bool:
        """Whether the collection that ``node`` holds is visibly put together of values of which one
        was computed from another: by a display, one by one, or by a function in sight."""
        if node in seen:
            return False
        values = [value for value, written in self._flows if written == node]
        members = [m for value in values for m in spread(self._module, [value])]
        members += [m for v in values if isinstance(v, ast.Dict) for m in v.values]
        members += [k.value for v in values if isinstance(v, ast.Call) for k in v.keywords]
        if self.depend([members]) or any(map(self.mixes, values)):
            return True
        calls = (value for value in values if isinstance(value, ast.Call))
        made = (f for f in map(self._summaries.callee, calls) if f is not None)
        return any(self.made_together((id(f), "return"), seen | {node}) for f in made) or any(
            self.made_together(own, seen | {node})
            for value in values
            if isinstance(value, ast.Name)
            for own in self._nodes.reads(value)
        )

    def mixes(self, expr: ast.expr) -> bool:
        """Whether ``expr`` may be a collection of which one member was computed from another."""
        here: Node = (id(expr), "mixed")
        if here not in self._aliases:
            self._alias(expr, here)
        held = self._same(here)
        if not any(collects(value) for value, written in self._flows if written in held):
            return False
        reads = set(self._nodes.reads(expr))
        held.discard(here)
        if self._grows_by_itself(held):
            return True
        if held.intersection(n for part in self._parts_made(expr) for n in self._nodes.reads(part)):
            return True
        return any(self._is_computed(node, reads - {node}) for node in held)

    def _grows_by_itself(self, held: set[Node]) -> bool:
        """Whether what is computed from a member of a collection is put into it."""
        put = [value for value, holder in self._put_in.all() if holder in held]
        put += [
            value
            for value, written in self._flows
            if written in held and isinstance(value, ast.Call)
            if function_elsewhere(self._module, value) is not None
        ]
        return any(
            not held.isdisjoint(self._nodes.reads(part))
            for value in put
            for part in ([value] if isinstance(value, ast.Call) else self._parts_made(value))
        )

    def _is_computed(self, start: Node, goals: set[Node]) -> bool:
        """Whether one of ``goals`` may have been computed from ``start``, not only hold it."""
        seen: set[tuple[Node, bool]] = set()
        queue = [(start, False)]
        while queue:
            node, made = queue.pop()
            for following in self._edges.get(node, ()):
                state = (following, made or (node, following) in self._makes)
                if state in seen or following == start:
                    continue
                if state[1] and following in goals:
                    return True
                seen.add(state)
                queue.append(state)
        return False

    @cached_property
    def _makes(self) -> set[tuple[Node, Node]]:
        """Edges by which a new tensor comes to be."""
        return {
            (node, written)
            for value, written in self._flows
            for part in self._parts_made(value)
            for node in self._nodes.reads(part)
        }

    def _parts_made(self, value: ast.expr) -> Iterator[ast.expr]:
        for node in self._module.inside(value):
            if isinstance(node, ast.BinOp) and collects(node):
                continue
            if isinstance(node, _MAKING) and is_new(self._module, node):
                yield node

    def depend(self, groups: Iterable[list[ast.expr]]) -> bool:
        """Whether one member of a group may have been computed from another of it."""
        for group in groups:
            reads = [set(self._nodes.reads(expr)) for expr in group]
            for index in (i for i, expr in enumerate(group) if symbol_of(expr) is not None):
                for other in (i for i in range(len(group)) if i != index):
                    if symbol_of(group[other]) is None and reads[index] & reads[other]:
                        return True
                    for node in reads[index]:
                        if reads[other] & self._reachable(node):
                            return True
                        if any(self._from_given(each, node) for each in reads[other]):
                            return True
        return False

    def _from_given(self, other: Node, node: Node) -> bool:
        """Whether a caller gives the parameter ``node`` what it has computed ``other`` from."""
        return node in self._parameters and self.may_come_from_same(other, node)

    def may_be_among(self, exprs: Iterable[ast.AST], other: Node) -> bool:
        """Whether what ``exprs`` read may be the very tensor of ``other``, by whatever name."""
        held = self._may_hold(node for expr in exprs for node in self._nodes.reads(expr))
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
            isinstance(expr, (ast.BinOp, ast.Call))
            or (isinstance(expr, ast.UnaryOp) and not isinstance(expr.operand, ast.Constant))
            or names_tensor(self._module, expr)
            for expr in self._given[parameter]
        ) or any(is_tensor(self._module, value) for value in self.held_by(parameter))

    def given(self, parameter: Node) -> list[ast.expr]:
        """What visible callers give ``parameter``, methods of other objects told by their names."""
        return self._given.get(parameter, [])

    def held_by(self, parameter: Node) -> list[ast.expr]:
        """Whatever ``parameter`` may hold the value of, or what it is a member of."""
        held = self._same(parameter)
        member = f"{parameter[1]}["  # of ``**more``
        return [
            value
            for value, written in self._flows
            if written in held or (written[0] == parameter[0] and written[1].startswith(member))
        ]

    def held_by_name(self, name: ast.Name) -> list[ast.expr]:
        """The same of a variable where it is read."""
        return [value for node in self._nodes.reads(name) for value in self.held_by(node)]
