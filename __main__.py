"""A cluster that runs your systemd units behind a load balancer: its table of contents."""

import pulumi

import config
import fleet_cluster as fc

chosen = config.read(pulumi.Config())
ports = [str(5000 + number) for number in range(chosen.sinatra_instances)]

# Machines, each with etcd and fleet before the next: so they are also made anew one by one.
cluster = fc.Cluster(
    "cluster",
    {
        "provider": chosen.provider,
        "size": chosen.cluster_size,
        "etcd_size": chosen.etcd_size,
        "metadata": chosen.machine_metadata,
        # What keeps the pool of nginx may read these; confd asks for keys without a last slash.
        "etcd_roles": {
            "nginx": {
                "read": [
                    "/fleet/internal/fleet/sinatra*",
                    "/fleet/cluster*",
                    "/app/nginx*",
                    "/app/server*",  # For stacks of before, until their update is over.
                ]
            }
        },
        "agent_ttl": chosen.agent_ttl,
        "reconcile_interval": chosen.reconcile_interval,
        "image_retention_hours": chosen.image_retention_hours,
        "reboot_window": chosen.reboot_window,
        "certificate_hours": chosen.certificate_hours,
        "certificate_authority": chosen.certificate_authority,
        "etcd_quota_backend_bytes": chosen.etcd_quota_backend_bytes,
        "etcd_heartbeat_interval": chosen.etcd_heartbeat_interval,
        "etcd_election_timeout": chosen.etcd_election_timeout,
        "backups": chosen.backups,
        "journals": chosen.journals,
    },
)

# What runs: what etcd knows from the start, images, units.
keys = fc.EtcdKeys(
    "keys",
    {
        "cluster": cluster.access,
        "keys": {
            "/app/greeting": chosen.greeting,
            "/app/nginx/max-body-size": chosen.max_body_size,
        },
    },
)
hello = fc.FleetUnit(
    "hello",
    {
        "cluster": cluster.access,
        "file": "units/hello.service",
        "values": {"hello_image": cluster.image("images/hello")},
    },
)
pool = fc.FleetUnit(
    "nginx-pool",
    {
        "cluster": cluster.access,
        "file": "units/nginx-pool.service",
        "values": {"nginx_pool_image": cluster.image("images/nginx-pool")},
    },
)
nginx = fc.FleetUnit(
    "nginx",
    {
        "cluster": cluster.access,
        "file": "units/nginx.service",
        "values": {"nginx_image": cluster.image("images/nginx")},
    },
    pulumi.ResourceOptions(depends_on=pool),
)
sinatra = fc.FleetTemplate(
    "sinatra",
    {
        "cluster": cluster.access,
        "file": "units/sinatra@.service",
        "values": {"sinatra_image": cluster.image("images/sinatra")},
        "instances": ports,
    },
    pulumi.ResourceOptions(depends_on=keys),
)
discovery = fc.FleetTemplate(
    "sinatra-discovery",
    {
        "cluster": cluster.access,
        "file": "units/sinatra-discovery@.service",
        "instances": ports,
    },
    pulumi.ResourceOptions(depends_on=sinatra),
)

# The operator's way to the machines.
ssh = fc.SshConfig("ssh", {"cluster": cluster.access})

pulumi.export("load_balancer_hostname", cluster.hostname)
# Known when the app is found, so that whoever waits for it gets an answer.
pulumi.export("url", pulumi.Output.all(cluster.url, discovery.placements).apply(lambda all: all[0]))
pulumi.export("machines", cluster.machines)
units = pulumi.Output.all(*(one.placements for one in (hello, pool, nginx, sinatra, discovery)))
pulumi.export(
    "units", units.apply(lambda all: {name: on for one in all for name, on in one.items()})
)
pulumi.export("fleetctl_tunnel", "machine-1")
pulumi.export("ssh_config", ssh.path)
pulumi.export("ssh_files", ssh.files)
