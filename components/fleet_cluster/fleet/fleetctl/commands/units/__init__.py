"""Commands that change units."""
