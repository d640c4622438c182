"""What git knows of files: which of them have changes that no commit holds."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence

_AT_ONCE = 200
"""Paths given to one git command; a command line has an end."""


class GitError(Exception):
    """Git could not be asked; the message says why and what to do."""


def work_tree_of(path: str) -> str | None:
    """Return the top of the git work tree that holds ``path``, or None. Runs no program."""
    folder = os.path.dirname(os.path.realpath(path))
    while True:
        if os.path.exists(os.path.join(folder, ".git")):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def uncommitted(paths: Sequence[str]) -> list[str]:
    """Return those of ``paths`` whose content no commit holds, in their order.

    That is: changed, staged, in conflict, or not tracked. Files outside any work tree, and files
    that git is told to ignore, are not git's to keep.

    Raises GitError where git is missing or refuses.
    """
    trees: dict[str, dict[str, str]] = {}
    for path in paths:
        top = work_tree_of(path)
        if top is not None:
            inner = os.path.relpath(os.path.realpath(path), top).replace(os.sep, "/")
            trees.setdefault(top, {})[inner] = path
    dirty = {
        names[inner] for top, names in trees.items() for inner in _status(top, list(names))
        if inner in names
    }  # fmt: skip
    return [path for path in paths if path in dirty]


def _status(top: str, names: Sequence[str]) -> Iterator[str]:
    for first in range(0, len(names), _AT_ONCE):
        # No hook of the repository is run, no index written.
        command = ["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all"]
        out = git(top, *command, "--", *names[first : first + _AT_ONCE])
        for entry in out.split(b"\0"):
            if entry:
                yield os.fsdecode(entry[3:])


def git(folder: str, *arguments: str) -> bytes:
    """Run git in ``folder`` and return what it prints.

    Raises GitError if there is no git or it fails.
    """
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", *arguments]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    environment = {**kept, "GIT_OPTIONAL_LOCKS": "0", "GIT_LITERAL_PATHSPECS": "1", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as error:
        raise GitError(f"git cannot be run: {error.strerror or error}") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise GitError(said[0] if said else f"git {arguments[0]} ended with {done.returncode}")
    return done.stdout
