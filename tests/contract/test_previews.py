"""What a preview says of units, through the real engine; the machine is an sshd with a fleetctl."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi_command import local

from fleet_cluster import machine as machines
from fleet_cluster._lifecycle import openssh_files, plan_hook
from fleet_cluster.access import grant
from fleet_cluster.units import FleetTemplate, FleetUnit
from tests.contract import sshd
from tests.contract.harness import Outcome, Program, Project, require_engine
from tests.contract.sshd import Server

FLEETCTL = """\
#!/bin/sh
cat > {folder}/asked-$1
case $1 in
plan) cat {folder}/answer ;;
apply) echo '{{"placements": {{}}}}' ;;
esac
"""
LINE = "web@.service: 2 restart one after the other, never fewer than 1 of 2 active"
UNIT = "[Service]\nExecStart=/bin/web {{image}}\n"


class Machine:
    """What answers at the end of the connection."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self._folder = folder

    def will_say(self, *lines: str, refused: bool = False) -> None:
        plan = {"lines": lines, "refused": {"web@3.service": "no"} if refused else {}}
        self.will_print(json.dumps(plan))

    def will_print(self, text: str) -> None:
        (self._folder / "answer").write_text(text)

    def was_asked(self) -> Any:
        """The last question, if there was one."""
        asked = self._folder / "asked-plan"
        return json.loads(asked.read_text()) if asked.exists() else None

    def forget(self) -> None:
        (self._folder / "asked-plan").unlink(missing_ok=True)

    def access(self) -> dict[str, Any]:
        one: machines.Machine = {
            "name": "machine-1",
            "id": "",
            "address": "",
            "connection": self.connection,
            "metadata": {},
        }
        return grant([one], pulumi.Output.from_input(""), [], None)

    @property
    def connection(self) -> machines.Connection:
        return {
            "host": "127.0.0.1",
            "port": self.server.port,
            # As `pulumi config set` has it, without the last newline.
            "private_key": pulumi.Output.secret(self.server.user_key("ed25519").strip()),
            "host_key": self.server.host_key("ed25519"),
        }


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    fleetctl = folder / "fleetctl"
    fleetctl.write_text(FLEETCTL.format(folder=folder))
    fleetctl.chmod(0o755)
    with (
        sshd.running(folder, path=f"{folder}:/usr/bin:/bin") as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        for module in (machines, openssh_files):
            patch.setattr(module, "SSH_USER", server.user)
        # A preview says nothing of a machine that lets nobody in within three seconds.
        patch.setattr(plan_hook, "CONNECT_SECONDS", 60)
        yield Machine(server, folder)


def program(machine: Machine, folder: Path, image: str, *instances: str) -> Program:
    """A template, its image the output of a command, and a unit after it."""
    (folder / "web@.service").write_text(UNIT)
    (folder / "db.service").write_text("[Service]\nExecStart=/bin/db\n")

    def run() -> None:
        made = local.Command("image", create=f"echo {image}")
        web = FleetTemplate(
            "web",
            {
                "cluster": machine.access(),
                "file": str(folder / "web@.service"),
                "values": {"image": made.stdout},
                "instances": list(instances),
            },
        )
        FleetUnit(
            "db",
            {"cluster": machine.access(), "file": str(folder / "db.service")},
            pulumi.ResourceOptions(depends_on=[web]),
        )

    return run


@pytest.fixture(scope="module")
def applied(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A stack with two instances that are up."""
    require_engine()
    project = Project(tmp_path_factory.mktemp("project"))
    try:
        machine.will_say(LINE)
        up = project.up(program(machine, project.folder, "one", "1", "2"))
        assert LINE not in told(up), "only previews tell"
        yield project
    finally:
        project.destroy()


Preview = Callable[..., list[str]]


@pytest.fixture
def preview(machine: Machine, applied: Project, monkeypatch: pytest.MonkeyPatch) -> Preview:
    """Previews the program with an image and instances: what is told."""
    monkeypatch.setattr(plan_hook, "_before", plan_hook.new_memory())
    machine.forget()

    def run(image: str, *instances: str) -> list[str]:
        return told(applied.preview(program(machine, applied.folder, image, *instances)))

    return run


def told(outcome: Outcome) -> list[str]:
    return [message.strip() for message in outcome.messages]


def test_nothing_is_asked_when_nothing_changes(machine: Machine, preview: Preview) -> None:
    assert preview("one", "1", "2") == []
    assert machine.was_asked() is None


def test_a_change_is_told_as_the_cluster_plans_it(machine: Machine, preview: Preview) -> None:
    machine.will_say(LINE)
    assert preview("one", "1", "2", "3") == [LINE]
    asked = machine.was_asked()
    assert asked["owner"] == "web@.service"
    assert "ExecStart=/bin/web one" in asked["units"]["web@.service"]["text"]
    assert len(asked["units"]["web@.service"]["instances"]) == 3


def test_an_image_that_is_not_built_yet_is_told_as_a_condition(
    machine: Machine, preview: Preview
) -> None:
    machine.will_say(LINE)
    condition = "image not known yet, for example not built; if changed:"
    assert preview("two", "1", "2") == [f"{condition}\n{LINE}"]
    assert "{{image}}" in machine.was_asked()["units"]["web@.service"]["text"]


def test_what_will_be_refused_is_said(machine: Machine, preview: Preview) -> None:
    machine.will_say("web@3.service: it fits on no machine", refused=True)
    [told] = preview("one", "1", "2", "3")
    assert "the update will be refused:\nweb@3.service: it fits on no machine" in told


@pytest.mark.parametrize("answer", ["fleetctl: there is no command 'plan'", '{"lines": []}'])
def test_without_an_answer_a_preview_is_quiet(
    machine: Machine, preview: Preview, answer: str
) -> None:
    machine.will_print(answer)
    assert preview("one", "1", "2", "3") == []
    assert machine.was_asked()


def test_a_cluster_that_is_away_fails_no_preview(
    machine: Machine, preview: Preview, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "server", replace(machine.server, port=sshd.kept_port()))
    assert preview("one", "1", "2", "3") == []
    assert machine.was_asked() is None


def test_a_unit_is_planned_after_those_before_it(
    machine: Machine, tmp_path: Path, applied: Project
) -> None:
    machine.will_say(LINE)
    (tmp_path / "project").mkdir()
    new = Project(tmp_path / "project")
    new.preview(program(machine, tmp_path, "one", "1"))
    asked = machine.was_asked()
    assert asked["owner"] == "db.service"
    assert [one["owner"] for one in asked["after"]][-1] == "web@.service"


def test_before_there_is_a_cluster_fleets_scheduler_says_where_units_will_be(
    machine: Machine, tmp_path: Path
) -> None:
    (tmp_path / "web@.service").write_text(UNIT)
    (tmp_path / "project").mkdir()
    machine.forget()

    def run() -> None:
        key = local.Command("key", create="echo")
        connection: machines.Connection = {**machine.connection, "private_key": key.stdout}
        there: list[machines.Machine] = [
            {"name": name, "id": "", "address": "", "connection": connection, "metadata": {}}
            for name in ("machine-1", "machine-2")
        ]
        file, instances = str(tmp_path / "web@.service"), ["1", "2", "3"]
        FleetTemplate(
            "web",
            {
                "cluster": grant(there, key.stdout, [], None),
                "file": file,
                "values": {"image": "one"},
                "instances": instances,
            },
        )

    told_of = told(Project(tmp_path / "project").preview(run))
    assert told_of == ["web@.service: 3 start (machine-1 2, machine-2 1)"]
    assert machine.was_asked() is None
