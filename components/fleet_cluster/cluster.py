"""Cluster: machines, etcd and fleet on them, and the load balancer in front."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pulumi

from .access import grant
from .arguments.etcd import EtcdRole, etcd_roles, etcd_settings, etcd_size
from .arguments.machine_setup import AGENT_TTL, RECONCILE_INTERVAL
from .arguments.metadata import machine_metadata
from .backups.schedule import BackupArgs, Backups, check_backups, take_backups, with_members_marked
from .errors import InputError, between, not_allowed
from .fleet.etcd_configuration import EtcdSettings
from .fleet.etcd_roles import Grants
from .fleet.model.reboot_window import ALLOWED, RebootWindow
from .journals.shipping import (
    PORT,
    JournalArgs,
    Journals,
    check_journals,
    ship_journals,
    with_receiver_marked,
)
from .machine_setup import CERTIFICATE_HOURS, MachineSetup
from .pki import MOST_HOURS
from .providers.provider import ProviderArgs, check_provider, make_provider

MOST_AUTHORITIES = 999
IMAGE_RETENTION_HOURS = 72
MOST_RETENTION_HOURS = 8760
RESERVED = ("machine",)
"""Names of images that the library itself has beside those of a cluster's units."""


class ClusterArgs(TypedDict):
    """Where machines come from, how many, and how fleet runs."""

    provider: ProviderArgs
    """Where machines come from: `docker` or `aws` with its arguments."""
    size: int
    """How many machines: 1 to 12 (docker) or 100 (aws)."""
    etcd_size: NotRequired[int]
    """How many machines keep etcd's data, 1, 3 or 5; the first ones do. 3 if not given; a smaller
    cluster takes what fits."""
    metadata: NotRequired[Sequence[Mapping[str, str]]]
    """fleet metadata of each machine in order, like [{"role": "web"}, {"role": "db"}]; units
    choose by MachineMetadata=. Machines without an entry have none."""
    etcd_roles: NotRequired[Mapping[str, EtcdRole]]
    """Roles of etcd for what runs, like {"web": {"read": ["/app/web/"]}}: each has a user of its
    name, whose certificate and key are on all machines as /etc/fleet/pki/NAME.crt and NAME.key, and
    for a container to mount as a folder, /etc/fleet/pki/NAME: ca.crt, tls.crt and tls.key. Role app
    is there already: it may write what is below /app/ and /test/."""
    etcd_quota_backend_bytes: NotRequired[int]
    """Bytes of etcd's data from which on nothing more can be written, 268435456 to 8589934592;
    2147483648 if not given. A change of this or the next two restarts etcd's members, one by one.
    """
    etcd_heartbeat_interval: NotRequired[int]
    """Milliseconds between heartbeats of etcd's leader, 50 to 500; about the time that a message
    takes between the members and back. 100 if not given."""
    etcd_election_timeout: NotRequired[int]
    """Milliseconds without a heartbeat after which etcd's members elect another leader: at least
    1000 and five heartbeats, at most half of `agent_ttl`. 1000 if not given."""
    images: NotRequired[Sequence[str]]
    """Folders with a Dockerfile: images that are built and pushed to the cluster's registry."""
    agent_ttl: NotRequired[int]
    """Seconds after which a silent machine counts as lost and its units move, 5 to 300; 10 if not
    given."""
    reconcile_interval: NotRequired[int]
    """Seconds between fleet's full reconciles, 5 to 86400; 60 if not given. They are a safety net:
    everything reacts to events at once."""
    image_retention_hours: NotRequired[int]
    """How old images become on a machine when no container uses them, 1 to 8760 hours; 72 if not
    given. Of those that are older each machine prunes what it can, every hour."""
    reboot_window: NotRequired[str]
    """When machines reboot in turn whose operating system asks for it, in UTC: Sun 02:00-04:00,
    Mon-Fri 22:00-01:00, daily 03:00-05:00. They do not by themselves if not given."""
    certificate_hours: NotRequired[int]
    """How long the cluster's certificates are valid, 1 to 17520 hours; 8760, a year, if not given.
    An update in their last 60 days (the last sixth of a shorter life) renews them."""
    certificate_authority: NotRequired[int]
    """The number of the cluster's certificate authority; 1 if not given. One more has it, all keys
    and all certificates made anew, and what the one before has signed is not taken any more."""
    backups: NotRequired[BackupArgs | None]
    """Where backups of etcd's data go, and when. None are taken if not given."""
    journals: NotRequired[JournalArgs | None]
    """Which machine keeps the journals of all. They stay where they are if not given."""


