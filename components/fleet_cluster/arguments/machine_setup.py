"""What a machine's setup is given: who keeps etcd's data, and how fleet runs."""

from typing import NotRequired, TypedDict

import pulumi

from ..fleet.etcd_configuration import EtcdSettings
from ..fleet.etcd_roles import Grants
from ..machine import MachineAddress

AGENT_TTL = 10
"""Seconds after which a silent machine counts as lost."""
RECONCILE_INTERVAL = 60
"""Seconds between fleetd's full reconciles, its safety net; everything reacts to watches."""


class MachineSetupArgs(TypedDict):
    """Who keeps etcd's data, and how fleet runs."""

    members: list[MachineAddress]
    """The machines that keep etcd's data: 1, 3 or 5."""
    agent_ttl: NotRequired[int]
    """Seconds after which a silent machine counts as lost; 10 if not given."""
    reconcile_interval: NotRequired[int]
    """Seconds between fleetd's full reconciles; 60 if not given."""
    image_retention_hours: int
    """How old images become that no container uses."""
    reboot_window: str
    registry: NotRequired[pulumi.Input[str]]
    """An image registry that the machines reach by plain HTTP: 172.30.7.2:5000."""
    etcd_roles: NotRequired[Grants]
    """Roles of etcd beside those that every cluster has."""
    certificate_hours: NotRequired[int]
    """How long certificates are valid; a year if not given."""
    certificate_authority: NotRequired[int]
    """Number of the authority that signs them, from 1; 1 if not given."""
    journal_receiver: NotRequired[str]
    """The machine that journals are shipped to; they are not if it is not given, or empty."""
    etcd_settings: NotRequired[EtcdSettings]
    """etcd's configuration; a change restarts its members, one after the other."""
    network: NotRequired[pulumi.Resource]
    """What all machines are deleted with: then the end of the whole waits for nothing, and no
    member of etcd goes as long as etcd needs it. Without it the two cannot be told apart."""
