"""What ``tape-migrate undo`` does and says; returns its exit code."""

from __future__ import annotations

import os

from tape_migrate.exits import EXIT_FAILED, EXIT_FINE, EXIT_WOULD_CHANGE
from tape_migrate.reports.escape import printable_path
from tape_migrate.reports.output import Output
from tape_migrate.safety.journal import JournalError, journals
from tape_migrate.safety.undo import Undone, describe, last_write
from tape_migrate.safety.undo import undo as restore


def undo(*, list_: bool, dry_run: bool, keep_changed: bool) -> int:
    """Carry out the command."""
    output = Output()
    if list_:
        output.text("".join(f"{describe(journal)}\n" for journal in journals()))
        output.close()
        return EXIT_FINE
    journal = last_write(os.getcwd())
    if journal is None:
        output.diagnostic("nothing to undo: no --write of this folder is known")
        return EXIT_WOULD_CHANGE
    try:
        done = restore(journal, dry_run=dry_run, keep_changed=keep_changed)
    except JournalError as error:
        output.diagnostic(f"nothing restored: {error}")
        return EXIT_FAILED
    code = _report(output, done, dry_run)
    output.close()
    return code


def _report(output: Output, done: Undone, dry_run: bool) -> int:
    for path in done.changed_since:
        output.diagnostic(f"changed since: {_near(path)}")
    if done.changed_since and not done.restored:
        output.diagnostic(
            "nothing restored: these files were changed (or removed) after the write; "
            "--keep-changed restores the others"
        )
        return EXIT_WOULD_CHANGE
    verb = "would be restored" if dry_run else "restored"
    output.text("".join(f"{verb}: {_near(path)}\n" for path in done.restored))
    for path, why in done.failed:
        output.diagnostic(f"{_near(path)}: failed: {why}")
    count = len(done.restored)
    output.text(f"{count} file{'' if count == 1 else 's'} {verb}")
    if done.already_old:
        output.text(f", {len(done.already_old)} had not been written")
    output.text("\n")
    return EXIT_FAILED if done.failed else EXIT_FINE


def _near(path: str) -> str:
    inner = os.path.relpath(path, os.path.realpath(os.getcwd()))
    return printable_path(path if inner.startswith(os.pardir) else inner)
