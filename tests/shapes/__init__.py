"""Tests of ``tape_migrate.shapes``."""
