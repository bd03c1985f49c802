"""Platforms played by a real HTTP server: for the demo and the tests. It speaks X and Meta as documented, and can be
told to misbehave as they do."""
