"""TensorFlow, once ``job.py`` has set it up: the real module, whatever a program sees by its name.

``tf`` is TensorFlow itself, ``v1`` its interface of version 1 (the same thing under 1.x), and
``inner`` reaches modules behind the public interface.
"""

import importlib
from typing import Any

tf = importlib.import_module("tensorflow")  # type: Any
v1 = getattr(getattr(tf, "compat", None), "v1", tf)  # type: Any


def inner(name: str) -> Any:
    """``tensorflow.python.<name>``, or None where this release has no such module."""
    try:
        return importlib.import_module("tensorflow.python." + name)
    except ImportError:
        return None
