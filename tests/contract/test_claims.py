"""Units and keys as resources in the real engine: replaced, changed by hand, and secret.

The machine is an sshd with the real fleetctl, over etcd's store in this process; behind that are
fleet's leader and machines as the unit tests have them.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pytest

from fleet_cluster import machine as machines
from fleet_cluster._lifecycle import drain_on_delete, openssh_files
from fleet_cluster._lifecycle.drain_on_delete import DrainOnDelete
from fleet_cluster._lifecycle.etcd_data import FOLDER, EtcdData
from fleet_cluster.access import grant
from fleet_cluster.keys import EtcdKeys
from fleet_cluster.machine import Connection, Machine
from fleet_cluster.units import FleetTemplate, FleetUnit
from tests.contract import sshd
from tests.contract.harness import STACK, EngineFailed, Program, Project
from tests.contract.sshd import Server
from tests.unit.fleet.etcd.etcd_server import EtcdServer
from tests.unit.fleet.fleetctl.small_cluster import SmallCluster

COMPONENTS = Path(machines.__file__).parent
ACCEPTED = "PULUMI_COMMAND_STDOUT PULUMI_COMMAND_STDERR"
FLEETCTL = """\
#!/bin/sh
case "$*" in drain*) echo "$@" >> {folder}/drained; exit ;; esac
PYTHONPATH={components} exec {python} -m fleet.fleetctl --endpoint {endpoint} "$@"
"""
SSH = """\
#!/bin/sh
case "$*" in *SendEnv*) exec {ssh} "$@" ;; esac
echo '{{"id": "first", "layout": 1}}'
exec {folder}/fleetctl drift
"""
UNIT = "[Service]\nExecStart=/bin/web\n"
KEY = "/app/greeting"


@dataclass
class FarMachine:
    """What answers at the end of the connection, and what is behind it."""

    server: Server
    folder: Path
    cluster: SmallCluster

    @property
    def connection(self) -> Connection:
        return {
            "host": "127.0.0.1",
            "port": self.server.port,
            "private_key": pulumi.Output.secret(self.server.user_key("ed25519")),
            "host_key": self.server.host_key("ed25519"),
        }

    def access(self, data_id: pulumi.Input[str] = "") -> dict[str, Any]:
        return grant([self.machine], pulumi.Output.from_input(data_id), [], None)

    @property
    def machine(self) -> Machine:
        return {
            "name": "machine-1",
            "id": "1",
            "address": "127.0.0.1",
            "connection": self.connection,
            "metadata": {},
        }

    def by_hand(self, *words: str) -> None:
        """fleetctl, as an operator runs it."""
        subprocess.run([self.folder / "fleetctl", *words], check=True)

    @property
    def value(self) -> str | None:
        found = self.cluster.store.entries.get(KEY)
        return found.value if found else None


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FarMachine]:
    folder = tmp_path / "machine"
    folder.mkdir()
    cluster = SmallCluster()
    etcd = EtcdServer(cluster.store)
    values = {
        "components": COMPONENTS,
        "python": sys.executable,
        "endpoint": etcd.endpoint,
        "ssh": shutil.which("ssh"),
    }
    for name, text in (("fleetctl", FLEETCTL), ("ssh", SSH)):
        (folder / name).write_text(text.format(folder=folder, **values))
        (folder / name).chmod(0o755)
    path = f"{folder}:/usr/bin:/bin"
    with sshd.running(folder, path=path, accept_env=ACCEPTED) as server:
        for module in (machines, openssh_files):
            monkeypatch.setattr(module, "SSH_USER", server.user)
        monkeypatch.setattr(drain_on_delete, "FOLDER", folder / "drains")
        monkeypatch.setattr(drain_on_delete, "FOLDER_BEFORE", folder / "leaves")
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        monkeypatch.chdir(tmp_path)
        yield FarMachine(server, folder, cluster)
    etcd.stop()


def program(machine: FarMachine, *instances: str, secret: str = "") -> Program:
    """A template and a key, in a store that is asked."""
    (machine.folder / "web@.service").write_text(UNIT)

    def run() -> None:
        store = EtcdData("store", {"machines": [machine.machine]})
        value = pulumi.Output.secret(secret) if secret else "Hello"
        access = machine.access(store.id)
        EtcdKeys("keys", {"cluster": access, "keys": {KEY: value}})
        FleetTemplate(
            "web",
            {
                "cluster": access,
                "file": str(machine.folder / "web@.service"),
                "instances": list(instances or ("1", "2")),
            },
        )

    return run


def changed(steps: Mapping[str, str]) -> dict[str, str]:
    """What is done to each resource, apart from looking at it."""
    done = {name: step.removeprefix("refresh,") for name, step in steps.items()}
    return {name: step for name, step in done.items() if step != "same"}


def test_a_replacement_keeps_what_it_has_made(machine: FarMachine, project: Project) -> None:
    project.up(program(machine))
    machine.cluster.log.clear()
    replaced = project.up(program(machine), replace=["web@.service", KEY, "store-id"])
    assert replaced.order.index(("create-replacement", "web@.service")) < replaced.order.index(
        ("delete-replaced", "web@.service")
    )
    assert machine.cluster.log == [], "no instance was stopped"
    assert "web@1.service" in machine.cluster.view().units
    assert machine.value == "Hello"
    assert Path(FOLDER, STACK).read_text() == "first"
    assert changed(project.preview(program(machine)).steps) == {}
    project.destroy()
    assert machine.cluster.log == ["stop web@1.service", "stop web@2.service"]
    assert not machine.cluster.view().units
    assert machine.value is None
    assert not Path(FOLDER).exists()


def test_a_unit_under_another_parent_is_the_same_unit(
    machine: FarMachine, project: Project
) -> None:
    """Pulumi makes it there first, and then ends the resource that it was."""
    (machine.folder / "web.service").write_text(UNIT)

    def parted() -> None:
        parent = pulumi.ComponentResource("test:index:Part", "part")
        unit(pulumi.ResourceOptions(parent=parent))

    def unit(opts: pulumi.ResourceOptions | None = None) -> None:
        file = str(machine.folder / "web.service")
        FleetUnit("web", {"cluster": machine.access(), "file": file}, opts)

    project.up(unit)
    machine.cluster.log.clear()
    project.up(parted)
    assert machine.cluster.log == []
    assert set(machine.cluster.view().units) == {"web.service"}


def test_a_leave_that_is_replaced_while_its_machine_stays_drains_nothing(
    machine: FarMachine, project: Project
) -> None:
    def run() -> None:
        members = {"machine-1": machine.connection}
        DrainOnDelete("leave", {"machine": machine.machine, "members": members})

    drained = machine.folder / "drained"
    project.up(run)
    project.up(run, replace=["machine-1-leave", "machine-1-drain"])
    assert not drained.exists()
    project.destroy()
    id = Path("/etc/machine-id").read_text().strip()
    assert drained.read_text().split()[-1] == id


def test_what_was_done_by_hand_is_seen_once_and_mended(
    machine: FarMachine, project: Project
) -> None:
    project.up(program(machine))
    assert changed(project.preview(program(machine)).steps) == {}

    machine.by_hand("destroy", "web@1.service")
    machine.cluster.store.put(KEY, "Bye")
    expected = {"store-id": "update", "web@.service": "update", KEY: "update"}
    seen = project.preview(program(machine))
    assert changed(seen.steps) == expected
    told = "changed by hand, to be written again: /app/greeting, web@.service"
    assert told in [message.strip() for message in seen.messages]
    assert changed(project.up(program(machine), refresh=True).steps) == expected
    assert "web@1.service" in machine.cluster.view().units
    assert machine.value == "Hello"
    assert changed(project.preview(program(machine)).steps) == {}

    machine.by_hand("stop", "web@2.service")
    assert changed(project.preview(program(machine)).steps) == {
        "store-id": "update",
        "web@.service": "update",
    }
    project.up(program(machine, "1", "2", "3"))
    assert changed(project.preview(program(machine, "1", "2", "3")).steps) == {}


def test_a_secret_value_is_in_no_state_and_no_output(machine: FarMachine, project: Project) -> None:
    secret = program(machine, secret="sesame")
    shown = project.preview(secret)
    done = project.up(secret)
    assert machine.value == "sesame"
    machine.cluster.store.put(KEY, "Bye")
    again = project.up(secret)
    assert machine.value == "sesame"
    assert changed(again.steps)
    for run in (shown, done, again):
        assert "sesame" not in run.text + "".join(run.messages)
    for path in (project.folder / "state").rglob("*.json*"):
        assert "sesame" not in path.read_text(), path


def test_a_secret_is_not_put_into_a_unit_file(machine: FarMachine, project: Project) -> None:
    (machine.folder / "web.service").write_text(UNIT + "Environment=TOKEN={{token}}\n")

    def run() -> None:

        FleetUnit(
            "web",
            {
                "cluster": machine.access(),
                "file": str(machine.folder / "web.service"),
                "values": {"token": pulumi.Output.secret("sesame")},
            },
        )

    with pytest.raises(EngineFailed, match="values.token: .* is a secret") as refused:
        project.preview(run)
    assert "sesame" not in refused.value.text
    assert not machine.cluster.view().units
