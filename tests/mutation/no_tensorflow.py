"""A pytest plugin: leave out tests that start TensorFlow, which no mutant should wait for."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that do not ask for the shared workers."""
    slow = [item for item in items if "verifier" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]
