"""Serves the components to other stacks: Pulumi runs `python components/`."""

from pulumi.provider.experimental import component_provider_host

from fleet_cluster.cluster import Cluster
from fleet_cluster.images import Image
from fleet_cluster.keys import EtcdKeys
from fleet_cluster.pki import Pki
from fleet_cluster.providers.aws.address import AwsAddress
from fleet_cluster.providers.aws.instance_profile import AwsProfile
from fleet_cluster.providers.aws.load_balancer import AwsLoadBalancer
from fleet_cluster.providers.aws.machine import AwsMachine
from fleet_cluster.providers.aws.network import AwsNetwork
from fleet_cluster.providers.aws.registry import EcrRegistry
from fleet_cluster.providers.docker.load_balancer import DockerLoadBalancer
from fleet_cluster.providers.docker.machine import DockerMachine
from fleet_cluster.providers.docker.network import DockerNetwork
from fleet_cluster.providers.docker.registry import DockerRegistry
from fleet_cluster.ssh_config import SshConfig
from fleet_cluster.units import FleetTemplate, FleetUnit

if __name__ == "__main__":
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
