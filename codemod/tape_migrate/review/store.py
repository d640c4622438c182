"""Answers of a review that was not brought to its end, so that the next one goes on there."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tape_migrate.safety.journal import digest
from tape_migrate.safety.state import state_folder

_VERSION = 1


@dataclass(frozen=True)
class Kept:
    """What is known of one file: answers by key of unit, and an edited text if there is one."""

    answers: Mapping[str, bool]
    edited: bytes | None = None


def load(path: str, data: bytes) -> Kept | None:
    """Return what was answered for this file with this very content, or None."""
    try:
        with open(_file(path), encoding="utf-8") as handle:
            found: dict[str, Any] = json.load(handle)
        if found["version"] != _VERSION or found["digest"] != digest(data):
            return None
        edited = found["edited"]
        return Kept(
            {str(key): bool(yes) for key, yes in found["answers"].items()},
            None if edited is None else base64.b64decode(edited),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def save(path: str, data: bytes, kept: Kept) -> None:
    """Keep the answers for a file with this content; a review is not stopped if that fails."""
    target = _file(path)
    content = {
        "version": _VERSION,
        "path": os.path.realpath(path).encode("utf-8", "backslashreplace").decode(),
        "digest": digest(data),
        "answers": dict(kept.answers),
        "edited": None if kept.edited is None else base64.b64encode(kept.edited).decode("ascii"),
    }
    with contextlib.suppress(OSError):
        folder = os.path.dirname(target)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=folder)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            json.dump(content, handle)
        os.replace(temporary, target)


def forget(path: str) -> None:
    """Drop the answers for a file."""
    with contextlib.suppress(OSError):
        os.unlink(_file(path))


def _file(path: str) -> str:
    name = digest(os.fsencode(os.path.realpath(path)))[:40]
    return os.path.join(state_folder(), "reviews", f"{name}.json")
