"""Small notebooks for tests."""

from __future__ import annotations

import json
from typing import Any

from tape_migrate.model import Migration, Options
from tape_migrate.notebooks.migrate import migrate_notebook

KERNEL = {"display_name": "P", "language": "python", "name": "python3"}


def code(source: str, **more: Any) -> dict[str, Any]:
    lines = source.splitlines(keepends=True)
    return {"cell_type": "code", "execution_count": None, "id": "abc", "metadata": {"b": 1, "a": 2},
            "outputs": [], "source": lines, **more}  # fmt: skip


def markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": "md", "metadata": {}, "source": [source]}


def notebook(*cells: str | dict[str, Any], **metadata: Any) -> bytes:
    content = {
        "cells": [
            {**(code(cell) if isinstance(cell, str) else cell), "id": f"cell-{number}"}
            for number, cell in enumerate(cells)
        ],
        "metadata": metadata or {"kernelspec": KERNEL},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return (json.dumps(content, indent=1) + "\n").encode()


def sources(data: bytes) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(data)["cells"]]


def migrate(*cells: str | dict[str, Any], options: Options | None = None) -> Migration:
    migration = migrate_notebook(notebook(*cells), options, path="n.ipynb")
    assert migration.internal_error is None, migration.internal_error
    return migration
