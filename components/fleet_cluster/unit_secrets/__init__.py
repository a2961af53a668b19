"""Secrets of units, which follow them to whichever machine they run on."""
