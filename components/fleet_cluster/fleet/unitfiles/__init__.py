"""Unit files: how they are written, what their options mean, which are refused. Pure."""
