"""etcd v3 as fleet's store."""