class Cluster(pulumi.ComponentResource):
    """A cluster of machines that runs systemd units behind a load balancer.

    A stack has one. A change that makes machines anew does so one by one where they keep etcd's
    data, each back in etcd's quorum and in fleet before the next goes; a machine that goes is
    drained first. A member of etcd does not go as long as etcd needs it. The end of the whole
    waits for nothing.
    """

    access: Mapping[str, Any]
    """All that units, keys and secrets need of the cluster: what they take as `cluster`, also in
    another stack. It holds the machines' private key, as a secret."""
    hostname: pulumi.Output[str]
    """Where the load balancer is reached."""
    url: pulumi.Output[str]
    """What to open: the load balancer, in front of port 80 of every machine that answers there."""
    machines: pulumi.Output[Mapping[str, str]]
    """The machines' addresses inside the cluster, by name."""
    images: pulumi.Output[Mapping[str, str]]
    """What machines pull of the images that were given as `images`, by their folders' names."""

    def __init__(
        self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Make the machines and set them up, each after those that it has to wait for.

        Raises:
            InputError: an argument is not allowed.
        """
        checked = _check(args)
        super().__init__("fleet-cluster:index:Cluster", name, None, opts)
        source = self._source = make_provider(args["provider"], self)
        setup = self._set_machines_up(name, checked)
        balancer = source.load_balancer(setup.machines, setup.drains)
        self._built: dict[str, pulumi.Output[str]] = {}
        self._contexts: dict[str, Path] = {}
        self.access = grant(
            setup.machines, setup.data_id, setup.ready, source.network, checked.etcd_size
        )
        if checked.backups:
            take_backups(self, self.access, checked.backups)
        if checked.journals:
            source.let_machines_reach("journals", PORT)
            addresses = {machine["name"]: machine["address"] for machine in setup.machines}
            ship_journals(self, self.access, checked.journals, addresses)
        self.hostname = balancer.hostname
        self.url = balancer.url
        self.machines = pulumi.Output.all(
            **{machine["name"]: machine["address"] for machine in setup.machines}
        )
        self.images = pulumi.Output.all(
            **{Path(context).name: self.image(context) for context in args.get("images", ())}
        )
        outputs = ("access", "hostname", "url", "machines", "images")
        self.register_outputs({output: getattr(self, output) for output in outputs})

    def _set_machines_up(self, name: str, checked: "_Checked") -> MachineSetup:
        source = self._source
        setup = MachineSetup(
            self,
            name,
            {
                "members": source.members(checked.etcd_size),
                "agent_ttl": checked.agent_ttl,
                "reconcile_interval": checked.reconcile_interval,
                "image_retention_hours": checked.image_retention_hours,
                "reboot_window": checked.reboot_window,
                "registry": source.registry_host,
                "etcd_roles": checked.etcd_roles,
                "certificate_hours": checked.certificate_hours,
                "certificate_authority": checked.certificate_authority,
                "journal_receiver": checked.journals.machine if checked.journals else "",
                "etcd_settings": checked.etcd_settings,
                "network": source.network,
            },
        )
        for number, metadata in enumerate(checked.metadata, start=1):
            setup.add(source.machine(number, metadata, setup.settled))
        setup.drop_previous_authority()
        return setup

    def image(self, context: str) -> pulumi.Output[str]:
        """Build an image and push it to the cluster's registry: what machines pull.

        Args:
            context: a folder with a Dockerfile; its name is the image's.

        Raises:
            InputError: there is no Dockerfile in it, or the name is another image's.
        """
        path = Path(context)
        if path.name in RESERVED:
            raise InputError(
                "images", f"{context}: the library has an image {path.name}; rename it"
            )
        other = self._contexts.setdefault(path.name, path)
        if other.resolve() != path.resolve():
            reason = f"{context}: {other} is an image {path.name} too; rename one of them"
            raise InputError("images", reason)
        if path.name not in self._built:
            self._built[path.name] = self._source.image(path)
        return self._built[path.name]


@dataclass(frozen=True)
class _Checked:
    """What was chosen, or is so if nothing was."""

    metadata: Sequence[Mapping[str, str]]
    """One entry a machine; empty for those that were given none."""
    etcd_size: int
    etcd_roles: Grants
    etcd_settings: EtcdSettings
    agent_ttl: int
    reconcile_interval: int
    image_retention_hours: int
    reboot_window: str
    certificate_hours: int
    certificate_authority: int
    backups: Backups | None
    journals: Journals | None


def _check(args: ClusterArgs) -> _Checked:
    """See that the arguments are allowed, before anything is made."""
    agent_ttl = between("agent_ttl", args.get("agent_ttl", AGENT_TTL), 5, 300)
    settings = etcd_settings(args, agent_ttl)
    largest = check_provider(args["provider"], settings.quota_backend_bytes)
    size = between("size", args["size"], 1, largest)
    interval = args.get("reconcile_interval", RECONCILE_INTERVAL)
    hours = args.get("certificate_hours", CERTIFICATE_HOURS)
    retention = args.get("image_retention_hours", IMAGE_RETENTION_HOURS)
    authority = args.get("certificate_authority", 1)
    members, backups = etcd_size(args, size), check_backups(args.get("backups"))
    journals = check_journals(args.get("journals"), size)
    metadata = machine_metadata(args.get("metadata", ()), size)
    if backups:
        metadata = with_members_marked(metadata, members)
    return _Checked(
        metadata=with_receiver_marked(metadata, journals.machine) if journals else metadata,
        etcd_size=members,
        etcd_roles=etcd_roles(args),
        etcd_settings=settings,
        agent_ttl=agent_ttl,
        reconcile_interval=between("reconcile_interval", interval, 5, 86400),
        image_retention_hours=between("image_retention_hours", retention, 1, MOST_RETENTION_HOURS),
        reboot_window=_reboot_window(args),
        certificate_hours=between("certificate_hours", hours, 1, MOST_HOURS),
        certificate_authority=between("certificate_authority", authority, 1, MOST_AUTHORITIES),
        backups=backups,
        journals=journals,
    )


def _reboot_window(args: ClusterArgs) -> str:
    given = args.get("reboot_window", "")
    try:
        RebootWindow.parse(given)
    except ValueError:
        raise not_allowed("reboot_window", given, ALLOWED) from None
    return given
