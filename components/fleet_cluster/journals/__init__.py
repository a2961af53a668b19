"""Journals of all machines at one place, by units that fleet places."""
