"""Files that TensorFlow and Keras are made of: nobody wants those rewritten.

Where they take gradients, they are what the calls of others mean; and an installed package is not
the place to change it. A folder of one's own that is called ``tensorflow`` is no such package.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Final

from tape_migrate.model import Migration, Remark

_PARTS: Final = {
    "tensorflow": ("TensorFlow", "python/framework/ops.py"),
    "tensorflow_core": ("TensorFlow", "python/framework/ops.py"),
    "tensorflow_estimator": ("TensorFlow", "python/estimator/estimator.py"),
    "tf_keras": ("Keras", "src/backend.py"),
    "keras": ("Keras", "src/backend/__init__.py"),
}
"""Of a package: what it is part of, and a file by which it is known."""


def framework_of(path: str) -> str | None:
    """``"TensorFlow"`` or ``"Keras"`` where the file is one of those that it consists of."""
    return _framework_of_folder(os.path.dirname(os.path.abspath(path)))


def left_alone(path: str, data: bytes) -> Migration | None:
    """The outcome for a file of TensorFlow's or Keras's own; None for those of others."""
    framework = framework_of(path)
    if framework is None:
        return None
    message = f"a part of {framework} itself is left alone, whatever gradients it takes"
    return Migration(path, data, data, remarks=(Remark(1, 1, "TM005", message),))


@lru_cache(maxsize=1024)
def _framework_of_folder(folder: str) -> str | None:
    parent, name = os.path.split(folder)
    if not name:
        return None
    if name in _PARTS:
        framework, mark = _PARTS[name]
        if os.path.isfile(os.path.join(folder, *mark.split("/"))):
            return framework
    return _framework_of_folder(parent)
