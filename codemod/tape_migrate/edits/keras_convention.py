"""How a compiled function is traced and called: what ``K.function`` promised its callers."""

from __future__ import annotations

from tape_migrate.edits.draft import Piece
from tape_migrate.edits.keras_layout import Layout
from tape_migrate.module import Module
from tape_migrate.shapes.keras_compiled import Feed
from tape_migrate.shapes.keras_plan import KerasPlan, Result

_LINE = 99


class Convention:
    """Writes what comes after the body of the function."""

    def __init__(
        self, *, module: Module, plan: KerasPlan, tf: str, compute: str, features: str | None
    ) -> None:
        """``compute`` is the function that was written, ``features`` the sub-model, if any."""
        self.plan = plan
        self.tf, self.compute, self.features = tf, compute, features
        self.nl, self.unit = module.newline, module.indent_unit
        self.indent = module.indent_of(plan.stmt)
        self.gap = Layout(module, plan).gap()

    def trace(self) -> list[Piece]:
        """Trace the function here, as the graph was built here: what changes later is not seen."""
        specs = [self._spec(feed) for feed in self.plan.feeds]
        made = f"{self.compute}.get_concrete_function"
        head, tail = f"{self.compute} = {made}(", ")"
        if self.plan.phase is not None:
            head, tail = f"{self.compute} = [{made}(", ", phase) for phase in (False, True)]"
        lines = [f"{head}{', '.join(specs)}{tail}"]
        if self._width(0) + len(lines[0]) > _LINE:
            unit = self.unit.decode()
            last = tail.removeprefix(", ")
            inner = [f"{unit}{spec}," for spec in specs]
            if self.plan.phase is not None:
                inner.append(f"{unit}phase,")
                last = ") for phase in (False, True)]"
            lines = [head, *inner, last]
        pieces: list[Piece] = [self.nl * self.gap]
        for line in lines:
            pieces += self._line(0, line)
        return pieces

    def _line(self, depth: int, text: str) -> list[Piece]:
        return [self.indent + self.unit * depth + text.encode() + self.nl]

    def _width(self, depth: int) -> int:
        return len((self.indent + self.unit * depth).expandtabs(8))

    def _spec(self, feed: Feed) -> str:
        spec = f"{self.tf}.TensorSpec"
        if feed.whole:
            tensors = f"{self.features}.inputs" if self.features is not None else feed.canonical
            return f"[{spec}(tensor.shape, tensor.dtype) for tensor in {tensors}]"
        if feed.model_input is None:
            return f"{spec}({feed.shape}, {feed.dtype})"
        tensor = feed.model_input
        if self.features is not None:
            fed = [f for f in self.plan.feeds if f.model_input is not None]
            tensor = f"{self.features}.inputs[{fed.index(feed)}]"
        return f"{spec}({tensor}.shape, {tensor}.dtype)"

    def wrapper(self, name: str) -> list[Piece]:
        """The callable ``name``: takes a list, gives numpy arrays."""
        plan = self.plan
        bound = f", {self.compute}={self.compute}" if plan.bound else ""
        pieces = self._line(0, f"def {name}(inputs{bound}):")
        if plan.flat:
            pieces += self._line(1, f"inputs = {self.tf}.nest.flatten(inputs)")
        step = self.compute
        if plan.phase is not None:
            step = "step"
            pieces += self._line(1, f"step = {self.compute}[bool(inputs[{plan.phase}])]")
        given = [self._fed(step, feed, index) for index, feed in enumerate(plan.feeds)]
        called = f"{step}({', '.join(given)})"
        broken = [f"values = {step}(", *(f"    {text}," for text in given), ")"]
        if plan.result is Result.LIST:
            text = f"return [value.numpy() for value in {called}]"
            if self._width(1) + len(text) > _LINE:
                short = f"values = {called}"
                for line in [short] if self._width(1) + len(short) <= _LINE else broken:
                    pieces += self._line(1, line.replace("    ", self.unit.decode()))
                text = "return [value.numpy() for value in values]"
        elif plan.result is Result.SINGLE:
            text = f"return {called}.numpy()"
        else:
            pieces += self._line(1, f"values = {called}")
            text = f"return {self.tf}.nest.map_structure(lambda value: value.numpy(), values)"
        return [*pieces, *self._line(1, text)]

    def _fed(self, step: str, feed: Feed, index: int) -> str:
        if feed.whole:
            made = f"{self.tf}.constant(value, tensor.dtype)"
            return f"[{made} for value, tensor in zip(inputs, {step}.inputs)]"
        return f"{self.tf}.constant(inputs[{feed.position}], {step}.inputs[{index}].dtype)"
