"""Self-contained pages: one file, no request to anywhere, readable on a phone and in the dark."""
