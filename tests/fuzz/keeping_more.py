"""Further statements that keep a value aside: what classes, iterators and decorators do."""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.keeping import Keepers


def _default(w: Keepers) -> None:
    a, out = w.value(), w.name()
    w.put(f"{out} = seen({a})")
    w.bind(out, w.deps(a, "W"))


def _shared(w: Keepers) -> None:
    a, one, two = w.value(), f"s{w.env.ident()}", f"s{w.env.ident()}"
    w.put(f"{one}, {two} = Shared(), Shared()")
    w.put(f"{one}.add({a})")
    out = w.name()
    w.put(f"{out} = {two}.pool[-1] * 0.5")
    w.bind(out, w.deps(a, "W"))


def _with_object(w: Keepers) -> None:
    a, space, out = w.value(), f"s{w.env.ident()}", w.name()
    if w.rng.random() < 0.5:
        w.put(f"with held({a}) as {space}:")
        w.lines.append("    " * (w.indent + 1) + f"{out} = {space} * 0.5")
        w.keep({space: w.deps(a), out: w.deps(a)})
        return
    w.put(f"with Shared() as {space}:")
    w.lines.append("    " * (w.indent + 1) + f"{space}.add({a})")
    w.put(f"{out} = {space}.late * 0.5")
    w.keep({f"{space}.late": w.deps(a), out: w.deps(a)})


def _property(w: Keepers) -> None:
    a, out = w.value(), w.name()
    if "box" not in w.env.functions:
        w.put("box = Box()")
        w.env.functions["box"] = lambda _: w.env.values["W"].deps
    w.put(f"box.slot = {a}")
    w.put(f"{out} = box.slot * 0.5")
    w.keep({"box.kept": w.deps(a, "W"), out: w.deps(a, "W")})


def _taken_out(w: Keepers) -> None:
    a, b, acts, out = w.value(), w.value(), f"acts{w.env.ident()}", w.name()
    w.put(f"{acts} = [{a} * 0.5, {b} * W, tf.sin({a})]")
    form = w.rng.randrange(5)
    if form == 0:
        w.put(f"{out} = {acts}.pop({w.rng.choice(['', '0'])})")
    elif form == 1:
        w.put(f"del {acts}[0]")
        w.put(f"{out} = {acts}[0] * 2.0")
    elif form == 2:
        w.put(f"{acts}[1:] = [tf.cos({b})]")
        w.put(f"{out} = {acts}[1] * 2.0")
    elif form == 3:
        w.put(f"{acts}.reverse()")
        w.put(f"{out} = {acts}[0] * 2.0")
    else:
        w.put(f"{out} = next(v for v in {acts}[1:])")
    w.bind(out, w.deps(b) & w.deps(a))
    w.bind(f"{acts}[0]", w.deps(b) & w.deps(a))


def _iterated(w: Keepers) -> None:
    a, b, it, out = w.value(), w.value(), f"it{w.env.ident()}", w.name()
    w.put(f"{it} = iter([tf.sin({a}), {b} * {a}])")
    w.put(f"{out} = next({it})")
    w.bind(out, w.deps(a))
    later = w.name()
    w.put(f"{later} = next({it}) * 0.5")
    w.bind(later, w.deps(a, b))


def _deque(w: Keepers) -> None:
    a, b, queue, out = w.value(), w.value(), f"dq{w.env.ident()}", w.name()
    w.put(f"{queue} = collections.deque([{a}], maxlen=2)")
    w.put(f"{queue}.appendleft(tf.sin({b}))")
    w.put(f"{out} = {queue}[0] * {queue}.pop()")
    w.keep({f"{queue}[0]": w.deps(b), out: w.deps(a, b)})


def _copied_object(w: Keepers) -> None:
    a, b, one, two = w.value(), w.value(), f"o{w.env.ident()}", f"o{w.env.ident()}"
    w.put(f"{one} = types.SimpleNamespace(h={a} * 0.5)")
    w.put(f"{two} = {w.rng.choice(['copy.copy', ''])}({one})")
    w.put(f"{two}.h = tf.sin({b}) * {one}.h")
    w.keep({f"{two}.h": w.deps(a, b), f"{one}.h": w.deps(a)})


def _array(w: Keepers) -> None:
    a, b, array, out = w.value(), w.value(), f"ta{w.env.ident()}", w.name()
    w.put(f"{array} = tf.TensorArray(tf.float64, 2, clear_after_read=False)")
    w.put(f"{array} = {array}.write(0, {a}).write(1, tf.sin({b}))")
    w.put(f"{out} = {array}.stack()[1] * {array}.read(0)")
    w.bind(out, w.deps(a, b))


def _special(w: Keepers) -> None:
    a, out = w.value(), w.name()
    w.put(f"{out} = {w.rng.choice(['compiled', 'own_gradient'])}({a})")
    w.bind(out, w.deps(a))


def _cached(w: Keepers) -> None:
    a, out = w.value(), w.name()
    w.put(f"{out} = {a} * scale_of('s')")
    w.bind(out, w.deps(a))
    w.bind("scale_of('s')", w.deps("W"))


def _matched(w: Keepers) -> None:
    a, b, out = w.value(), w.value(), w.name()
    w.put(f"match [{a} * 0.5, tf.sin({b})]:")
    w.lines.append("    " * (w.indent + 1) + f"case [{out}_, {out}]:")
    w.lines.append("    " * (w.indent + 2) + f"{out} = {out} * {out}_")
    w.keep({f"{out}_": w.deps(a), out: w.deps(a, b)})


MORE: dict[str, Callable[[Keepers], None]] = {
    "mutable default": _default,
    "attribute of a class": _shared,
    "context manager": _with_object,
    "property": _property,
    "taken out of a list": _taken_out,
    "iterator": _iterated,
    "deque": _deque,
    "object copied": _copied_object,
    "tensor array": _array,
    "function of its own kind": _special,
    "cached": _cached,
    "matched": _matched,
}
