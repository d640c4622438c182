"""Sources on disk: which files to look at, reading them, and writing them back."""
