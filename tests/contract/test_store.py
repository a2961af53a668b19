"""`Store` in the real engine: when it is asked, and what its answers change. `ssh` is a script."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pulumi
import pytest
from pulumi_command import local

from fleet_cluster._lifecycle.claims import in_data
from fleet_cluster._lifecycle.etcd_data import FOLDER, EtcdData
from fleet_cluster.machine import Connection, Machine
from tests.contract.harness import STACK, Project

SSH = """#!/bin/sh
cat "{answer}" || exit 255
"""


@pytest.fixture
def etcd_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let a machine tell this id; with an empty one, the machine does not answer."""
    answer, script = tmp_path / "answer", tmp_path / "bin" / "ssh"
    script.parent.mkdir()
    script.write_text(SSH.format(answer=answer))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")

    def say(id: str) -> None:
        answer.unlink(missing_ok=True)
        if id:
            answer.write_text(json.dumps({"id": id, "layout": 1}))

    return say


def program() -> None:
    """A machine that has to be made, and a command that writes to its store."""
    machine = local.Command("machine", create="echo key")
    connection = Connection(
        host="127.0.0.1",
        private_key=pulumi.Output.secret("private"),
        host_key=machine.stdout,
    )
    host = Machine(
        name="machine-1", id="1", address="127.0.0.1", connection=connection, metadata={}
    )
    store = EtcdData("store", {"machines": [host]}, pulumi.ResourceOptions(depends_on=[machine]))
    local.Command("unit", create="true", update=in_data("true", store.id))


def test_another_store_writes_again_and_the_same_one_changes_nothing(
    project: Project, etcd_says: Callable[[str], None]
):
    etcd_says("")
    assert set(project.preview(program).steps.values()) == {"create"}, "there is no machine yet"
    etcd_says("first")
    project.up(program)
    unit = project.resource("unit")
    assert unit and unit["inputs"]["update"] == "true # in store first", "it is no secret"
    assert changed(project.preview(program).steps) == {}

    etcd_says("")
    silent = project.preview(program)
    assert changed(silent.steps) == {}, "what was known stands"
    assert any("No machine says which data etcd holds" in one for one in silent.messages)

    etcd_says("second")
    assert changed(project.preview(program).steps) == {"store-id": "update", "unit": "update"}
    project.up(program)
    assert changed(project.preview(program).steps) == {}


def test_what_is_kept_goes_with_the_cluster(
    etcd_says: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when all that is on the machines goes with their network, and is not asked."""

    def cluster() -> None:
        network = local.Command("network", create="true")
        connection = Connection(host="127.0.0.1", private_key="private", host_key="key")
        host = Machine(
            name="machine-1", id="1", address="127.0.0.1", connection=connection, metadata={}
        )
        parent = pulumi.ComponentResource("test:index:Cluster", "cluster")
        opts = pulumi.ResourceOptions(parent=parent, deleted_with=network)
        EtcdData("store", {"machines": [host]}, opts)

    monkeypatch.chdir(tmp_path)  # Where a project is made, its commands run.
    (tmp_path / "project").mkdir()
    project = Project(tmp_path / "project")
    etcd_says("first")
    project.up(cluster)
    folder = tmp_path / FOLDER
    assert [path.name for path in folder.iterdir()] == [STACK]
    project.destroy()
    assert not folder.exists()


def changed(steps: dict[str, str]) -> dict[str, str]:
    return {name: step for name, step in steps.items() if step != "same"}
