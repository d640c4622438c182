"""Put a ``with tf.GradientTape()`` block around a run of statements, in place."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from tape_migrate.edits.draft import Draft
from tape_migrate.module import Module
from tape_migrate.shapes.plan import Guard, Region, Watch


@dataclass(frozen=True)
class Tape:
    """One tape to be opened; several of a region are opened in this order, outermost first."""

    name: str
    watches: tuple[Watch, ...]
    persistent: bool = False
    opened: bool = False
    """It has recorded something already and goes on recording."""


@dataclass(frozen=True)
class Block:
    """What goes around and into a region."""

    region: Region
    tapes: tuple[Tape, ...]
    tf: str
    before: ast.stmt
    """Statement that an empty region stands before."""
    last_lines: tuple[str, ...] = ()
    """Statements to put at the end of the innermost block."""
    outer_lines: tuple[str, ...] = ()
    """Statements to put after the innermost block, inside the outermost."""
    stop_recording: tuple[ast.stmt, ...] = field(default=())


def write_block(module: Module, draft: Draft, block: Block) -> None:
    """Insert the block's headers, watches and closing lines, and indent what it encloses."""
    stmts = block.region.stmts
    unit = module.indent_unit
    depth = len(block.tapes)
    indent = module.indent_of(stmts[0] if stmts else block.before)
    top_line = first_comment_line(module, stmts[0] if stmts else block.before)
    nl = module.newline
    head = b"".join(_headers(module, block, indent))
    draft.insert(module.line_start(top_line), head)
    # Lines to insert come before the white space that is inserted at the same byte.
    for tape in block.tapes:
        for watch in tape.watches:
            if watch.after is not None:
                line = f"{tape.name}.watch({_watched(watch, block.tf)})".encode()
                _insert_after(
                    module, draft, watch.after, module.indent_of(watch.after) + unit * depth + line
                )
    for stmt in block.stop_recording:
        line = f"with {block.tapes[-1].name}.stop_recording():".encode()
        offset = module.line_start(module.first_line(stmt))
        draft.insert(offset, module.indent_of(stmt) + unit * depth + line + nl)
    if stmts:
        _indent_lines(module, draft, range(top_line, module.last_line(stmts[-1]) + 1), unit * depth)
    for stmt in block.stop_recording:
        _indent_lines(
            module, draft, range(module.first_line(stmt), module.last_line(stmt) + 1), unit
        )
    tail = [indent + unit * depth + line.encode() for line in block.last_lines]
    tail += [indent + unit * (depth - 1) + line.encode() for line in block.outer_lines]
    if tail:
        if stmts:
            for line in tail:
                _insert_after(module, draft, stmts[-1], line)
        else:
            draft.insert(module.line_start(top_line), b"".join(line + nl for line in tail))


def indented_by(module: Module, block: Block, stmt: ast.stmt) -> bytes:
    """The white space that ``write_block`` puts before the lines of ``stmt``."""
    stmts = block.region.stmts
    first, last = module.first_line(stmt), module.last_line(stmt)
    inside = stmts and module.first_line(stmts[0]) <= first and last <= module.last_line(stmts[-1])
    return module.indent_unit * len(block.tapes) if inside else b""


def _headers(module: Module, block: Block, indent: bytes) -> list[bytes]:
    lines: list[bytes] = []
    for level, tape in enumerate(block.tapes):
        pad = indent + module.indent_unit * level
        options = "persistent=True" if tape.persistent else ""
        opened = f"{block.tf}.GradientTape({options}) as {tape.name}"
        lines.append(pad + f"with {tape.name if tape.opened else opened}:".encode())
        early = [w for w in tape.watches if w.after is None]
        plain = list(dict.fromkeys(w.symbol for w in early if w.guard is Guard.NONE))
        watched = [plain[0] if len(plain) == 1 else "[" + ", ".join(plain) + "]"] if plain else []
        watched += dict.fromkeys(
            _watched(w, block.tf)
            for w in early
            if w.guard is not Guard.NONE and w.symbol not in plain
        )
        for what in watched:
            lines.append(pad + module.indent_unit + f"{tape.name}.watch({what})".encode())
    return [line + module.newline for line in lines]


def _watched(watch: Watch, tf: str) -> str:
    """What is handed to ``tape.watch``."""
    name = watch.symbol
    if watch.guard is Guard.ONE:
        return f"[{name}] if {tf}.is_tensor({name}) else []"
    if watch.guard is Guard.MEMBERS:
        return f"[value for value in {tf}.nest.flatten({name}) if {tf}.is_tensor(value)]"
    return name


def first_comment_line(module: Module, stmt: ast.stmt) -> int:
    """First line of ``stmt`` or of the comment block directly above it, at its indentation."""
    line = module.first_line(stmt)
    indent = module.indent_of(stmt)
    string_lines = module.string_lines
    while line > 1:
        above = module.line_text(line - 1)
        if not above.startswith(indent + b"#") or line - 1 in string_lines:
            break
        line -= 1
    return line


def _indent_lines(module: Module, draft: Draft, lines: Sequence[int], by: bytes) -> None:
    for line in lines:
        if line not in module.string_lines and module.line_text(line).strip():
            draft.insert(module.margin(line), by)


def _insert_after(module: Module, draft: Draft, stmt: ast.stmt, line: bytes) -> None:
    offset = module.line_end(module.last_line(stmt))
    if offset == len(module.text) and not module.text.endswith((b"\n", b"\r")):
        draft.insert(offset, module.newline + line)
    else:
        draft.insert(offset, line + module.newline)
