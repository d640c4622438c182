"""Small programs through the whole engine: what comes out, or which code it is refused with."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from tape_migrate.api import migrate_source
from tape_migrate.linking import migrate_project
from tape_migrate.model import Migration, Options, Outcome, SiteResult

HEAD = """\
import numpy as np
import tensorflow as tf
from tensorflow.keras import backend as K

"""


def program(body: str) -> str:
    """``body`` without its indentation, after the usual imports."""
    return HEAD + textwrap.dedent(body).lstrip("\n")


def migrate(body: str, options: Options | None = None) -> Migration:
    """Migrate ``body`` after the usual imports; the tool's own checks must hold."""
    migration = migrate_source(program(body).encode(), options)
    assert migration.internal_error is None, migration.internal_error
    return migration


def rewritten(body: str, options: Options | None = None) -> str:
    """The new text of a program of which every call is migrated, without the imports."""
    migration = migrate(body, options)
    left = [s for s in migration.sites if s.outcome is not Outcome.MIGRATED]
    assert not left, left
    assert migration.sites, "no gradient call was found"
    new = migration.new.decode()
    assert new.startswith(HEAD)
    return new[len(HEAD) :]


def check(body: str, expected: str, options: Options | None = None) -> None:
    """Assert what becomes of a program of which every call is migrated."""
    assert rewritten(body, options) == textwrap.dedent(expected).lstrip("\n")


def sites(body: str, options: Options | None = None) -> tuple[SiteResult, ...]:
    return migrate(body, options).sites


def codes(body: str, options: Options | None = None) -> list[str | None]:
    """The code of each call, None for a migrated one."""
    return [site.code for site in sites(body, options)]


def refused(body: str) -> SiteResult:
    """The result of a program's only call, which must be refused without any change."""
    migration = migrate(body)
    assert migration.new == migration.old
    (site,) = migration.sites
    assert site.outcome is Outcome.REFUSED
    return site


def migrate_files(files: Mapping[str, str], *, closed: bool = False) -> dict[str, Migration]:
    """Migrate a project of these texts by path; the tool's own checks must hold."""
    sources = {path: text.encode() for path, text in sorted(files.items())}
    found = migrate_project(sources, Options(assume_closed=closed))
    migrations = {path: m for path, m in found.items() if isinstance(m, Migration)}
    assert migrations.keys() == files.keys()
    assert all(m.internal_error is None for m in migrations.values())
    return migrations


def edited_files(
    files: Mapping[str, str], changes: Mapping[str, tuple[str, str] | str]
) -> dict[str, str]:
    """The files with ``name=(old, new)`` replaced, or ``name=text`` added."""
    result = dict(files)
    for stem, change in changes.items():
        path = f"{stem}.py"
        if isinstance(change, str):
            result[path] = result.get(path, "") + change
        else:
            assert change[0] in result[path]
            result[path] = result[path].replace(*change)
    return result
