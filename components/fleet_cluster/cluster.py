"""Cluster: machines in, a running fleet out."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_command import remote

from ._bundle import pack
from ._lifecycle import quorum
from ._lifecycle.drain_on_delete import DrainOnDelete, DrainOnDeleteArgs
from ._lifecycle.etcd_data import EtcdData
from .fleet.etcd_roles import held_by
from .fleet.setup.inputs import Configuration, FleetdSetup, Members, Membership
from .machine import Connection, Machine, MachineAddress, ssh
from .pki import Pki

ARCHIVE = "/home/core/fleet.zip"
RECONCILE_INTERVAL = 60
"""Seconds between fleetd's full reconciles, its safety net; everything reacts to watches."""


class ClusterArgs(TypedDict):
    """Who keeps etcd's data, and how fleet runs."""

    members: list[MachineAddress]
    """The machines that keep etcd's data: 1, 3 or 5."""
    hosts: NotRequired[list[Machine]]
    """Machines that are there already, members first; others come by `add`."""
    agent_ttl: NotRequired[int]
    """Seconds after which a silent machine counts as lost; 10 if not given."""
    reconcile_interval: NotRequired[int]
    """Seconds between fleetd's full reconciles; 60 if not given."""
    registry: NotRequired[pulumi.Input[str]]
    """An image registry that the machines reach by plain HTTP: 172.30.7.2:5000."""


