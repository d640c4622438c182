"""Shared by all tests: one pair of TensorFlow workers for the whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tape_migrate.verify import Verifier


@pytest.fixture(scope="session")
def verifier() -> Iterator[Verifier]:
    """Old and new side, loaded once: importing TensorFlow costs seconds."""
    with Verifier(job_limit_s=60.0) as shared:
        yield shared
