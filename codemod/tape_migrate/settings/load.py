"""Find the settings that hold for a run, and remember where each comes from."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tape_migrate.settings.keys import BY_NAME, KEYS, Key, KeyKind

_FILE = "pyproject.toml"
_TABLE = "tool.tape-migrate"
COMMAND_LINE = "command line"
DEFAULT = "default"


class SettingsError(Exception):
    """The settings cannot be used; the message says where and what to do."""


@dataclass(frozen=True)
class Settings:
    """The values that hold, each with its origin."""

    values: Mapping[str, Any]
    """By key; lists are tuples."""
    origins: Mapping[str, str]
    """By key: ``command line``, ``default`` or the path of a file."""
    file: str | None
    """The pyproject.toml that was read, if any has the table."""

    def base(self, key: str) -> str:
        """The folder that the patterns or the path of ``key`` are relative to."""
        origin = self.origins[key]
        return os.getcwd() if origin in {COMMAND_LINE, DEFAULT} else os.path.dirname(origin)

    def flag(self, key: str) -> bool:
        """The value of a flag."""
        return bool(self.values[key])

    def words(self, key: str) -> tuple[str, ...]:
        """The value of a list."""
        value: tuple[str, ...] = self.values[key]
        return value

    def path(self, key: str) -> str | None:
        """The value of a path, from the folder it is relative to; None if it is not set."""
        value: str | None = self.values[key]
        return None if value is None else os.path.join(self.base(key), value)


def load(
    paths: Sequence[str],
    given: Mapping[str, Any] | None = None,
    *,
    config: str | None = None,
    isolated: bool = False,
    top: str | None = None,
) -> Settings:
    """Put together the settings for a run over ``paths``.

    ``given`` holds the options of the command line by key; None means that one was not given.
    The file is ``config``, or the nearest pyproject.toml with a ``[tool.tape-migrate]`` above all
    of ``paths`` (not above ``top`` or the top of their git work tree), or none if ``isolated``.

    Raises SettingsError for a file that cannot be read, an unknown key or a wrong value.
    """
    values: dict[str, Any] = {key.name: key.default for key in KEYS}
    origins = dict.fromkeys(values, DEFAULT)
    file = None
    if not isolated:
        file, table = _explicit(config) if config is not None else _nearest(paths, top)
        for name, value in table.items():
            values[name] = _checked(name, value, f"{file}: [{_TABLE}]")
            origins[name] = str(file)
    for name, value in (given or {}).items():
        if value is not None:
            values[name] = _checked(name, value, "--" + name)
            origins[name] = COMMAND_LINE
    return Settings(values, origins, file)


def _explicit(path: str) -> tuple[str, Mapping[str, Any]]:
    try:
        with open(path, "rb") as handle:
            table = _table(path, handle.read())
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or error}") from error
    if table is None:
        raise SettingsError(f"{path}: has no [{_TABLE}]")
    return os.path.abspath(path), table


def _nearest(paths: Sequence[str], top: str | None) -> tuple[str | None, Mapping[str, Any]]:
    folder = _common_folder(paths)
    while True:
        path = os.path.join(folder, _FILE)
        try:
            with open(path, "rb") as handle:
                data = handle.read()
        except OSError:
            data = b""
        # Parsing TOML costs start-up time which files without the word need not pay.
        if b"tape-migrate" in data:
            table = _table(path, data)
            if table is not None:
                return path, table
        parent = os.path.dirname(folder)
        if folder in {parent, top} or os.path.exists(os.path.join(folder, ".git")):
            return None, {}
        folder = parent


def _common_folder(paths: Sequence[str]) -> str:
    if not paths:
        return os.getcwd()
    real = [os.path.abspath(path) for path in paths]
    folder = os.path.commonpath(real)
    return folder if os.path.isdir(folder) else os.path.dirname(folder)


def _table(path: str, data: bytes) -> Mapping[str, Any] | None:
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415
    else:
        import tomli as tomllib  # noqa: PLC0415

    try:
        document = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    tool = document.get("tool")
    table = tool.get("tape-migrate") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise SettingsError(f"{path}: {_TABLE} must be a table")
    return table


def _checked(name: str, value: Any, where: str) -> Any:
    """Return ``value`` as its key wants it; raises SettingsError."""
    key = BY_NAME.get(name)
    if key is None:
        raise SettingsError(
            f"{where}: unknown key {name!r}{suggestion(name, list(BY_NAME))}; "
            "`tape-migrate config` lists all keys"
        )
    if key.kind is KeyKind.FLAG:
        if isinstance(value, bool):
            return value
    elif key.kind is KeyKind.CHOICE:
        if value in key.choices:
            return value
        choices = ", ".join(key.choices)
        raise SettingsError(f"{where}: {name} must be one of {choices}, not {value!r}")
    elif key.kind is KeyKind.TEXT:
        if isinstance(value, str) and value:
            return value
    elif isinstance(value, (list, tuple)) and all(isinstance(word, str) for word in value):
        return tuple(_words(key, value, where) if key.kind is KeyKind.WORDS else value)
    raise SettingsError(f"{where}: {name} must be {key.kind.value}, not {value!r}")


def _words(key: Key, values: Sequence[str], where: str) -> list[str]:
    from tape_migrate.selection import canonical, known_words  # noqa: PLC0415

    words = [word.strip() for value in values for word in value.split(",") if word.strip()]
    found = []
    for word in words:
        name = canonical(word)
        if name is None:
            hint = suggestion(word, known_words())
            raise SettingsError(
                f"{where}: {key.name}: no code or shape {word!r}{hint}; `tape-migrate explain` "
                "lists them"
            )
        found.append(name)
    return found


def suggestion(word: str, known: Sequence[str]) -> str:
    """Return ``, did you mean 'x'?`` for a misspelled word, or nothing."""
    import difflib  # noqa: PLC0415

    close = difflib.get_close_matches(word.replace("_", "-"), known, n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
