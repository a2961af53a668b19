"""Backups of etcd's data, as units that fleet places."""
