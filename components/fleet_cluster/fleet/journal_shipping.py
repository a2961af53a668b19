"""Shipped journals: names that the cluster, machines and both ends agree on. Pure."""

SENDERS = "journal."
"""What the names in senders' certificates begin with, before the machine's: no program has such a
role of etcd, and nobody else is let to where journals are kept (gate.cfg)."""
PKI = "/etc/fleet/journal"
"""Certificates and keys of senders and receiver."""
UNITS = "fleet-journal*.service"
"""The units of both ends, as systemctl names those that are there."""
