"""A cluster of two machines on this computer, and one unit on it."""

import pulumi

import fleet_cluster as fc

port = pulumi.Config().get_int("port") or 8080
cluster = fc.Cluster("cluster", {"provider": fc.docker(port=port), "size": 2})
web = fc.FleetUnit("web", {"cluster": cluster.access, "file": "web.service"})

pulumi.export("url", cluster.url)
pulumi.export("placements", web.placements)
