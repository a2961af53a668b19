"""fleet on etcd v3: systemd units over many machines. Imports nothing from Pulumi."""

VERSION = "2.0.0"
