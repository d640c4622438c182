"""Tests of ``tape_migrate.edits``."""
