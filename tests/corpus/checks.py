"""Run the tool over one release and hold what it did against what is known."""

from __future__ import annotations

import collections
import re
from dataclasses import dataclass, field
from pathlib import Path

from tests.corpus import textdiff
from tests.corpus.releases import KnownSite, Release
from tests.corpus.tool import Report, ReportedSite, ToolError, migrate_tree

_FAMILY = {
    "tf.compat.v1.gradients": "tf.gradients",
    "tf.gradients(gradients_v2)": "tf.gradients",
    "opt.get_gradients": "optimizer.get_gradients",
    "opt.compute_gradients": "optimizer.compute_gradients",
    "pfor.batch_jacobian": "batch_jacobian",
}
"""Spellings that are told apart in one table only."""

INTERNAL_ERROR = "TM199"
_WRITTEN_OUT = re.compile(r"(\w+)\(\) is written out")
_TAKES_TAPE = re.compile(r"(\w+)\(\) takes the tape")
_TRACED = "# Traced now: it keeps the values of now, as the graph did."


@dataclass
class Verdict:
    """Everything found out about one release."""

    release: Release
    problems: list[str] = field(default_factory=list)
    """Broken promises, one sentence each; none for a good release."""
    unlisted: list[ReportedSite] = field(default_factory=list)
    """Calls the tool reports and the table of known calls lacks."""
    expected: int = 0
    """Known calls in files that this interpreter can parse."""
    found: int = 0
    """How many of those the tool reported."""
    report: Report | None = None

    def count(self, outcome: str, applicability: str | None = None) -> int:
        """How many calls ended so."""
        return sum(
            s.outcome == outcome and applicability in (None, s.applicability)
            for s in (self.report.sites if self.report else ())
        )

    def codes(self) -> collections.Counter[str]:
        """How many calls each reason kept as they were."""
        sites = self.report.sites if self.report else ()
        return collections.Counter(s.code for s in sites if s.code is not None)


def check_release(release: Release, tree: Path) -> Verdict:
    """Dry-run, write, and write again in ``tree``, which holds the release's Python files.

    ``tree`` ends up migrated. Nothing is raised for what the tool does wrong: it is in the
    verdict's ``problems``.
    """
    verdict = Verdict(release)
    old = _read(tree)
    known = _known(release, old)
    verdict.expected = known.total()
    try:
        dry = migrate_tree(tree, write=False)
        if _read(tree) != old:
            verdict.problems.append("the dry run wrote files")
        written = migrate_tree(tree, write=True)
        new = _read(tree)
        again = migrate_tree(tree, write=True)
    except ToolError as error:
        verdict.problems.append(str(error))
        return verdict
    verdict.report = dry
    if written.sites != dry.sites:
        differ = [s for s in written.sites if s not in dry.sites]
        places = ", ".join(f"{s.path}:{s.line} ({s.message})" for s in differ[:5])
        verdict.problems.append(f"the written run says otherwise than the dry run: {places}")
    if _read(tree) != new or again.changed:
        verdict.problems.append(f"a second run changes {_differing(new, _read(tree))}")
    _check_counts(dry, verdict)
    _check_sites(old, known, dry, verdict)
    _check_files(old, new, dry, verdict)
    return verdict


def _read(tree: Path) -> dict[str, bytes]:
    return {
        path.relative_to(tree).as_posix(): path.read_bytes()
        for path in sorted(tree.rglob("*"))
        if path.is_file()
    }


def _differing(left: dict[str, bytes], right: dict[str, bytes]) -> str:
    return ", ".join(sorted(p for p in left.keys() | right.keys() if left.get(p) != right.get(p)))


def _check_counts(report: Report, verdict: Verdict) -> None:
    outcomes = collections.Counter(site.outcome for site in report.sites)
    for name in ("migrated", "refused", "skipped"):
        if report.summary[name] != outcomes[name]:
            verdict.problems.append(f"summary.{name} does not match the list of calls")
    if report.summary["sites"] != len(report.sites) or sum(outcomes.values()) != len(report.sites):
        verdict.problems.append("calls were lost between the list and the summary")


_Key = tuple[str, int, str]


def _known(release: Release, old: dict[str, bytes]) -> collections.Counter[_Key]:
    parsable = {path for path, data in old.items() if textdiff.parse(data) is not None}
    return collections.Counter(_key(site) for site in release.sites if site.path in parsable)


