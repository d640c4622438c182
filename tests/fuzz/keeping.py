"""Statements that keep a value aside, and those that read it back."""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.expressions import expression
from tests.fuzz.statements import Writer


class Keepers(Writer):
    """A body that keeps values and takes gradients of what it reads back."""

    def value(self) -> str:
        """Something that names a tensor."""
        return self.rng.choice(list(self.env.values))

    def deps(self, *names: str) -> frozenset[int]:
        """What all of ``names`` together were computed from."""
        return frozenset[int]().union(*(self.env.values[name].deps for name in names))

    def keep(self, names: dict[str, frozenset[int]]) -> None:
        """``names`` now hold tensors computed from these."""
        for name, deps in names.items():
            self.bind(name, deps)

    def gradient(self) -> None:
        """A call, of a target that was computed from the source more often than not."""
        rng, values = self.rng, self.env.values
        target = rng.choice([n for n, v in values.items() if len(v.deps) > 1] or list(values))
        found = [n for n, v in values.items() if v.ident in values[target].deps and n != target]
        source = rng.choice(found) if found and rng.random() < 0.9 else self.value()
        out = f"g{self.env.ident()}"
        form = rng.choice(_CALLS)
        lists = [name for name, members in self.env.lists.items() if members]
        if "{l}" in form and not lists:
            form = _CALLS[0]
        text = form.format(t=target, s=source, o=self.value(), l=rng.choice(lists or [""]))
        if "box" in text and "box" not in self.env.functions:
            text = f"tf.gradients({target}, {source})"
        self.put(f"{out} = {text}")
        self.put(f"outs.append({out})")
        if text.endswith("[0]") and source in found and rng.random() < 0.4:
            self.bind(out, values[target].deps)


_CALLS = (
    "tf.gradients({t}, {s})[0]",
    "tf.gradients({t}, {s})[0]",
    "tf.gradients({t}, [{s}, {o}])",
    "tf.gradients([{t}, {o}], {s})",
    "tf.gradients({t} * {o}, {s})[0]",
    "tf.gradients({t}, {l})",
    "tf.gradients({t}, {l}[:1])",
    "tf.gradients({t}, list({l}))",
    "tf.gradients(tf.add_n({l}), {s})[0]",
    "[tf.gradients(e, {s})[0] for e in {l}]",
    "box.slope({t}, {s})",
)


def _barrier(w: Keepers) -> None:
    a, b, k, h = w.value(), w.value(), f"k{w.env.ident()}", w.name()
    barrier = w.rng.choice(("tf.stop_gradient({})", "tf.zeros_like({})", "tf.ones_like({}) * 0.5"))
    text = barrier.format(f"{k} := tf.sin({a})")
    w.put(f"{h} = {text} + {b}")
    w.keep({k: w.deps(a), h: w.deps(b)})


def _filled(w: Keepers) -> None:
    a, acts, out = w.value(), f"acts{w.env.ident()}", w.name()
    other = w.value()
    w.put(f"{acts} = [{w.rng.choice(['', other])}]")
    before = 0 if w.lines[-1].split("#")[0].rstrip().endswith("[]") else 1
    call = w.rng.choice((f"net({a}, {acts})", f"functools.partial(net, acts={acts})({a})"))
    w.put(f"{out} = {call}")
    w.keep({f"{acts}[{before}]": w.deps(a), out: w.deps(a)})
    w.env.lists[acts] = [w.env.values[f"{acts}[{before}]"]]


def _bound_append(w: Keepers) -> None:
    acts, put, a, b = f"acts{w.env.ident()}", f"put{w.env.ident()}", w.value(), w.value()
    w.put(f"{acts} = []")
    w.put(f"{put} = {acts}.append")
    w.put(f"{put}(tf.sin({a}))")
    w.put(f"hand({put}, {b} * W)" if w.rng.random() < 0.5 else f"put_all({acts}, {b} * W)")
    w.keep({f"{acts}[0]": w.deps(a), f"{acts}[1]": w.deps(b)})
    w.env.lists[acts] = [w.env.values[f"{acts}[{i}]"] for i in range(2)]


