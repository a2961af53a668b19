"""Serves the components to other stacks: Pulumi runs `python components/`.

Run that way, this folder is no package; so it is imported by its name from the folder above.
"""

import sys
from pathlib import Path

from pulumi.provider.experimental import component_provider_host

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

    from components.cluster import Cluster
    from components.docker_registry import DockerRegistry
    from components.ecr_registry import EcrRegistry
    from components.hosts.aws import AwsMachine
    from components.hosts.aws_address import AwsAddress
    from components.hosts.aws_network import AwsNetwork
    from components.hosts.aws_profile import AwsProfile
    from components.hosts.docker import DockerMachine
    from components.hosts.docker_network import DockerNetwork
    from components.images import Image
    from components.keys import EtcdKeys
    from components.load_balancer.aws import AwsLoadBalancer
    from components.load_balancer.docker import DockerLoadBalancer
    from components.pki import Pki
    from components.ssh_config import SshConfig
    from components.units import FleetTemplate, FleetUnit

    component_provider_host(
        name="fleet-cluster",
        components=[
            AwsAddress,
            AwsLoadBalancer,
            AwsMachine,
            AwsNetwork,
            AwsProfile,
            Cluster,
            DockerMachine,
            DockerLoadBalancer,
            DockerNetwork,
            DockerRegistry,
            EcrRegistry,
            EtcdKeys,
            FleetTemplate,
            FleetUnit,
            Image,
            Pki,
            SshConfig,
        ],
    )
