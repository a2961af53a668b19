"""A machine is drained through any member; stacks from before go over without a drain.

The machine that goes is machine-3. The members of etcd are sshds, and fleetctl is a script that
says who was asked.
"""

from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest
from pulumi_command import local, remote

from fleet_cluster import machine as machines
from fleet_cluster._lifecycle import drain_on_delete, openssh_files
from fleet_cluster._lifecycle.drain_on_delete import DrainOnDelete
from fleet_cluster.machine import Connection, Machine, ssh
from tests.contract.harness import EngineFailed, Program, Project
from tests.contract.test_claims import changed
from tests.contract.test_member_command import MEMBERS, Members

GOES = "machine-3"
FLEETCTL = "#!/bin/sh\necho $SSH_CONNECTION | cut -d' ' -f4 >> {folder}/drained\n"


class Cluster(Members):
    """Two members, and a machine that may go."""

    def machine(self, id: pulumi.Input[str] = GOES) -> Machine:
        """It is reached as the members are, while they are there: at the end, nobody asks it."""
        return Machine(
            name=GOES,
            id=id,
            address="10.0.0.3",
            connection=self.connection("machine-2"),
            metadata={},
        )

    def ways(self) -> dict[str, Connection]:
        return {name: self.connection(name) for name in MEMBERS}

    def drained_through(self) -> list[str]:
        """The members that drained something, since the last time."""
        log = self.folder / "drained"
        ports = log.read_text().split() if log.exists() else []
        log.unlink(missing_ok=True)
        names = {str(server.port): name for name, server in self.servers.items()}
        return [names[port] for port in ports]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    program = tmp_path / "fleetctl"
    program.write_text(FLEETCTL.format(folder=tmp_path))
    program.chmod(0o755)
    made = Cluster(tmp_path, path=f"{tmp_path}:/usr/bin:/bin")
    for module in (machines, openssh_files):
        monkeypatch.setattr(module, "SSH_USER", made.servers[MEMBERS[0]].user)
    monkeypatch.setattr(drain_on_delete, "FOLDER", tmp_path / "drains")
    monkeypatch.setattr(drain_on_delete, "FOLDER_BEFORE", tmp_path / "leaves")
    yield made
    made.stop()


def present(cluster: Cluster, image: str = "") -> Program:
    """A machine that goes when the program names it no more, or is made anew for another image."""

    def run() -> None:
        machine = cluster.machine(container(image) if image else GOES)
        DrainOnDelete("leave", {"machine": machine, "members": cluster.ways()})

    return run


def container(image: str) -> pulumi.Output[str]:
    """What stands for the machine: the old one goes first."""
    opts = pulumi.ResourceOptions(delete_before_replace=True)
    return local.Command("container", create=f"echo {image}", triggers=[image], opts=opts).id


def before(cluster: Cluster, via: str, image: str = "") -> Program:
    """The same in the library before: one member drains, the one that answered in that update."""

    def run() -> None:
        leave = pulumi.ComponentResource("fleet-cluster:index:Leave", "leave")
        opts = pulumi.ResourceOptions(parent=leave)
        machine = cluster.machine(container(image) if image else GOES)
        known = remote.Command(
            f"{GOES}-id",
            connection=ssh(machine["connection"]),
            create="cat /etc/machine-id",
            triggers=[machine["id"]],
            add_previous_output_in_env=False,
            opts=opts,
        )
        note = known.stdout.apply(lambda id: cluster.folder / "leaves" / id.strip())
        remote.Command(
            f"{GOES}-leave",
            connection=ssh(cluster.connection(via), dials=3),
            create=note.apply(
                lambda path: (
                    f"mkdir -p {path.parent} && : > {path}.new && mv {path}.new {path} "
                    f"&& ls -i {path}"
                )
            ),
            delete=note.apply(
                lambda path: (
                    f"here=$(ls -i {path} 2>/dev/null); "
                    'if [ -z "$here" ] || [ "${PULUMI_COMMAND_STDOUT:-$here}" = "$here" ]; '
                    f"then rm -f {path}; fleetctl drain {path.name}; fi"
                )
            ),
            triggers=[machine["id"]],
            opts=opts,
        )

    return run


def nothing() -> None:
    """The program names the machine no more."""


def test_it_is_drained_through_another_member_than_it_was_noted_on(
    cluster: Cluster, project: Project
) -> None:
    project.up(present(cluster))
    cluster.stop("machine-1")
    assert changed(project.preview(present(cluster)).steps) == {}
    project.up(nothing)
    assert cluster.drained_through() == ["machine-2"]


def test_a_member_at_another_address_drains_it(cluster: Cluster, project: Project) -> None:
    """A member was replaced: the next update tells it to what is there."""
    project.up(present(cluster))
    cluster.move("machine-1")
    assert changed(project.up(present(cluster)).steps) == {f"{GOES}-drain": "update"}
    cluster.stop("machine-2")
    project.up(nothing)
    assert cluster.drained_through() == ["machine-1"]


def test_with_no_member_it_stays_and_the_update_says_what_helps(
    cluster: Cluster, project: Project
) -> None:
    project.up(present(cluster))
    cluster.stop()
    with pytest.raises(EngineFailed, match="no member of etcd can be reached: .*up --refresh"):
        project.up(nothing)
    assert project.resource(f"{GOES}-leave")
    cluster.start_again()
    project.up(nothing)
    assert cluster.drained_through() == ["machine-1"]


def test_a_stack_from_before_goes_over_while_the_member_that_it_names_is_dead(
    cluster: Cluster, project: Project
) -> None:
    project.up(before(cluster, via="machine-1"))
    cluster.stop("machine-1")
    project.preview(present(cluster))
    done = changed(project.up(present(cluster)).steps)
    assert done == {f"{GOES}-leave": "update", f"{GOES}-drain": "create", f"{GOES}-id": "delete"}
    assert cluster.drained_through() == []
    assert changed(project.preview(present(cluster)).steps) == {}
    project.up(nothing)
    assert cluster.drained_through() == ["machine-2"]


def test_a_machine_that_is_made_anew_as_a_stack_goes_over_is_drained_once(
    cluster: Cluster, project: Project
) -> None:
    project.up(before(cluster, "machine-2", image="one"))
    done = project.up(present(cluster, image="two"))
    assert cluster.drained_through() == ["machine-2"]
    steps = [step for step in done.order if step[0] != "same"]
    drained = steps.index(("delete-replaced", f"{GOES}-leave"))
    assert drained < steps.index(("delete-replaced", "container"))


def test_a_stack_that_goes_back_drains_nothing(cluster: Cluster, project: Project) -> None:
    project.up(before(cluster, via="machine-1"))
    project.up(present(cluster))
    project.up(before(cluster, via="machine-1"))
    assert cluster.drained_through() == []
    project.up(nothing)
    assert cluster.drained_through() == ["machine-1"]
