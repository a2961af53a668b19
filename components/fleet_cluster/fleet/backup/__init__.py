"""Backups of etcd's data: one taken, checked, handed over, and told of in etcd."""
