"""Answers of a review that was not brought to its end, so that the next one goes on there.

They are kept for one file, or for files that change together, with this very content.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tape_migrate.safety.journal import digest
from tape_migrate.safety.state import state_folder

_VERSION = 2


@dataclass(frozen=True)
class Kept:
    """What is known: answers by key of unit, and edited texts by path, if there are any."""

    answers: Mapping[str, bool]
    edited: Mapping[str, bytes] = field(default_factory=dict)


def load(texts: Mapping[str, bytes]) -> Kept | None:
    """Return what was answered for these files with this very content, or None."""
    try:
        with open(_file(texts), encoding="utf-8") as handle:
            found: dict[str, Any] = json.load(handle)
        if found["version"] != _VERSION or found["digest"] != _digest(texts):
            return None
        edited = {path: base64.b64decode(text) for path, text in found["edited"].items()}
        return Kept(
            {str(key): bool(yes) for key, yes in found["answers"].items()},
            {
                path: edited[os.path.realpath(path)]
                for path in texts
                if os.path.realpath(path) in edited
            },
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def save(texts: Mapping[str, bytes], kept: Kept) -> None:
    """Keep the answers for files with this content; a review is not stopped if that fails."""
    target = _file(texts)
    content = {
        "version": _VERSION,
        "paths": [os.path.realpath(path) for path in texts],
        "digest": _digest(texts),
        "answers": dict(kept.answers),
        "edited": {
            os.path.realpath(path): base64.b64encode(text).decode("ascii")
            for path, text in kept.edited.items()
        },
    }
    with contextlib.suppress(OSError):
        folder = os.path.dirname(target)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=folder)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            json.dump(content, handle)
        os.replace(temporary, target)


def forget(paths: Iterable[str]) -> None:
    """Drop the answers for files."""
    with contextlib.suppress(OSError):
        os.unlink(_file(paths))


def _digest(texts: Mapping[str, bytes]) -> str:
    return digest("".join(digest(text) for text in texts.values()).encode("ascii"))


def _file(paths: Iterable[str]) -> str:
    names = b"\0".join(os.fsencode(os.path.realpath(path)) for path in paths)
    return os.path.join(state_folder(), "reviews", f"{digest(names)[:40]}.json")
