"""What ``tape-migrate config`` prints."""

from __future__ import annotations

import json
import os

from tape_migrate.settings.keys import KEYS
from tape_migrate.settings.load import Settings


def show(settings: Settings) -> str:
    """Return the settings as a table for pyproject.toml, each with its origin behind it."""
    here = os.getcwd()
    if settings.file is None:
        head = "# no pyproject.toml with [tool.tape-migrate] holds here"
    else:
        head = f"# {_near(settings.file, here)}"
    lines = [head, "[tool.tape-migrate]"]
    rows = []
    for key in KEYS:
        value = settings.values[key.name]
        prefix = "# " if value is None else ""
        text = f"{prefix}{key.name} = {_toml(value)}"
        rows.append((text, _near(settings.origins[key.name], here), key.meaning))
    width = max(len(text) for text, _, _ in rows)
    second = max(len(origin) for _, origin, _ in rows)
    lines += [f"{text:<{width}}  # {origin:<{second}}  {meaning}" for text, origin, meaning in rows]
    return "\n".join(lines) + "\n"


def _near(path: str, here: str) -> str:
    if not os.path.isabs(path):
        return path
    near = os.path.relpath(path, here)
    return path if near.startswith(os.pardir + os.sep + os.pardir) else near


def _toml(value: object) -> str:
    if value is None:
        return '""'
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    # JSON's texts and truth values are TOML's, too.
    return json.dumps(value, ensure_ascii=False)
