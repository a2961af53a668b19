"""A member of etcd is away: what is written goes through another, in the real engine.

The members are sshds with the real fleetctl, over one store in this process.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi_command import remote

from fleet_cluster import keys as etcd_keys
from fleet_cluster import machine as machines
from fleet_cluster import units
from fleet_cluster._lifecycle import drain_on_delete, openssh_files
from fleet_cluster._lifecycle.drain_on_delete import DrainOnDelete
from fleet_cluster._lifecycle.member_command import MemberCommandArgs
from fleet_cluster.access import ClusterAccess, grant
from fleet_cluster.keys import EtcdKeys
from fleet_cluster.machine import Connection, Machine, ssh
from fleet_cluster.units import FleetUnit
from tests.contract import sshd
from tests.contract.harness import Program, Project
from tests.contract.sshd import Server
from tests.contract.test_claims import ACCEPTED, COMPONENTS, KEY, changed
from tests.unit.fleet.etcd.etcd_server import EtcdServer
from tests.unit.fleet.fleetctl.small_cluster import SmallCluster

MEMBERS = ("machine-1", "machine-2")
FLEETCTL = """\
#!/bin/sh
echo "$@" >> {folder}/asked
case "$*" in drain*) exit ;; esac
PYTHONPATH={components} exec {python} -m fleet.fleetctl --endpoint {endpoint} "$@"
"""
UNIT = "[Service]\nExecStart=/bin/{program}\n"


@dataclass
class Members:
    """Members of etcd, each with an sshd of its own."""

    folder: Path
    cluster: SmallCluster
    servers: dict[str, Server] = field(default_factory=dict[str, Server])
    running: dict[str, ExitStack] = field(default_factory=dict[str, ExitStack])

    def start(self, name: str) -> None:
        folder, known = self.folder / name, self.servers.get(name)
        path = f"{folder}:/usr/bin:/bin"
        port = known.port if known else None
        self.running[name] = ExitStack()
        self.servers[name] = self.running[name].enter_context(
            sshd.running(folder, path=path, accept_env=ACCEPTED, port=port)
        )

    def stop(self, name: str) -> None:
        self.running.pop(name).close()

    def were_asked(self) -> dict[str, list[str]]:
        """The commands of fleetctl by member, since the last time."""
        found: dict[str, list[str]] = {}
        for name in MEMBERS:
            asked = self.folder / name / "asked"
            if asked.exists():
                found[name] = [line.split()[0] for line in asked.read_text().splitlines()]
                asked.unlink()
        return found

    def machine(self, name: str) -> Machine:
        server = self.servers[name]
        connection: Connection = {
            "host": "127.0.0.1",
            "port": server.port,
            "private_key": pulumi.Output.secret(server.user_key("ed25519")),
            "host_key": server.host_key("ed25519"),
        }
        return {
            "name": name,
            "id": name,
            "address": "127.0.0.1",
            "connection": connection,
            "metadata": {},
        }

    def access(self) -> dict[str, Any]:
        there = [self.machine(name) for name in MEMBERS]
        return grant(there, pulumi.Output.from_input("first"), [], None, len(MEMBERS))

    def program(
        self,
        program: str = "web",
        greeting: str = "Hello",
        *,
        leave: bool = False,
        names: Sequence[str] = ("web", "db"),
    ) -> Program:
        """Two units, of which one changes, a key, and perhaps a worker's end."""
        for name in ("web", "db"):
            text = UNIT.format(program=program if name == "web" else name)
            (self.folder / f"{name}.service").write_text(text)

        def run() -> None:
            access = self.access()
            if greeting:
                EtcdKeys("keys", {"cluster": access, "keys": {KEY: greeting}})
            for name in names:
                FleetUnit(name, {"cluster": access, "file": str(self.folder / f"{name}.service")})
            if leave:
                ways = {name: self.machine(name)["connection"] for name in MEMBERS}
                DrainOnDelete("leave", {"machine": self.machine("machine-2"), "members": ways})

        return run


