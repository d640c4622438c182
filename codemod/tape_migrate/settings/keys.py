"""The keys of ``[tool.tape-migrate]``: name, kind, default, meaning."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class KeyKind(enum.Enum):
    """What values a key takes."""

    FLAG = "true or false"
    CHOICE = "one of"
    TEXT = "a text"
    WORDS = "a list of codes, shapes, safe or review"
    PATTERNS = "a list of patterns as in .gitignore"


@dataclass(frozen=True)
class Key:
    """One key; the option of the command line is called the same, with ``--`` before it."""

    name: str
    kind: KeyKind
    default: object
    meaning: str
    choices: tuple[str, ...] = ()


KEYS = (
    Key(
        "tf-function",
        KeyKind.CHOICE,
        "auto",
        "Python control flow around a gradient goes under tf.function",
        ("auto", "always", "never"),
    ),
    Key("annotate", KeyKind.FLAG, False, "write a TODO comment above each refused call"),
    Key("assume-closed", KeyKind.FLAG, False, "nothing outside the paths calls their functions"),
    Key("strict", KeyKind.FLAG, False, "exit with 1 if a call was refused"),
    Key("select", KeyKind.WORDS, (), "only these codes and shapes; empty: all"),
    Key("ignore", KeyKind.WORDS, (), "not these codes and shapes"),
    Key("include", KeyKind.PATTERNS, (), "only files that match; empty: all"),
    Key("exclude", KeyKind.PATTERNS, (), "no files or folders that match, even if named outright"),
    Key("allow-dirty", KeyKind.FLAG, False, "write files that have uncommitted changes"),
    Key("backup-dir", KeyKind.TEXT, None, "keep the old files below this folder"),
)

BY_NAME = {key.name: key for key in KEYS}
