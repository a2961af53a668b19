"""Lint: what an author is told of unit files, before any machine is touched."""
