"""Rewrite TensorFlow 1 symbolic gradients into ``tf.GradientTape`` code, and prove it.

``migrate_source`` is the whole engine behind one pure function; see ``tape_migrate.api``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = ["Migration", "Options", "__version__", "migrate_source"]

if TYPE_CHECKING:
    from tape_migrate.api import migrate_source
    from tape_migrate.model import Migration, Options


def __getattr__(name: str) -> Any:
    # Lazy, so that `tape-migrate --version` pays for no engine import.
    if name == "migrate_source":
        from tape_migrate.api import migrate_source  # noqa: PLC0415

        return migrate_source
    if name in {"Migration", "Options"}:
        from tape_migrate import model  # noqa: PLC0415

        return getattr(model, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
