"""Commands inside of units: which container is a unit's, and the way into it."""
