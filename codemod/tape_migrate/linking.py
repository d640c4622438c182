"""Modules that call each other's helpers: a helper changes with all its callers or not at all.

Each module is migrated by itself first. What is left are helpers whose callers stand in other
modules (``Migration.offers``). For each, the callers' modules are migrated again with the tape
handed in, then the helper's own; only if all went well do these migrations take the place of the
first. A caller that is a helper itself, called from other modules again, joins with all of its
callers. Losses whose models are compiled in other modules go first (``loss_linking``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from tape_migrate.api import migrate_source
from tape_migrate.handing import HandPlan
from tape_migrate.loss_linking import link_loss
from tape_migrate.model import (
    Handed,
    Helper,
    Leaves,
    Loss,
    Migration,
    Options,
    Outcome,
    SourceError,
)
from tape_migrate.project import Project, build_project
from tape_migrate.shapes.helper import caller_in_the_way, function_of
from tape_migrate.shapes.plan import Refusal


def migrate_project(
    sources: Mapping[str, bytes],
    options: Options | None = None,
    *,
    only: Iterable[str] | None = None,
) -> dict[str, Migration | SourceError]:
    """Migrate the modules of a project, helpers together with their callers.

    Args:
        sources: the bytes of every module of the project by its path (a lazy mapping serves well:
            modules that nobody asks for are never read).
        options: what may be done; the defaults if None.
        only: the paths to migrate; all if None. A module that calls a helper of one of them is
            migrated with it, whether it is listed or not.

    Returns:
        A migration for every path asked for and for every other one that changes; a
        ``SourceError`` in its place where a module cannot be decoded or parsed.
    """
    options = options or Options()
    project = build_project(sources)
    found: dict[str, Migration] = {}
    failed: dict[str, Migration | SourceError] = {}
    for path in sources if only is None else only:
        try:
            found[path] = migrate_source(sources[path], options, path=path, project=project)
        except SourceError as error:
            failed[path] = error
    linked = link(project, options, found)
    return {**found, **linked.migrations, **failed}


@dataclass(frozen=True)
class Linked:
    """What becomes of modules that call each other's helpers."""

    migrations: dict[str, Migration]
    """By path: what takes the place of a module's own migration."""
    groups: tuple[frozenset[str], ...]
    """Paths that have to be written together or not at all."""


def link(
    project: Project,
    options: Options,
    migrations: Mapping[str, Migration],
    leave: Leaves | None = None,
) -> Linked:
    """Hand tapes to helpers across modules.

    Args:
        project: the modules.
        options: what may be done.
        migrations: those of each module by itself.
        leave: calls of single modules to leave alone, as in ``Options.leave``; those of
            ``migrations`` are to know of it.
    """
    return _Linker(project, options, migrations, leave or {}).run()


def migrate_group(
    project: Project, options: Options, paths: Iterable[str], leave: Leaves
) -> dict[str, Migration]:
    """Migrate modules that change together, with some of their calls left alone.

    Raises SourceError.
    """
    alone = {
        path: migrate_source(
            project.source_of(path), _leaving(options, leave, path), path=path, project=project
        )
        for path in paths
    }
    linked = link(project, options, alone, leave).migrations
    # What each becomes by itself is right all the same.
    return {**alone, **linked} if linked.keys() <= alone.keys() else alone


def _leaving(options: Options, leave: Leaves, path: str) -> Options:
    more = leave.get(path, ())
    return replace(options, leave=(*options.leave, *more)) if more else options


@dataclass
class _Trial:
    """What modules become if a helper takes a tape, and those that its callers need."""

    found: dict[str, tuple[Migration, HandPlan]] = field(default_factory=dict)

    def plan_of(self, path: str) -> HandPlan | None:
        """What the trial has settled about the module, if it has joined."""
        return self.found[path][1] if path in self.found else None


