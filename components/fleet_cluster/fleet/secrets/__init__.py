"""Secrets of units: sealed by age, and given to systemd when a unit starts."""
