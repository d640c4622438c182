"""The numeric-equivalence harness: old code in a graph against new code eagerly and compiled.

Nothing here imports TensorFlow; the processes that it starts do (``worker.py``). numpy is needed
once something is compared, so the names below are loaded lazily.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tape_migrate.verify.case import Case, CaseError, load_case
    from tape_migrate.verify.command import run_cli
    from tape_migrate.verify.compare import Verdict
    from tape_migrate.verify.evidence import Evidence
    from tape_migrate.verify.harness import Verifier, verify_case, verify_cases
    from tape_migrate.verify.inputs import InputError, parse_input

__all__ = [
    "Case",
    "CaseError",
    "Evidence",
    "InputError",
    "Verdict",
    "Verifier",
    "load_case",
    "parse_input",
    "run_cli",
    "verify_case",
    "verify_cases",
]

_HOMES = {
    "Case": "case",
    "CaseError": "case",
    "Evidence": "evidence",
    "InputError": "inputs",
    "Verdict": "compare",
    "Verifier": "harness",
    "load_case": "case",
    "parse_input": "inputs",
    "run_cli": "command",
    "verify_case": "harness",
    "verify_cases": "harness",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"tape_migrate.verify.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
