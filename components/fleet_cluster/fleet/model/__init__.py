"""The model: keys and records in etcd, and the state of the cluster that they make up."""
