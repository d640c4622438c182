"""Where reports go: standard output for results, standard error for diagnostics."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tape_migrate.exits import EXIT_FAILED
from tape_migrate.reports.runbar import Progress
from tape_migrate.reports.text import (
    failure_line,
    interruption_lines,
    site_lines,
    summary_line,
)

if TYPE_CHECKING:
    from rich.console import Console

    from tape_migrate.results import FileResult, RunResult


class Output:
    """Writes a run's reports; never raises because nobody reads them any more.

    A reader such as ``head`` that goes away must not keep the remaining files from being
    written, so what cannot be printed is dropped. Nor must a full disk, but that is an error.
    """

    def __init__(self) -> None:
        self._open = True
        self._lost = False
        self._terminal = sys.stdout.isatty()
        self._console: Console | None = None
        self.progress = Progress()

    def failure(self, result: FileResult) -> None:
        """Print a failed file's line to standard error; nothing for other files."""
        if result.status.value == "failed":
            self.diagnostic(failure_line(result))

    def diff(self, result: FileResult) -> None:
        """Print what changed in a file, if anything."""
        from tape_migrate.reports.diff import (  # noqa: PLC0415
            print_coloured,
            terminal_lines,
            unified_diff,
        )

        migration = result.migration
        if migration is None or not migration.changed or result.status.value == "failed":
            return
        if result.path.endswith(".ipynb"):
            from tape_migrate.reports.notebookdiff import cell_diffs  # noqa: PLC0415

            lines = cell_diffs(result.path, migration.old, migration.new)
        else:
            lines = unified_diff(result.path, migration.old, migration.new)
        if not self._terminal and not os.environ.get("FORCE_COLOR"):
            self._write(b"".join(lines))
            return
        encoding = "utf-8" if result.path.endswith(".ipynb") else _encoding(migration.old)
        if _colour_wanted(self._terminal):
            console = self._rich()
            self._guard(lambda: print_coloured(lines, console, encoding))
        else:
            self.text("".join(f"{text}\n" for _, text in terminal_lines(lines, encoding)))

    def run(self, result: RunResult, *, format_: str, wrote: bool) -> None:
        """Print a run in one of the formats of the command line."""
        self.progress.clear()
        if result.interrupted:
            for line in interruption_lines(result, wrote=wrote or format_ == "json"):
                self.diagnostic(line)
        self.text(_report(result, format_, wrote))

    def text(self, text: str) -> None:
        """Print text; characters that standard output cannot encode are spelled out."""
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        self._write(text.encode(encoding, "backslashreplace"))

    def styled(self, lines: Sequence[tuple[str, str]]) -> None:
        """Print lines of (style, text), coloured where that is wanted."""
        if not _colour_wanted(self._terminal):
            self.text("".join(f"{text}\n" for _, text in lines))
            return
        from rich.text import Text  # noqa: PLC0415

        console = self._rich()

        def show() -> None:
            for style, text in lines:
                console.print(Text(text, style=style), soft_wrap=True, highlight=False)

        self._guard(show)

    def close(self) -> None:
        """Flush, so that a broken pipe shows here and not when Python shuts down.

        Raises SystemExit if some of the report is lost for another reason, such as a full disk.
        """
        self._guard(sys.stdout.flush)
        if self._lost:
            raise SystemExit(EXIT_FAILED)

    def diagnostic(self, line: str) -> None:
        """Print a line to standard error."""
        self.progress.clear()
        self._guard(sys.stdout.flush)
        try:
            print(line.encode("utf-8", "backslashreplace").decode(), file=sys.stderr, flush=True)
        except (OSError, UnicodeEncodeError):
            return

    def _rich(self) -> Console:
        if self._console is None:
            from rich.console import Console  # noqa: PLC0415

            self._console = Console(force_terminal=True)
        return self._console

    def _write(self, data: bytes) -> None:
        def write() -> None:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

        if data:
            self._guard(write)

    def _guard(self, action: Callable[[], object]) -> None:
        if not self._open:
            return
        self.progress.clear()
        try:
            action()
        except BrokenPipeError:
            self._drop()
        except OSError as error:
            self._drop()
            self._lost = True
            self.diagnostic(f"tape-migrate: error: standard output: {error.strerror or error}")

    def _drop(self) -> None:
        self._open = False
        # Python flushes once more at exit; let that go nowhere.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _report(result: RunResult, format_: str, wrote: bool) -> str:
    # Each format is imported by those who ask for it.
    if format_ == "json":
        from tape_migrate.reports import jsonreport  # noqa: PLC0415

        return jsonreport.dumps(result)
    if format_ == "sarif":
        from tape_migrate.reports import sarif  # noqa: PLC0415

        return sarif.dumps(result, wrote=wrote)
    if format_ == "github":
        from tape_migrate.reports import github  # noqa: PLC0415

        return github.dumps(result, wrote=wrote)
    if format_ == "junit":
        from tape_migrate.reports import junit  # noqa: PLC0415

        return junit.dumps(result)
    lines = [*site_lines(result), summary_line(result, wrote=wrote)]
    return "".join(f"{line}\n" for line in lines)


def _colour_wanted(terminal: bool) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (terminal and os.environ.get("TERM") != "dumb")


def _encoding(data: bytes) -> str:
    from tape_migrate.sources.text import decode  # noqa: PLC0415

    return decode(data).encoding