@pytest.fixture
def members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Members]:
    cluster = SmallCluster()
    etcd = EtcdServer(cluster.store)
    made = Members(tmp_path, cluster)
    for name in MEMBERS:
        folder = tmp_path / name
        folder.mkdir()
        values = {"components": COMPONENTS, "python": sys.executable, "endpoint": etcd.endpoint}
        (folder / "fleetctl").write_text(FLEETCTL.format(folder=folder, **values))
        (folder / "fleetctl").chmod(0o755)
        made.start(name)
    # One key pair lets in everywhere, as in a cluster.
    for name in MEMBERS[1:]:
        for kind in ("user_ed25519", "user_ed25519.pub", "authorized_keys"):
            (tmp_path / name / kind).write_text((tmp_path / MEMBERS[0] / kind).read_text())
    for module in (machines, openssh_files):
        monkeypatch.setattr(module, "SSH_USER", made.servers["machine-1"].user)
    monkeypatch.setattr(drain_on_delete, "FOLDER", tmp_path / "drains")
    monkeypatch.setattr(drain_on_delete, "FOLDER_BEFORE", tmp_path / "leaves")
    monkeypatch.chdir(tmp_path)
    yield made
    for one in made.running.values():
        one.close()
    etcd.stop()


def written(program: Program, project: Project) -> dict[str, str]:
    return changed(project.up(program).steps)


def test_with_the_first_member_away_all_goes_through_the_next(
    members: Members, project: Project
) -> None:
    project.up(members.program(leave=True))
    assert set(members.were_asked()) == {"machine-1"}
    members.stop("machine-1")
    failed = members.cluster.state("db.service", "failed", "failed")
    members.cluster.report("db.service", failed)
    members.cluster.log.clear()

    project.up(members.program("webd", "Bye", leave=True))
    assert set(members.were_asked()) == {"machine-2"}
    assert members.cluster.store.entries[KEY].value == "Bye"
    assert members.cluster.log == ["stop web.service", "start web.service"], "and of db nothing"
    assert written(members.program("webd", "Bye", leave=True), project) == {}

    removed = project.up(members.program("webd", "Bye"))
    assert set(changed(removed.steps)) == {"machine-2-leave", "machine-2-drain", "leave"}
    assert members.were_asked() == {"machine-2": ["drain"]}


def test_with_all_members_away_a_preview_shows_no_change(
    members: Members, project: Project
) -> None:
    project.up(members.program())
    for name in MEMBERS:
        members.stop(name)
    assert changed(project.preview(members.program()).steps) == {}
    for name in MEMBERS:
        members.start(name)
    assert set(members.were_asked()) == {"machine-1"}


def test_what_is_named_no_more_ends_through_the_next_while_the_first_is_away(
    members: Members, project: Project
) -> None:
    project.up(members.program())
    members.stop("machine-1")
    members.were_asked()
    done = written(members.program(greeting="", names=["db"]), project)
    assert done == {"web.service": "delete", KEY: "delete", "web": "delete", "keys": "delete"}
    assert sorted(members.were_asked()["machine-2"]) == ["apply", "seed"]
    assert KEY not in members.cluster.store.entries
    assert set(members.cluster.view().units) == {"db.service"}


def test_a_member_at_another_address_is_told_to_every_unit_and_none_notices(
    members: Members, project: Project
) -> None:
    project.up(members.program())
    members.stop("machine-2")
    del members.servers["machine-2"]
    members.start("machine-2")
    members.cluster.log.clear()
    told = written(members.program(), project)
    assert told == {"web.service": "update", "db.service": "update", KEY: "update"}
    assert members.cluster.log == []


def test_a_stack_that_was_made_before_goes_over_and_no_unit_notices(
    members: Members, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        for module in (units, etcd_keys):
            before.setattr(module, "member_command", remote_command)
        project.up(members.program())
    members.cluster.log.clear()
    project.up(members.program())
    assert members.cluster.log == []
    assert set(members.cluster.view().units) == {"web.service", "db.service"}
    assert members.cluster.store.entries[KEY].value == "Hello"
    assert written(members.program(), project) == {}


def remote_command(
    name: str, cluster: ClusterAccess, args: MemberCommandArgs, opts: pulumi.ResourceOptions
) -> remote.Command:
    """What a unit or key was: a command on one machine."""
    way = cluster.members.apply(lambda ways: ssh(next(iter(ways.values())), dials=3))
    return remote.Command(name, connection=way, opts=opts, **args)  # pyright: ignore
