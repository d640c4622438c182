"""Gradient calls for generated programs: spellings, keywords, and what becomes of the result."""

from __future__ import annotations

from tests.fuzz.expressions import expression
from tests.fuzz.statements import Writer

_SPELLINGS = (
    "tf.gradients",
    "tf.compat.v1.gradients",
    "gradients",
    "grad_of",
    "K.gradients",
    "tf1.gradients",
)
"""All of them mean the same function; the preamble of a program makes the names."""

_KEYWORDS = (
    ("unconnected_gradients", "unconnected_gradients='zero'"),
    ("unconnected_gradients", "unconnected_gradients=tf.UnconnectedGradients.ZERO"),
    ("unconnected_gradients", "unconnected_gradients='none'"),
    ("stop_gradients", "stop_gradients=[{s}]"),
    ("stop_gradients", "stop_gradients={s}"),
    ("name", "name='grads'"),
    ("grad_ys", "grad_ys=tf.ones_like({t}) * 0.5"),
    ("grad_ys", "grad_ys=[tf.cos({t})]"),
    ("grad_ys", "tf.ones_like({t}) * 0.5"),
    ("gate_gradients", "gate_gradients=True"),
    ("aggregation_method", "aggregation_method=tf.AggregationMethod.EXPERIMENTAL_TREE"),
    ("colocate_gradients_with_ops", "colocate_gradients_with_ops=True"),
)

_RESULTS = (
    ("result in a list", "outs.append({c}[0])"),
    ("result passed on", "outs.append(collect({c}))"),
    ("result in a loop", "for g in {c}: outs.append(g)"),
    ("result zipped", "outs += [g for g, _ in zip({c}, ['x'])]"),
    ("result in a comprehension", "outs.append([g for g in {c}])"),
    ("result in a dictionary", "outs.append({{'g': {c}, 'h': 1}})"),
    ("result in a tuple", "outs.append((*{c}, None))"),
    ("result on an attribute", "BOX.g = {c}[0]; outs.append(BOX.g)"),
    ("result in a subscript", "STATE['g'] = {c}[0]; outs.append(STATE['g'])"),
    ("result counted", "outs.append(len({c}))"),
    ("result in a string", 'outs.append(f"{{len({c})}} gradients")'),
    ("result bound by a walrus", "outs.append((first := {c})[0] if n else first)"),
    ("result under a condition", "outs.append({c}[0] if flag else None)"),
    ("result added up", "outs += {c}"),
    ("result in a lambda", "outs.append((lambda: {c}[0])())"),
    ("result from a function", "def call{i}():\n{p}    return {c}\n{p}outs.append(call{i}())"),
)


class Gradients(Writer):
    """A body with gradient calls."""

    def gradient(self) -> None:
        """One gradient call, connected in nine cases of ten."""
        rng, env = self.rng, self.env
        features = self.features
        if "hessians" in features and rng.random() < 0.4:
            self._hessians()
            return
        if "optimizer" in features and rng.random() < 0.4:
            self._optimizer()
            return
        target, source = self._pair()
        out = f"g{env.ident()}"
        connected = env.values[source].ident in env.values[target].deps
        deps = env.values[target].deps if connected else frozenset[int]()
        text = target
        if "inline" in features and rng.random() < 0.4:
            self.used.add("inline target")
            other, _ = expression(env, depth=1)
            text = rng.choice(["{t} * ({o})", "tf.reduce_sum({t}) + {o}", "[{t}, {o}]"]).format(
                t=target, o=other
            )
        call = self._call(text, source, target)
        if "result" in features and rng.random() < 0.6:
            name, form = rng.choice(_RESULTS)
            self.used.add(name)
            prefix = "    " * self.indent
            lines = form.format(c=call, i=env.ident(), p=prefix)
            # One-line suites and several statements stay on their line, as people write them.
            self.put(lines)
            return
        kind = rng.randrange(9)
        if kind == 0:
            second = rng.choice(list(env.values))
            self.used.add("several sources")
            self.put(f"{out} = tf.gradients({text}, [{source}, {second}])")
            self.outputs.append(out)
            if connected and rng.random() < 0.5:
                env.values[f"{out}[0]"] = env.fresh(deps)
            return
        if kind == 1:
            self.used.add("result unpacked")
            self.put(f"{out}, = {call}")
        elif kind == 2 and env.lists:
            self.used.add("sources in a list")
            self.put(f"{out} = tf.gradients({text}, {rng.choice(list(env.lists))})")
            self.outputs.append(out)
            return
        elif kind == 3:
            self.put(f"outs.append({call}[0])")
            return
        elif kind == 4 and env.lists:
            self.used.add("gradient in a comprehension")
            name = rng.choice(list(env.lists))
            self.put(f"{out} = [tf.gradients(t, {source})[0] for t in {name}]")
            self.outputs.append(out)
            return
        elif kind == 5 and "early" in features and connected:
            self.put(f"{out} = {call}[0] * 0.5 + {target}")
        elif kind == 6 and "higher order" in features and connected:
            self.used.add("higher order")
            self.put(f"{out} = tf.gradients({call}[0], {source})")
            self.outputs.append(out)
            return
        else:
            self.put(f"{out} = {call}[0]")
        self.outputs.append(out)
        if connected and rng.random() < 0.6:
            env.values[out] = env.fresh(deps)

    def _call(self, text: str, source: str, target: str) -> str:
        rng = self.rng
        spelled = "tf.gradients"
        if "spelling" in self.features:
            spelled = rng.choice(_SPELLINGS)
            self.used.add(f"spelled {spelled}")
        if "keywords" not in self.features or rng.random() < 0.3 or spelled == "K.gradients":
            return f"{spelled}({text}, {source})"
        name, form = rng.choice(_KEYWORDS)
        self.used.add(name)
        if name == "colocate_gradients_with_ops":
            spelled = "tf.compat.v1.gradients"  # the only one that has it
        extra = form.format(s=rng.choice(list(self.env.values)), t=target)
        if text.startswith("[") and name == "grad_ys":
            return f"{spelled}({text}, {source})"
        if "=" in extra and rng.random() < 0.3:
            return f"{spelled}(xs={source}, ys={text}, {extra})"
        return f"{spelled}({text}, {source}, {extra})"

    def _hessians(self) -> None:
        target, source = self._pair()
        out = f"g{self.env.ident()}"
        self.used.add("hessians")
        self.put(f"{out} = tf.hessians(tf.reduce_sum(tf.square({target})), {source})")
        self.outputs.append(out)

    def _optimizer(self) -> None:
        values, out = self.env.values, f"g{self.env.ident()}"
        self.used.add("optimizer")
        target, source = self._pair()
        if "W" in values:
            source = "W"
        call = f"OPTIMIZER.compute_gradients(tf.reduce_sum({target}), [{source}])"
        self.put(f"{out} = [g for g, _ in {call}]")
        self.outputs.append(out)

    def _pair(self) -> tuple[str, str]:
        """A target and a source: most often one that the target depends on."""
        values, rng = self.env.values, self.rng
        made = [n for n, v in values.items() if len(v.deps) > 1][-6:]
        if not made:
            self._plain(*expression(self.env, plain=True))
            made = [list(values)[-1]]
        target = rng.choice(made)
        if rng.random() < 0.95:
            found = [n for n, v in values.items() if v.ident in values[target].deps and n != target]
            if found:
                return target, rng.choice(found)
        self.used.add("unconnected")
        return target, rng.choice(list(values))
