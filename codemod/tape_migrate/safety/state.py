"""Where journals and unfinished reviews are kept, and what can be seen there at no cost."""

from __future__ import annotations

import os

DONE, UNDONE, SETTLED = "done", "undone", "settled"
"""Files in a journal's folder: the run came to its end, it was undone, nothing is left to do."""


def state_folder() -> str:
    """Return where journals and unfinished reviews are kept.

    ``TAPE_MIGRATE_STATE`` names it; else it is ``tape-migrate`` in the user's folder for state.
    """
    named = os.environ.get("TAPE_MIGRATE_STATE")
    if named:
        return os.path.abspath(named)
    base = os.environ.get("XDG_STATE_HOME") or os.path.join(
        os.path.expanduser("~"), ".local", "state"
    )
    return os.path.join(base, "tape-migrate")


def journal_folders() -> list[str]:
    """Return the folders of all journals, the latest first."""
    root = os.path.join(state_folder(), "journals")
    try:
        names = sorted((name for name in os.listdir(root) if name[0] != "."), reverse=True)
    except OSError:
        return []
    return [os.path.join(root, name) for name in names]


def cut_short() -> list[str]:
    """Return the folders of journals whose run is going on, or never came to its end."""
    return [
        folder
        for folder in journal_folders()
        if not any(os.path.exists(os.path.join(folder, m)) for m in (DONE, UNDONE, SETTLED))
    ]
