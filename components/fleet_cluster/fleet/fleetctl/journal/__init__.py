"""Journals of many units and machines, merged by time."""
