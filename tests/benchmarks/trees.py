"""The trees of files that benchmarks run on, made on the spot."""

from __future__ import annotations

import itertools
import sysconfig
from collections.abc import Iterator
from pathlib import Path

WORDS = (b"gradients", b"hessians", b"batch_jacobian", b"enable_eager_execution")
"""A file without these cannot hold a call; what ripgrep and the bare search look for, too."""

BARE_SEARCH = f"""
import os, sys
words = {WORDS!r}
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        if name.endswith(".py"):
            with open(os.path.join(folder, name), "rb") as handle:
                data = handle.read()
            if any(word in data for word in words):
                print(os.path.join(folder, name))
"""
"""Reads the files of a tree and searches them for the words: what Python does by itself."""

BARE_PARSE = """
import ast, sys
with open(sys.argv[1]) as names:
    for name in names.read().splitlines():
        with open(name, "rb") as handle:
            ast.parse(handle.read())
"""
"""Parses the files that a file lists, and does nothing with the trees."""

_NEVER_WALKED = {"build", "dist", "venv", "_build", "node_modules", "__pycache__"}

_LAYER = '''
class Dense{n}:
    """A fully connected layer."""

    def __init__(self, size_in, size_out, activation=None):
        self.size_in = size_in
        self.size_out = size_out
        self.activation = activation
        self.built = False
        self.kernel = None
        self.bias = None

    def build(self):
        if self.built:
            return
        scale = np.sqrt(2.0 / (self.size_in + self.size_out))
        shape = [self.size_in, self.size_out]
        self.kernel = tf.Variable(tf.random.truncated_normal(shape, stddev=scale))
        self.bias = tf.Variable(tf.zeros([1, self.size_out]))
        self.built = True

    def __call__(self, x):
        self.build()
        y = tf.add(tf.matmul(x, self.kernel), self.bias)
        if self.activation == "tanh":
            y = tf.tanh(y)
        elif self.activation == "relu":
            y = tf.nn.relu(y)
        elif self.activation is not None:
            raise ValueError("unknown activation: %s" % self.activation)
        return y  # shape: [batch, size_out]

    def describe(self):
        parts = ["dense", str(self.size_in), str(self.size_out)]
        return " ".join(part for part in parts if part)

'''

_PHYSICS = '''
class Burgers:
    """u_t + u u_x = nu u_xx."""

    def __init__(self, layers, nu):
        self.layers = layers
        self.nu = nu

    def net_u(self, x, t):
        h = tf.concat([x, t], 1)
        for layer in self.layers:
            h = layer(h)
        return h

    def net_f(self, x, t):
        u = self.net_u(x, t)
        u_t = tf.gradients(u, t)[0]
        u_x = tf.gradients(u, x)[0]
        u_xx = tf.gradients(u_x, x)[0]
        f = u_t + u * u_x - self.nu * u_xx
        return f


def penalty(critic, real, fake):
    middle = 0.5 * (real + fake)
    score = critic(middle)
    slope = tf.gradients(score, [middle])[0]
    return tf.reduce_mean(tf.square(tf.norm(slope, axis=1) - 1.0))
'''


def hit_file(path: Path, lines: int = 300) -> None:
    """Write a file of about ``lines`` lines that holds four gradient calls at its end."""
    text = '"""A physics-informed network."""\n\nimport numpy as np\nimport tensorflow as tf\n\n'
    tail = _PHYSICS.count("\n")
    for number in itertools.count():
        if (text + _LAYER).count("\n") + tail > lines:
            break
        text += _LAYER.format(n=number)
    path.write_text(text + _PHYSICS, encoding="utf-8")


def word_files(folder: Path, count: int = 50) -> None:
    """Write files which hold the words and no call of TensorFlow's."""
    folder.mkdir(parents=True)
    for number in range(count):
        text = f'"""Gradients by hand: gradients({number})."""\n\n\ndef gradients(y, x):\n'
        text += "    return y / x\n\n\nprint(gradients(1.0, 2.0))\n"
        (folder / f"module_{number}.py").write_text(text, encoding="utf-8")


def no_hit_tree(folder: Path, files: int) -> int:
    """Fill ``folder`` with ``files`` Python files without the words; return their bytes.

    They are copies of this interpreter's own library and site-packages, in their own folders,
    several times over if there are too few. Raises ``ValueError`` if there are none at all.
    """
    left, size = files, 0
    for turn in itertools.count():
        before = left
        for relative, data in _wordless_files():
            if not left:
                return size
            target = folder / f"copy{turn}" / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            size += len(data)
            left -= 1
        if left == before:
            raise ValueError("this interpreter has no Python files without the words")
    raise AssertionError("unreachable")


def _wordless_files() -> Iterator[tuple[Path, bytes]]:
    site, library = Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("stdlib"))
    for name, root in (("site", site), ("library", library)):
        for path in sorted(root.rglob("*.py")):
            relative = path.relative_to(root)
            if name == "library" and relative.parts[0] == "site-packages":
                continue
            if any(p in _NEVER_WALKED or p.startswith(".") for p in relative.parts):
                continue
            data = path.read_bytes()
            if not any(word in data for word in WORDS):
                yield name / relative, data