class _Linker:
    def __init__(
        self,
        project: Project,
        options: Options,
        migrations: Mapping[str, Migration],
        leave: Leaves,
    ) -> None:
        self._project = project
        self._options = options
        self._leave = leave
        self._queue = [
            (path, helper)
            for path, migration in sorted(migrations.items())
            for helper in migration.offers
        ]
        self._losses = [
            loss for _, migration in sorted(migrations.items()) for loss in migration.losses
        ]
        self._plans: dict[str, HandPlan] = {}
        self._found: dict[str, Migration] = {}
        self._groups: list[frozenset[str]] = []

    def run(self) -> Linked:
        for loss in self._losses:
            self._link_loss(loss)
        tried: set[str] = set()
        while self._queue:
            path, helper = self._queue.pop(0)
            helper = self._dotted(path, helper)
            plan = self._plan(path)
            # It may have joined for the sake of another helper.
            settled = {*dict(plan.reads), *dict(plan.exported)}
            if helper.dotted in tried or helper.qualname in settled:
                continue
            tried.add(helper.dotted)
            trial = _Trial()
            refusal = self._try(path, helper, trial, ())
            if refusal is not None:
                plan = replace(plan, barred=(*plan.barred, (helper.qualname, refusal)))
                trial = _Trial()
                trial.found[path] = self._migrate(path, plan), plan
            else:
                self._join(frozenset(trial.found))
            for other, (migration, plan) in trial.found.items():
                self._found[other], self._plans[other] = migration, plan
                self._queue += [(other, offer) for offer in migration.offers]
        return Linked(self._found, tuple(self._groups))

    def _link_loss(self, loss: Loss) -> None:
        if loss.qualname in dict(self._plan(loss.path).reads):
            return  # another gradient call of the same function
        trial = link_loss(
            self._project,
            loss,
            self._plan,
            self._migrate,
            assumed=self._options.assume_closed,
        )
        if trial is None:
            return
        if isinstance(trial, Refusal):
            plan = self._plan(loss.path)
            plan = replace(plan, unread=(*plan.unread, (loss.qualname, trial)))
            trial = {loss.path: (self._migrate(loss.path, plan), plan)}
        else:
            self._join(frozenset(trial))
        for path, (migration, plan) in trial.items():
            self._found[path], self._plans[path] = migration, plan

    def _try(
        self, path: str, helper: Helper, trial: _Trial, chain: tuple[str, ...]
    ) -> Refusal | None:
        """Let the helper take a tape in all modules concerned; why it cannot, if so.

        Where a caller is a helper itself, whose callers are in other modules again, all of those
        join the trial. ``chain`` holds the helpers that wait for this one.
        """
        name = helper.dotted.rpartition(".")[2]
        handed: list[Handed] = []
        for user in self._project.users(path, name, method=helper.method):
            plan = trial.plan_of(user) or self._plan(user)
            plan = replace(plan, imported=(*plan.imported, helper))
            migration = self._attempt(user, plan, trial)
            if isinstance(migration, Refusal):
                return caller_in_the_way(helper, user, migration)
            looked_at = {helper.dotted, *chain}
            while line := _line_in_the_way(migration):
                offers = [self._dotted(user, offer) for offer in migration.offers]
                left = [offer for offer in offers if offer.dotted not in looked_at]
                # Its own function first; one that calls that may have to take a tape before.
                around = [offer for offer in left if self._holds(user, offer, line)]
                offer = next(iter((*around, *left)), None)
                if offer is None:
                    break
                looked_at.add(offer.dotted)
                before = dict(trial.found)
                why = self._try(user, offer, trial, (*chain, helper.dotted))
                if why is not None and around:
                    return caller_in_the_way(helper, f"{user}, line {line},", why)
                if why is not None:
                    trial.found = before
                    continue
                migration = trial.found[user][0]
            for each in migration.handed:
                if each.line:
                    where = f"{user}, line {each.line},"
                    return caller_in_the_way(helper, where, Refusal(each.code, each.message))
                handed += [each] if each.dotted == helper.dotted else []
        given = Handed(
            helper.dotted,
            0,
            assumptions=tuple(dict.fromkeys(a for each in handed for a in each.assumptions)),
            tensors=all(each.tensors for each in handed),
        )
        plan = trial.plan_of(path) or self._plan(path)
        plan = replace(plan, exported=(*plan.exported, (helper.qualname, given)))
        migration = self._attempt(path, plan, trial)
        if isinstance(migration, Refusal):
            return migration
        for each in migration.handed:
            # What a helper in the chain calls is handed in by whoever is looked at next.
            if each.line and each.dotted not in chain:
                return Refusal(each.code, each.message)
        for site in migration.sites:
            if site.site.function == helper.qualname and site.outcome is Outcome.REFUSED:
                return Refusal(site.code or "TM101", site.message)
        return None

    def _attempt(self, path: str, plan: HandPlan, trial: _Trial) -> Migration | Refusal:
        """Migrate a module of the trial."""
        try:
            migration = self._migrate(path, plan)
        except (SourceError, OSError) as error:
            return Refusal("TM115", str(error))
        if migration.internal_error is not None:
            return Refusal("TM199", migration.internal_error)
        trial.found[path] = migration, plan
        return migration

    def _holds(self, path: str, helper: Helper, line: int) -> bool:
        """Whether a line stands in a helper; where that cannot be said it may."""
        module = self._project.module_at(path)
        function = None if module is None else function_of(module, helper)
        return function is None or function.lineno <= line <= (function.end_lineno or line)

    def _dotted(self, path: str, helper: Helper) -> Helper:
        return replace(helper, dotted=f"{self._project.name_of(path)}.{helper.qualname}")

    def _plan(self, path: str) -> HandPlan:
        return self._plans.get(path, HandPlan())

    def _migrate(self, path: str, plan: HandPlan) -> Migration:
        return migrate_source(
            self._project.source_of(path),
            _leaving(self._options, self._leave, path),
            path=path,
            project=self._project,
            plan=plan,
        )

    def _join(self, paths: frozenset[str]) -> None:
        touching = [group for group in self._groups if group & paths]
        self._groups = [group for group in self._groups if not group & paths]
        self._groups.append(paths.union(*touching))


def _line_in_the_way(migration: Migration) -> int:
    """The line of a call that could not hand in a tape, 0 if there is none."""
    return next((each.line for each in migration.handed if each.line), 0)
