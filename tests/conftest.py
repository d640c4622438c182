"""Shared by all tests: one pair of TensorFlow workers for the whole session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tape_migrate.verify.evidence import Evidence

from .keeping import KeepingVerifier


@pytest.fixture(autouse=True, scope="session")
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Journals and unfinished reviews of tests stay out of the user's folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAPE_MIGRATE_STATE", str(tmp_path_factory.mktemp("state")))
        yield


_Row = tuple[str, str, str, str]
"""Device, mode, verdict, and what is said of it."""
_PROOFS: pytest.StashKey[list[tuple[str, list[_Row]]]] = pytest.StashKey()


_LONGEST = (
    "tests/test_fixtures.py",
    "tests/shapes/tables/test_tables.py",
    "tests/fuzz",
    "tests/adversarial",
    "tests/verify",
    "tests/safety",
    "tests/neighbours",
)
"""Files that take minutes, or folders that hold such, the longest first."""


def pytest_configure(config: pytest.Config) -> None:
    """Processes take files in the order in which they were collected."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, lest one of several processes (``-n``) end with it alone."""
    items.sort(key=lambda item: _rank(item.nodeid))


def _rank(name: str) -> int:
    found = (number for number, first in enumerate(_LONGEST) if name.startswith(first))
    return next(found, len(_LONGEST))


@pytest.fixture(scope="session")
def verifier() -> Iterator[KeepingVerifier]:
    """Old and new side, loaded once: importing TensorFlow costs seconds."""
    shared = KeepingVerifier()
    with shared:
        yield shared


@pytest.fixture
def record_proof(request: pytest.FixtureRequest) -> Callable[[Evidence], None]:
    """Keep a proof for the table at the end of the session."""
    proofs = request.config.stash.setdefault(_PROOFS, [])

    def record(evidence: Evidence) -> None:
        rows = [(r.device, r.mode, r.verdict.value, r.sentence) for r in evidence.rows]
        proofs.append((evidence.name, rows))

    return record


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several processes (``-n``) hands its proofs to the one that reports."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["proofs"] = session.config.stash.get(_PROOFS, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a process hands over at its end."""
    proofs = node.config.stash.setdefault(_PROOFS, [])
    proofs += getattr(node, "workeroutput", {}).get("proofs", [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what was run, in which mode and on which device, and what was not, and why."""
    proofs = config.stash.get(_PROOFS, [])
    if not proofs:
        return
    count: Counter[tuple[str, str, str]] = Counter()
    reasons: list[str] = []
    for name, rows in proofs:
        for device, mode, verdict, sentence in rows:
            count[device, mode, verdict] += 1
            if verdict != "equal" and device != "GPU":
                reasons.append(f"{name} {mode}: {verdict}: {sentence}")
    terminalreporter.section(f"proofs of {len(proofs)} fixtures")
    for (device, mode, verdict), number in sorted(count.items()):
        terminalreporter.write_line(f"{device:8} {mode:12} {verdict:18} {number}")
    for reason in sorted(reasons):
        terminalreporter.write_line(reason[:200])
