"""Quadlets: unit files of which Podman's generator makes services."""