class Cluster(pulumi.ComponentResource):
    """etcd and fleet on machines that answer to SSH, whatever made them.

    Machines are added one by one, members first. Whoever makes a machine lets it depend on
    `settled`: then a change that makes machines anew does so one member at a time, each back in
    etcd's quorum and in fleet before the next goes.

    A machine that is removed or made anew is drained first. Give the cluster `deleted_with` what
    all of its machines go with, their network: then its own end waits for nothing, and a member
    of etcd does not go as long as etcd needs it.
    """

    def __init__(
        self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Make the certificates; set up the machines that are there already."""
        super().__init__("fleet-cluster:index:Cluster", name, None, opts)
        self._args = args
        # Without it, the end of the cluster could not be told from that of one machine.
        self._lasting = opts is not None and opts.deleted_with is not None
        self._name_of_store = f"{name}-store"
        self._members = {member["name"]: member["address"] for member in args["members"]}
        self._software = pack()
        self._pki = Pki(
            f"{name}-pki", {"members": args["members"]}, pulumi.ResourceOptions(parent=self)
        )
        self.hosts: list[Machine] = []
        self._configured: list[remote.Command] = []
        self._etcd_steps: list[remote.Command] = []
        self._dropped: list[remote.Command] = []
        self._fleetd_steps: list[remote.Command] = []
        self._leaves: dict[str, DrainOnDelete] = {}
        for host in args.get("hosts", []):
            self.add(host)
        self.register_outputs({})

    def add(self, host: Machine) -> None:
        """Set a machine up: software and certificates, etcd if it is a member, fleet."""
        self.hosts.append(host)
        configured = self._configure(host)
        self._configured.append(configured)
        if host["name"] in self._members:
            self._etcd_steps.append(self._etcd(host, configured))
        if len(self.hosts) == len(self._members):
            self._dropped = [self._drop_members()]
        self._fleetd_steps.append(self._fleetd(host, configured))
        if len(self.hosts) == len(self._members):
            self._store = self._ask_store()
            self._leaves |= {member["name"]: self._leave(member) for member in self.hosts}
        elif host["name"] not in self._members:
            self._leaves[host["name"]] = self._leave(host)

    @property
    def settled(self) -> Sequence[pulumi.Resource]:
        """What the next machine waits for: a member for those before it, others for all members."""
        return self._fleetd_steps[: len(self._members)]

    @property
    def ready(self) -> Sequence[pulumi.Resource]:
        """What units wait for: all machines that were added."""
        return list(self._fleetd_steps)

    @property
    def leaves(self) -> Mapping[str, DrainOnDelete]:
        """What empties each machine when it goes, for its place in a load balancer to depend on."""
        return dict(self._leaves)

    @property
    def connection(self) -> Connection:
        """The machine through which keys and units are written."""
        return self.hosts[0]["connection"]

    @property
    def store(self) -> pulumi.Output[str]:
        """What etcd holds: keys and units are written again when it is another."""
        return self._store.id

    @property
    def machines(self) -> pulumi.Output[dict[str, str]]:
        """The machines' addresses by name."""
        return pulumi.Output.all(**{host["name"]: host["address"] for host in self.hosts})

    def _ask_store(self) -> EtcdData:
        """When all members are there: any of them may be dead by then."""
        opts = pulumi.ResourceOptions(parent=self, depends_on=list(self._fleetd_steps))
        return EtcdData(self._name_of_store, {"hosts": list(self.hosts)}, opts)

    def _leave(self, host: Machine) -> DrainOnDelete:
        """Through the first machine, when that has the present software."""
        args = DrainOnDeleteArgs(host=host, via=self.connection)
        if self._lasting and host["name"] in self._members:
            args["members"] = self._connections()
        opts = pulumi.ResourceOptions(parent=self, depends_on=self._configured[:1])
        return DrainOnDelete(f"{host['name']}-leave", args, opts)

    def _connections(self) -> dict[str, Connection]:
        """The ways to etcd's members, by name."""
        return {
            host["name"]: host["connection"] for host in self.hosts if host["name"] in self._members
        }

    def _configure(self, host: Machine) -> remote.Command:
        copied = remote.CopyToRemote(
            f"{host['name']}-software",
            connection=ssh(host["connection"]),
            source=pulumi.FileAsset(str(self._software.path)),
            remote_path=ARCHIVE,
            triggers=[host["id"]],
            opts=pulumi.ResourceOptions(parent=self),
        )
        run = f"python3 {ARCHIVE}"
        return self._step(host, "configure", self._configuration(host), [copied], program=run)

    def _configuration(self, host: Machine) -> pulumi.Output[str]:
        is_member, pairs = host["name"] in self._members, self._pki.pairs
        configuration = Configuration[pulumi.Input[str]](
            resource=host["id"],
            bundle=self._software.sha,
            name=host["name"],
            address=host["address"],
            metadata=host["metadata"],
            endpoints=list(self._members.values()),
            agent_ttl=self._args.get("agent_ttl", 10),
            reconcile_interval=self._args.get("reconcile_interval", RECONCILE_INTERVAL),
            registry=self._args.get("registry", ""),
            authority=self._pki.authority,
            roles={role.name: pairs[role.name] for role in held_by(member=is_member)},
            member=pairs[host["name"]] if is_member else None,
        )
        return pulumi.Output.json_dumps(configuration.to_wire())

    def _etcd(self, host: Machine, configured: remote.Command) -> remote.Command:
        """Chained, so that no change touches two members at once."""
        wanted = Membership(host["id"], host["name"], host["address"], self._members)
        stdin = pulumi.Output.json_dumps(wanted.to_wire())
        first = "etcd" if self._etcd_steps else "etcd-bootstrap"
        after = [configured, *self._etcd_steps[-1:]]
        return self._step(host, "etcd", stdin, after, create=first, seconds=240)

    def _drop_members(self) -> remote.Command:
        """Let etcd forget members that are not wanted any more, before their machines go."""
        members = pulumi.Output.all(**self._members)
        asked = members.apply(quorum.may_shrink)
        hooks = quorum.in_preview(
            f"{self.hosts[0]['name']}-etcd-members", self._connections(), asked
        )
        return self._step(
            self.hosts[0],
            "etcd-members",
            pulumi.Output.json_dumps(Members(self._members).to_wire()),
            self._etcd_steps,
            seconds=300,
            before_update=hooks,
        )

    def _fleetd(self, host: Machine, configured: remote.Command) -> remote.Command:
        """Its input tells what the machine was configured with: a change of that restarts it."""
        wanted = FleetdSetup(configured.stdin.apply(_sha256), host["name"] in self._members)
        stdin = pulumi.Output.json_dumps(wanted.to_wire())
        after = [configured, *self._etcd_steps, *self._dropped]
        return self._step(host, "fleetd", stdin, after, seconds=180)

    def _step(
        self,
        host: Machine,
        step: str,
        stdin: pulumi.Input[str],
        after: Sequence[pulumi.Resource],
        create: str | None = None,
        program: str = "fleet-setup",
        seconds: int = 120,
        before_update: Sequence[pulumi.ResourceHook] = (),
    ) -> remote.Command:
        """Run a step of `fleet.setup` on a machine, again whenever its input changes.

        It uses `update`, not `triggers`: a trigger would run the new create and then the old
        delete, on the new machine.
        """
        run = f"sudo timeout {seconds} {program}"
        return remote.Command(
            f"{host['name']}-{step}",
            connection=ssh(host["connection"]),
            create=f"{run} {create or step}",
            update=f"{run} {step}",
            add_previous_output_in_env=False,
            stdin=stdin,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(after),
                hooks=pulumi.ResourceHookBinding(before_update=list(before_update)),
            ),
        )


def _sha256(text: str | None) -> str:
    return hashlib.sha256((text or "").encode()).hexdigest()
