"""``--review``: a person decides call by call; only what was accepted is written."""