def _key(site: KnownSite | ReportedSite) -> _Key:
    return site.path, site.line, _FAMILY.get(site.api, site.api)


def _check_sites(
    old: dict[str, bytes], known: collections.Counter[_Key], report: Report, verdict: Verdict
) -> None:
    missed = known - collections.Counter(_key(site) for site in report.sites)
    verdict.found = verdict.expected - missed.total()
    verdict.problems += [f"missed {api} at {path}:{line}" for path, line, api in sorted(missed)]
    verdict.unlisted = [s for s in report.sites if _key(s) not in known]
    places = {(site.path, site.line) for site in report.sites if site.outcome != "skipped"}
    verdict.problems += [
        f"look-alike taken for TensorFlow's at {a.path}:{a.line} ({a.why})"
        for a in verdict.release.look_alikes
        if (a.path, a.line) in places
    ]
    verdict.problems += [
        f"internal error at {s.path}:{s.line}: {s.message}"
        for s in report.sites
        if s.code == INTERNAL_ERROR
    ]
    for path, message in sorted(report.failed.items()):
        if path not in old or textdiff.parse(old[path]) is not None:
            verdict.problems.append(f"{path} failed, though it parses: {message}")


def _check_files(
    old: dict[str, bytes], new: dict[str, bytes], report: Report, verdict: Verdict
) -> None:
    if old.keys() != new.keys():
        verdict.problems.append("files appeared or vanished: " + _differing(old, new))
        return
    sites: dict[str, set[int]] = collections.defaultdict(set)
    graphs: dict[str, set[str]] = {}
    """Functions that were written out, by the path of a module whose Keras graphs moved."""
    makers: dict[str, set[str]] = collections.defaultdict(set)
    """Functions that take a tape now, by the path of their module."""
    for site in report.sites:
        if site.outcome == "migrated":
            sites[site.path].add(site.line)
            makers[site.path].update(_TAKES_TAPE.findall(site.message))
            if site.shape == "keras-function":
                named = _WRITTEN_OUT.findall(site.message)
                graphs.setdefault(site.path, set()).update(named)
    for path in sorted(p for p in old if old[p] != new[p]):
        if path not in sites:
            verdict.problems.append(f"{path} changed without a migrated call")
        else:
            verdict.problems += [
                f"{path}: {what}"
                for what in _check_text(
                    old[path], new[path], sites[path], graphs.get(path), frozenset(makers[path])
                )
            ]
    verdict.problems += [
        f"{path} is reported as migrated and did not change"
        for path in sorted(sites)
        if old[path] == new[path]
    ]


def _check_text(
    old: bytes,
    new: bytes,
    sites: set[int],
    moved: set[str] | None,
    makers: frozenset[str] = frozenset(),
) -> list[str]:
    """``moved``: a Keras graph went into a function, so that lines stand elsewhere now; the names
    of the functions that were written out on the way. ``makers``: those whose parameters changed.
    """
    tree = textdiff.parse(old)
    if tree is None or textdiff.parse(new) is None:
        return ["the new text does not parse"]
    found = []
    if lost := textdiff.comments(old) - textdiff.comments(new):
        found.append(f"comments lost: {sorted(lost)}")
    added = textdiff.comments(new) - textdiff.comments(old)
    spans, documented = textdiff.written_out(tree, frozenset(moved or ()))
    if moved is not None:
        known = {_TRACED, *documented}
        added = type(added)({text: n for text, n in added.items() if text not in known})
    if added:
        found.append(f"comments added: {sorted(added)}")
    if moved is not None:
        left = textdiff.gone(old, new, spans)
        if gone := textdiff.unrelated(tree, left, sites):
            found.append(f"lines gone that have nothing to do with a call: {gone}")
        return found
    changes = textdiff.line_changes(old, new)
    headers = textdiff.headers(tree, makers)
    rewritten = tuple(line for line in changes.rewritten if line not in headers)
    allowed = textdiff.regions(tree, sites)
    outside = [
        line
        for line in (*changes.reindented, *rewritten)
        if not any(first <= line <= last for first, last in allowed)
    ]
    if outside:
        found.append(f"lines changed outside the code around a migrated call: {outside}")
    if unrelated := textdiff.unrelated(tree, rewritten, sites):
        found.append(f"lines rewritten that have nothing to do with a call: {unrelated}")
    return found
