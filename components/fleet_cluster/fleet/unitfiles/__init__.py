"""Unit files: their syntax, what their options mean, which are refused. Pure."""
