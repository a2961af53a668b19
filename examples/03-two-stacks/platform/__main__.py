"""A cluster for whoever has units: other stacks get its access."""

import pulumi

import fleet_cluster as fc

port = pulumi.Config().get_int("port") or 8080
cluster = fc.Cluster(
    "cluster", {"provider": fc.docker(port=port), "size": 1, "metadata": [{"role": "clock"}]}
)
pulumi.export("cluster", cluster.access)
