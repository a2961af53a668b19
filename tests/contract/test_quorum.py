"""A member that etcd needs, in the real engine; the machine that is asked is a script of sshd."""

import json
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest
from pulumi_command import local

from fleet_cluster import machine as machines
from fleet_cluster._lifecycle import openssh_files
from fleet_cluster._lifecycle.drain_on_delete import DrainOnDelete
from tests.contract import sshd
from tests.contract.harness import EngineFailed, Program, Project, require_engine
from tests.contract.sshd import Server

SUDO = """\
#!/bin/sh
cat >> {folder}/asked
cat {folder}/refusal >&2
[ ! -s {folder}/refusal ] || exit 3
"""
FLEETCTL = """\
#!/bin/sh
echo "$@" >> {folder}/drained
"""
REFUSAL = "machine-2 has to stay: etcd needs 2 of its 3 members, and machine-3 does not answer."


class Machine:
    """machine-1: what it is asked, and what it says."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self._folder = folder
        self.is_away = False

    def will_refuse(self, why: str) -> None:
        (self._folder / "refusal").write_text(why)

    @property
    def has_drained(self) -> bool:
        return (self._folder / "drained").exists()

    @property
    def connection(self) -> machines.Connection:
        return {
            "host": "127.0.0.1",
            "port": sshd.kept_port() if self.is_away else self.server.port,
            "private_key": pulumi.Output.secret(self.server.user_key("ed25519")),
            "host_key": self.server.host_key("ed25519"),
        }


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    folder = tmp_path / "machine"
    folder.mkdir()
    for name, text in {"sudo": SUDO, "fleetctl": FLEETCTL}.items():
        (folder / name).write_text(text.format(folder=folder))
        (folder / name).chmod(0o755)
    with sshd.running(folder, path=f"{folder}:/usr/bin:/bin") as server:
        for module in (machines, openssh_files):
            monkeypatch.setattr(module, "SSH_USER", server.user)
        found = Machine(server, folder)
        found.will_refuse("")
        yield found


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    require_engine()
    (tmp_path / "project").mkdir()
    made = Project(tmp_path / "project")
    yield made
    made.destroy()


def program(machine: Machine, image: str, *, there: bool = True) -> Program:
    """machine-2, made anew for another image; `ground` is what all of it goes with."""

    def run() -> None:
        ground = local.Command("ground", create="true")
        if not there:
            return
        container = local.Command(
            "container",
            create=f"echo made of {image}",
            delete="echo gone",
            triggers=[image],
            opts=pulumi.ResourceOptions(delete_before_replace=True),
        )
        made: machines.Machine = {
            "name": "machine-2",
            "id": container.id,
            "address": "10.0.0.2",
            "connection": machine.connection,
            "metadata": {},
        }
        members = {"machine-1": machine.connection, "machine-2": machine.connection}
        leave = DrainOnDelete(
            "machine-2-leave",
            {"machine": made, "members": members, "asks_etcd": True},
            pulumi.ResourceOptions(deleted_with=ground),
        )
        target = local.Command(
            "target",
            create="true",
            delete="true",
            triggers=[container.id],
            opts=pulumi.ResourceOptions(depends_on=[leave]),
        )
        leave.ask_before(pulumi.ResourceOptions(deleted_with=ground, depends_on=[target]))

    return run


def state(project: Project) -> dict[str, str]:
    """What there is, by name: its id."""
    resources = json.loads(project.state())["checkpoint"]["latest"]["resources"]
    return {one["urn"].rpartition("::")[2]: one.get("id", "") for one in resources}


def test_a_refused_replacement_deletes_nothing(machine: Machine, project: Project) -> None:
    project.up(program(machine, "one"))
    before = state(project)
    machine.will_refuse(REFUSAL)
    with pytest.raises(EngineFailed, match=REFUSAL):
        project.up(program(machine, "two"))
    assert state(project) == before
    assert not machine.has_drained
    again = project.preview(program(machine, "one"))
    assert {step for steps in again.steps.values() for step in steps.split(",")} == {"same"}

    machine.will_refuse("")
    project.up(program(machine, "two"))
    assert machine.has_drained
    assert state(project)["container"] != before["container"]


def test_a_refused_removal_deletes_nothing(machine: Machine, project: Project) -> None:
    project.up(program(machine, "one"))
    before = state(project)
    machine.will_refuse(REFUSAL)
    with pytest.raises(EngineFailed, match=REFUSAL):
        project.up(program(machine, "one", there=False))
    assert state(project) == before
    assert not machine.has_drained


def test_the_end_of_everything_asks_nobody(machine: Machine, project: Project) -> None:
    project.up(program(machine, "one"))
    machine.will_refuse(REFUSAL)
    project.destroy()
    assert not machine.has_drained


def test_a_preview_that_can_ask_nobody_fails_not(machine: Machine, project: Project) -> None:
    project.up(program(machine, "one"))
    machine.will_refuse(REFUSAL)
    machine.is_away = True
    project.preview(program(machine, "two"))
    machine.is_away = False
