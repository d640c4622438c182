"""What becomes of generated programs, call by call: a change of the engine shows up as a diff.

Nothing is run here: ``in_process.py`` and ``python -m tests.fuzz`` compare numbers. The goldens
(``--force-regen``) hold for each call its outcome, and for each program the statements and the
watched names of every tape, and a checksum of its new text.
"""

from __future__ import annotations

import ast
import random
import zlib
from collections.abc import Iterator

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from tape_migrate.linking import migrate_project
from tape_migrate.model import Migration, Options
from tests.fuzz.generate import draw
from tests.fuzz.keepers import draw_keepers
from tests.fuzz.keras_graphs import draw_keras
from tests.fuzz.libraries import draw_library
from tests.fuzz.program import FOUND, Program, load
from tests.fuzz.projects import draw_project

_KINDS = {
    "all": (draw, 240),
    "keepers": (draw_keepers, 160),
    "keras": (draw_keras, 160),
    "libraries": (draw_library, 160),
    "projects": (draw_project, 160),
}
_PARTS = 8


def said(name: str, program: Program) -> Iterator[str]:
    """Lines of the golden about one program."""
    sources = {path: text.encode() for path, text in program.paths().items()}
    options = Options(assume_closed=bool(program.helpers))
    for path, migration in migrate_project(sources, options).items():
        assert isinstance(migration, Migration), f"{name}: {path}"
        assert migration.internal_error is None, f"{name}: {migration.internal_error}"
        for result in migration.sites:
            shape = result.shape.value if result.shape else result.code
            yield f"{name}\t{path}:{result.site.line}:{result.site.column}\t{shape}"
        if migration.changed:
            checksum = zlib.crc32(migration.new)
            yield f"{name}\t{path}\t{checksum:08x}\t{'; '.join(tapes(migration.new))}"


def tapes(source: bytes) -> Iterator[str]:
    """How many statements each tape encloses, and what it watches."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.With) and "GradientTape" in ast.unparse(node.items[0]):
            inside = sum(isinstance(inner, ast.stmt) for inner in ast.walk(node)) - 1
            watched = [
                ast.unparse(call.args[0])
                for stmt in node.body
                for call in ast.walk(stmt)
                if isinstance(call, ast.Call) and ast.unparse(call.func).endswith(".watch")
            ]
            yield " ".join([str(inside), *watched])


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("part", range(_PARTS))
def test_generated_programs(kind: str, part: int, file_regression: FileRegressionFixture) -> None:
    make, count = _KINDS[kind]
    each = count // _PARTS
    lines = [
        line
        for number in range(part * each, (part + 1) * each)
        for line in said(str(number), make(random.Random(number)))
    ]
    file_regression.check("\n".join(lines) + "\n", basename=f"{kind}_{part}", extension=".tsv")


def test_programs_that_were_wrong_once(file_regression: FileRegressionFixture) -> None:
    lines = [line for path in sorted(FOUND.glob("*.py")) for line in said(path.stem, load(path)[0])]
    file_regression.check("\n".join(lines) + "\n", basename="found", extension=".tsv")
