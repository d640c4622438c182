"""The cases under fixtures/: what each declares, and what the engine makes of it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tape_migrate.api import migrate_source
from tape_migrate.model import Migration, Options, SiteResult, TfFunction

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
UNCHANGED = ("refused", "skipped", "untouched")


@dataclass(frozen=True)
class FixtureCase:
    """One folder with ``before.py`` and ``case.toml``.

    ``outcomes`` holds one word a site, in source order, where the case says ``mixed``.
    """

    folder: Path
    description: str
    outcome: str
    outcomes: tuple[str, ...]
    codes: tuple[str, ...]
    shape: str | None
    tf_function: str
    assume_closed: bool
    not_run: str | None

    @property
    def name(self) -> str:
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def before(self) -> bytes:
        return (self.folder / "before.py").read_bytes()

    @property
    def changes(self) -> bool:
        """Whether the case has an ``after.py``: something in it is migrated."""
        return self.outcome not in UNCHANGED

    @property
    def options(self) -> Options:
        return Options(tf_function=TfFunction(self.tf_function), assume_closed=self.assume_closed)


@cache
def all_cases() -> tuple[FixtureCase, ...]:
    """Every case, by name."""
    return tuple(_read(toml.parent) for toml in sorted(FIXTURES.glob("*/*/case.toml")))


def _read(folder: Path) -> FixtureCase:
    data = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    return FixtureCase(
        folder=folder,
        description=data.get("description", ""),
        outcome=data.get("outcome", "migrated"),
        outcomes=tuple(data.get("outcomes", ())),
        codes=tuple(data.get("codes", ())),
        shape=data.get("shape"),
        tf_function=data.get("options", {}).get("tf_function", "auto"),
        assume_closed=data.get("options", {}).get("assume_closed", False),
        not_run=data.get("not_run"),
    )


@cache
def migrated(case: FixtureCase) -> Migration:
    """The engine's answer for a case with the case's own options, computed once a session."""
    return migrate_source(case.before, case.options, path=f"fixtures/{case.name}/before.py")


def sentence(site: SiteResult) -> str:
    """One line about a site, for the message of a failed test."""
    what = site.code or (site.shape.value if site.shape else "")
    return f"line {site.site.line}: {site.outcome.value} {what}: {site.message}"


def report(migration: Migration) -> str:
    """One line a site, and the internal error if there is one."""
    lines = [sentence(site) for site in migration.sites] or ["no site"]
    if migration.internal_error:
        lines.append(f"internal error: {migration.internal_error}")
    return "\n".join(lines)
