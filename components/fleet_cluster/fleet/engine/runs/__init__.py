"""Runs: what the leader hands out once, and removes when it is over."""
