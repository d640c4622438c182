"""A layer class whose ``call`` differentiates one of its two inputs by the other.

Before::

    class GradNorm(Layer):
        def call(self, inputs):
            target, wrt = inputs
            grad = K.gradients(target, wrt)[0]
            return K.sqrt(K.sum(K.batch_flatten(K.square(grad)), axis=1, keepdims=True))

        def compute_output_shape(self, input_shapes):
            return (input_shapes[1][0], 1)


    norm = GradNorm()([critic(mixed), mixed])

After::

    class GradNorm(Layer):
        def __init__(self, model, **kwargs):
            super().__init__(**kwargs)
            self.model = model

        def call(self, inputs):
            wrt = inputs
            with tf.GradientTape() as tape:
                tape.watch(wrt)
                target = self.model(wrt)
            grad = tape.gradient(target, wrt)
            return K.sqrt(K.sum(K.batch_flatten(K.square(grad)), axis=1, keepdims=True))

        def compute_output_shape(self, input_shapes):
            return (input_shapes[0], 1)


    norm = GradNorm(critic)(mixed)

The critic is called on the same tensor, as often as before, in the same phase; its output goes
nowhere but into the layer. Every use of the class has to be of this form, in whatever module
(``layer_elsewhere``). Models that are trained in the same program become ``CompiledModel``, as
those of losses do (``loss_closure``).
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from tape_migrate.mentions import asked_by_text
from tape_migrate.model import Helper
from tape_migrate.module import Module
from tape_migrate.shapes.callers import refuse_open
from tape_migrate.shapes.compiled_models import CompiledModels, is_imported
from tape_migrate.shapes.context import Context
from tape_migrate.shapes.keras_graph import eager_off_elsewhere
from tape_migrate.shapes.keras_layers import updating_layers
from tape_migrate.shapes.layer_hazards import refuse_layers
from tape_migrate.shapes.layer_uses import LayerUse, uses_in
from tape_migrate.shapes.loss_forward import trained_with
from tape_migrate.shapes.loss_program import compiling, refuse_program
from tape_migrate.shapes.program import OtherPrograms, others_of
from tape_migrate.shapes.saved_models import refuse_saved

_PAIR = 2
_OWN = frozenset(("__init__", "build", "call", "compute_output_shape"))


@dataclass(frozen=True)
class LayerClassPlan:
    """How a layer class is given the model that computes its target."""

    site: ast.Call
    node: ast.ClassDef
    call: ast.FunctionDef
    parameter: str
    """``inputs``."""
    target: int
    """The place of the target among the inputs; the source has the other one."""
    init: ast.FunctionDef | None
    initialised: ast.stmt | None
    """``super().__init__(**kwargs)`` in it."""
    shapes: tuple[ast.Subscript, ...]
    """``input_shapes[1]`` in other methods, where it is the source's."""
    attribute: str
    uses: tuple[LayerUse, ...]
    """Empty if the class is used in other modules, which change together with this one."""
    models: CompiledModels

    @property
    def assumptions(self) -> tuple[str, ...]:
        return self.models.assumptions


def plan_class(
    context: Context,
    site: ast.Call,
    pair: tuple[int, int],
    *,
    assumed: bool,
    given: tuple[str, ...] | None = None,
) -> LayerClassPlan | str:
    """The plan for ``site``, in ``call`` of a layer class, of its inputs ``pair``.

    ``given`` says that other modules give the class its model, and what that takes for granted.
    """
    module = context.module
    call = module.scope_of(site).node
    assert isinstance(call, ast.FunctionDef)
    node = module.parent_of(call)
    assert isinstance(node, ast.ClassDef)
    if sorted(pair) != [0, 1]:
        return "it has more inputs than two"
    if not is_imported(module, site.func):
        return f"{ast.unparse(site.func)} is not imported at the top of the module"
    why = _refuse_class(module, node) or _refuse_call(module, call)
    if why is not None:
        return why
    parameter = call.args.args[1].arg
    shapes: list[ast.Subscript] = []
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and method.name in _SHAPED:
            why = _shapes_of(module, method, pair[1], shapes)
            if why is not None:
                return why
    init = next((m for m in node.body if isinstance(m, ast.FunctionDef) and m.name == "__init__"),
                None)  # fmt: skip
    initialised = _initialised(init) if init is not None else None
    if init is not None and initialised is None:
        return "its __init__ does not hand on its keyword arguments, in a statement"
    found: tuple[LayerUse, ...] = ()
    models: CompiledModels | str = CompiledModels((), given or ())
    if given is None:
        uses = uses_in(module, node, pair)
        if isinstance(uses, str):
            return uses
        why = _refuse_known(module, node, assumed=assumed)
        if why is not None:
            return why
        found, models = uses, models_of(context, uses)
    if isinstance(models, str):
        return models
    return LayerClassPlan(
        site,
        node,
        call,
        parameter,
        pair[0],
        init,
        initialised,
        tuple(shapes),
        _attribute(node),
        found,
        models,
    )


