"""A cluster of machines that runs systemd units behind a load balancer, as Pulumi components.

`Cluster` makes machines where a provider has them, `docker` or `aws`. Units, templates, keys,
secrets and the operator's ssh_config take its `access`, also in another stack.
"""

from . import fleet
from .access import Access
from .arguments.etcd import EtcdRole
from .backups.schedule import BackupArgs
from .cluster import Cluster, ClusterArgs
from .errors import InputError
from .journals.shipping import JournalArgs
from .keys import EtcdKeys, EtcdKeysArgs
from .providers.provider import AwsArgs, DockerArgs, ProviderArgs, aws, docker
from .ssh_config import SshConfig, SshConfigArgs
from .unit_secrets.secrets import Secrets, SecretsArgs
from .units import FleetTemplate, FleetTemplateArgs, FleetUnit, FleetUnitArgs

__version__ = fleet.VERSION

__all__ = [
    "Access",
    "AwsArgs",
    "BackupArgs",
    "Cluster",
    "ClusterArgs",
    "DockerArgs",
    "EtcdKeys",
    "EtcdKeysArgs",
    "EtcdRole",
    "FleetTemplate",
    "FleetTemplateArgs",
    "FleetUnit",
    "FleetUnitArgs",
    "InputError",
    "JournalArgs",
    "ProviderArgs",
    "Secrets",
    "SecretsArgs",
    "SshConfig",
    "SshConfigArgs",
    "__version__",
    "aws",
    "docker",
]
