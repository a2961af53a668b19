"""A cluster that runs your systemd units behind a load balancer: its table of contents."""

import pulumi
import pulumi_tls as tls

from components import settings
from components.cluster import Cluster
from components.docker_registry import DockerRegistry
from components.hosts.docker import DockerMachine, machine_address
from components.hosts.docker_network import DockerNetwork
from components.images import Image
from components.keys import EtcdKeys
from components.load_balancer.docker import DockerLoadBalancer
from components.ssh_config import SshConfig
from components.units import FleetTemplate, FleetUnit

chosen = settings.read(pulumi.Config())

# Where machines live, and the registry that they pull from.
network = DockerNetwork("network", {"load_balancer_port": chosen.load_balancer_port})
# Nothing is made before the network's probe has found that all is well.
probed = pulumi.ResourceOptions(depends_on=[network])
registry = DockerRegistry(
    "registry",
    {"network": network.shape, "image_context": "images/registry"},
    probed,
)

# Machines, each with etcd and fleet before the next: so they are also made anew one by one.
cluster = Cluster(
    "cluster",
    {
        "members": [machine_address(network.shape, n + 1) for n in range(chosen.etcd_size)],
        "agent_ttl": chosen.agent_ttl,
        "reconcile_interval": chosen.reconcile_interval,
        "registry": registry.pull_from,
    },
)
machine_image = Image("machine", {"context": "images/machine"}, probed)
core = tls.PrivateKey("core-ssh", algorithm="ED25519")
for number, metadata in enumerate(chosen.metadata_of_machines(), start=1):
    machine = DockerMachine(
        f"machine-{number}",
        {
            "network": network.shape,
            "number": number,
            "image": machine_image.reference,
            "ssh_key": {
                "private_key": core.private_key_openssh,
                "public_key": core.public_key_openssh,
            },
            "metadata": metadata,
        },
        pulumi.ResourceOptions(depends_on=cluster.settled),
    )
    cluster.add(machine.shape)

in_cluster = pulumi.ResourceOptions(depends_on=cluster.ready, deleted_with=network)

# What runs: what etcd knows from the start, images, units.
keys = EtcdKeys(
    "keys",
    {"connection": cluster.connection, "keys": {"/app/greeting": chosen.greeting}},
    in_cluster,
)


def image(name: str) -> pulumi.Output[str]:
    """Build images/NAME and push it to the registry: what machines pull."""
    context = f"images/{name}"
    return Image(
        name,
        {"context": context, "push_to": registry.push_to, "pull_from": registry.pull_from},
        # A registry that lost its data gets the images again.
        pulumi.ResourceOptions(replace_with=[registry.data]),
    ).reference


ports = [str(5000 + number) for number in range(chosen.sinatra_instances)]

hello = FleetUnit(
    "hello",
    {
        "connection": cluster.connection,
        "path": "units/hello.service",
        "values": {"hello_image": image("hello")},
    },
    in_cluster,
)
nginx = FleetUnit(
    "nginx",
    {
        "connection": cluster.connection,
        "path": "units/nginx.service",
        "values": {"nginx_image": image("nginx")},
    },
    in_cluster,
)
sinatra = FleetTemplate(
    "sinatra",
    {
        "connection": cluster.connection,
        "path": "units/sinatra@.service",
        "values": {"sinatra_image": image("sinatra")},
        "instances": ports,
    },
    pulumi.ResourceOptions.merge(in_cluster, pulumi.ResourceOptions(depends_on=[keys])),
)
discovery = FleetTemplate(
    "sinatra-discovery",
    {
        "connection": cluster.connection,
        "path": "units/sinatra-discovery@.service",
        "instances": ports,
    },
    pulumi.ResourceOptions.merge(in_cluster, pulumi.ResourceOptions(depends_on=[sinatra])),
)

# The way in.
load_balancer = DockerLoadBalancer(
    "load-balancer",
    {
        "network": network.shape,
        "port": chosen.load_balancer_port,
        "image_context": "images/haproxy",
    },
    probed,
)
ssh_config = SshConfig(
    "ssh", {"hosts": cluster.hosts, "folder": f".pulumi/ssh/{pulumi.get_stack()}"}
)

pulumi.export("load_balancer_hostname", load_balancer.hostname)
# Known when the app is registered, so that whoever waits for it gets an answer.
pulumi.export(
    "url", pulumi.Output.all(load_balancer.url, discovery.placements).apply(lambda a: a[0])
)
pulumi.export("machines", cluster.machines)
pulumi.export(
    "units",
    pulumi.Output.all(
        hello.placements, nginx.placements, sinatra.placements, discovery.placements
    ).apply(lambda found: {unit: where for units in found for unit, where in units.items()}),
)
pulumi.export("fleetctl_tunnel", cluster.hosts[0]["name"])
pulumi.export("ssh_config", ssh_config.path)
