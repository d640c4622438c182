"""What ``--review`` does: find, ask, write."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from tape_migrate.exits import EXIT_FAILED, EXIT_FINE, EXIT_INTERRUPTED, EXIT_USAGE
from tape_migrate.model import Migration, Options, SourceError
from tape_migrate.reports.output import Output
from tape_migrate.review import store
from tape_migrate.review.keys import Keyboard
from tape_migrate.review.screen import Line, explain_lines, unit_lines
from tape_migrate.review.session import FileReview, Session
from tape_migrate.review.units import Unit, Units
from tape_migrate.runner import Listeners, Scope, migrate_bytes, project_of, run
from tape_migrate.safety.writing import (
    File,
    RefusedError,
    WritePolicy,
    interrupts_held,
    prepare,
    refuse_dirty,
    write_file,
)
from tape_migrate.sources.discover import discover

if TYPE_CHECKING:
    from tape_migrate.project import Project

PROMPT = "Migrate this? [y,n,a,A,e,u,?,q] "


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
        files = _files(paths, options, scope, output)
        output.progress.clear()
        if not policy.allow_dirty:
            refuse_dirty([file.path for file in files])
        session = Session(tuple(files))
        answered = sum(len(file.answers) for file in files)
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


def _files(
    paths: Sequence[str], options: Options, scope: Scope, output: Output
) -> list[FileReview]:
    listeners = Listeners(output.failure, output.progress.show)
    found = run(paths, options, scope=scope, listeners=listeners)
    if found.interrupted:
        raise KeyboardInterrupt
    project = project_of(discover(paths, scope.filters))
    files = []
    for entry in found.results:
        if entry.migration is None or not entry.migration.changed:
            continue
        load = _loader(entry.path, options, scope, project)
        file = _restored(entry.path, entry.migration.old, load)
        if file.units.units:
            files.append(file)
    return files


def _loader(
    path: str, options: Options, scope: Scope, project: Project | None
) -> Callable[[bytes], Units]:
    def load(data: bytes) -> Units:
        def migrate(with_options: Options) -> Migration:
            return migrate_bytes(path, data, with_options, project)

        return Units(migrate, options, scope.selection)

    return load


def _restored(path: str, data: bytes, load: Callable[[bytes], Units]) -> FileReview:
    kept = store.load(path, data)
    base = data if kept is None or kept.edited is None else kept.edited
    units = load(base)
    answers = {}
    if kept is not None:
        keys = {unit.key for unit in units.units}
        answers = {key: yes for key, yes in kept.answers.items() if key in keys}
    return FileReview(path, data, base, units, load, answers)


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
        if key == "a":
            return session.accept_file(index)
        if key == "A":
            return session.accept_all()
        if key == "e":
            return self._edit(session, index, unit)
        if key not in {"u", "q"}:
            self._output.text("y n a A e u ? or q; ? says what they mean\n")
        return None

    def _edit(self, session: Session, index: int, unit: Unit) -> Session | None:
        file = session.files[index]
        if file.path.endswith(".ipynb"):
            self._output.text("a notebook cannot be edited here; answer n and edit it in Jupyter\n")
            return None
        with self.keyboard.away():
            text = _in_editor(file.path, file.step(unit)[1].new)
        if text is None:
            self._output.text("not changed: the editor failed, or there is none ($EDITOR)\n")
            return None
        try:
            edited = file.edited(text)
        except SourceError as error:
            line = "" if error.line is None else f"line {error.line}: "
            self._output.text(f"not taken: {line}{error.message}\n")
            return None
        return session.with_file(index, edited)

    def _show(self, lines: Iterable[Line]) -> None:
        self._output.styled([*lines])


def _in_editor(path: str, text: bytes) -> bytes | None:
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="tape-migrate-") as folder:
        copy = os.path.join(folder, os.path.basename(path))
        with open(copy, "wb") as handle:
            handle.write(text)
        try:
            done = subprocess.run([*shlex.split(command), copy], check=False)
            if done.returncode != 0:
                return None
            with open(copy, "rb") as handle:
                return handle.read()
        except (OSError, ValueError):
            return None


def _keep(session: Session) -> None:
    for file in session.files:
        edited = file.base if file.base != file.original else None
        if file.answers or edited is not None:
            store.save(file.path, file.original, store.Kept(file.answers, edited))
        else:
            store.forget(file.path)


def _write(session: Session, policy: WritePolicy, output: Output, finished: bool) -> int:
    files = []
    results: dict[str, bytes] = {}
    for reviewed in session.files:
        new = results[reviewed.path] = reviewed.result()
        if new != reviewed.original:
            files.append(File(reviewed.path, reviewed.original, new))
    journal = prepare(files, policy, output.diagnostic)
    failed = 0
    for file in files:
        with interrupts_held():
            fault = write_file(file)
        if fault is not None:
            failed += 1
            output.diagnostic(f"{file.path}: failed: {fault}")
            results[file.path] = file.old
    if journal is not None:
        journal.finish()
    for reviewed in session.files:
        declined = {key: yes for key, yes in reviewed.answers.items() if not yes}
        if finished or not declined:
            store.forget(reviewed.path)
        else:
            store.save(reviewed.path, results[reviewed.path], store.Kept(declined))
    accepted, declined_calls, undecided = session.counts()
    text = f"{accepted} accepted, {declined_calls} declined"
    if undecided:
        text += f", {undecided} left for the next --review"
    written = len(files) - failed
    text += f"; {written} file{'' if written == 1 else 's'} changed"
    output.text(text + "\n")
    output.close()
    return EXIT_FAILED if failed else EXIT_FINE
