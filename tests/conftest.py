"""Shared by all tests: one pair of TensorFlow workers for the whole session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tape_migrate.verify import Verifier
from tape_migrate.verify.evidence import Evidence


@pytest.fixture(autouse=True, scope="session")
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Journals and unfinished reviews of tests stay out of the user's folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAPE_MIGRATE_STATE", str(tmp_path_factory.mktemp("state")))
        yield


_Row = tuple[str, str, str, str]
"""Device, mode, verdict, and what is said of it."""
_PROOFS: pytest.StashKey[list[tuple[str, list[_Row]]]] = pytest.StashKey()


@pytest.fixture(scope="session")
def verifier() -> Iterator[Verifier]:
    """Old and new side, loaded once: importing TensorFlow costs seconds."""
    with Verifier(job_limit_s=60.0) as shared:
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
