"""``--commit``: the change of a source as a commit on a branch of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

from tape_migrate import __version__
from tape_migrate.batch.copies import CopyError, copy
from tape_migrate.batch.sources import Kind, Source

BRANCH = "tape-migrate"


class CommitError(Exception):
    """No commit could be made; the message says why."""


def commit(source: Source, folder: str, patch: str, summary: Mapping[str, int]) -> str:
    """Make ``folder/repository`` with the change on a branch; return its path.

    A git repository is cloned; of anything else a new one is made, with what was there in a first
    commit. Whatever an earlier try left is replaced.

    Raises CommitError.
    """
    target = os.path.join(folder, "repository")
    fresh = os.path.join(folder, ".repository")
    for path in (target, fresh):
        shutil.rmtree(path, ignore_errors=True)
    os.makedirs(fresh)
    try:
        place = copy(source, fresh, everything=True)
    except (CopyError, OSError) as error:
        raise CommitError(str(error)) from error
    if Kind(source.kind) is not Kind.GIT:
        _git(place, "init", "--quiet")
        _git(place, "add", "--all", "--force")
        _git(place, "commit", "--quiet", "--message", f"{source.name} as it was")
    _git(place, "checkout", "--quiet", "-B", BRANCH)
    _git(place, "apply", "--index", "--whitespace=nowarn", os.path.abspath(patch))
    calls = summary["migrated"]
    message = f"Migrate {calls} symbolic gradient{'' if calls == 1 else 's'} to tf.GradientTape\n\n"
    message += f"Made by tape-migrate {__version__}; {summary['refused']} calls were left as they "
    message += "were."
    _git(place, "commit", "--quiet", "--message", message)
    os.rename(place, target)
    shutil.rmtree(fresh, ignore_errors=True)
    return target


def _git(folder: str, *arguments: str) -> None:
    kept: dict[str, Any] = {k: v for k, v in os.environ.items() if not k.startswith("GIT_DIR")}
    command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false"]
    try:
        if not _has_identity(folder):
            command += ["-c", "user.name=tape-migrate", "-c", "user.email=tape-migrate@localhost"]
        done = subprocess.run(
            [*command, *arguments], cwd=folder, env=kept, capture_output=True, check=False
        )
    except OSError as error:
        raise CommitError(f"git cannot be run: {error.strerror or error}") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        raise CommitError(said[0] if said else f"git {arguments[0]} ended with {done.returncode}")


def _has_identity(folder: str) -> bool:
    done = subprocess.run(
        ["git", "config", "user.email"], cwd=folder, capture_output=True, check=False
    )
    return done.returncode == 0 or "GIT_AUTHOR_EMAIL" in os.environ
