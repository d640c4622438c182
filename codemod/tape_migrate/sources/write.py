"""Replacing a file's content as one step: a reader sees the old bytes or the new, never a mix."""

from __future__ import annotations

import contextlib
import os
import stat

from tape_migrate.sources.prefilter import read_file


class WriteError(Exception):
    """The file was left as it was; the message says why."""


def write_atomically(path: str, new: bytes, *, expected: bytes) -> None:
    """Replace the content of ``path``, which must still be ``expected``, by ``new``.

    Links are followed, so that the file and not the link is replaced; the mode and, where
    permitted, the owner stay. Other hard links to the old file keep the old content.

    Raises WriteError if the file is read-only, cannot be replaced, or changed in the meantime.
    """
    target = os.path.realpath(path)
    try:
        status = os.stat(target)
    except OSError as error:
        raise WriteError(f"not written: {error.strerror or error}") from error
    if not stat.S_ISREG(status.st_mode):
        raise WriteError("not written: no longer a regular file")
    if not is_writable(target):
        raise WriteError("not written: the file is read-only")
    folder = os.path.dirname(target)
    temporary = os.path.join(folder, f".tape-migrate-{os.getpid()}.tmp")
    try:
        _write_new_file(temporary, new, status)
        if read_file(target) != expected:
            raise WriteError("not written: the file changed since it was read")
        os.replace(temporary, target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise WriteError(f"not written: {reason} (in {folder})") from error
    finally:
        # Still there after any failure, Ctrl-C included; gone after success.
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    _sync_folder(folder)


def is_writable(path: str) -> bool:
    """Whether the file may be replaced, as far as its mode says.

    Replacing needs no write permission on the file itself, and root needs none at all, but whoever
    took it away meant it.
    """
    with contextlib.suppress(OSError):
        return bool(os.stat(path).st_mode & 0o222) and os.access(path, os.W_OK)
    return False


def _write_new_file(path: str, data: bytes, like: os.stat_result) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # left over from a killed process that had the same id
    descriptor = os.open(path, flags, 0o600)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if hasattr(os, "fchown"):
            with contextlib.suppress(PermissionError):
                os.fchown(descriptor, like.st_uid, like.st_gid)
        # After the owner: changing that clears set-user-id bits.
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, stat.S_IMODE(like.st_mode))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if not hasattr(os, "fchmod"):
        os.chmod(path, stat.S_IMODE(like.st_mode))


def _sync_folder(folder: str) -> None:
    """Make the replacement survive a power cut, where the platform lets folders be synced."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