def models_of(context: Context, uses: tuple[LayerUse, ...]) -> CompiledModels | str:
    """The models that are trained where a class is used, or why it has to stay as it is."""
    module = context.module
    if len({ast.unparse(use.suffix.slice) if use.suffix else "" for use in uses}) != 1:
        return "it is given different outputs of models"
    why = refuse_layers(module) or refuse_program(module) or _refuse_places(module)
    chained = any(use.chain is not None for use in uses)
    why = why or refuse_saved(module, [use.made for use in uses], ordered=chained)
    if why is not None:
        return why
    elsewhere = eager_off_elsewhere(context) or updating_layers(module)
    if elsewhere is not None:
        return elsewhere.message
    found: dict[str, None] = {}
    models = CompiledModels((), ())
    for use in uses:
        trained = trained_with(module, use.forward, use.links, None)
        if isinstance(trained, str):
            return trained
        models = trained
        found.update(dict.fromkeys(trained.assumptions))
    return replace(models, assumptions=tuple(found))


_SHAPED = frozenset(("build", "compute_output_shape"))


def _refuse_class(module: Module, node: ast.ClassDef) -> str | None:
    scope = module.scopes.opened_by(node).parent
    if len(module.names.bindings(node.name, scope or module.scopes.module)) != 1:
        return f"{node.name} is bound more than once"
    if node.decorator_list or node.keywords or len(node.bases) != 1:
        return f"the class {node.name} is decorated, or has other bases than Layer"
    resolved = module.names.resolve(node.bases[0])
    if not resolved.startswith("keras.") or resolved.rpartition(".")[2] != "Layer":
        return f"the class {node.name} has other bases than Layer"
    for stmt in node.body:
        plain = isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Constant)
        method = isinstance(stmt, ast.FunctionDef) and stmt.name in _OWN and not stmt.decorator_list
        if not plain and not method:
            return f"line {stmt.lineno}: {node.name} has more than call and its shapes"
    return None


def _refuse_call(module: Module, call: ast.FunctionDef) -> str | None:
    args = call.args
    if len(args.args) != _PAIR or args.posonlyargs or args.vararg or args.kwonlyargs:
        return "its call takes more than its inputs"
    if args.defaults:
        return "its call takes more than its inputs"
    name = args.args[1].arg
    pairs = single = 0
    for use in module.inside(call):
        if not isinstance(use, ast.Name) or use.id != name:
            continue
        parent = module.parent_of(use)
        pair = parent is not None and pair_of(parent, name) is not None
        place = place_of(parent, use)
        if not isinstance(use.ctx, ast.Load) or module.scope_of(use).node is not call:
            return f"line {use.lineno} uses {name} otherwise than for the two tensors"
        if pair and _is_alone(module, parent):
            pairs += 1
        elif place is not None:
            single += 1
        else:
            return f"line {use.lineno} uses {name} otherwise than for the two tensors"
    if pairs > 1 or (pairs and single):
        return f"it takes the two tensors out of {name} more than once"
    return None


def _is_alone(module: Module, stmt: ast.AST | None) -> bool:
    """Whether nothing else stands in the line of a statement."""
    if not isinstance(stmt, ast.stmt) or stmt.lineno != stmt.end_lineno:
        return False
    line = module.line_text(stmt.lineno).strip()
    return line.partition(b"#")[0].strip() == module.segment(stmt)


def pair_of(stmt: ast.AST, name: str) -> tuple[str, str] | None:
    """The names of ``target, wrt = inputs``."""
    match stmt:
        case ast.Assign(
            targets=[ast.Tuple(elts=[ast.Name(id=one), ast.Name(id=other)])],
            value=ast.Name(id=given),
        ) if given == name:
            return one, other
    return None


