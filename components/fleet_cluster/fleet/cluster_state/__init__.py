"""The state of the cluster, decoded from etcd for fleet's leader and fleetctl alike."""
