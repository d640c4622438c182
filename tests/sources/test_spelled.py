"""Files that hold the words, but no code that could call a gradient function."""

from __future__ import annotations

from pathlib import Path

import pytest

from tape_migrate.model import SourceError
from tape_migrate.module import Module
from tape_migrate.sites import find_sites
from tape_migrate.sources.spelled import may_spell_call

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


@pytest.mark.parametrize(
    "code",
    [
        "g = tf.gradients(y, x)",
        "g = tf . gradients (y, x)",
        "g = tf.\\\n    gradients(y, x)",
        "g = (tf.  # of TensorFlow\n    gradients(y, x))",
        "g = (tf.  # a\n    # b = 'c'\n    gradients(y, x))",
        "from tensorflow import gradients as g\ng(y, x)",
        "from tensorflow import gradients as gr\u00e0\ngr\u00e0(y, x)",
        "from tensorflow import (zeros,  # = []\n    ones, gradients)\ngradients(y, x)",
        "from tensorflow import zeros, \\\n    gradients\ng = gradients",
        "from tensorflow import \\\n    (zeros, gradients)\ngradients(y, x)",
        "from shim import tf_gradients\ntf_gradients(y, x)",
        "from tensorflow import *\ng = gradients(y, x)\n",
        "from shim import *\ng = tf_gradients(y, x)\n",
        "print(f'{tf.gradients(y, x)[0]}')",
        'print(Rf"""{\ntf.gradients(y, x)[0]}""")',
        "s = 'a' + 'it\\'s'; g = tf.gradients(y, x)",
        's = """\n"""; g = tf.hessians(y, x)',
        "opt.compute_gradients(loss)",
        "# tape-migrate: ignore\n# gradients",
        "tf.enable_eager_execution()\nopt.minimize(loss)",
        "# coding: shift-jis\ns = 'x\\'; g = tf.gradients(y, x); t = ''",
        '"""never closed: tf.gradients(y, x)',
        "s = 'never closed: tf.gradients(y, x)\n",
    ],
)
def test_what_could_be_a_call_is_looked_at(code: str) -> None:
    assert may_spell_call(code.encode())
    assert may_spell_call(code.replace("\n", "\r").encode())


@pytest.mark.parametrize(
    "code",
    [
        "# tf.gradients(y, x)",
        "'tf.gradients(y, x)'",
        'def f():\n    """Like `tf.gradients(y, x)`."""\n',
        "r'\\\\'; s = 'tf.gradients(y, x)'",
        "def gradients(y, x):\n    return y\n\n\ngradients(1, 2)\n",
        "gradients = [1]\nuse(gradients=gradients)\n",
        "from tensorflow import gradients\n",
        "from shim import *  # gradients\n",
        "from shim import *\n\n\ndef f(gradients=None):\n    gradients = 1\n",
        "from tensorflow.python.ops import gradients_impl\ngradients_impl.IndexedSlices\n",
        "kind = 'gradients'\n",
        "kind = 'gradients'\n" * 3_000,
        "s = 1\nuse(gradients)\n",
        "s = [\n    1,\n    gradients,\n]\n",
    ],
)
def test_the_words_alone_are_no_call(code: str) -> None:
    assert not may_spell_call(code.encode())
    assert not find_sites(Module(code.encode()))


def test_every_file_of_the_fixtures_with_a_call_is_looked_at() -> None:
    seen = 0
    for path in sorted(FIXTURES.rglob("*.py")):
        data = path.read_bytes()
        try:
            calls = find_sites(Module(data))
        except (SourceError, UnicodeDecodeError):
            continue
        if calls:
            seen += 1
            assert may_spell_call(data), path
    assert seen > 500


@pytest.mark.parametrize(
    "piece",
    [
        b'\\"""',
        b"'\\",
        b"import (gradients ",
        b"import \\\n",
        b". ",
        b"# gradients\n",
        b"= gradients\n",
        b"from a import gradients as b\n",
        b"f'{",
    ],
)
def test_time_is_linear_whatever_stands_in_the_text(piece: bytes) -> None:
    """Were it not, these million bytes would take hours."""
    text = piece * (1_000_000 // len(piece))
    assert may_spell_call(text + b"\ntf.gradients(y, x)\n") or piece in (b"# gradients\n",)


@pytest.mark.parametrize(
    "data", [b"# gradients\ny = '\xe9'\n", b"# coding: utf-8\n'\xe9'\n", b"gradients = '\0'\n"]
)
def test_what_cannot_be_read_is_left_to_be_told(data: bytes) -> None:
    assert may_spell_call(data)


def test_many_imported_names_are_left_to_the_parser() -> None:
    """Each is searched for by itself: beyond some fifty, parsing is as cheap."""
    few, many = (", ".join(f"gradients_{n}" for n in range(count)) for count in (5, 60))
    assert not may_spell_call(f"from shim import {few}\n".encode())
    assert may_spell_call(f"from shim import {many}\n".encode())


def test_every_encoding_is_looked_at_in_its_own_way() -> None:
    text = b"# gradients, d\xe9riv\xe9es\n"
    assert not may_spell_call(b"# coding: latin-1\n" + text)
    assert may_spell_call(b"# coding: gbk\n" + text)
