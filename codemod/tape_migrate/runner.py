"""One run over many files: find, read, migrate, write. Prints nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

from tape_migrate.garbage import collect_between
from tape_migrate.model import Options, Outcome, SourceError
from tape_migrate.results import FileResult, FileStatus, RunResult
from tape_migrate.sources.discover import Discovery, discover
from tape_migrate.sources.frameworks import left_alone
from tape_migrate.sources.lazy import LazySources
from tape_migrate.sources.patterns import Filters
from tape_migrate.sources.prefilter import find_hits, read_file
from tape_migrate.sources.spelled import may_spell_call

if TYPE_CHECKING:
    from tape_migrate.model import Leaves, Migration
    from tape_migrate.project import Project
    from tape_migrate.safety.writing import File, WritePolicy
    from tape_migrate.selection import Selection


@dataclass(frozen=True)
class Scope:
    """Which files and which of their calls a run is about."""

    filters: Filters = field(default_factory=Filters)
    selection: Selection | None = None
    alone: bool = False
    """Whether what stands around the given folders does not count (``sources.discover``)."""


@dataclass(frozen=True)
class Listeners:
    """Who hears of what, while it happens."""

    result: Callable[[FileResult], None] = lambda result: None
    """Every file of ``RunResult.results``, as soon as it is done."""
    progress: Callable[[int, int, str], None] = lambda done, total, path: None
    """How many of how many files are done, and which is next."""
    warning: Callable[[str], None] = lambda message: None


def run(
    paths: Sequence[str],
    options: Options,
    *,
    write: bool = False,
    scope: Scope | None = None,
    policy: WritePolicy | None = None,
    on_result: Callable[[FileResult], None] | None = None,
    listeners: Listeners | None = None,
) -> RunResult:
    """Migrate the Python files and notebooks behind ``paths``; with ``write`` also on disk.

    A file that fails never stops the others. With ``write`` all files are looked at before the
    first is written. Without a ``policy`` neither uncommitted changes are looked for nor a journal
    is kept. Ctrl-C ends the run early and in order: files are whole, and the result says which
    were not reached.

    Raises PathError (``sources.discover``) for a path that cannot be looked at, and RefusedError
    (``safety.writing``) where the policy forbids to write; then nothing was written.
    """
    scope = scope or Scope()
    listeners = listeners or Listeners()
    if on_result is not None:
        listeners = replace(listeners, result=on_result)
    found = discover(paths, scope.filters, alone=scope.alone)
    results = [
        FileResult(failure.path, FileStatus.FAILED, failure.message) for failure in found.failures
    ]
    waiting = list(found.files)
    ready: list[FileResult] = []
    interrupted = False
    try:
        looked = find_hits(found.files)
        waiting = [found.files[index] for index in looked.hits]
        results += [
            FileResult(found.files[index], FileStatus.FAILED, message)
            for index, message in looked.failures
        ]
        for result in results:
            listeners.result(result)

        @cache
        def project() -> Project | None:
            return project_of(found)

        done: list[FileResult] = []
        total = len(waiting)
        for path in waiting:
            listeners.progress(len(done), total, path)
            collect_between()
            done.append(_migrate_file(path, options, project))
        done = _linked(done, options, project)
        if scope.selection:
            done = _selected(done, options, project(), scope.selection)
        waiting = [result.path for result in done]
        for result in done:
            if write and result.status is FileStatus.CHANGED:
                ready.append(result)
            else:
                results.append(result)
                listeners.result(result)
            waiting.pop(0)
        if ready:
            write_results(ready, results, policy, listeners)
    except KeyboardInterrupt:
        interrupted = True
    results.sort(key=lambda result: result.path)
    scanned = found.files
    if found.failures:
        scanned = tuple(sorted({*scanned, *(failure.path for failure in found.failures)}))
    told = {result.path for result in results}
    left = tuple(sorted({*(result.path for result in ready), *waiting} - told))
    return RunResult(scanned, tuple(results), left, interrupted)


def write_results(
    ready: list[FileResult],
    results: list[FileResult],
    policy: WritePolicy | None,
    listeners: Listeners,
) -> None:
    """Write the files of ``ready``, moving each to ``results`` when it is done."""
    # Git, digests and journals are of no concern to dry runs.
    from tape_migrate.safety.writing import in_groups, interrupts_held, prepare  # noqa: PLC0415

    files = [_file(result) for result in ready]
    journal = None if policy is None else prepare(files, policy, listeners.warning)
    total = len(ready)
    groups = in_groups(files)
    by_path = {result.path: result for result in ready}
    ready[:] = [by_path[file.path] for group in groups for file in group]
    for group in groups:
        listeners.progress(total - len(ready), total, group[0].path)
        with interrupts_held():
            written = _write(group, ready[: len(group)])
            results += written
            del ready[: len(group)]
        for result in written:
            listeners.result(result)
    if journal is not None:
        journal.finish()


def migrate_file(
    path: str,
    options: Options,
    project: Project | None = None,
    selection: Selection | None = None,
) -> FileResult:
    """Ask the engine about one file; none of the file's troubles come out as an exception."""
    return _migrate_file(path, options, lambda: project, selection)


