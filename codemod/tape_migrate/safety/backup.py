"""``--backup-dir``: the old files once more, where a person can look at them."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tape_migrate.safety.journal import Change


class BackupError(Exception):
    """A backup cannot be made; nothing was written."""


def back_up(folder: str, changes: Sequence[Change]) -> None:
    """Copy the old content of every file below ``folder``, at its path from the current folder.

    Files elsewhere go under their whole path. A backup is never overwritten by another content.

    Raises BackupError.
    """
    for change in changes:
        target = os.path.join(folder, _inner(change.path))
        try:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            try:
                with open(target, "xb") as handle:
                    handle.write(change.old)
                    handle.flush()
                    os.fsync(handle.fileno())
            except FileExistsError:
                with open(target, "rb") as handle:
                    if handle.read() != change.old:
                        raise BackupError(
                            f"{target}: there is another backup already; name another folder"
                        ) from None
        except OSError as error:
            raise BackupError(f"{target}: {error.strerror or error}") from error


def _inner(path: str) -> str:
    inner = os.path.relpath(path, os.path.realpath(os.getcwd()))
    if inner.startswith(os.pardir):
        inner = os.path.splitdrive(path)[1].lstrip("/\\")
    return inner
