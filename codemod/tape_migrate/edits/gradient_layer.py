"""Write the layer that gives a gradient, and the model that trains as Keras 2 did.

The gradient call moves into the layer's ``call`` as it is; putting a tape there is the business of
the other recipes.
"""

from __future__ import annotations

import ast

from tape_migrate.edits.draft import Draft, Keep, Piece
from tape_migrate.edits.keras_program import remove_statement
from tape_migrate.edits.names import add_import, fresh_name, tensorflow_name
from tape_migrate.edits.tape_block import first_comment_line
from tape_migrate.module import Module
from tape_migrate.shapes.compiled_models import CompiledModels
from tape_migrate.shapes.gradient_layer import LayerPlan
from tape_migrate.shapes.layer_chain import Chain
from tape_migrate.shapes.loss_closure import LossPlan
from tape_migrate.shapes.loss_forward import Forward
from tape_migrate.shapes.loss_function import LossFunction

_GRADIENT = '''\
class {name}({tf}.keras.layers.Layer):
    """The gradient of what a model gives, with respect to its input."""

    def __init__(self, model, **kwargs):
        super().__init__(**kwargs)
        self.model = model

    def call(self, {inputs}):
'''

_COMPILED = '''\
class {name}({base}):
    """Trains what was trainable when it was compiled, and gives the losses of each batch alone.

    Keras 2 does so by itself.
    """

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        weights = super().trainable_weights
        self._compiled_weights = lambda: weights  # Keras would take in a list

    @property
    def trainable_weights(self):
        compiled = getattr(self, "_compiled_weights", None)
        return super().trainable_weights if compiled is None else compiled()

    @property
    def trainable_variables(self):
        return self.trainable_weights

    def train_on_batch(self, *args, **kwargs):
        self.reset_metrics()
        return super().train_on_batch(*args, **kwargs)
'''

_LINE = 100
_SAVED = """
    def save(self, *args, **kwargs):
        plain = {base}(self.input, self.output, name=self.name)
        plain.save(*args, **kwargs)
"""


def write_layer(module: Module, plan: LayerPlan) -> Draft:
    """A draft that makes a ``Lambda`` layer one that computes its target itself."""
    draft = Draft(module.text)
    used = names_of(module)
    name = fresh_name("InputGradient", used)
    made = plan.made
    top = top_of(module, made)
    offset = module.line_start(first_comment_line(module, top))
    tf = tensorflow_of(module, plan.site, top.lineno) or add_import(module, draft)
    written = {"self", "inputs", tf, *_root(plan.site)}
    taken = {plan.source, plan.target, *written}
    source = plan.source if plan.source not in written else fresh_name("source", taken)
    target = plan.target if plan.target not in written else fresh_name("outputs", taken)
    head = _GRADIENT.format(name=name, tf=tf, inputs="inputs")
    lines = (
        f"        {source} = inputs[{plan.place}]\n"
        f"        {target} = self.model({source})\n"
        "        return "
    )
    func = Keep(module.start(plan.site.func), module.end(plan.site.func))
    call = f"({target}, [{source}])" + ("" if plan.listed else "[0]")
    text = lines_of(module, head + lines)
    draft.insert(offset, text, func, call.encode(), module.newline * 3)
    pieces: list[Piece] = [f"{name}({tf}.keras.Model({plan.source}, {plan.target})".encode()]
    if plan.name is not None:
        pieces += [b", name=", module.segment(plan.name)]
    draft.replace(module.start(made), module.end(made), *pieces, b")")
    return draft


def write_loss(module: Module, plan: LossPlan) -> Draft:
    """A draft that makes the gradient of a loss that of a layer."""
    draft = Draft(module.text)
    _write_forwards(module, draft, plan.forwards, plan.loss.site)
    _read_output(draft, plan.loss)
    return draft


def write_forward(module: Module, forward: Forward) -> Draft:
    """A draft that makes the output which the loss of another module is for a layer's gradient."""
    draft = Draft(module.text)
    _write_forwards(module, draft, (forward,), None)
    return draft


def write_reads(loss: LossFunction) -> Draft:
    """A draft by which a loss reads the gradient where it read what the model gave."""
    draft = Draft(loss.module.text)
    _read_output(draft, loss)
    return draft


def _write_forwards(
    module: Module, draft: Draft, forwards: tuple[Forward, ...], site: ast.Call | None
) -> None:
    """``site`` is the gradient call, if it is one of this module's: it moves into the layer."""
    used = names_of(module)
    layer = fresh_name("InputGradient", used)
    first = forwards[0]
    changed = [*(forward.call for forward in forwards), *first.models.calls]
    top = min((top_of(module, node) for node in changed), key=lambda stmt: stmt.lineno)
    offset = module.line_start(first_comment_line(module, top))
    tf = tensorflow_of(module, site or first.call, top.lineno) or add_import(module, draft)
    pieces = [*_layer(module, first, site, layer, tf), module.newline * 2]
    pieces += compiled_class(module, draft, first.models, used)
    draft.insert(offset, *pieces)
    for forward in forwards:
        _write_forward(module, draft, forward, layer, tf)


def _write_forward(module: Module, draft: Draft, forward: Forward, layer: str, tf: str) -> None:
    call = forward.call
    if forward.chain is not None:
        model = one_model(module, draft, forward.chain, tf)
        head, tail = f"{layer}(".encode(), b")(%b)" % forward.averaged.id.encode()
        column = module.start(call) - module.line_start(call.lineno)
        if column + len(head + model + tail) > _LINE:
            line = module.line_text(call.lineno)
            indent = module.newline + line[: len(line) - len(line.lstrip(b" \t"))]
            model = indent + module.indent_unit + model + indent
        draft.replace(module.start(call), module.end(call), head + model + tail)
        return
    start, end = module.start(call.func), module.end(call.func)
    draft.replace(start, end, f"{layer}(".encode(), Keep(start, end), b")")
    part = forward.part
    if part is None:
        return
    if isinstance(part.written, ast.Subscript):
        draft.delete(module.end(call), module.end(part.written))
    else:
        start, end = module.start(part.written), module.end(part.written)
        draft.replace(start, end, forward.output.encode())


