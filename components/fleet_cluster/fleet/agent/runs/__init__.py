"""Runs that are handed to this machine."""