def _migrate_file(
    path: str,
    options: Options,
    project: Callable[[], Project | None],
    selection: Selection | None = None,
) -> FileResult:
    """Like ``migrate_file``; the project is asked for only if the engine is."""
    try:
        data = read_file(path)
        if path.endswith(".py") and not may_spell_call(data):
            return FileResult(path, FileStatus.UNCHANGED, "")
        if (left := left_alone(path, data)) is not None:
            return FileResult(path, FileStatus.UNCHANGED, "", left)
        migration = migrate_bytes(path, data, options, project(), selection)
    except OSError as error:
        return FileResult(path, FileStatus.FAILED, error.strerror or str(error))
    except SourceError as error:
        return FileResult(path, FileStatus.FAILED, error.message, line=error.line)
    except RecursionError:
        return FileResult(path, FileStatus.FAILED, "nested too deeply to be analysed")
    except Exception as error:  # a fault of ours in one file must not cost the others
        return FileResult(path, FileStatus.FAILED, f"internal error: {_fault(error)}")
    return _result(path, migration)


def migrate_bytes(
    path: str,
    data: bytes,
    options: Options,
    project: Project | None = None,
    selection: Selection | None = None,
) -> Migration:
    """Migrate the content of a Python file or, by its name, of a notebook.

    Raises SourceError.
    """
    # The engine costs start-up time which trees without any hit need not pay.
    from tape_migrate.api import migrate_source  # noqa: PLC0415

    def migrate(with_options: Options) -> Migration:
        if path.endswith(".ipynb"):
            from tape_migrate.notebooks.migrate import migrate_notebook  # noqa: PLC0415

            return migrate_notebook(data, with_options, path=path)
        return migrate_source(data, with_options, path=path, project=project)

    if not selection:
        return migrate(options)
    from tape_migrate.selection import migrate_selected  # noqa: PLC0415

    return migrate_selected(migrate, options, selection)


def _linked(
    results: list[FileResult], options: Options, project_when_asked: Callable[[], Project | None]
) -> list[FileResult]:
    """``results``, with helpers and their callers in other files migrated together."""
    migrations = {r.path: r.migration for r in results if r.migration is not None}
    if not any(m.offers or m.losses for m in migrations.values()):
        return results
    project = project_when_asked()
    if project is None:
        return results
    from tape_migrate.linking import link  # noqa: PLC0415
    from tape_migrate.sources.write import is_writable  # noqa: PLC0415

    by_path = {result.path: result for result in results}
    try:
        linked = link(project, options, migrations)
    except Exception as error:  # what each file becomes by itself is right all the same
        path = next(path for path, m in migrations.items() if m.offers or m.losses)
        message = f"internal error: {_fault(error)}"
        by_path[path] = FileResult(path, FileStatus.FAILED, message)
        return list(by_path.values())
    for path, migration in linked.migrations.items():
        by_path[path] = _result(path, migration)
    for group in linked.groups:
        for path in group:
            by_path[path] = replace(by_path[path], together=tuple(sorted(group)))
        locked = [path for path in sorted(group) if not is_writable(path)]
        for path in group if locked else ():
            message = f"left as it is: it changes together with {locked[0]}, which is read-only"
            by_path[path] = FileResult(path, FileStatus.FAILED, message)
    return sorted(by_path.values(), key=lambda result: result.path)


