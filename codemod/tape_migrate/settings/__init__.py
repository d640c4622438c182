"""What a run is told: options of the command line over ``[tool.tape-migrate]`` over defaults."""