def one_model(module: Module, draft: Draft, chain: Chain, tf: str) -> bytes:
    """A model of the layers, whose statements go."""
    scope = module.scope_of(chain.call)
    if module.scopes.resolve(tf, scope) not in (None, module.scopes.module):
        tf = add_import(module, draft)
    for stmt in chain.stmts:
        remove_statement(module, draft, stmt)
    links = [module.segment(link) for link in chain.links]
    return links[0] if len(links) == 1 else b"%b.keras.Sequential([%b])" % (
        tf.encode(), b", ".join(links))  # fmt: skip


def compiled_class(
    module: Module, draft: Draft, models: CompiledModels, used: set[str]
) -> list[Piece]:
    """The class of the models that are trained, whose calls become calls of it."""
    if not models.calls:
        return []
    func = models.calls[0].func
    name = fresh_name("CompiledModel", used)
    text = _COMPILED + (_SAVED if models.saved else "")
    text = text.format(name=name, base=module.segment(func).decode())
    for made in models.calls:
        draft.replace(module.start(made.func), module.end(made.func), name.encode())
        _align(module, draft, made, len(name) - len(module.segment(func)))
    return [lines_of(module, text), module.newline * 2]


def _read_output(draft: Draft, loss: LossFunction) -> None:
    module, taken = loss.module, loss.taken
    assert taken is not None
    draft.replace(module.start(taken), module.end(taken), loss.y_pred.encode())
    for call in loss.aranges():
        draft.replace(module.start(call.func), module.end(call.func), b"list(range")
        draft.insert(module.end(call), b")")


def tensorflow_of(module: Module, site: ast.Call, line: int) -> str | None:
    """A name of TensorFlow 2: ``tensorflow.compat.v1`` has other layers."""
    outer = module.scopes.module
    name = tensorflow_name(module, outer, site, line)
    known = name is not None and module.names.meaning_of_name(name, outer) == "tensorflow"
    return name if known else None


def _align(module: Module, draft: Draft, call: ast.Call, more: int) -> None:
    """Keep the further lines of a call under its first argument."""
    given: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    if not given or given[0].lineno != call.lineno or more <= 0:
        return
    column = given[0].col_offset
    for line in range(call.lineno + 1, (call.end_lineno or call.lineno) + 1):
        text = module.line_text(line)
        deep = len(text) - len(text.lstrip(b" ")) >= column
        if deep and line not in module.string_lines and text.strip():
            draft.insert(module.line_start(line), b" " * more)


def _layer(
    module: Module, forward: Forward, site: ast.Call | None, name: str, tf: str
) -> list[Piece]:
    averaged = forward.averaged.id
    given = forward.call.args[0]
    several = isinstance(given, (ast.List, ast.Tuple))
    members = [averaged]
    if isinstance(given, (ast.List, ast.Tuple)):
        members = [m.id for m in given.elts if isinstance(m, ast.Name)]
    written = {"self", "inputs", tf, *_root(site)}
    used = {*members, *written}
    renamed = {n: fresh_name(f"{n}_", used) for n in members if n in written}
    members = [renamed.get(n, n) for n in members]
    averaged = renamed.get(averaged, averaged)
    output = forward.output
    if output in (*members, *(written - {"inputs"})):
        output = fresh_name("outputs", used)
    inputs = "inputs" if several else averaged
    head = _GRADIENT.format(name=name, tf=tf, inputs=inputs)
    lines = [f"        {', '.join(members)} = inputs\n"] if several else []
    listed = f"[{', '.join(members)}]" if several else averaged
    part = f"[{forward.part.index}]" if forward.part is not None else ""
    call = f"{output} = self.model({listed}){part}\n"
    if site is None:
        tape = fresh_name("tape", {*members, output, tf})
        lines += [
            f"        with {tf}.GradientTape() as {tape}:\n",
            f"            {tape}.watch({averaged})\n",
            f"            {call}",
            f"        return {tape}.gradient({output}, {averaged})\n",
        ]
        return [lines_of(module, head + "".join(lines))]
    lines.append(f"        {call}")
    text = lines_of(module, head + "".join(lines) + "        return ")
    func = Keep(module.start(site.func), module.end(site.func))
    return [text, func, f"({output}, [{averaged}])[0]".encode(), module.newline]


def _root(site: ast.Call | None) -> list[str]:
    """The name by which the gradient function is called, which the layer's code reads."""
    func = site.func if site is not None else None
    while isinstance(func, ast.Attribute):
        func = func.value
    return [func.id] if isinstance(func, ast.Name) else []


def lines_of(module: Module, text: str) -> bytes:
    """``text`` with the module's indentation and line ends."""
    unit = module.indent_unit.decode()
    return text.replace("    ", unit).encode().replace(b"\n", module.newline)


def top_of(module: Module, node: ast.AST) -> ast.stmt:
    """The statement of the module that holds ``node``."""
    stmts = [parent for parent in module.parents(node) if isinstance(parent, ast.stmt)]
    return stmts[-1]


def names_of(module: Module) -> set[str]:
    """Every name that occurs in the module."""
    found: set[str] = set()
    for scope in module.scopes:
        found |= module.scopes.bindings(scope)
    found |= {node.id for node in module.nodes if isinstance(node, ast.Name)}
    return found
