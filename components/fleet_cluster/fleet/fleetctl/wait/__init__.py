"""Waits: conditions on the cluster's state, and the wait for them."""
