"""Libraries, whose functions keep no tensor that they are given, apart from the project's modules.

Of any other module (``import layers``, ``from lib import keep``) nothing is known before it is
looked at, for its functions may keep what they are given, or give what others hold as well.
"""

from __future__ import annotations

import sys
from typing import Protocol, runtime_checkable

from tape_migrate.module import Module
from tape_migrate.names import KNOWN_MODULES

_LIBRARIES = KNOWN_MODULES | sys.stdlib_module_names | frozenset(
    ("PIL", "absl", "cv2", "gym", "h5py", "pandas", "six", "sklearn", "sonnet", "tensorflow_hub",
     "tensorflow_probability", "tf_slim", "tqdm", "tree")
)  # fmt: skip
_NEW = frozenset(
    (
        *("collections.defaultdict", "collections.deque", "collections.namedtuple", "copy.copy"),
        *("copy.deepcopy", "functools.partial", "threading.local"),
    )
)
"""Functions of the standard library that give an object which nobody else has."""
_MAKERS = frozenset(
    ("argparse", "csv", "datetime", "glob", "io", "itertools", "json", "os", "pickle", "re")
)
"""Modules of it whose functions all do."""
_SHOWS_OTHERS = frozenset(("collections.ChainMap",))
_OF_THE_GRAPH = frozenset(("get_variable", "get_local_variable"))


@runtime_checkable
class OwnModules(Protocol):
    """What a project can tell of the names of its modules."""

    def has_module(self, dotted: str) -> bool:
        """Whether a module of the project is so called, or its dotted name ends like that."""


def is_library(module: Module, dotted: str) -> bool:
    """Whether a resolved name is one of a library, not of a module of the project."""
    top = dotted.partition(".")[0]
    if top in KNOWN_MODULES:
        return True
    return top in _LIBRARIES and not is_own(module, dotted)


def is_own(module: Module, dotted: str) -> bool:
    """Whether a resolved name certainly is one of a module of the project."""
    top = dotted.partition(".")[0]
    project = module.project
    return top not in KNOWN_MODULES and isinstance(project, OwnModules) and project.has_module(top)


def makes_new(module: Module, dotted: str) -> bool:
    """Whether a call of a function of a library gives a new object, whatever it is given.

    ``tf.get_default_graph()`` and ``typing.cast(list, kept)`` give one that others have as well.
    """
    name = dotted.rpartition(".")[2]
    if dotted.partition(".")[0] in KNOWN_MODULES:
        return name in _OF_THE_GRAPH or not name.startswith("get_")
    made = dotted in _NEW or dotted.partition(".")[0] in _MAKERS
    made = made or (name[:1].isupper() and dotted not in _SHOWS_OTHERS)
    return made and is_library(module, dotted)


def holds_what_is_given(dotted: str) -> bool:
    """Whether what a library makes may hold the objects that it is given, other than tensors."""
    return dotted.partition(".")[0] not in KNOWN_MODULES or ".nest." in dotted
