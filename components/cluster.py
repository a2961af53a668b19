"""Cluster: machines in, a running fleet out."""

import hashlib
from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_command import remote

from .host import Connection, Host, ssh
from .pki import Pki
from .software import Software, pack

ARCHIVE = "/home/core/fleet.zip"
RECONCILE_INTERVAL = 60
"""Seconds between fleetd's full reconciles, its safety net; everything reacts to watches."""


class ClusterArgs(TypedDict):
    """The machines, and how fleet runs on them."""

    hosts: list[Host]
    """The machines, in order; the first ones keep etcd's data."""
    etcd_size: int
    """How many machines keep etcd's data: 1, 3 or 5."""
    agent_ttl: NotRequired[int]
    """Seconds after which a silent machine counts as lost; 10 if not given."""
    reconcile_interval: NotRequired[int]
    """Seconds between fleetd's full reconciles; 60 if not given."""
    registry: NotRequired[pulumi.Input[str]]
    """An image registry that the machines reach by plain HTTP: 172.30.7.2:5000."""


class Cluster(pulumi.ComponentResource):
    """etcd and fleet on machines that answer to SSH, whatever made them."""

    endpoints: pulumi.Output[list[str]]
    """The addresses of etcd's members."""
    machines: pulumi.Output[dict[str, str]]
    """The machines' addresses by name."""

    def __init__(
        self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Certificates, configuration, etcd one machine at a time, then fleetd everywhere."""
        super().__init__("fleet-cluster:index:Cluster", name, None, opts)
        self._args = args
        hosts, core = args["hosts"], args["hosts"][: args["etcd_size"]]
        self.connection: Connection = hosts[0]["connection"]
        self.endpoints = pulumi.Output.all(*[host["address"] for host in core])
        self.machines = pulumi.Output.all(**{host["name"]: host["address"] for host in hosts})
        self._pki = Pki(f"{name}-pki", {"members": core}, pulumi.ResourceOptions(parent=self))
        software = pack()
        configured = [self._configure(host, host in core, software) for host in hosts]
        members = self._etcd(core, configured)
        ready = [self._fleetd(host, members, configured) for host in hosts]
        self.ready: Sequence[pulumi.Resource] = [self._drop_members(core, members), *ready]
        self.register_outputs({"endpoints": self.endpoints, "machines": self.machines})

    def _configure(self, host: Host, is_member: bool, software: Software) -> remote.Command:
        name = host["name"]
        copied = remote.CopyToRemote(
            f"{name}-software",
            connection=ssh(host["connection"]),
            source=pulumi.FileAsset(str(software.path)),
            remote_path=ARCHIVE,
            triggers=[host["id"]],
            opts=pulumi.ResourceOptions(parent=self),
        )
        stdin = self._configuration(host, is_member, software)
        return self._step(host, "configure", stdin, [copied], program=f"python3 {ARCHIVE}")

    def _configuration(self, host: Host, is_member: bool, software: Software) -> pulumi.Output[str]:
        roles = ["fleet", "app", "nginx", *(["root"] if is_member else [])]
        return pulumi.Output.json_dumps(
            {
                "resource": host["id"],
                "software": software.sha,
                "name": host["name"],
                "address": host["address"],
                "metadata": host["metadata"],
                "endpoints": self.endpoints,
                "agent_ttl": self._args.get("agent_ttl", 10),
                "reconcile_interval": self._args.get("reconcile_interval", RECONCILE_INTERVAL),
                "registry": self._args.get("registry", ""),
                "authority": self._pki.authority,
                "roles": {role: self._pair(role) for role in roles},
                "member": self._pair(host["name"]) if is_member else None,
            }
        )

    def _pair(self, name: str) -> dict[str, pulumi.Output[str]]:
        certificate, key = self._pki.pairs[name]
        return {"cert": certificate, "key": key}

    def _etcd(
        self, core: Sequence[Host], configured: Sequence[remote.Command]
    ) -> list[remote.Command]:
        """Chained, so that no change touches two members at once."""
        members: list[remote.Command] = []
        addresses = {host["name"]: host["address"] for host in core}
        for host, before in zip(core, configured, strict=False):
            stdin = pulumi.Output.json_dumps(
                {
                    "resource": host["id"],
                    "name": host["name"],
                    "address": host["address"],
                    "members": addresses,
                }
            )
            first = "etcd-bootstrap" if host is core[0] else "etcd"
            step = self._step(
                host, "etcd", stdin, [before, *members[-1:]], create=first, seconds=240
            )
            members.append(step)
        return members

    def _drop_members(
        self, core: Sequence[Host], members: Sequence[remote.Command]
    ) -> remote.Command:
        addresses = {host["name"]: host["address"] for host in core}
        stdin = pulumi.Output.json_dumps({"members": addresses})
        return self._step(core[0], "etcd-members", stdin, members, seconds=300)

    def _fleetd(
        self,
        host: Host,
        members: Sequence[remote.Command],
        configured: Sequence[remote.Command],
    ) -> remote.Command:
        """Its input is what the machine was configured with: a change of that restarts it."""
        own = configured[self._args["hosts"].index(host)]
        stdin = own.stdin.apply(lambda text: hashlib.sha256((text or "").encode()).hexdigest())
        return self._step(host, "fleetd", stdin, [own, *members])

    def _step(
        self,
        host: Host,
        step: str,
        stdin: pulumi.Input[str],
        after: Sequence[pulumi.Resource],
        create: str | None = None,
        program: str = "fleet-setup",
        seconds: int = 120,
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
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )
