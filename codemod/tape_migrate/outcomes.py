"""What is said of a gradient call at the end of a run."""

from __future__ import annotations

import ast
import re

from tape_migrate.ignores import silences
from tape_migrate.model import Applicability, Outcome, Shape, SiteResult
from tape_migrate.module import line_number
from tape_migrate.shapes.plan import Refusal
from tape_migrate.sites import Found
from tape_migrate.tracking import DEPENDS, Tracked


def result_of(text: bytes, site: Tracked) -> SiteResult:
    """The outcome of a site, where ``text`` is the module after the last round."""
    if site.migrated is not None:
        candidate = site.migrated
        shape, assumptions = candidate.shape, candidate.assumptions
        if site.keras is not None:
            # What surrounds the function is plain: nothing more is taken for granted of it.
            shape, assumptions = site.shape or Shape.KERAS_FUNCTION, site.keras
        assumptions = (*assumptions, *site.assumed)
        review = bool(assumptions)
        what = [f"rewritten as {shape.value}"]
        what += [*assumptions, *candidate.notes, *site.gathered, *site.notes]
        first, last = line_number(text, site.first), line_number(text, site.last)
        return SiteResult(
            site.site,
            Outcome.MIGRATED,
            "; ".join(what),
            shape=shape,
            applicability=Applicability.REVIEW if review else Applicability.SAFE,
            new_lines=(min(first, last), max(first, last)),
        )
    refusal = site.refusal or DEPENDS
    if silences(site.comments, refusal.code):
        return SiteResult(
            site.site,
            Outcome.SKIPPED,
            f"a comment asks not to report {refusal.code}",
            code="TM001",
        )
    outcome = Outcome.SKIPPED if refusal.code.startswith("TM0") else Outcome.REFUSED
    return SiteResult(site.site, outcome, refusal.message, code=refusal.code)


def of_gathered(refusal: Refusal, notes: tuple[str, ...]) -> Refusal:
    """What is said of a graph that was brought together, for one who sees it apart."""
    if not notes:
        return refusal
    message = re.sub(r" \(line \d+\)|, in line \d+", "", refusal.message)
    return Refusal(refusal.code, f"{message}, once {'; '.join(notes)}")


def of_graph(refusal: Refusal, item: Found) -> Refusal:
    """A refusal of a call in a function made of a Keras graph, in terms of the user's program."""
    if refusal.code in ("TM106", "TM108", "TM113", "TM126"):
        return refusal
    sources = item.call.args[1] if len(item.call.args) > 1 else item.call
    return Refusal(
        "TM140",
        f"how the target is computed from {ast.unparse(sources)} is not seen in the graph between "
        "the inputs and the outputs of the compiled function",
    )
