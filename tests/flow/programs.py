"""Generated programs: one function over the variables a, b, c.

Every value is made by ``mk(line, …)``, ``rng(line, …)``, … and so knows the line of the
definition that it came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

NAMES = "abc"
names = st.sampled_from(NAMES)
PLAIN = ("assign", "swap", "augment", "use", "comprehension")
BRANCHES = (*PLAIN, "if", "ifelse")
LOOPS = (*BRANCHES, "for", "while", "ifbreak", "ifcontinue")
LOOP_ELSES = ("forelse", "whileelse")
LOOP_KINDS = ("for", "while", "forever", *LOOP_ELSES)
EVERYTHING = (
    *LOOPS,
    *LOOP_ELSES,
    *("try", "tryfinally", "tryall", "with", "closure", "nonlocal", "walrus", "delete"),
    *("return", "raise", "match", "forever"),
)


@dataclass
class _Writer:
    """Draws statements and writes them down; line 1 is the ``def`` with its parameters."""

    draw: st.DrawFn
    kinds: tuple[str, ...]
    nested_loops: bool = True
    deepest: int = 3
    room: int = 60
    """After this many lines only simple statements follow."""
    lines: list[str] = field(default_factory=lambda: ["def program(a, b):"])
    functions: int = 0

    def put(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text.replace("@", str(len(self.lines) + 1)))

    def block(self, depth: int, loops: bool = False) -> None:
        for _ in range(self.draw(st.integers(1, 3))):
            self.statement(depth, loops)

    def statement(self, depth: int, loops: bool) -> None:
        kinds = [kind for kind in self.kinds if loops or kind not in ("ifbreak", "ifcontinue")]
        if depth > 1 and not self.nested_loops:
            kinds = [kind for kind in kinds if kind not in LOOP_KINDS]
        if depth > self.deepest or len(self.lines) > self.room:
            kinds = [kind for kind in kinds if kind in (*PLAIN, "walrus", "return", "raise")]
        kind = self.draw(st.sampled_from(kinds))
        x, y, z = self.draw(names), self.draw(names), self.draw(names)
        getattr(self, "do_" + kind)(depth, loops, x, y, z)

    def do_assign(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.put(depth, f"{x} = mk(@, {y}, {z})")

    def do_swap(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.put(depth, f"{x}, {y} = two(@, {y}, {z})")

    def do_augment(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.put(depth, f"{x} += mk(@, {y})")

    def do_use(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.put(depth, f"_ = mk(@, {x}, {y}).attr, {z}")

    def do_comprehension(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.put(depth, f"{x} = mk(@, [({y}, {z}) for {y} in rng(@, {x})])")

    def do_if(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.put(depth, f"if cond({x}, {y}):")
        self.block(depth + 1, loops)

    def do_ifelse(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.do_if(depth, loops, x, y, z)
        self.put(depth, "else:")
        self.block(depth + 1, loops)

    def do_for(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.put(depth, f"for {x} in rng(@, {y}):")
        self.block(depth + 1, True)

    def do_while(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.put(depth, f"while cond({x}):")
        self.block(depth + 1, True)

    def do_forelse(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.do_for(depth, loops, x, y, z)
        self.put(depth, "else:")
        self.block(depth + 1, loops)

    def do_whileelse(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.do_while(depth, loops, x, y, z)
        self.put(depth, "else:")
        self.block(depth + 1, loops)

    def do_forever(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.put(depth, "while True:")
        self.block(depth + 1, True)
        self.put(depth + 1, f"if cond({x}):")
        self.put(depth + 2, "break")

    def do_ifbreak(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.do_if(depth, loops, x, y, z)
        self.put(depth + 1, "break")

    def do_ifcontinue(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.do_if(depth, loops, x, y, z)
        self.put(depth + 1, "continue")

    def do_try(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.put(depth, "try:")
        self.block(depth + 1, loops)
        self.put(depth, f"except {self.draw(st.sampled_from(['OddError', 'EvenError']))} as err:")
        self.block(depth + 1, loops)

    def do_tryfinally(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.put(depth, "try:")
        self.block(depth + 1, loops)
        self.put(depth, "finally:")
        self.block(depth + 1, False)

    def do_tryall(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.do_try(depth, loops, x, y, z)
        self.put(depth, "else:")
        self.block(depth + 1, loops)
        self.put(depth, "finally:")
        self.block(depth + 1, False)

    def do_with(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        suppress = self.draw(st.booleans())
        self.put(depth, f"with {'suppress' if suppress else 'scope'}(@, {x}) as {y}:")
        self.block(depth + 1, loops)

    def do_closure(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.functions += 1
        self.put(depth, f"def fun{self.functions}(p={x}):")
        self.put(depth + 1, f"return (mk(@, p), {y})")
        self.put(depth, f"{z} = mk(@, fun{self.functions}())")

    def do_nonlocal(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        x = "b" if x == "c" else x  # c may have no binding that nonlocal could mean
        self.functions += 1
        self.put(depth, f"def fun{self.functions}():")
        self.put(depth + 1, f"nonlocal {x}")
        self.put(depth + 1, f"{x} = mk(@)")
        self.put(depth, f"{z} = mk(@, fun{self.functions}())")

    def do_walrus(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        connective = self.draw(st.sampled_from(["and", "or"]))
        self.put(depth, f"_ = cond({z}) {connective} ({x} := mk(@, {y})) or mk(@, {x})")

    def do_delete(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.put(depth, f"del {x}")

    def do_return(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.put(depth, f"return mk(@, {x})")

    def do_raise(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.put(depth, f"raise fail(mk(@, {x}))")

    def do_match(self, depth: int, loops: bool, x: str, y: str, z: str) -> None:
        self.put(depth, f"match mk(@, {y}):")
        self.put(depth + 1, f"case (Some() as {z}) if cond({z}):")
        self.block(depth + 2, loops)
        self.put(depth + 1, f"case {x} if cond({x}, {z}):")
        self.block(depth + 2, loops)


@st.composite
def programs(
    draw: st.DrawFn,
    kinds: tuple[str, ...],
    nested_loops: bool = True,
    deepest: int = 3,
    room: int = 60,
) -> str:
    """Source of a function; half of the time c is bound from the start."""
    writer = _Writer(draw, kinds, nested_loops, deepest, room)
    if draw(st.booleans()):
        writer.put(1, "c = mk(@)")
    for _ in range(draw(st.integers(2, 6))):
        writer.statement(1, False)
    writer.put(1, "return a, b, c")
    return "\n".join(writer.lines) + "\n"
