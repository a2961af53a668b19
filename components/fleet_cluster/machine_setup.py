"""MachineSetup: machines in, a running fleet out."""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_command import local, remote

from ._bundle import pack
from ._etcd_release import VERSION, etcd_archive
from ._lifecycle import quorum, worker
from ._lifecycle.drain_on_delete import DrainOnDelete, DrainOnDeleteArgs
from ._lifecycle.etcd_data import EtcdData
from ._lifecycle.first_members import are_first
from ._lifecycle.member_command import MemberCommandArgs, through_members
from ._lifecycle.upgrade_order import predecessors
from ._releases import ARCHIVE, coredns
from ._releases.copies import copies
from .arguments.machine_setup import AGENT_TTL, RECONCILE_INTERVAL, MachineSetupArgs
from .fleet.etcd_configuration import EtcdSettings, digest
from .fleet.etcd_roles import all_grants, held_by, roles
from .fleet.setup.etcd_service import common_digest
from .fleet.setup.inputs import Configuration, FleetdSetup, Members, Membership, Trust
from .images import own_processor
from .machine import Connection, Machine, ssh
from .pki import YEAR, Pki, PkiArgs

CERTIFICATE_HOURS = YEAR


class MachineSetup:
    """The setup of machines that answer to SSH, whatever made them: etcd and fleet.

    Machines are added one by one, members first. Whoever makes a machine lets it depend on
    `settled`: then a change makes machines anew one member at a time, each back in etcd's quorum
    and in fleet before the next goes. The first machines of a stack come all at once. One that is
    removed or made anew is drained first.
    """

    def __init__(self, cluster: pulumi.Resource, name: str, args: MachineSetupArgs) -> None:
        """Make the certificates.

        Args:
            cluster: the parent of all resources.
            name: what the names of resources that are of no machine begin with.
            args: who keeps etcd's data, and how fleet runs.
        """
        self._cluster = cluster
        self._name = name
        self._args = args
        self._members = {member["name"]: member["address"] for member in args["members"]}
        self._are_first = are_first(f"{member}-etcd" for member in self._members)
        self._bundle = pack()
        self._grants = args.get("etcd_roles", {})
        hours = args.get("certificate_hours", CERTIFICATE_HOURS)
        number = args.get("certificate_authority", 1)
        signed = PkiArgs(
            members=args["members"], roles=roles(self._grants), hours=hours, authority=number
        )
        self._pki = Pki(f"{name}-pki", signed, self._opts())
        self.machines: list[Machine] = []
        self._copies: dict[str, list[remote.CopyToRemote]] = {}
        self._configured: list[remote.Command] = []
        self._etcd_steps: list[remote.Command] = []
        self._dropped: list[remote.Command] = []
        self._fleetd_steps: list[remote.Command] = []
        self._trust_steps: list[remote.Command] = []
        self._drains: dict[str, DrainOnDelete] = {}

    def add(self, machine: Machine) -> None:
        """Set a machine up: software and certificates, etcd if it is a member, fleet."""
        self.machines.append(machine)
        is_member = machine["name"] in self._members
        self._copies[machine["name"]] = self._copy_releases(machine)
        configured = self._configure(machine, [] if is_member else [self._admit(machine)])
        self._configured.append(configured)
        if is_member:
            self._etcd_steps.append(self._etcd(machine, configured))
        if len(self.machines) == len(self._members):
            self._dropped = [self._drop_members()]
        self._fleetd_steps.append(self._fleetd(machine, configured))
        if len(self.machines) == len(self._members):
            self._data = self._ask_for_data()
            self._drains |= {member["name"]: self._drain(member) for member in self.machines}

    def drop_previous_authority(self) -> None:
        """Let all machines that were added trust the present authority alone, members in turn."""
        if self._pki.number > 1:
            for machine in self.machines:
                self._trust_steps.append(self._trust(machine))

    @property
    def settled(self) -> Sequence[pulumi.Resource]:
        """Resources that the next machine depends on: the members so far, if there is a quorum."""
        return [] if self._are_first else self._settled_members

    @property
    def _settled_members(self) -> Sequence[pulumi.Resource]:
        return self._fleetd_steps[: len(self._members)]

    @property
    def ready(self) -> Sequence[pulumi.Resource]:
        """Resources that units depend on: all machines that were added."""
        return list(self._fleetd_steps)

    @property
    def drains(self) -> Mapping[str, DrainOnDelete]:
        """What drains each machine when it goes, for its place in a load balancer to depend on."""
        return dict(self._drains)

    @property
    def data_id(self) -> pulumi.Output[str]:
        """The etcd data id: keys and units are written again when it is another one."""
        return self._data.id

    def _opts(
        self,
        after: Sequence[pulumi.Resource] = (),
        before_update: Sequence[pulumi.ResourceHook] = (),
    ) -> pulumi.ResourceOptions:
        """Options of everything that is on machines."""
        return pulumi.ResourceOptions(
            parent=self._cluster,
            deleted_with=self._args.get("network"),
            depends_on=list(after),
            hooks=pulumi.ResourceHookBinding(before_update=list(before_update)),
        )

    def _ask_for_data(self) -> EtcdData:
        """When all members are there: any of them may be dead by then."""
        opts = self._opts(after=self._fleetd_steps)
        return EtcdData(f"{self._name}-store", {"machines": list(self.machines)}, opts)

    def _drain(self, machine: Machine) -> DrainOnDelete:
        """Through a member, when the first one has the present software.

        It ends first of what is made again with its machine: if etcd refuses, all else is there.
        """
        is_member = machine["name"] in self._members
        args = DrainOnDeleteArgs(
            machine=machine,
            members=self._ways(),
            worker=not is_member,
            asks_etcd=is_member and "network" in self._args,
        )
        after = [*self._copies[machine["name"]], *self._configured[:1]]
        return DrainOnDelete(f"{machine['name']}-leave", args, self._opts(after))

    def _ways(self) -> dict[str, Connection]:
        """The ways to etcd's members by name, which are known before the machines are there."""
        members = (one for one in self.machines if one["name"] in self._members)
        return {one["name"]: one.get("way", one["connection"]) for one in members}

    def _admit(self, machine: Machine) -> local.Command:
        """Before a worker shows etcd its certificate, a member has etcd know it."""
        known = self._drains[machine["name"]] = self._drain(machine)
        stdin = worker.admission(machine, known.machine_id, self.data_id)
        step = MemberCommandArgs(create=worker.ADMIT, stdin=stdin)
        name, opts = f"{machine['name']}-worker", self._opts(self._settled_members)
        return through_members(name, self._ways(), step, opts)

    def _configure(self, machine: Machine, before: Sequence[pulumi.Resource]) -> remote.Command:
        after, stdin = [*self._copies[machine["name"]], *before], self._configuration(machine)
        return self._step(machine, "configure", stdin, after, program=f"python3 {ARCHIVE}")

    def _copy_releases(self, machine: Machine) -> list[remote.CopyToRemote]:
        processor = machine.get("processor") or own_processor()
        releases = etcd_archive(processor), coredns.coredns_archive(processor)
        return copies(machine, (self._bundle.path, *releases), self._opts())

    def _configuration(self, machine: Machine) -> pulumi.Output[str]:
        name, pairs = machine["name"], self._pki.pairs
        is_member, receiver = name in self._members, self._args.get("journal_receiver", "")
        configuration = Configuration[pulumi.Input[str]](
            resource=machine["id"],
            bundle=self._bundle.sha,
            etcd=VERSION,
            coredns=coredns.VERSION,
            name=name,
            address=machine["address"],
            metadata=machine["metadata"],
            endpoints=list(self._members.values()),
            agent_ttl=self._args.get("agent_ttl", AGENT_TTL),
            reconcile_interval=self._args.get("reconcile_interval", RECONCILE_INTERVAL),
            image_retention_hours=self._args["image_retention_hours"],
            reboot_window=self._args["reboot_window"],
            registry=self._args.get("registry", ""),
            authority=self._pki.authority,
            previous_authority=self._pki.previous_authority,
            roles={role.name: pairs[role.name] for role in held_by(self._grants, member=is_member)},
            worker=None if is_member else self._pki.worker(name),
            member=pairs[name] if is_member else None,
            peer_authority=self._pki.peer_authority,
            peer=self._pki.peers[name] if is_member else None,
            journal_sender=self._pki.sender(name) if receiver else None,
            journal_receiver=self._pki.receiver(machine["address"]) if receiver == name else None,
        )
        return pulumi.Output.json_dumps(configuration.to_wire())

    def _etcd(self, machine: Machine, configured: remote.Command) -> remote.Command:
        """Chained, so that no change touches two members at once; the first ones join together."""
        stdin = pulumi.Output.json_dumps(self._membership(machine).to_wire())
        first = "etcd" if self._etcd_steps else "etcd-bootstrap"
        before = self._etcd_steps[:1] if self._are_first else self._etcd_steps[-1:]
        after = [configured, *before]
        return self._step(machine, "etcd", stdin, after, create=first, seconds=240)

    def _membership(self, machine: Machine) -> Membership[pulumi.Input[str]]:
        authorities = pulumi.Output.all(self._pki.authority, self._pki.peer_authority)
        return Membership(
            resource=machine["id"],
            name=machine["name"],
            address=machine["address"],
            members=self._members,
            version=VERSION,
            grants=all_grants(self._grants),
            settings=self._args.get("etcd_settings", EtcdSettings()).variables(),
            configured_with=authorities.apply(lambda both: common_digest(VERSION, both)),
        )

    def _drop_members(self) -> remote.Command:
        """Let etcd forget members that are not wanted any more, before their machines go."""
        members = pulumi.Output.all(**self._members)
        asked = members.apply(quorum.may_shrink)
        first = self.machines[0]["name"]
        hooks = quorum.in_preview(f"{first}-etcd-members", self._ways(), asked)
        return self._step(
            self.machines[0],
            "etcd-members",
            pulumi.Output.json_dumps(Members(self._members).to_wire()),
            self._etcd_steps,
            seconds=300,
            before_update=hooks,
        )

    def _fleetd(self, machine: Machine, configured: remote.Command) -> remote.Command:
        """Its input tells what the machine was configured with: a change of that restarts it."""
        given = configured.stdin.apply(lambda text: digest(text or ""))
        wanted = FleetdSetup(given, machine["name"] in self._members)
        stdin = pulumi.Output.json_dumps(wanted.to_wire())
        after = [configured, *self._etcd_steps]
        if not self._are_first:
            after += [*self._dropped, *predecessors(self._fleetd_steps)]
        return self._step(machine, "fleetd", stdin, after, seconds=300)

    def _trust(self, machine: Machine) -> remote.Command:
        """When no machine shows a certificate of the authority before this one any more."""
        member = self._membership(machine) if machine["name"] in self._members else None
        wanted = Trust(machine["id"], self._pki.authority, member)
        stdin = pulumi.Output.json_dumps(wanted.to_wire())
        after = [*self._fleetd_steps, *self._trust_steps[: len(self._members)][-1:]]
        return self._step(machine, "trust", stdin, after, seconds=240)

    def _step(
        self,
        machine: Machine,
        step: str,
        stdin: pulumi.Input[str],
        after: Sequence[pulumi.Resource],
        create: str | None = None,
        program: str = "fleet-setup",
        seconds: int = 120,
        before_update: Sequence[pulumi.ResourceHook] = (),
    ) -> remote.Command:
        """Run a step of `fleet.setup` on a machine, again when its input changes.

        By `update`, not `triggers`, which run the new create, then the old delete, and both there.
        """
        run = f"sudo timeout {seconds} {program}"
        return remote.Command(
            f"{machine['name']}-{step}",
            connection=ssh(machine["connection"]),
            create=f"{run} {create or step}",
            update=f"{run} {step}",
            add_previous_output_in_env=False,
            stdin=stdin,
            opts=self._opts(after, before_update),
        )
