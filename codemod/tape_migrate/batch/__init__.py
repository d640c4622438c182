"""``tape-migrate batch``: many repositories, packages and folders, each in a copy of its own."""
