"""A loss function of one module that differentiates, and models of others compiled with it.

All of these modules change, or none does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tape_migrate.handing import HandPlan
from tape_migrate.loss_rounds import UNCLEAR
from tape_migrate.model import Loss, Migration, Outcome, Shape, SourceError
from tape_migrate.project import Project
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
    home = project.module_at(loss.path)
    function = loss_of(home, loss) if home is not None else None
    if function is None:
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
    if not compiled:
        return None
    why = refuse_own(function, assumed=assumed)
    if failed or why is not None:
        return loss_refusal(function, failed[0] if failed else str(why))
    plan = plan_of(loss.path)
    plan = replace(plan, reads=(*plan.reads, (loss.qualname, tuple(assumptions))))
    own = migrate(loss.path, plan)
    if own.internal_error is not None:
        return loss_refusal(function, own.internal_error)
    if not any(
        site.site.line == loss.line
        and site.outcome is Outcome.MIGRATED
        and site.shape is Shape.LOSS_CLOSURE
        for site in own.sites
    ):
        return loss_refusal(function, "the call is left alone")
    trial[loss.path] = own, plan
    return trial
