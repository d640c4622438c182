"""The engine under ``libcst.tool codemod``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import libcst
import pytest
from libcst.codemod import CodemodContext, SkipFile

from tape_migrate import migrate_source
from tape_migrate.codemod import MigrateGradientsCommand

LOCAL = "import tensorflow as tf\n\n\ndef f(x):\n    y = x * x\n    return tf.gradients(y, x)\n"
REFUSED = "import tensorflow as tf\n\n\ndef g(y, x):\n    return tf.gradients(y, x)\n"


@pytest.mark.parametrize("source", [LOCAL, LOCAL.replace("\n", "\r\n"), LOCAL[:-1], "x = 1\n"])
def test_it_gives_what_the_engine_gives(source: str) -> None:
    tree = MigrateGradientsCommand(CodemodContext()).transform_module(libcst.parse_module(source))
    assert tree.bytes == migrate_source(source.encode()).new


def test_refusals_become_warnings_and_annotations() -> None:
    context = CodemodContext(filename="m.py")
    command = MigrateGradientsCommand(context, annotate=True)
    code = command.transform_module(libcst.parse_module(REFUSED)).code
    assert "TODO(tape-migrate) TM101" in code
    assert len(context.warnings) == 1
    assert context.warnings[0].startswith("m.py:5: TM101: ")


def test_what_python_cannot_parse_is_skipped() -> None:
    # libcst parses it, Python does not.
    source = "s = b'é'  # gradients\n"
    with pytest.raises(SkipFile):
        MigrateGradientsCommand(CodemodContext()).transform_module(libcst.parse_module(source))


def test_the_command_line_of_libcst_finds_it(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(LOCAL)
    command = "tape_migrate.codemod.MigrateGradientsCommand --tf-function never"
    arguments = f"codemod -x --no-format --jobs=1 {command} m.py"
    done = subprocess.run(
        [sys.executable, "-m", "libcst.tool", *arguments.split()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "m.py").read_bytes() == migrate_source(LOCAL.encode()).new
