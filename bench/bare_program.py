"""Three machines with etcd and fleet, and nothing else: the program of `bench.fleet`'s stack."""

import pulumi

import config
from fleet_cluster.cluster import Cluster
from fleet_cluster.providers.docker.provider import DockerProvider
from fleet_cluster.ssh_config import SshConfig

chosen = config.read(pulumi.Config())
site = DockerProvider(chosen.load_balancer_port)
cluster = Cluster(
    "cluster",
    {
        "members": site.members(chosen.etcd_size),
        "agent_ttl": chosen.agent_ttl,
        "reconcile_interval": chosen.reconcile_interval,
    },
)
for number, metadata in enumerate(chosen.metadata_of_machines(), start=1):
    cluster.add(site.machine(number, metadata, cluster.settled))
SshConfig("ssh", {"hosts": cluster.hosts, "folder": f".pulumi/ssh/{pulumi.get_stack()}"})
pulumi.export("machines", cluster.machines)
