"""Writing without regret: uncommitted changes, backups, the journal, undo."""
