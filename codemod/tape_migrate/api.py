"""The engine: ``migrate_source(bytes) -> Migration``, a pure function.

Find, decide, edit: each round finds the gradient calls of the current text, decides every one of
them, and edits those whose turn it is (the lowest order of derivative first, at most one tape a
function a round); then the text is read again. Calls are followed through the edits by offset, so
that each ends in exactly one outcome. ``linking.migrate_project`` does the same for the modules of
a project that call each other's helpers.
"""

from __future__ import annotations

from dataclasses import replace

from tape_migrate.edits.draft import OverlapError
from tape_migrate.engine import Engine, Result
from tape_migrate.guards import GuardError, check
from tape_migrate.handing import HandPlan
from tape_migrate.model import Migration, Options, Outcome, SiteResult, SourceError, TfFunction
from tape_migrate.project import Project
from tape_migrate.sources.text import decode
from tape_migrate.texts import Texts

__all__ = ["Migration", "Options", "SourceError", "migrate_source"]


def migrate_source(
    source: bytes,
    options: Options | None = None,
    *,
    path: str = "<string>",
    project: Project | None = None,
    plan: HandPlan | None = None,
) -> Migration:
    """Migrate the gradient calls of one module.

    Args:
        source: the module's bytes, in any encoding that Python accepts.
        options: what may be done; the defaults if None.
        path: used in the result and to resolve relative imports through ``project``.
        project: the other modules, for names re-exported by them.
        plan: helpers that are handed tapes across modules (``linking``).

    Returns:
        The new bytes (``new == old`` if nothing was migrated) and an outcome for every call.

    Raises:
        SourceError: if ``source`` is not Python that can be decoded and parsed.
    """
    options = options or Options()
    text = decode(source)
    utf8 = text.text.encode("utf-8")
    package = project.folder_of(path) if project is not None else ""
    attempts = [options]
    if options.tf_function is not TfFunction.NEVER:
        # Control flow taken out into a function may hide what a refusal was based on.
        attempts.append(replace(options, tf_function=TfFunction.NEVER))
    texts = Texts(package=package, project=project, path=path)
    try:
        for attempt in attempts:
            engine = Engine(utf8, attempt, texts, plan=plan)
            try:
                result = engine.run()
            except (GuardError, OverlapError) as error:
                return Migration(path, source, source, engine.all_refused(), str(error))
            if result.text == utf8:
                return _migration(path, source, source, result)
            try:
                new = text.encode(result.text.decode("utf-8"))
                check(utf8, result.text, result.sites)
                then = replace(options, leave=result.left)
                if Engine(result.text, then, texts).run().text != result.text:
                    raise GuardError("a second run would change the result again")
            except GuardError as error:
                failed = Migration(path, source, source, _all_refused(result.sites), str(error))
                continue
            return _migration(path, source, new, result)
        return failed
    finally:
        texts.release()


def _migration(path: str, old: bytes, new: bytes, result: Result) -> Migration:
    return Migration(
        path,
        old,
        new,
        result.sites,
        remarks=result.remarks,
        offers=result.offers,
        handed=result.handed,
        losses=result.losses,
    )


def _all_refused(sites: tuple[SiteResult, ...]) -> tuple[SiteResult, ...]:
    return tuple(
        SiteResult(s.site, Outcome.REFUSED, "the tool's own check of the result failed",
                   code="TM199")
        if s.outcome is Outcome.MIGRATED
        else s
        for s in sites
    )  # fmt: skip
