"""Random programs, migrated and run: old graph against tape, value by value."""
