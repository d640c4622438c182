"""Tables of small programs about one module, on both sides of each of its conditions."""
