"""Releases of units: their history, canaries, and what a file changes (pure)."""
