"""Transient units: commands that run once on a machine that fits, as units of fleet."""
