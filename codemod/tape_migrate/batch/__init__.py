"""``tape-migrate batch``: many repositories, packages and folders, none of them touched."""
