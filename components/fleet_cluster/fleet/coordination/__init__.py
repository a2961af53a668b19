"""Coordination over etcd: leases, the election, claims of addresses, caches that follow watches."""
