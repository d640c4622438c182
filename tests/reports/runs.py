"""One real run over files of all kinds, for the tests of reports."""

from __future__ import annotations

from pathlib import Path

from tests.notebooks.making import markdown, notebook
from tests.test_cli import LOCAL, PYTHON_2, REFUSED

FILES = {
    "src/a.py": LOCAL,
    "src/mac.py": LOCAL.replace(b"\n", b"\r\n"),
    "src/no end.py": LOCAL.rstrip(b"\n"),
    "src/<b>&'é.py": REFUSED.replace(b"grad(", b"gr\xc3\xa4d("),
    "src/latin.py": b"# coding: latin-1\n# \xe9\n" + LOCAL,
    "src/old.py": PYTHON_2,
    "src/ignored.py": REFUSED.replace(b"[0]", b"[0]  # tape-migrate: ignore[TM101, TM104]"),
    "nb/n.ipynb": notebook(
        "import tensorflow as tf\nx = tf.constant(1.0)\n",
        markdown("# Text\n"),
        "y = x * x\ng = tf.gradients(y, x)[0]\n",
        "def grad(y, x):\n    return tf.gradients(y, x)[0]\n",
    ),
}


def make_tree(folder: Path) -> Path:
    for name, data in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
