"""What else a program needs once its Keras graphs are functions: imports, and no graph mode.

- ``from keras import backend as K`` becomes ``from tensorflow.keras import backend as K``: the
  backend functions of standalone Keras 3 are gone, TensorFlow still has them, and with Keras 2 both
  are the same module.
- ``K.set_learning_phase(0)`` goes, and ``disable_eager_execution()`` where nothing else needs it.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from tape_migrate.edits.draft import Draft, Keep, Piece
from tape_migrate.module import Module
from tape_migrate.shapes.keras_calls import BACKEND
from tape_migrate.shapes.keras_levels import Levels
from tape_migrate.shapes.keras_values import Level
from tape_migrate.sites import find_sites

_STANDALONE = frozenset(
    {"epsilon", "floatx", "set_floatx", "set_epsilon", "image_data_format", "clear_session"}
    | {"set_image_data_format", "get_uid", "backend", "is_float_dtype", "is_int_dtype"}
)
"""Functions that the backend of standalone Keras 3 still has."""
_EAGER_SWITCHES = frozenset(
    ("tensorflow.disable_eager_execution", "tensorflow.disable_v2_behavior")
)
_SESSIONS = frozenset((BACKEND + "get_session", BACKEND + "set_session"))
_GRAPH_ONLY = frozenset(
    {"tensorflow.Session", "tensorflow.InteractiveSession", "tensorflow.placeholder"}
    | {"tensorflow.get_default_session", "tensorflow.global_variables_initializer"}
    | {"tensorflow.get_default_graph", "tensorflow.Graph", "tensorflow.train.Saver"}
    | {"tensorflow.layers.dense", "tensorflow.get_variable", "tensorflow.initialize_all_variables"}
    | {BACKEND + name for name in ("function", "get_session", "set_session", "placeholder")}
)


def eager_switches(module: Module) -> list[ast.stmt]:
    """Statements that turn eager execution off."""
    return [
        node
        for node in module.nodes
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and module.names.resolve(node.value.func) in _EAGER_SWITCHES
    ]


def graph_needs(module: Module) -> str | None:
    """What in the module needs a graph, in words, or None."""
    for found in find_sites(module):
        return f"the gradient call at line {found.site.line}"
    return graph_only_call(module)


def graph_only_call(module: Module) -> str | None:
    """A call that a graph alone can answer, in words, or None."""
    for node in module.nodes:
        if isinstance(node, ast.Call) and module.names.resolve(node.func) in _GRAPH_ONLY:
            return f"{ast.unparse(node.func)} (line {node.lineno})"
    return None


def sessions_left(module: Module) -> tuple[str, ...]:
    """What is said of Keras' Session where the program still asks for it or sets it."""
    calls = [
        node
        for node in module.nodes
        if isinstance(node, ast.Call) and module.names.resolve(node.func) in _SESSIONS
    ]
    texts = dict.fromkeys(ast.unparse(call) for call in calls)
    return tuple(f"{text} is left as it is, and needs TensorFlow 1's graph mode" for text in texts)


def tidy(module: Module) -> Draft | None:
    """The edits, or None if there is nothing to do."""
    draft = Draft(module.text)
    phases = _learning_phases(module)
    switches = eager_switches(module)
    for stmt in phases:
        remove_statement(module, draft, stmt)
    sessions = _unused_sessions(module)
    for stmt in [*switches, *sessions]:
        remove_statement(module, draft, stmt)
    shapes = _static_shapes(module, draft)
    _imports(module, draft, [*phases, *shapes, *sessions])
    return draft if draft.edits else None


def _static_shapes(module: Module, draft: Draft) -> list[ast.AST]:
    """``K.int_shape(layer.output)``, which Keras 3 takes no Keras tensor for: its own ``shape``."""
    levels = Levels.of(module)
    done: list[ast.AST] = []
    for node in module.nodes:
        if not isinstance(node, ast.Call) or len(node.args) != 1 or node.keywords:
            continue
        leaf = module.names.resolve(node.func).removeprefix(BACKEND)
        if leaf in ("int_shape", "ndim"):
            value = levels.value(node.args[0])
            if value.level is Level.KERAS and not value.holds:
                _static_shape(module, draft, node, leaf)
                done.append(node)
    return done


def _static_shape(module: Module, draft: Draft, node: ast.Call, leaf: str) -> None:
    tensor = node.args[0]
    start, end = module.start(tensor), module.end(tensor)
    piece: list[Piece] = [Keep(start, end)]
    if isinstance(tensor, ast.Attribute) and tensor.attr == "output":
        owner = tensor.value.attr if isinstance(tensor.value, ast.Attribute) else ""
        owner = tensor.value.id if isinstance(tensor.value, ast.Name) else owner
        if "model" in owner.lower():
            # A sequential model of Keras 3 has no `output`.
            piece = [Keep(start, end - len("output")), b"outputs[0]"]
    parent = module.parent_of(node)
    # What is cut out of a shape is no tuple in Keras 2.
    indexed = isinstance(parent, ast.Subscript) and parent.value is node
    indexed = indexed and not isinstance(getattr(parent, "slice", None), ast.Slice)
    open_, close = (b"", b".shape") if indexed else (b"tuple(", b".shape)")
    if leaf == "ndim":
        open_, close = b"len(", b".shape)"
    draft.replace(module.start(node), module.end(node), open_, *piece, close)


