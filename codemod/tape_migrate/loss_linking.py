"""A loss function of one module that differentiates, and models of others compiled with it; a layer
class of one module that does, and models of others that it is used with.

All of these modules change, or none does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from tape_migrate.handing import HandPlan
from tape_migrate.loss_rounds import UNCLEAR
from tape_migrate.model import Loss, Migration, Outcome, Shape, SourceError
from tape_migrate.project import Project
from tape_migrate.shapes.gradient_layer import layer_refusal
from tape_migrate.shapes.layer_elsewhere import refuse_own_class
from tape_migrate.shapes.loss_closure import loss_refusal
from tape_migrate.shapes.loss_elsewhere import loss_of, refuse_own, uses_elsewhere
from tape_migrate.shapes.plan import Refusal

Trial = dict[str, tuple[Migration, HandPlan]]
Migrate = Callable[[str, HandPlan], Migration]


def link_loss(
    project: Project,
    loss: Loss,
    plan_of: Callable[[str], HandPlan],
    migrate: Migrate,
    *,
    assumed: bool,
) -> Trial | Refusal | None:
    """What becomes of the modules concerned, or why the loss has to stay as it is.

    None where nothing shows that it is a loss: then there is nothing to say of it.

    Args:
        project: the modules.
        loss: the loss, as its module offers it.
        plan_of: what is settled about a module already, by its path.
        migrate: migrates the module at a path by a plan. Raises SourceError.
        assumed: nothing but the project uses its functions.
    """
    subject = _subject(project, loss, assumed=assumed)
    if subject is None:
        return None
    trial: Trial = {}
    assumptions: dict[str, None] = {}
    compiled = False
    name = loss.dotted.rpartition(".")[2]
    failed = [f"{path} names {name}" for path in project.notebooks_naming(name)]
    for path in project.mentioning(loss.path, name):
        module = project.module_at(path)
        if module is None or not uses_elsewhere(module, loss):
            continue
        plan = plan_of(path)
        plan = replace(plan, losses=(*plan.losses, loss))
        try:
            migration = migrate(path, plan)
        except (SourceError, OSError) as error:
            failed.append(f"{path}: {error}")
            continue
        if migration.internal_error is not None:
            failed.append(f"{path}: {migration.internal_error}")
            continue
        handed = next(each for each in migration.handed if each.dotted == loss.dotted)
        compiled |= handed.code != UNCLEAR
        if handed.line:
            failed.append(f"{path}: {handed.message}")
        assumptions.update(dict.fromkeys(handed.assumptions))
        trial[path] = migration, plan
    if not trial or not (compiled or loss.layer):
        return None
    why = failed[0] if failed else subject.why
    if why is not None:
        return subject.refusal(why)
    plan = plan_of(loss.path)
    plan = replace(plan, reads=(*plan.reads, (loss.qualname, tuple(assumptions))))
    own = migrate(loss.path, plan)
    if own.internal_error is not None:
        return subject.refusal(own.internal_error)
    shape = Shape.GRADIENT_LAYER if loss.layer else Shape.LOSS_CLOSURE
    for site in own.sites:
        if (site.site.function, site.site.line) != (loss.qualname, loss.line):
            continue
        if site.outcome is not Outcome.MIGRATED or site.shape is not shape:
            return Refusal(site.code or "TM126", site.message)
    trial[loss.path] = own, plan
    return trial


@dataclass(frozen=True)
class _Subject:
    """The loss or the class, in its own module."""

    refusal: Callable[[str], Refusal]
    why: str | None
    """Why it may have uses that are out of sight."""


def _subject(project: Project, loss: Loss, *, assumed: bool) -> _Subject | None:
    home = project.module_at(loss.path)
    if home is None:
        return None
    if loss.layer:
        return _Subject(layer_refusal, refuse_own_class(home, loss, assumed=assumed))
    function = loss_of(home, loss)
    if function is None:
        return None
    return _Subject(partial(loss_refusal, function), refuse_own(function, assumed=assumed))