def _selected(
    results: list[FileResult], options: Options, project: Project | None, selection: Selection
) -> list[FileResult]:
    """``results`` with the calls left out that are not selected."""
    by_path = {result.path: result for result in results}
    for paths in dict.fromkeys(result.together or (result.path,) for result in results):
        group = [by_path[path] for path in paths]
        sites = [site for result in group if result.migration for site in result.migration.sites]
        if all(site.outcome is Outcome.SKIPPED or selection.wants(site) for site in sites):
            continue
        if len(group) == 1 or project is None:
            chosen = [migrate_file(path, options, project, selection) for path in paths]
        else:
            chosen = _selected_group(paths, options, project, selection)
        by_path.update((result.path, result) for result in chosen)
    return list(by_path.values())


def _selected_group(
    paths: tuple[str, ...], options: Options, project: Project, selection: Selection
) -> list[FileResult]:
    from tape_migrate.linking import migrate_group  # noqa: PLC0415
    from tape_migrate.selection import select_calls  # noqa: PLC0415

    def migrate(leaves: Leaves) -> Mapping[str, Migration]:
        return migrate_group(project, options, paths, leaves)

    try:
        migrations, _ = select_calls(migrate, selection)
    except Exception as error:
        message = f"internal error: {_fault(error)}"
        return [FileResult(path, FileStatus.FAILED, message) for path in paths]
    return [replace(_result(path, migrations[path]), together=paths) for path in paths]


def _result(path: str, migration: Migration) -> FileResult:
    if migration.internal_error is not None:
        message = f"internal error: {migration.internal_error}"
        return FileResult(path, FileStatus.FAILED, message, migration)
    status = FileStatus.CHANGED if migration.changed else FileStatus.UNCHANGED
    message = _counts(migration)
    if migration.changed and not message:
        message = "changes with other files"
    return FileResult(path, status, message, migration)


def _fault(error: Exception) -> str:
    """Return what a report of this fault needs: type, message, innermost place."""
    trace = error.__traceback__
    assert trace is not None  # it was raised
    while trace.tb_next is not None:
        trace = trace.tb_next
    file = os.path.basename(trace.tb_frame.f_code.co_filename)
    return f"{type(error).__name__}: {error} at {file}:{trace.tb_lineno}"


def _file(result: FileResult) -> File:
    from tape_migrate.safety.writing import File  # noqa: PLC0415

    assert result.migration is not None
    return File(result.path, result.migration.old, result.migration.new, result.together)


def _write(files: list[File], results: list[FileResult]) -> list[FileResult]:
    """Write the files of one group, and return their results."""
    from tape_migrate.safety.writing import write_together  # noqa: PLC0415

    faults = write_together(files)
    return [
        replace(result, written=True)
        if faults[result.path] is None
        else replace(result, status=FileStatus.FAILED, message=faults[result.path] or "")
        for result in results
    ]


def _counts(migration: Migration) -> str:
    outcomes = [site.outcome for site in migration.sites]
    parts = [
        f"{count} {outcome.value}" for outcome in Outcome if (count := outcomes.count(outcome))
    ]
    return ", ".join(parts)


def project_of(found: Discovery, texts: Mapping[str, bytes] | None = None) -> Project | None:
    """Let modules know of each other where a folder was given; single files stand alone.

    Files in ``texts`` count with that content.
    """
    if not found.folders:
        return None
    from tape_migrate.project import build_project  # noqa: PLC0415

    files = [path for path in found.files if path.endswith(".py")]
    notebooks = [path for path in found.files if path.endswith(".ipynb")]
    return build_project(LazySources(files, texts or {}), LazySources(notebooks, texts or {}))