def _object(w: Keepers) -> None:
    a, out, rng = w.value(), w.name(), w.rng
    if "box" not in w.env.functions:
        w.put("box = Box()")
        w.env.functions["box"] = lambda _: w.env.values["W"].deps
    form = rng.randrange(6)
    if form == 0:
        call = rng.choice(
            (f"box.build({a})", f"getattr(box, 'build')({a})", f"Box.build(box, {a})")
        )
        w.put(f"{out} = {call}")
        w.keep({"box.h": w.deps(a), out: w.deps(a), "box.parts[-1]": w.deps(a)})
        w.bind("box[-1]", w.deps("box.h"))
    elif form == 1 and "box.h" in w.env.values:
        w.put(f"{out} = box.out")
        w.bind(out, w.deps("box.h"))
    elif form == 2:
        w.put(f"{out} = box.named('k', {a}).by_name['k']")
        w.keep({out: w.deps(a), "box.by_name['k']": w.deps(a)})
    elif form == 3:
        w.put(f"{out} = box({a})")
        w.keep({"box.last": w.deps(a), out: w.deps(a)})
    elif form == 4:
        w.put(f"setattr(box, 'late', {a} * W)")
        w.bind("box.late", w.deps(a, "W"))
    else:
        w.put(f"box.h = {a} * 0.5")
        w.bind("box.h", w.deps(a))


def _table(w: Keepers) -> None:
    a, out = w.value(), w.name()
    key = w.rng.choice(("half", "net", "keep"))
    w.put(f"{out} = FNS['{key}']({a})")
    w.bind(out, w.deps(a))


def _global(w: Keepers) -> None:
    a, out = w.value(), w.name()
    w.put(f"{out} = {w.rng.choice(['remember', 'hand'])}({a})".replace("hand(", "hand(remember, "))
    w.bind(out, w.deps(a))
    later = w.name()
    w.put(f"{later} = recall()")
    w.bind(later, w.deps(out))


def _unstacked(w: Keepers) -> None:
    a, b, one, two = w.value(), w.value(), w.name(), f"t{w.env.ident()}"
    if w.rng.random() < 0.5:
        w.put(f"{one}, {two} = tf.unstack(tf.stack([{a}, tf.sin({b})]))")
        w.keep({one: w.deps(a, b), two: w.deps(a, b)})
        return
    parts = f"acts{w.env.ident()}"
    w.put(f"{parts} = tf.split(tf.concat([{a}, {b} * 0.5], 0), 2)")
    w.keep({f"{parts}[0]": w.deps(a, b), f"{parts}[1]": w.deps(a, b)})
    w.env.lists[parts] = [w.env.values[f"{parts}[{i}]"] for i in range(2)]


def _copied(w: Keepers) -> None:
    lists = [name for name, members in w.env.lists.items() if members]
    if not lists:
        _filled(w)
        return
    old, a = w.rng.choice(lists), w.value()
    new = f"acts{w.env.ident()}"
    form = w.rng.choice(
        (
            "list({o})",
            "{o} + [{a}]",
            "[{a}] + list({o})",
            "[*{o}]",
            "list(dict(enumerate({o})).values())",
            "list(tf.nest.flatten([{o}]))",
            "[v for v in {o}]",
            "list(reversed(list(reversed({o}))))",
            "tf.nest.map_structure(lambda v: v * W, list({o}))",
            "list(map(tf.sin, {o}))",
        )
    )
    w.put(f"{new} = {form.format(o=old, a=a)}")
    members = list(w.env.lists[old])
    if form.startswith(("tf.nest.map", "list(map")):
        members = [w.env.fresh(m.deps) for m in members]
    elif form.startswith("[{a}]"):
        members = [w.env.values[a], *members]
    for index, value in enumerate(members):
        w.env.values[f"{new}[{index}]"] = value
    w.env.lists[new] = members


def _named_tuple(w: Keepers) -> None:
    a, b, pair = w.value(), w.value(), f"r{w.env.ident()}"
    form = w.rng.randrange(4)
    if form == 0:
        w.put(f"{pair} = pair_of({a}, {b})")
    elif form == 1:
        w.put(f"{pair} = Pair({a} * {b}, extra={b} * 0.5)")
    elif form == 2:
        w.put(f"{pair} = pair_of({a}, {b})._replace(loss=tf.sin({a} * {b}))")
    else:
        u = f"u{w.env.ident()}"
        out = w.name()
        w.put(f"{out}, {u} = made({a})")
        w.bind(u, w.deps(a))
        w.bind(out, w.deps(a, u))
        return
    w.bind(f"{pair}.extra", w.deps(a, b))
    w.bind(f"{pair}.loss", w.deps(a, b, *([f"{pair}.extra"] if form in (0,) else [])))


