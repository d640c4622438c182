"""What a migration did to the text of one file, judged without the migration's own help."""

from __future__ import annotations

import ast
import collections
import difflib
import io
import tokenize
import warnings
from collections.abc import Collection
from dataclasses import dataclass

Span = tuple[int, int]


def parse(source: bytes) -> ast.Module | None:
    """The file's syntax tree, or None if this interpreter cannot parse it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError, RecursionError):
            return None


def comments(source: bytes) -> collections.Counter[str]:
    """Every comment of the file with how often it occurs. The file must be tokenisable."""
    tokens = tokenize.tokenize(io.BytesIO(source).readline)
    return collections.Counter(t.string for t in tokens if t.type == tokenize.COMMENT)


@dataclass(frozen=True)
class LineChanges:
    """1-based lines of the old file that the new one does not hold as they were."""

    reindented: tuple[int, ...]
    """Still there but for the white space around them."""
    rewritten: tuple[int, ...]
    """Gone, or with other text."""


def line_changes(old: bytes, new: bytes) -> LineChanges:
    """Compare two files line by line, first by text without indentation."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    matcher = difflib.SequenceMatcher(
        None, [line.strip() for line in before], [line.strip() for line in after], autojunk=False
    )
    reindented: list[int] = []
    rewritten: list[int] = []
    for tag, first, last, start, _ in matcher.get_opcodes():
        if tag == "equal":
            reindented += [
                i + 1 for i in range(first, last) if before[i] != after[start + i - first]
            ]
        else:
            rewritten += range(first + 1, last + 1)
    return LineChanges(tuple(reindented), tuple(rewritten))


_OF_KERAS_GRAPHS = (b".output", b".input", b"tensor=", b"learning_phase")
"""What a line that names a part of a Keras graph holds."""


def gone(old: bytes, new: bytes, spans: Collection[int] = ()) -> tuple[int, ...]:
    """1-based lines of the old file whose text is nowhere in the new one, imports left out.

    Those in ``spans`` may go: of equal lines, the others are looked for first.
    """
    left = collections.Counter(line.strip() for line in new.splitlines())
    lines: list[int] = []
    for number, line in enumerate(old.splitlines(), 1):
        text = line.strip()
        if number in spans:
            continue
        if left[text] > 0:
            left[text] -= 1
        elif not text.startswith((b"import ", b"from ")):
            if not any(word in text for word in _OF_KERAS_GRAPHS):
                lines.append(number)
    return tuple(lines)


def written_out(tree: ast.Module, names: frozenset[str]) -> tuple[set[int], frozenset[str]]:
    """For functions that were written out where they are called: their lines and those of the
    calls, and the lines of their docstrings, which become comments.
    """
    lines: set[int] = set()
    documented: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in names:
            lines |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
            documented += (ast.get_docstring(node) or "").splitlines()
        elif isinstance(node, ast.stmt) and not hasattr(node, "body"):
            called = {
                getattr(call.func, "attr", getattr(call.func, "id", ""))
                for call in ast.walk(node)
                if isinstance(call, ast.Call)
            }
            if called & names:
                lines |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines, frozenset(f"# {line.strip()}".rstrip() for line in documented)


def headers(tree: ast.Module, names: frozenset[str]) -> frozenset[int]:
    """The lines of the functions called ``names`` up to the first statement in them."""
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in names:
            first, last = _own_span(node)
            lines |= set(range(first, last + 1))
    return frozenset(lines)


def regions(tree: ast.Module, lines: set[int]) -> list[Span]:
    """Where edits for calls on ``lines`` may happen at all.

    That is the whole top-level function or class that holds the call; for a call at module
    level, every statement of the module that is not a function or class.
    """
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    blocks = [(_first_line(s), s.end_lineno or s.lineno) for s in tree.body if isinstance(s, kinds)]
    loose = [(s.lineno, s.end_lineno or s.lineno) for s in tree.body if not isinstance(s, kinds)]
    allowed = [span for span in blocks if any(span[0] <= n <= span[1] for n in lines)]
    if any(span[0] <= n <= span[1] for span in loose for n in lines):
        allowed += loose
    return allowed


def _first_line(statement: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    return min([statement.lineno, *(d.lineno for d in statement.decorator_list)])


def unrelated(tree: ast.Module, rewritten: tuple[int, ...], sites: set[int]) -> list[int]:
    """Rewritten lines in statements with no visible tie to a migrated call.

    A statement is tied to a call if it holds one, or shares a name or attribute with a
    statement that holds one (it feeds the call or uses its result).
    """
    spans: list[tuple[Span, frozenset[str]]] = [
        (_own_span(node), _words(node)) for node in ast.walk(tree) if isinstance(node, ast.stmt)
    ]
    held = [words for span, words in spans if any(span[0] <= n <= span[1] for n in sites)]
    tied = frozenset().union(*held)
    found = []
    for line in rewritten:
        around = [(span, words) for span, words in spans if span[0] <= line <= span[1]]
        if around and not any(
            words & tied or any(span[0] <= n <= span[1] for n in sites) for span, words in around
        ):
            found.append(line)
    return found


def _own_span(node: ast.stmt) -> Span:
    """The lines of a statement without the statements nested in it."""
    body = getattr(node, "body", None)
    if isinstance(body, list) and body and isinstance(body[0], ast.stmt):
        return node.lineno, max(node.lineno, body[0].lineno - 1)
    return node.lineno, node.end_lineno or node.lineno


def _words(node: ast.stmt) -> frozenset[str]:
    parts: list[ast.AST] = [node]
    if hasattr(node, "body"):
        parts = [c for c in ast.iter_child_nodes(node) if not isinstance(c, ast.stmt)]
    walked = [child for part in parts for child in ast.walk(part)]
    names = {n.id for n in walked if isinstance(n, ast.Name)}
    names |= {n.attr for n in walked if isinstance(n, ast.Attribute)}
    return frozenset(names - {"tf", "self", "K", "np", "gradients"})
