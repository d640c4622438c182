"""A verifier from which tests read the numbers that it compared."""

from __future__ import annotations

from tape_migrate.verify import Case, Verifier
from tape_migrate.verify.compare import Comparison
from tape_migrate.verify.evidence import Evidence
from tape_migrate.verify.results import RunResult


class KeepingVerifier(Verifier):
    """A verifier that keeps what the new side of the last case gave, by mode.

    Of several seeds and devices it is the first.
    """

    def __init__(self) -> None:
        super().__init__(job_limit_s=60.0)
        self.given: dict[str, RunResult] = {}

    def verify(self, case: Case) -> Evidence:
        self.given.clear()
        return super().verify(case)

    def _judge(self, case: Case, old: RunResult, new: RunResult, mode: str) -> Comparison:
        self.given.setdefault(mode, new)
        return super()._judge(case, old, new, mode)
