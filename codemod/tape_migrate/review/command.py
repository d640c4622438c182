"""What ``--review`` does: find, ask, write."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tape_migrate.exits import EXIT_FAILED, EXIT_FINE, EXIT_INTERRUPTED, EXIT_USAGE
from tape_migrate.linking import migrate_group
from tape_migrate.model import Leaves, Migration, Options, SourceError
from tape_migrate.reports.escape import printable_path
from tape_migrate.reports.output import Output
from tape_migrate.results import FileStatus
from tape_migrate.review import store
from tape_migrate.review.keys import Keyboard
from tape_migrate.review.screen import Line, explain_lines, unit_lines
from tape_migrate.review.session import Load, Part, Session, Texts
from tape_migrate.review.units import Unit, Units
from tape_migrate.runner import Listeners, Scope, migrate_bytes, project_of, run
from tape_migrate.safety.writing import (
    File,
    RefusedError,
    WritePolicy,
    in_groups,
    interrupts_held,
    prepare,
    refuse_dirty,
    write_together,
)
from tape_migrate.sources.discover import Discovery, discover

if TYPE_CHECKING:
    from tape_migrate.project import Project

PROMPT = "Migrate this? [y,n,a,d,A,e,u,?,q] "


def review(paths: Sequence[str], options: Options, scope: Scope, policy: WritePolicy) -> int:
    """Review the files behind ``paths`` and write what is accepted; return the exit code.

    Raises PathError (``sources.discover``).
    """
    output = Output()
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        output.diagnostic("tape-migrate: error: --review asks questions; it needs a terminal")
        return EXIT_USAGE
    talk = _Talk(output)
    try:
        parts = _parts(paths, options, scope, output)
        output.progress.clear()
        if not policy.allow_dirty:
            refuse_dirty([path for part in parts for path in part.paths])
        session = Session(tuple(parts))
        answered = sum(len(part.answers) for part in parts)
        if answered and session.current() is not None:
            output.text(f"going on where the last review stopped; {answered} answered before\n")
        with talk.keyboard:
            session, finished = talk.ask(session)
        return _write(session, policy, output, finished)
    except RefusedError as error:
        output.diagnostic(f"tape-migrate: error: {error}")
        return EXIT_USAGE
    except KeyboardInterrupt:
        output.text("\nnothing written; the answers are kept for the next --review\n")
        return EXIT_INTERRUPTED


def _parts(paths: Sequence[str], options: Options, scope: Scope, output: Output) -> list[Part]:
    listeners = Listeners(output.failure, output.progress.show)
    found = run(paths, options, scope=scope, listeners=listeners)
    if found.interrupted:
        raise KeyboardInterrupt
    discovery = discover(paths, scope.filters)
    project = project_of(discovery)
    parts = []
    texts = {entry.path: entry.migration.old for entry in found.results if entry.migration}
    changed = [entry for entry in found.results if entry.status is FileStatus.CHANGED]
    groups = dict.fromkeys(entry.together or (entry.path,) for entry in changed)
    for number, group in enumerate(groups):
        # What moves together is found out by leaving calls out in turn, which can take a while.
        output.progress.show(number, len(groups), group[0])
        originals = {path: texts[path] for path in group}
        load = _loader(originals, options, scope, discovery, project)
        part = _restored(originals, load)
        if part.units.units:
            parts.append(part)
    return parts


def _loader(
    originals: Texts,
    options: Options,
    scope: Scope,
    discovery: Discovery,
    project: Project | None,
) -> Load:
    def load(texts: Texts) -> Units:
        known = project if texts == originals else project_of(discovery, texts)

        def migrate(leaves: Leaves) -> dict[str, Migration]:
            if known is not None and len(texts) > 1:
                return migrate_group(known, options, texts, leaves)
            return {
                path: migrate_bytes(
                    path,
                    data,
                    replace(options, leave=(*options.leave, *leaves.get(path, ()))),
                    known,
                )
                for path, data in texts.items()
            }

        return Units(migrate, scope.selection)

    return load


def _restored(originals: Texts, load: Load) -> Part:
    kept = store.load(originals)
    base = originals if kept is None else {**originals, **kept.edited}
    units = load(base)
    answers = {}
    if kept is not None:
        keys = {unit.key for unit in units.units}
        answers = {key: yes for key, yes in kept.answers.items() if key in keys}
    return Part(originals, base, units, load, answers)


class _Talk:
    """Questions and answers."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self.keyboard = Keyboard()

    def ask(self, session: Session) -> tuple[Session, bool]:
        """Go through the units; return the answers and whether none was left open."""
        history: list[Session] = []
        while (current := session.current()) is not None:
            index, unit = current
            self._show(unit_lines(session, index, unit))
            while True:
                self._output.text(PROMPT)
                key = self.keyboard.key()
                self._output.text(f"{key if key.isprintable() else ''}\n")
                if key == "?":
                    self._show(explain_lines(unit))
                    continue
                if key == "u" and not history:
                    self._output.text("nothing to undo\n")
                    continue
                answered = self._answer(session, index, unit, key)
                if answered is not None or key in "uq":
                    break
            if key == "q":
                return session, False
            if key == "u":
                session = history.pop()
            elif answered is not None:
                history.append(session)
                session = answered
            _keep(session)
        return session, True

    def _answer(self, session: Session, index: int, unit: Unit, key: str) -> Session | None:
        """Return the session after a key, or None if the question stays."""
        if key in "yn" and key:
            return session.answer(index, unit, key == "y")
        if key in {"a", "d"}:
            return session.answer_part(index, key == "a")
        if key == "A":
            return session.accept_all()
        if key == "e":
            return self._edit(session, index, unit)
        if key not in {"u", "q"}:
            self._output.text("y n a d A e u ? or q; ? says what they mean\n")
        return None

    def _edit(self, session: Session, index: int, unit: Unit) -> Session | None:
        part = session.parts[index]
        if any(path.endswith(".ipynb") for path in part.paths):
            self._output.text("a notebook cannot be edited here; answer n and edit it in Jupyter\n")
            return None
        with self.keyboard.away():
            texts = _in_editor({path: after.new for path, (_, after) in part.step(unit).items()})
        if texts is None:
            self._output.text("not changed: the editor failed, or there is none ($EDITOR)\n")
            return None
        try:
            # What was accepted in files that this unit does not touch stays accepted.
            edited = part.edited({**part.result(), **texts})
        except SourceError as error:
            line = "" if error.line is None else f"line {error.line}: "
            self._output.text(f"not taken: {line}{error.message}\n")
            return None
        return session.with_part(index, edited)

    def _show(self, lines: Iterable[Line]) -> None:
        self._output.styled([*lines])