def _raised(w: Keepers) -> None:
    a, out = w.value(), w.name()
    w.put("try:")
    w.lines.append("    " * (w.indent + 1) + f"raise Found(tf.sin({a}))")
    w.put("except Found as e:")
    w.lines.append("    " * (w.indent + 1) + f"{out} = e.args[0] * 0.5")
    w.bind(out, w.deps(a))


def _generator(w: Keepers) -> None:
    a, rng = w.value(), w.rng
    if rng.random() < 0.5:
        acts = f"acts{w.env.ident()}"
        w.put(f"{acts} = list(layers({a}))")
        w.keep({f"{acts}[0]": w.deps(a)})
        w.keep({f"{acts}[1]": w.deps(f"{acts}[0]")})
        w.env.lists[acts] = [w.env.values[f"{acts}[{i}]"] for i in range(2)]
        return
    out, total = w.name(), f"t{w.env.ident()}"
    w.put(f"{total} = {a} * 0.1")
    w.put(f"for {out}_ in layers({a}):")
    w.lines.append("    " * (w.indent + 1) + f"{total} = {total} + {out}_ * 0.5")
    w.keep({f"{out}_": w.deps(a), total: w.deps(a)})


def _nonlocal(w: Keepers) -> None:
    a, name, step = w.value(), f"n{w.env.ident()}", f"step{w.env.ident()}"
    w.put(f"{name} = {a} * 1.0")
    w.put(f"def {step}(by):")
    w.indent += 1
    w.put(f"nonlocal {name}")
    w.put(f"{name} = tf.sin({name}) * by")
    w.put(f"return {name}")
    w.indent -= 1
    out = w.name()
    call = f"{step}({w.value()})"
    w.put(w.rng.choice((f"{out} = {call}", f"{out} = {call} * 0.5")))
    w.keep({name: w.deps(a), out: w.deps(a)})


def _memo(w: Keepers) -> None:
    a, memo, key = w.value(), f"memo{w.env.ident()}", w.rng.choice(("k", "m"))
    w.put(f"{memo} = {{'z': {w.value()}}}")
    form = w.rng.randrange(3)
    if form == 0:
        w.put(f"{memo}.setdefault('{key}', tf.sin({a}))")
    elif form == 1:
        w.put(f"{memo}.update({key}=tf.sin({a}))")
    else:
        w.put(f"{memo} |= {{'{key}': tf.sin({a})}}")
    w.bind(f"{memo}['{key}']", w.deps(a))


def _reduced(w: Keepers) -> None:
    a, b, out = w.value(), w.value(), w.name()
    w.put(f"{out} = functools.reduce(lambda p, q: tf.sin(p) * q, [{a}, {b}, W])")
    w.bind(out, w.deps(a, b, "W"))


def _space(w: Keepers) -> None:
    a, b, space, out = w.value(), w.value(), f"ns{w.env.ident()}", w.name()
    w.put(f"{space} = types.SimpleNamespace(h={a} * {b})")
    w.put(f"{out} = hand(lambda v: vars({space}).update(k=v * W) or v * 2.0, {b})")
    w.keep({f"{space}.h": w.deps(a, b), f"{space}.k": w.deps(b), out: w.deps(b)})


def plain(w: Keepers) -> None:
    text, deps = expression(w.env, plain=True)
    name = w.name()
    w.put(f"{name} = {text}")
    w.bind(name, deps)


STEPS: dict[str, Callable[[Keepers], None]] = {
    "kept behind a barrier": _barrier,
    "list filled for a result": _filled,
    "bound append": _bound_append,
    "kept on an object": _object,
    "kept on an object, again": _object,
    "function table": _table,
    "kept in a global": _global,
    "unstacked": _unstacked,
    "list copied": _copied,
    "named tuple": _named_tuple,
    "raised": _raised,
    "generator function": _generator,
    "nonlocal": _nonlocal,
    "memo": _memo,
    "reduced": _reduced,
    "name space": _space,
}
