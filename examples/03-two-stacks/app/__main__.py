"""A key and a unit on the cluster of another stack, named by the setting `platform`."""

import pulumi

import fleet_cluster as fc

platform = pulumi.StackReference(pulumi.Config().require("platform"))
cluster = platform.require_output("cluster")

keys = fc.EtcdKeys("keys", {"cluster": cluster, "keys": {"/app/tick": "tock"}})
tick = fc.FleetUnit(
    "tick",
    {"cluster": cluster, "file": "tick.service", "values": {"role": "clock"}},
    pulumi.ResourceOptions(depends_on=keys),
)
ssh = fc.SshConfig("ssh", {"cluster": cluster})

pulumi.export("placements", tick.placements)
pulumi.export("ssh_config", ssh.path)