def _in_editor(texts: Texts) -> dict[str, bytes] | None:
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="tape-migrate-") as folder:
        copies = {}
        for number, (path, text) in enumerate(texts.items()):
            copy = os.path.join(folder, str(number), os.path.basename(path))
            os.mkdir(os.path.dirname(copy))
            with open(copy, "wb") as handle:
                handle.write(text)
            copies[path] = copy
        try:
            done = subprocess.run([*shlex.split(command), *copies.values()], check=False)
            if done.returncode != 0:
                return None
            found = {}
            for path, copy in copies.items():
                with open(copy, "rb") as handle:
                    found[path] = handle.read()
        except (OSError, ValueError):
            return None
        return found


def _keep(session: Session) -> None:
    for part in session.parts:
        edited = {path: new for path, new in part.base.items() if new != part.originals[path]}
        if part.answers or edited:
            store.save(part.originals, store.Kept(part.answers, edited))
        else:
            store.forget(part.originals)


def _write(session: Session, policy: WritePolicy, output: Output, finished: bool) -> int:
    files = []
    results: dict[str, bytes] = {}
    for part in session.parts:
        new = part.result()
        results.update(new)
        changed = tuple(path for path in part.paths if new[path] != part.originals[path])
        together = changed if len(changed) > 1 else ()
        files += [File(path, part.originals[path], new[path], together) for path in changed]
    journal = prepare(files, policy, output.diagnostic)
    failed = 0
    for group in in_groups(files):
        with interrupts_held():
            faults = write_together(group)
        for file in group:
            fault = faults[file.path]
            if fault is not None:
                failed += 1
                output.diagnostic(f"{printable_path(file.path)}: failed: {fault}")
                results[file.path] = file.old
    if journal is not None:
        journal.finish()
    for part in session.parts:
        declined = {key: yes for key, yes in part.answers.items() if not yes}
        if finished or not declined:
            store.forget(part.originals)
        else:
            now = {path: results[path] for path in part.paths}
            store.save(now, store.Kept(declined))
    accepted, declined_calls, undecided = session.counts()
    text = f"{accepted} accepted, {declined_calls} declined"
    if undecided:
        text += f", {undecided} left for the next --review"
    written = len(files) - failed
    text += f"; {written} file{'' if written == 1 else 's'} changed"
    output.text(text + "\n")
    output.close()
    return EXIT_FAILED if failed else EXIT_FINE
