"""A cluster that runs your systemd units behind a load balancer: its table of contents."""

import pulumi

import config
from fleet_cluster.cluster import Cluster
from fleet_cluster.keys import EtcdKeys
from fleet_cluster.providers.aws.provider import AwsProvider
from fleet_cluster.providers.docker.provider import DockerProvider
from fleet_cluster.ssh_config import SshConfig
from fleet_cluster.units import FleetTemplate, FleetUnit

chosen = config.read(pulumi.Config())

# What units run: the folders of images/ that are built for them.
IMAGES = ("hello", "nginx", "sinatra")

# Where machines, images and the load balancer live: on AWS, or on this computer.
site = AwsProvider(chosen.aws, IMAGES) if chosen.aws else DockerProvider(chosen.load_balancer_port)

# Machines, each with etcd and fleet before the next: so they are also made anew one by one.
cluster = Cluster(
    "cluster",
    {
        "members": site.members(chosen.etcd_size),
        "agent_ttl": chosen.agent_ttl,
        "reconcile_interval": chosen.reconcile_interval,
        "registry": site.registry_host,
    },
    pulumi.ResourceOptions(deleted_with=site.ground),
)
for number, metadata in enumerate(chosen.metadata_of_machines(), start=1):
    cluster.add(site.machine(number, metadata, cluster.settled))

in_cluster = pulumi.ResourceOptions(depends_on=cluster.ready, deleted_with=site.ground)

# What runs: what etcd knows from the start, images, units.
keys = EtcdKeys(
    "keys",
    {
        "connection": cluster.connection,
        "store": cluster.store,
        "keys": {
            "/app/greeting": chosen.greeting,
            "/app/nginx/max-body-size": chosen.max_body_size,
        },
    },
    in_cluster,
)

images = {name: site.image(name) for name in IMAGES}
ports = [str(5000 + number) for number in range(chosen.sinatra_instances)]

hello = FleetUnit(
    "hello",
    {
        "connection": cluster.connection,
        "store": cluster.store,
        "hosts": cluster.hosts,
        "path": "units/hello.service",
        "values": {"hello_image": images["hello"]},
    },
    in_cluster,
)
nginx = FleetUnit(
    "nginx",
    {
        "connection": cluster.connection,
        "store": cluster.store,
        "hosts": cluster.hosts,
        "path": "units/nginx.service",
        "values": {"nginx_image": images["nginx"]},
    },
    in_cluster,
)
sinatra = FleetTemplate(
    "sinatra",
    {
        "connection": cluster.connection,
        "store": cluster.store,
        "hosts": cluster.hosts,
        "path": "units/sinatra@.service",
        "values": {"sinatra_image": images["sinatra"]},
        "instances": ports,
    },
    pulumi.ResourceOptions.merge(in_cluster, pulumi.ResourceOptions(depends_on=[keys])),
)
discovery = FleetTemplate(
    "sinatra-discovery",
    {
        "connection": cluster.connection,
        "store": cluster.store,
        "hosts": cluster.hosts,
        "path": "units/sinatra-discovery@.service",
        "instances": ports,
    },
    pulumi.ResourceOptions.merge(in_cluster, pulumi.ResourceOptions(depends_on=[sinatra])),
)

# The way in.
load_balancer = site.load_balancer(cluster.hosts, cluster.leaves)
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
pulumi.export("ssh_files", ssh_config.files)
