"""What ``tape-migrate batch`` does and says; returns its exit code."""

from __future__ import annotations

from tape_migrate.batch.executors import ExecutorError
from tape_migrate.batch.helper import close_helpers
from tape_migrate.batch.report import table
from tape_migrate.batch.run import BatchRequest, run_batch
from tape_migrate.batch.sources import SourcesError
from tape_migrate.batch.state import StateError
from tape_migrate.command import UsageError
from tape_migrate.exits import EXIT_FAILED, EXIT_FINE, EXIT_INTERRUPTED
from tape_migrate.reports.output import Output
from tape_migrate.settings.load import SettingsError, load


def batch(request: BatchRequest) -> int:
    """Carry out the command. Raises UsageError. Ends the helper, if one was begun."""
    try:
        return _batch(request)
    finally:
        close_helpers()


def _batch(request: BatchRequest) -> int:
    output = Output()
    try:
        load([], request.given, isolated=True)  # what is wrong for all is said once
    except SettingsError as error:
        raise UsageError(str(error)) from error
    try:
        result = run_batch(request, output.progress.sources)
    except (SourcesError, StateError, ExecutorError) as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"{request.out}: {error.strerror or error}") from error
    output.progress.clear()
    output.text(table(result.records))
    if result.done_before:
        count = result.done_before
        again = (
            f"{count} {'source was' if count == 1 else 'sources were'} done or had failed before"
        )
        output.diagnostic(f"{again}; --retry-failed or --fresh does them again")
    if result.interrupted:
        left = sum(record.status == "waiting" for record in result.records)
        output.diagnostic(
            f"interrupted: {left} sources not done; the same command goes on with them"
        )
    output.text(f"{request.out}/report.html shows all of it\n")
    output.close()
    if result.interrupted:
        return EXIT_INTERRUPTED
    failed = any(record.status == "failed" for record in result.records)
    return EXIT_FAILED if failed else EXIT_FINE
