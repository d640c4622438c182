"""Statements for generated programs: assignments, containers, nested functions."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.fuzz.expressions import Env, Value, expression, operand

FEATURES = (
    "alias", "attribute", "augmented", "branch", "chained", "comprehension", "dictionary",
    "early", "helper", "higher order", "jump", "keeper", "lambda", "list", "loop",
    "nested function", "noise", "object", "rebind", "scope", "swap", "unpack", "while", "keywords",
    "inline", "try", "slices", "walrus", "conditional", "with item", "star", "copy", "delete",
    "default argument", "generator", "in a call", "spelling", "layout", "result", "hessians",
    "optimizer", "variable",
)  # fmt: skip
"""What a program may hold; each program draws a few, so that most stay simple."""

_NAMES = ("a", "b", "c", "h", "k", "p", "q", "u", "v", "w", "y")


class Writer:
    """Writes the statements of one body, line by line."""

    def __init__(self, rng: random.Random, env: Env, features: frozenset[str]) -> None:
        self.rng = rng
        self.env = env
        self.features = features
        self.lines: list[str] = []
        self.indent = 1
        self.outputs: list[str] = []
        """Expressions that name results of gradient calls."""
        self.in_loop = False
        self.owner = ""
        """``self`` in a method."""
        self.used: set[str] = set()
        """Features that the text holds."""

    def put(self, text: str) -> None:
        """Write one statement, perhaps with a comment, perhaps on the line before."""
        rng = self.rng
        simple = not text.endswith(":") and "\n" not in text
        if (
            simple and rng.random() < 0.05 and self.lines
            and not self.lines[-1].rstrip().endswith(":") and "#" not in self.lines[-1]
            and self.lines[-1].startswith("    " * self.indent)
            and not self.lines[-1].startswith("    " * self.indent + " ")
            and not self.lines[-1].lstrip().startswith(("return", "if ", "for ", "with ", "def "))
            and not text.startswith(("if ", "for ", "with "))
        ):  # fmt: skip
            self.lines[-1] += f"; {text}"
            self.used.add("several on a line")
            return
        if "noise" in self.features and rng.random() < 0.2:
            self.lines.append("    " * self.indent + f"# remark {len(self.lines)}")
        comment = f"  # note {len(self.lines)}" if rng.random() < 0.1 else ""
        self.lines.append("    " * self.indent + text + comment)

    def name(self) -> str:
        """A variable to assign: sometimes one that is bound already."""
        taken = [n for n in self.env.values if n.isidentifier()]
        if "rebind" in self.features and taken and self.rng.random() < 0.3:
            self.used.add("rebind")
            return self.rng.choice(taken)
        unused = [n for n in _NAMES if n not in self.env.values and n not in self.env.lists]
        if unused:
            return self.rng.choice(unused)
        return f"t{self.env.ident()}"

    def bind(self, name: str, deps: frozenset[int]) -> None:
        """``name`` now holds a new tensor."""
        self.env.values[name] = self.env.fresh(deps)

    def assign(self) -> None:
        """One of the kinds of assignment that the program's features allow."""
        text, deps = expression(self.env, plain=True)
        kinds: list[tuple[str, Callable[[str, frozenset[int]], None]]] = [
            ("straight line", self._plain)
        ] * 4
        allowed: tuple[tuple[str, Callable[[str, frozenset[int]], None]], ...] = (
            ("alias", self._alias),
            ("augmented", self._augmented),
            ("chained", self._chained),
            ("swap", self._swap),
            ("attribute", self._attribute),
            ("object", self._attribute),
            ("list", self._list),
            ("slices", self._element),
            ("dictionary", self._dictionary),
            ("unpack", self._unpack),
            ("lambda", self._lambda),
            ("nested function", self._nested),
            ("comprehension", self._comprehension),
            ("walrus", self._walrus),
            ("conditional", self._conditional),
            ("with item", self._with_item),
            ("star", self._star),
            ("copy", self._copy),
            ("delete", self._delete),
            ("default argument", self._default),
            ("generator", self._generator),
            ("in a call", self._filled),
        )
        kinds += [pair for pair in allowed if pair[0] in self.features] * 2
        name, write = self.rng.choice(kinds)
        self.used.add(name)
        write(text, deps)

    def _plain(self, text: str, deps: frozenset[int]) -> None:
        name = self.name()
        self.put(f"{name} = {text}")
        self.bind(name, deps)

    def _alias(self, text: str, deps: frozenset[int]) -> None:
        name, other = self.name(), self.rng.choice(list(self.env.values))
        self.put(f"{name} = {other}")
        self.env.values[name] = self.env.values[other]

    def _augmented(self, text: str, deps: frozenset[int]) -> None:
        name = self.rng.choice(list(self.env.values))
        self.put(f"{name} {self.rng.choice(['+=', '*=', '-='])} {text}")
        self.bind(name, deps | self.env.values[name].deps)

    def _chained(self, text: str, deps: frozenset[int]) -> None:
        one, two = self.name(), self.name()
        self.put(f"{one} = {two} = {text}")
        self.bind(one, deps)
        self.env.values[two] = self.env.values[one]

    def _swap(self, text: str, deps: frozenset[int]) -> None:
        one, two = self.rng.choice(list(self.env.values)), self.rng.choice(list(self.env.values))
        if one == two:
            self._plain(text, deps)
            return
        self.put(f"{one}, {two} = {two}, {one}")
        values = self.env.values
        values[one], values[two] = values[two], values[one]

    def _attribute(self, text: str, deps: frozenset[int]) -> None:
        holder = self.owner or "box"
        name = f"{holder}.{self.rng.choice(['f', 'g', 'last'])}"
        self.put(f"{name} = {text}")
        self.bind(name, deps)

    def _list(self, text: str, deps: frozenset[int]) -> None:
        env, rng = self.env, self.rng
        if not env.lists or rng.random() < 0.4:
            name = f"xs{len(env.lists)}"
            names = [rng.choice(list(env.values)) for _ in range(rng.randint(1, 2))]
            self.put(f"{name} = [{', '.join([*names, text])}]")
            env.lists[name] = [*(env.values[n] for n in names), env.fresh(deps)]
        else:
            name = rng.choice(list(env.lists))
            other = rng.choice(list(env.values))
            if rng.random() < 0.5:
                self.put(f"{name}.append({text})")
                env.lists[name].append(env.fresh(deps))
            else:
                self.put(f"{name}.append({other})")
                env.lists[name].append(env.values[other])
        for index, value in enumerate(env.lists[name]):
            env.values[f"{name}[{index}]"] = value

    def _element(self, text: str, deps: frozenset[int]) -> None:
        if not self.env.lists:
            self._list(text, deps)
            return
        name = self.rng.choice(list(self.env.lists))
        index = self.rng.randrange(len(self.env.lists[name]))
        self.put(f"{name}[{index}] = {text}")
        self.bind(f"{name}[{index}]", deps)
        self.env.lists[name][index] = self.env.values[f"{name}[{index}]"]

    def _dictionary(self, text: str, deps: frozenset[int]) -> None:
        key = self.rng.choice(["p", "q"])
        if "d" not in self.env.functions and not any(n.startswith("d[") for n in self.env.values):
            other = self.rng.choice(list(self.env.values))
            self.put(f"d = {{'z': {other}, '{key}': {text}}}")
            self.env.values["d['z']"] = self.env.values[other]
        else:
            self.put(f"d['{key}'] = {text}")
        self.bind(f"d['{key}']", deps)

    def _unpack(self, text: str, deps: frozenset[int]) -> None:
        one, two = self.name(), self.name() + "_"
        other, second = expression(self.env)
        kind = self.rng.randrange(3)
        if kind == 0:
            self.put(f"{one}, {two} = {text}, {other}")
            self.bind(one, deps)
            self.bind(two, second)
            return
        forms = ("tf.unstack(tf.stack([{a}, {b}]))", "tf.split(tf.concat([{a}, {b}], 0), 2)")
        self.put(f"{one}, {two} = {forms[kind - 1].format(a=text, b=other)}")
        both = deps | second
        self.bind(one, both)
        self.bind(two, both)

    def _lambda(self, text: str, deps: frozenset[int]) -> None:
        name = f"fn{self.env.ident()}"
        other = self.rng.choice(list(self.env.values))
        self.put(f"{name} = lambda v: tf.sin(v) * {other}")
        self.env.functions[name] = self._captured(other)

    def _nested(self, text: str, deps: frozenset[int]) -> None:
        name = f"inner{self.env.ident()}"
        other = self.rng.choice(list(self.env.values))
        self.put(f"def {name}(v):")
        self.indent += 1
        self.put(f"m = v * {other}")
        self.put("return tf.tanh(m) + v")
        self.indent -= 1
        self.env.functions[name] = self._captured(other)

    def _captured(self, other: str) -> Callable[[list[Value]], frozenset[int]]:
        def deps(_: list[Value]) -> frozenset[int]:
            known = self.env.values.get(other)  # deleted since: the program will not run
            return known.deps if known is not None else frozenset()

        return deps

    def _comprehension(self, text: str, deps: frozenset[int]) -> None:
        name = f"xs{len(self.env.lists)}"
        names = [self.rng.choice(list(self.env.values)) for _ in range(2)]
        self.put(f"{name} = [v * {operand(self.env, 0)[0]} for v in [{', '.join(names)}]]")
        self.env.lists[name] = [self.env.fresh(self.env.values[n].deps) for n in names]
        for index, value in enumerate(self.env.lists[name]):
            self.env.values[f"{name}[{index}]"] = value

    def _walrus(self, text: str, deps: frozenset[int]) -> None:
        name, outer = self.name(), self.name()
        other = self.rng.choice(list(self.env.values))
        if name in (outer, other):
            self._plain(text, deps)
            return
        second = self.env.values[other].deps
        self.put(f"{outer} = ({name} := {text}) * {other}")
        self.bind(name, deps)
        self.bind(outer, deps | second)

    def _conditional(self, text: str, deps: frozenset[int]) -> None:
        name, other = self.name(), self.rng.choice(list(self.env.values))
        self.put(f"{name} = {text} if flag else {other}")
        self.bind(name, deps & self.env.values[other].deps)

    def _with_item(self, text: str, deps: frozenset[int]) -> None:
        name = self.name()
        self.put(f"with contextlib.nullcontext({text}) as {name}:")
        self.bind(name, deps)
        self.indent += 1
        self._plain(*expression(self.env, plain=True))
        self.indent -= 1

    def _star(self, text: str, deps: frozenset[int]) -> None:
        one, rest = self.name(), f"xs{len(self.env.lists)}"
        other = self.rng.choice(list(self.env.values))
        value = self.env.values[other]
        self.put(f"{one}, *{rest} = [{text}, {other}]")
        self.bind(one, deps)
        self.env.lists[rest] = [value]
        self.env.values[f"{rest}[0]"] = value

    def _copy(self, text: str, deps: frozenset[int]) -> None:
        if not self.env.lists:
            self._list(text, deps)
            return
        other, name = self.rng.choice(list(self.env.lists)), f"xs{len(self.env.lists)}"
        form = self.rng.choice(["{o}", "list({o})", "{o}[:]", "{o}.copy()", "{o} + []"])
        self.put(f"{name} = {form.format(o=other)}")
        values = self.env.lists[other]
        self.env.lists[name] = values if form == "{o}" else list(values)
        for index, value in enumerate(values):
            self.env.values[f"{name}[{index}]"] = value

    def _delete(self, text: str, deps: frozenset[int]) -> None:
        self.put(f"spare = {text}")
        self.put("del spare")

    def _default(self, text: str, deps: frozenset[int]) -> None:
        name, other = f"late{self.env.ident()}", self.rng.choice(list(self.env.values))
        value = self.env.values[other]
        self.put(f"def {name}(v, w={other}):")
        self.indent += 1
        self.put("return v * w + v")
        self.indent -= 1
        self.env.functions[name] = lambda _: value.deps

    def _generator(self, text: str, deps: frozenset[int]) -> None:
        name, other = self.name(), self.rng.choice(list(self.env.values))
        second = self.env.values[other].deps
        self.put(f"{name} = tf.add_n(list(v * 0.5 for v in ({text}, {other})))")
        self.bind(name, deps | second)

    def _filled(self, text: str, deps: frozenset[int]) -> None:
        if not self.env.lists:
            self._list(text, deps)
            return
        name, out = self.rng.choice(list(self.env.lists)), self.name()
        self.put(f"{out} = fill({name}, {text})")
        self.bind(f"{name}[0]", deps)
        value = self.env.values[f"{name}[0]"]
        self.env.lists[name][0] = value
        self.bind(out, deps)

    def block(self, header: str, body: Callable[[], None]) -> None:
        """A compound statement."""
        self.put(header)
        self.indent += 1
        size = len(self.lines)
        body()
        if len(self.lines) == size:
            self.put("pass")
        self.indent -= 1