def _unused_sessions(module: Module) -> list[ast.stmt]:
    """``sess = K.get_session()`` that nothing uses any more."""
    found: list[ast.stmt] = []
    for node in module.nodes:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        target = node.targets[0]
        if len(node.targets) != 1 or not isinstance(target, ast.Name):
            continue
        if module.names.resolve(node.value.func) == BACKEND + "get_session":
            if not _used(module, target.id, node, [node]):
                found.append(node)
    return found


def _learning_phases(module: Module) -> list[ast.stmt]:
    return [
        node
        for node in module.nodes
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and module.names.resolve(node.value.func) == BACKEND + "set_learning_phase"
        and len(node.value.args) == 1
        and isinstance(node.value.args[0], ast.Constant)
        and node.value.args[0].value in (0, False)
    ]


def _imports(module: Module, draft: Draft, going: Sequence[ast.AST]) -> None:
    for node in module.nodes:
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        for alias in node.names:
            spelled = _backend_of(node, alias)
            if spelled is None:
                continue
            name = alias.asname or alias.name
            used = _used(module, name, node, going)
            if not used:
                if len(node.names) == 1 and not _shares_line(module, node):
                    remove_statement(module, draft, node)
                continue
            own = any(word.startswith("_") for word in used)  # `K._BACKEND` is Keras' own
            if spelled == "keras" and not own and not used <= _STANDALONE:
                _to_tensorflow(module, draft, node, alias)


def _backend_of(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str | None:
    """``keras`` or ``tensorflow`` for an import of the backend from there."""
    if isinstance(node, ast.Import):
        if alias.asname and alias.name in ("keras.backend", "tensorflow.keras.backend"):
            return alias.name.partition(".")[0]
        return None
    if node.level == 0 and alias.name == "backend":
        if node.module in ("keras", "tensorflow.keras"):
            return node.module.partition(".")[0]
    return None


def _used(module: Module, name: str, imported: ast.stmt, going: Sequence[ast.AST]) -> set[str]:
    """The backend's functions that are used under ``name``."""
    scope = module.scope_of(imported)
    owner = module.scopes.resolve(name, scope) or scope
    found: set[str] = set()
    for node in module.nodes:
        if not isinstance(node, ast.Name) or node.id != name:
            continue
        if module.scopes.resolve(name, module.scope_of(node)) is not owner:
            continue
        if any(parent is stmt for parent in module.parents(node) for stmt in going):
            continue
        parent = module.parent_of(node)
        found.add(parent.attr if isinstance(parent, ast.Attribute) else "")
    return found


def _to_tensorflow(
    module: Module, draft: Draft, node: ast.Import | ast.ImportFrom, alias: ast.alias
) -> None:
    name = alias.asname or alias.name
    renamed = f" as {name}" if name != "backend" else ""
    line = f"from tensorflow.keras import backend{renamed}".encode()
    if len(node.names) == 1:
        draft.replace(module.start(node), module.end(node), line)
        return
    if _shares_line(module, node) or module.last_line(node) != module.first_line(node):
        return
    others = ", ".join(
        a.name + (f" as {a.asname}" if a.asname else "") for a in node.names if a is not alias
    )
    keyword = f"from {node.module} import " if isinstance(node, ast.ImportFrom) else "import "
    text = keyword.encode() + others.encode() + module.newline + module.indent_of(node) + line
    draft.replace(module.start(node), module.end(node), text)


def _shares_line(module: Module, stmt: ast.stmt) -> bool:
    line = module.line_text(module.first_line(stmt))
    text = module.text[module.start(stmt) : module.end(stmt)]
    rest = line.strip().removeprefix(text).strip()
    return bool(rest) and not rest.startswith(b"#")


def remove_statement(module: Module, draft: Draft, stmt: ast.stmt) -> None:
    """Take a statement out, with one of the blank lines around it where both sides have some."""
    place = module.place_of(stmt)
    if len(place.block) == 1 or _shares_line(module, stmt):
        draft.replace(module.start(stmt), module.end(stmt), b"pass")
        return
    first, last = module.first_line(stmt), module.last_line(stmt)
    above = first == 1 or not module.line_text(first - 1).strip()
    while above and last < module.line_count and not module.line_text(last + 1).strip():
        last += 1
    draft.delete(module.line_start(first), module.line_end(last))
