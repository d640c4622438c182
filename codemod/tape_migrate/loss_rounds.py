"""Losses of one module that read a gradient which a model of another one gives; layer classes of
one module that are given the models of another one.

The linker of a project settles which (``HandPlan.losses``, ``reads``); each of the modules is
edited here, once all else in it is done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tape_migrate.handing import HandPlan
from tape_migrate.model import Handed, Loss, Shape
from tape_migrate.module import Module
from tape_migrate.shapes.plan import Candidate, Paths, Refusal, Region
from tape_migrate.sites import Found, find_sites
from tape_migrate.tracking import Tracked, follow

UNCLEAR = "TM101"
"""Of a use of the loss that is not seen to be in ``compile``."""


class Losses:
    """What a module has to do with the losses of others."""

    def __init__(self, plan: HandPlan) -> None:
        self._plan = plan
        self._handed: list[Handed] = []
        self.written = False
        """A model of the module gives a gradient to a loss of another one."""

    def finish(
        self,
        module: Module,
        tracked: list[Tracked],
        frozen: dict[int, Refusal],
        parse: Callable[[bytes], Module],
    ) -> Module:
        """Let losses read gradients, and models give them."""
        self._handed, self.written = [], False
        if self._plan.reads:
            module = self._read(module, tracked, frozen, parse)
        for loss in self._plan.losses:
            module = self._give(module, loss, tracked, parse)
        return module

    def _read(
        self,
        module: Module,
        tracked: list[Tracked],
        frozen: dict[int, Refusal],
        parse: Callable[[bytes], Module],
    ) -> Module:
        from tape_migrate.edits.gradient_layer import write_reads  # noqa: PLC0415
        from tape_migrate.shapes.loss_function import loss_function  # noqa: PLC0415

        reads = dict(self._plan.reads)
        for index, site in enumerate(tracked):
            if site.site.function not in reads or site.migrated or index in frozen or site.helper:
                continue
            found = {module.end(item.call.func): item for item in find_sites(module)}
            item = found.get(site.offset)
            loss = loss_function(module, item.call) if item is not None else None
            candidate = _candidate(module, item) if item is not None else None
            if loss is None or loss.taken is None or candidate is None:
                continue
            site.migrated = candidate
            site.keras, site.shape = reads[site.site.function], Shape.LOSS_CLOSURE
            site.first, site.last = module.start(loss.taken), module.end(loss.taken) - 1
            applied = write_reads(loss).apply()
            follow(tracked, applied)
            module = parse(applied.text)
        return module

    def _give(
        self,
        module: Module,
        offered: Loss,
        tracked: list[Tracked],
        parse: Callable[[bytes], Module],
    ) -> Module:
        from tape_migrate.edits.gradient_layer import write_forward  # noqa: PLC0415
        from tape_migrate.shapes.context import Context  # noqa: PLC0415
        from tape_migrate.shapes.loss_elsewhere import (  # noqa: PLC0415
            OtherModels,
            loss_of,
            plan_elsewhere,
            uses_elsewhere,
        )

        if offered.layer:
            return self._give_layer(module, offered, tracked, parse)
        project = module.project
        home = project.module_at(offered.path) if isinstance(project, OtherModels) else None
        loss = loss_of(home, offered) if home is not None else None
        assert loss is not None, offered
        forward = plan_elsewhere(Context(module, pending=frozenset()), loss, offered)
        if not isinstance(forward, str) and forward is not None:
            need = _needs_graph(module)
            forward = f"{need} needs graph mode" if need is not None else forward
        if forward is None or isinstance(forward, str):
            code = "TM147" if forward is not None else UNCLEAR
            if isinstance(uses_elsewhere(module, offered), str):
                code = UNCLEAR
            why = forward or "it is used otherwise than in compile"
            self._handed.append(Handed(offered.dotted, 1, code, why))
            return module
        self._handed.append(Handed(offered.dotted, 0, assumptions=forward.assumptions))
        self.written = True
        applied = write_forward(module, forward).apply()
        follow(tracked, applied)
        return parse(applied.text)

    def _give_layer(
        self,
        module: Module,
        offered: Loss,
        tracked: list[Tracked],
        parse: Callable[[bytes], Module],
    ) -> Module:
        from tape_migrate.edits.layer_class import write_uses  # noqa: PLC0415
        from tape_migrate.shapes.context import Context  # noqa: PLC0415
        from tape_migrate.shapes.layer_elsewhere import (  # noqa: PLC0415
            pair_in,
            plan_layer_elsewhere,
        )
        from tape_migrate.shapes.loss_elsewhere import OtherModels  # noqa: PLC0415

        project = module.project
        home = project.module_at(offered.path) if isinstance(project, OtherModels) else None
        pair = pair_in(home, offered) if home is not None else None
        assert pair is not None, offered
        found = plan_layer_elsewhere(Context(module, pending=frozenset()), offered, pair)
        if not isinstance(found, str):
            need = _needs_graph(module)
            found = f"{need} needs graph mode" if need is not None else found
        if isinstance(found, str):
            self._handed.append(Handed(offered.dotted, 1, "TM148", found))
            return module
        uses, models = found
        self._handed.append(Handed(offered.dotted, 0, assumptions=models.assumptions))
        self.written = True
        applied = write_uses(module, uses, models).apply()
        follow(tracked, applied)
        return parse(applied.text)

    def handed(self) -> tuple[Handed, ...]:
        """How the losses of other modules fared."""
        return tuple(self._handed)

    def explain(self, tracked: list[Tracked]) -> None:
        """Say of losses why they stay as they are."""
        unread = dict(self._plan.unread)
        for site in tracked:
            if site.refusal is not None and not site.skipped and site.site.function in unread:
                site.refusal = unread[site.site.function]

    @staticmethod
    def offers(tracked: list[Tracked]) -> tuple[Loss, ...]:
        """The losses of the module that could read a gradient, by what was said of them."""
        return tuple(s.loss for s in tracked if s.loss and not s.migrated and not s.skipped)


def _needs_graph(module: Module) -> str | None:
    """What keeps the module's eager execution off."""
    from tape_migrate.edits.keras_program import eager_switches, graph_needs  # noqa: PLC0415

    return graph_needs(module) if eager_switches(module) else None


def _candidate(module: Module, item: Found) -> Candidate | None:
    """A call that no tape is needed for here."""
    from tape_migrate.shapes.context import Context  # noqa: PLC0415
    from tape_migrate.shapes.decide import read_request  # noqa: PLC0415

    request = read_request(Context(module, pending=frozenset()), item)
    if isinstance(request, Refusal):
        return None
    place = module.place_of(module.statement_of(item.call))
    return Candidate(
        request=replace(request, notes=()),
        paths=Paths(frozenset(), (), ()),
        region=Region(place.block, place.index, place.index - 1),
        watches=(),
        inline_target=False,
        inside=False,
        repeated=False,
        shape=Shape.LOSS_CLOSURE,
        assumptions=(),
        notes=(),
        kinds=(),
    )
