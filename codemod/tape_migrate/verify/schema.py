"""The schema of the evidence that ``verify --json`` and ``probe --json`` write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VERSION = 1
"""Raised when a reader of the old evidence could misread the new one."""


def schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of all three kinds of evidence."""
    text = Path(__file__).with_name("schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def number(value: float | None) -> float | str | None:
    """A number as JSON can hold it: infinity and NaN become text."""
    if value is None or value - value == 0.0:
        return value
    return str(value)
