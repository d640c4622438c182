"""Write the compiled function that replaces ``K.function`` (planned by ``shapes``).

The gradient calls stay as they are in it, so that they are found again and given their tape.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from tape_migrate.comments import comments
from tape_migrate.edits.draft import Draft, Keep, Piece
from tape_migrate.edits.keras_convention import Convention
from tape_migrate.edits.keras_layout import Layout
from tape_migrate.edits.moving import Moving
from tape_migrate.edits.names import (
    add_import,
    bound_around,
    fresh_name,
    tensorflow_name,
    used_names,
)
from tape_migrate.edits.scan import scan_call
from tape_migrate.edits.tape_block import first_comment_line
from tape_migrate.module import Module
from tape_migrate.shapes.keras_fed import Fed, placeholder_shape, shape_name
from tape_migrate.shapes.keras_given_names import asks_for_model
from tape_migrate.shapes.keras_leaves import Leaf
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.keras_plan import KerasPlan
from tape_migrate.shapes.kinds import kind_of
from tape_migrate.shapes.plan import Kind

_LINE = 99
_LISTED = "outputs"


@dataclass(frozen=True)
class Lifted:
    """The draft, and the name of the function that the gradient calls stand in now."""

    draft: Draft
    function: str


def write_function(module: Module, plan: KerasPlan) -> Lifted:
    """A draft that replaces the ``K.function`` of ``plan`` and moves the graph behind it."""
    return _Writer(module, plan).write()


class _Writer:
    def __init__(self, module: Module, plan: KerasPlan) -> None:
        self.module = module
        self.plan = plan
        self.draft = Draft(module.text)
        scope = module.scope_of(plan.call)
        self.layout = Layout(module, plan)
        self.names = used_names(module, scope)
        self.nl, self.unit = module.newline, module.indent_unit
        self.indent = module.indent_of(plan.stmt)
        line = module.first_line(plan.stmt)
        self.tf = tensorflow_name(module, scope, plan.call, line) or add_import(module, self.draft)
        self.compute = fresh_name("compute", self.names)
        self.levels = Levels.of(module)
        self.features: str | None = None
        """The name of the sub-model, if one is made."""
        self.attribute_names: dict[str, str] = {}
        self.leaf_names = self._name_leaves()
        self.moving = Moving(module, self._cuts())

    def write(self) -> Lifted:
        plan = self.plan
        name = plan.name or fresh_name("gradient_function", self.names)
        model = self._model()
        convention = Convention(
            module=self.module, plan=plan, tf=self.tf, compute=self.compute, features=self.features
        )
        before = model + self._function() + convention.trace()
        before.append(self.nl * self.layout.gap())
        self._place(before, convention.wrapper(name), name)
        self.layout.delete_going(self.draft)
        for fed in plan.fed:
            self._build_on_input(fed)
        for stmt in plan.dropped:
            if self.layout.in_branch(stmt):
                self._keep_shape(stmt)
        for func in plan.constants:
            if not self._moves(func):
                self._cut_outside(func)
        return Lifted(self.draft, self.compute)

    def _place(self, before: list[Piece], wrapper: list[Piece], name: str) -> None:
        """Put the functions before the statement, or in its place if it only named the function."""
        plan, module = self.plan, self.module
        stmt = plan.stmt
        place = module.place_of(stmt)
        top = first_comment_line(module, stmt)
        run = self.layout.run_with(top)
        blank = self.layout.blank_lines_above(run)
        above = run - blank > 1 and not self.layout.opens_block(run - blank)
        begins_with_def = not plan.leaves or plan.direct is not None
        gap = self.layout.gap()
        if not above:
            lead = 0
        else:
            lead = (
                gap if begins_with_def else min(gap, max(blank, self.layout.blank_lines_above(top)))
            )
        first = module.line_start(run - blank)
        start = module.line_start(module.first_line(stmt))
        comment = Keep(module.line_start(top), start)
        head: list[Piece] = [self.nl * lead, *before]
        if plan.name is None:
            call = plan.call
            left = self._left_comments()
            self.draft.replace(first, module.line_start(top), *head, *left, *wrapper, self.nl * gap)
            given: list[Piece] = []
            if plan.values is not None:
                given = [b"(["]
                for index, value in enumerate(plan.values):
                    comma = b", " if index else b""
                    given += [comma, Keep(module.start(value), module.end(value))]
                given.append(b"])")
            self.draft.replace(module.start(call), module.end(call), name.encode(), *given)
            return
        tail: list[Piece] = []
        if place.index + 1 < len(place.block):
            below = self.layout.blank_lines_below(module.last_line(stmt))
            tail.append(self.nl * max(0, gap - below))
        end = module.line_end(module.last_line(stmt))
        said = [*self._left_comments(), comment, *self._comments()]
        self.draft.replace(first, end, *head, *said, *wrapper, *tail)

    def _comments(self) -> list[Piece]:
        """The comments in and behind the statement that compiled the function, above it."""
        module = self.module
        spans = list(scan_call(module, self.plan.call).comments)
        start, end = module.end(self.plan.stmt), module.line_end(module.last_line(self.plan.stmt))
        rest = module.text[start:end]
        if rest.strip().startswith(b"#"):
            spans.append((start + rest.index(b"#"), start + len(rest.rstrip())))
        return [piece for span in spans for piece in (self.indent, Keep(*span), self.nl)]

    def _left_comments(self) -> list[Piece]:
        """The comments in and behind the statements that go without being moved."""
        module = self.module
        gone = [stmt for stmt in self.plan.dropped if not self.layout.in_branch(stmt)]
        if not gone:
            return []
        lines = {n for s in gone for n in range(module.first_line(s), module.last_line(s) + 1)}
        said = [token.string for token in comments(module.text) if token.start[0] in lines]
        return [piece for text in said for piece in (self.indent, text.encode(), self.nl)]

    def _keep_shape(self, stmt: ast.stmt) -> None:
        assert isinstance(stmt, ast.Assign)
        target = stmt.targets[0]
        assert isinstance(target, ast.Name)
        assert isinstance(stmt.value, ast.Call)
        shape = placeholder_shape(stmt.value)
        text = self.module.segment(shape) if shape is not None else b"None"
        self.draft.replace(
            self.module.start(stmt),
            self.module.end(stmt),
            shape_name(target.id).encode() + b" = " + text,
        )

    def _line(self, depth: int, text: str) -> list[Piece]:
        return [self.indent + self.unit * depth + text.encode() + self.nl]

    # --- The sub-model ----------------------------------------------------------------------------

    def _inputs(self) -> str:
        """The inputs of the sub-model, as its maker takes them."""
        given = [f.model_input for f in self.plan.feeds if f.model_input is not None]
        given += [fed.model_input for fed in self.plan.fed]
        if len(given) == 1:
            return given[0].removesuffix("[0]") if given[0].endswith(".inputs[0]") else given[0]
        return f"[{', '.join(given)}]"

    def _model(self) -> list[Piece]:
        plan = self.plan
        if plan.direct is not None:
            for leaf in plan.leaves:
                self._output(leaf)  # its name stays
        if not plan.leaves or plan.direct is not None:
            return []
        self.features = fresh_name("features", self.names)
        texts = [self._output(leaf) for leaf in plan.leaves]
        outputs = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
        if self._is_one_list():
            outputs = f'{{"{_LISTED}": {outputs}}}'
        head = f"{self.features} = {self.tf}.keras.Model("
        # A model without a name would take a number from those that Keras gives.
        named = f'name="{self.features}"' if asks_for_model(self.module) is not None else ""
        line = f"{head}{self._inputs()}, {outputs}{', ' * bool(named)}{named})"
        width = len(self.indent.expandtabs(8)) + 0
        if width + len(line) > 99:
            pieces = self._line(0, head) + self._line(1, f"{self._inputs()},")
            if len(texts) == 1:
                pieces += self._line(1, f"{outputs},")
            else:
                pieces += self._line(1, "[")
                for text in texts:
                    pieces += self._line(2, f"{text},")
                pieces += self._line(1, "],")
            pieces += self._line(1, f"{named},") if named else []
            pieces += self._line(0, ")")
        else:
            pieces = self._line(0, line)
        gap = self.layout.gap()
        return [*pieces, self.nl * gap]

    def _is_one_list(self) -> bool:
        """Whether one list is put out, of which a model makes a tensor if it holds only one."""
        if len(self.plan.leaves) != 1 or not self.plan.leaves[0].holds:
            return False
        expr = self.plan.leaves[0].expr
        if isinstance(expr, ast.Attribute):
            return expr.attr == "outputs"
        scope = self.module.scope_of(self.plan.call)
        return isinstance(expr, ast.Name) and kind_of(self.module, expr, scope) is Kind.LIST

    def _output(self, leaf: Leaf) -> str:
        """A leaf as an output of the sub-model.

        A sequential model of Keras 3 has no ``output``; where the old code plainly meant one tensor
        of the model that is fed, it is written ``outputs[0]``.
        """
        model = leaf.canonical.removesuffix(".output")
        fed = [feed.canonical for feed in self.plan.feeds]
        own = f"{model}.input" in fed or f"{model}.inputs[0]" in fed
        one = any(self._reads_tensor(place) for place, _ in leaf.places)
        if model == leaf.canonical or not own or not one:
            return leaf.text
        if isinstance(leaf.expr, ast.Attribute):
            return leaf.text + "s[0]"
        if isinstance(leaf.expr, ast.Name):
            self._name_output(leaf.expr, model)
        return leaf.text

    def _name_output(self, name: ast.Name, model: str) -> None:
        """Write ``logits = model.outputs[0]`` where ``logits = model.output`` stays."""
        bound = self.module.names.bindings(name.id, self.module.scope_of(name))
        if any(bound[:1] == [stmt] for stmt in self.plan.dropped):
            return
        if len(bound) == 1 and isinstance(bound[0], ast.Assign):
            value = bound[0].value
            if isinstance(value, ast.Attribute) and ast.unparse(value) == f"{model}.output":
                end = self.module.end(value)
                self.draft.replace(end - len("output"), end, b"outputs[0]")

    def _reads_tensor(self, place: ast.expr) -> bool:
        """Whether a place could not read a list."""
        parent = self.module.parent_of(place)
        if isinstance(parent, ast.Subscript) and parent.value is place:
            return isinstance(parent.slice, ast.Tuple)
        if isinstance(parent, (ast.BinOp, ast.UnaryOp)):
            return True
        if isinstance(parent, ast.Call) and any(place is arg for arg in parent.args):
            resolved = self.module.names.resolve(parent.func)
            gradients = self.module.names.api_of(parent.func) is not None
            own = self.levels.summaries.callee(parent) is not None
            return own or (resolved.startswith(("keras.", "tensorflow.")) and not gradients)
        return False

    def _name_leaves(self) -> dict[str, str]:
        plan = self.plan
        used = {self.tf, self.compute, "tape", *(feed.name for feed in plan.feeds)}
        for part in [*plan.slice.moved, plan.outputs]:
            used |= {n.id for n in ast.walk(part) if isinstance(n, ast.Name)}
            used |= {n.arg for n in ast.walk(part) if isinstance(n, ast.arg)}
        names: dict[str, str] = {}
        top = self.module.scope_of(plan.call).node
        for leaf in plan.leaves:
            inner = bound_around(self.module, [place for place, _ in leaf.places], top)
            if isinstance(leaf.expr, ast.Name) and leaf.expr.id not in inner:
                names[leaf.text] = leaf.expr.id
            else:
                names[leaf.text] = fresh_name(_word_for(leaf.expr), used)
        for attribute in sorted(plan.slice.attributes):
            self.attribute_names[attribute] = fresh_name(attribute, used)
        return names

    # --- The function -----------------------------------------------------------------------------

    def _function(self) -> list[Piece]:
        plan = self.plan
        parameters = [feed.name for feed in plan.feeds]
        if plan.phase is not None:
            parameters.append("training")
        pieces = self._line(0, f"@{self.tf}.function(autograph=False)")
        pieces += self._line(0, f"def {self.compute}({', '.join(parameters)}):")
        moved = plan.slice.moved
        last = max((plan.slice.block.index(fed.stmt) for fed in plan.fed), default=-1)
        first = [s for s in moved if plan.slice.block.index(s) < last]
        inner = self.indent + self.unit
        pieces += self.moving.body(first, inner)
        if plan.leaves:
            names = [self.leaf_names[leaf.text] for leaf in plan.leaves]
            fed = [feed.name for feed in plan.feeds if feed.model_input is not None]
            fed += [ast.unparse(item.value) for item in plan.fed]
            given = fed[0] if len(fed) == 1 else f"[{', '.join(fed)}]"
            training = "training" if plan.phase is not None else "False"
            called = plan.direct or self.features
            text = f"{', '.join(names)} = {called}({given}, training={training})"
            if plan.direct is None and self._is_one_list():
                text += f'["{_LISTED}"]'
            pieces += self._line(1, text)
        pieces += self.moving.body([s for s in moved if s not in first], inner)
        start, end = self.module.start(plan.outputs), self.module.end(plan.outputs)
        body = self.moving.span(start, end)
        lines = self.module.text[start:end]
        open_, close = (b"(", b")") if _breaks(plan.outputs, lines) else (b"", b"")
        pieces += [
            inner + b"return " + open_,
            *body,
            close + self.nl,
        ]
        return pieces

    def _cuts(self) -> dict[tuple[int, int], bytes]:
        plan, module = self.plan, self.module
        cuts: dict[tuple[int, int], bytes] = {}
        for leaf in plan.leaves:
            for place, rest in leaf.places:
                text = self.leaf_names[leaf.text] + rest
                cuts[module.start(place), module.end(place)] = text.encode()
        for place, text in plan.input_places:
            cuts[module.start(place), module.end(place)] = text.encode()
        for part in [*plan.slice.moved, plan.outputs]:
            for node in ast.walk(part):
                if isinstance(node, ast.Attribute) and node.attr in self.attribute_names:
                    name = self.attribute_names[node.attr]
                    cuts[module.start(node), module.end(node)] = name.encode()
        for site in plan.sites:
            if isinstance(site.func, ast.Attribute) and site.func.attr == "get_gradients":
                # The call is followed by the end of its callee: that stays.
                end = module.end(site.func) - len("gradients")
                cuts[module.start(site.func), end] = f"{self.tf}.".encode()
        for func in plan.constants:
            if self._moves(func):
                cuts[module.start(func), module.end(func)] = self._constant(func)
        return cuts

    def _constant(self, func: ast.expr) -> bytes:
        text = self.module.segment(func)
        return text[: -len(b"variable")] + b"constant" if text.endswith(b"variable") else text

    def _moves(self, node: ast.AST) -> bool:
        return any(
            parent is stmt for parent in self.module.parents(node)
            for stmt in self.plan.slice.moved
        )  # fmt: skip

    def _cut_outside(self, func: ast.expr) -> None:
        self.draft.replace(self.module.start(func), self.module.end(func), self._constant(func))

    def _build_on_input(self, fed: Fed) -> None:
        """Build the model on an ``Input`` instead of the tensor."""
        module, keyword = self.module, fed.keyword
        start, end = module.start(keyword), module.end(keyword)
        if fed.shape is None:
            rest = re.match(rb"\s*,\s*", module.text[end:])
            if rest is None:
                before = re.search(rb"\s*,\s*$", module.text[:start])
                start = before.start() if before else start
            self.draft.delete(start, end + (rest.end() if rest else 0))
            return
        if keyword.arg == "tensor":
            text = f"batch_shape={fed.shape}" if fed.whole else f"shape={fed.shape}"
        else:
            inner = f"batch_shape={fed.shape}" if fed.whole else f"shape={fed.shape}"
            text = f"input_tensor={self.tf}.keras.Input({inner})"
        self.draft.replace(start, end, text.encode())


def _breaks(expr: ast.expr, text: bytes) -> bool:
    return b"\n" in text and not isinstance(expr, (ast.List, ast.Tuple, ast.Call, ast.Dict))


def _word_for(expr: ast.expr) -> str:
    """A name for a Keras tensor: ``output`` of a model, ``layer_output`` of a layer."""
    match expr:
        case ast.Attribute(value=ast.Call(func=ast.Attribute(attr="get_layer")), attr=attr):
            return f"layer_{attr}"
        case ast.Attribute(value=ast.Subscript(value=ast.Attribute(attr="layers")), attr=attr):
            return f"layer_{attr}"
        case ast.Attribute(attr=attr):
            return attr
        case ast.Subscript(value=ast.Attribute(attr=attr)):
            return attr.removesuffix("s")
        case ast.Subscript(slice=ast.Constant(value=str(key))) if key.isidentifier():
            return key
        case ast.DictComp():
            return "layer_outputs"
    return "layer_output"
