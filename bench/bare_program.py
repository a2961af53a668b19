"""Three machines with etcd and fleet, and nothing else: the program of `bench.fleet`'s stack."""

import pulumi

import config
import fleet_cluster as fc

chosen = config.read(pulumi.Config())
cluster = fc.Cluster(
    "cluster",
    {
        "provider": chosen.provider,
        "size": chosen.cluster_size,
        "etcd_size": chosen.etcd_size,
        "agent_ttl": chosen.agent_ttl,
        "reconcile_interval": chosen.reconcile_interval,
    },
)
fc.SshConfig("ssh", {"cluster": cluster.access})
pulumi.export("machines", cluster.machines)