def place_of(parent: ast.AST | None, use: ast.Name) -> int | None:
    """``1`` of ``inputs[1]``."""
    match parent:
        case ast.Subscript(value=value, slice=ast.Constant(value=int(place))) if value is use:
            return place if place in (0, 1) and isinstance(parent.ctx, ast.Load) else None
    return None


def _refuse_places(module: Module) -> str | None:
    """``model.layers[3]``: the layer at a place, which may be another now, or hold a model."""
    each_of = (module, *others_of(module))
    compiled = {_last(call.func.value) for each in each_of for call in compiling(each)
                if isinstance(call.func, ast.Attribute)}  # fmt: skip
    for each in each_of:
        for node in each.nodes:
            if not isinstance(node, ast.Attribute) or node.attr not in ("layers", "get_layer"):
                continue
            placed = isinstance(each.parent_of(node), ast.Subscript) or node.attr == "get_layer"
            if placed and _last(node.value) in compiled:
                return f"line {node.lineno} uses {ast.unparse(node)}, of a layer at a place"
            above = each.parent_of(each.parent_of(node) or node)
            frozen = isinstance(above, ast.Attribute) and above.attr == "trainable"
            if placed and frozen:
                return f"line {node.lineno} sets what {ast.unparse(node)} has at a place"
    return None


def _last(expr: ast.expr) -> str:
    return expr.attr if isinstance(expr, ast.Attribute) else getattr(expr, "id", "")


def _refuse_known(module: Module, node: ast.ClassDef, *, assumed: bool) -> str | None:
    line = asked_by_text(module, node.name)
    if line is not None:
        return f"line {line} asks for {node.name} by its name"
    project = module.project
    elsewhere: list[str] = []
    if isinstance(project, OtherPrograms):
        elsewhere += project.mentioning(module.path, node.name)
        elsewhere += project.notebooks_naming(node.name)
    if elsewhere:
        return f"{elsewhere[0]} names {node.name}"
    name = f"{module.scopes.opened_by(node).qualname}.call"
    helper = Helper(name, "call", None, False, False, method=True)
    if refuse_open(module, helper, assumed=assumed) is not None:
        return (
            f"{node.name} may be used from outside (--assume-closed says that nothing else uses it)"
        )
    return None


def _shapes_of(
    module: Module, method: ast.FunctionDef, source: int, found: list[ast.Subscript]
) -> str | None:
    """The places where a method reads the shape of the source, from the list of both."""
    args = method.args
    if len(args.args) != _PAIR or args.vararg or args.kwonlyargs or args.defaults:
        return f"its {method.name} takes more than the shapes of its inputs"
    name = args.args[1].arg
    for use in module.inside(method):
        if not isinstance(use, ast.Name) or use.id != name:
            continue
        parent = module.parent_of(use)
        if place_of(parent, use) == source and isinstance(parent, ast.Subscript):
            found.append(parent)
        elif not (method.name == "build" and _hands_on(module, parent)):
            return f"line {use.lineno} of its {method.name} uses more than the source's shape"
    return None


def _hands_on(module: Module, parent: ast.AST | None) -> bool:
    """``super().build(input_shapes)``."""
    return isinstance(parent, ast.Call) and is_super(parent.func, "build")


def is_super(func: ast.expr, method: str) -> bool:
    """``super().build``, ``super(GradNorm, self).build``."""
    return (
        isinstance(func, ast.Attribute)
        and func.attr == method
        and isinstance(func.value, ast.Call)
        and isinstance(func.value.func, ast.Name)
        and func.value.func.id == "super"
    )


def _initialised(init: ast.FunctionDef) -> ast.stmt | None:
    """The statement of ``__init__`` that hands its keyword arguments on to ``Layer``."""
    args = init.args
    if not args.args or args.posonlyargs or args.vararg or args.kwarg is None:
        return None
    for stmt in init.body:
        match stmt:
            case ast.Expr(value=ast.Call(func=func, args=[], keywords=[*_, last])):
                handed = last.arg is None and isinstance(last.value, ast.Name)
                same = handed and isinstance(last.value, ast.Name)
                if (
                    same
                    and is_super(func, "__init__")
                    and ast.unparse(last.value) == args.kwarg.arg
                ):
                    return stmt
    return None


def _attribute(node: ast.ClassDef) -> str:
    """A name for the model in the class."""
    used = {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
    used |= {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
    name, count = "model", 1
    while name in used:
        count += 1
        name = f"model{count}"
    return name
