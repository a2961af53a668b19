"""`SshConfig` in the real engine: where its files are, and that they come back."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest
from pulumi_command import local

from fleet_cluster.access import grant
from fleet_cluster.machine import Machine
from fleet_cluster.ssh_config import SshConfig
from tests.contract.harness import NAME, STACK, Project, require_engine

FOLDER = ".pulumi/ssh/test"
FILES = ["identity", "known_hosts", "ssh_config"]
PRIVATE = "the private key of core"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    require_engine()
    monkeypatch.chdir(tmp_path)  # Where a project is made, its commands run.
    (tmp_path / "project").mkdir()
    made = Project(tmp_path / "project")
    yield made
    made.destroy()


def program() -> None:
    """The files, and their texts as an output."""
    machine: Machine = {
        "name": "machine-1",
        "id": "1",
        "address": "10.0.0.1",
        "connection": {
            "host": "10.0.0.1",
            "private_key": pulumi.Output.secret(PRIVATE),
            "host_key": "ssh-ed25519 AAAA",
        },
        "metadata": {},
    }
    made = SshConfig(
        "ssh",
        {"cluster": grant([machine], pulumi.Output.from_input(""), [], None), "folder": FOLDER},
    )
    pulumi.export("ssh_files", made.files)
    pulumi.export("path", made.path)


def as_it_was() -> None:
    """The program that had a resource for each file."""
    parent = pulumi.ComponentResource("fleet-cluster:index:SshConfig", "ssh")
    for name in FILES:
        local.Command(
            name,
            create=f"mkdir -p {FOLDER} && cat > {FOLDER}/{name}",
            delete=f"rm -f {FOLDER}/{name} && {{ rmdir {FOLDER} 2>/dev/null || true; }}",
            stdin=pulumi.Output.secret("old"),
            opts=pulumi.ResourceOptions(parent=parent),
        )


def written() -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(Path(FOLDER).glob("*"))}


def test_files_are_written_by_each_update_and_go_with_the_stack(project: Project) -> None:
    project.preview(program)
    assert written() == {}
    outputs = project.up(program).outputs
    first = written()
    assert list(first) == FILES
    assert first["identity"] == f"{PRIVATE}\n"
    assert outputs["path"] == f"{FOLDER}/ssh_config"
    assert outputs["ssh_files"]["identity"] == first["identity"]
    assert PRIVATE not in project.state()

    shutil.rmtree(FOLDER)
    assert set(project.up(program).steps.values()) == {"same"}
    assert written() == first

    project.destroy()
    assert not Path(FOLDER).parent.exists()


def test_a_replacement_does_not_delete_what_it_has_written(project: Project) -> None:
    project.up(program)
    kind = "fleet-cluster:index:SshConfig$command:local:Command"
    urn = f"urn:pulumi:{STACK}::{NAME}::{kind}::ssh-files"
    project.stack.up(program=program, replace=[urn])
    assert list(written()) == FILES


def test_a_stack_with_a_resource_for_each_file_goes_over(project: Project) -> None:
    """The first update still ends with the deletion of those; `make env` or the next one writes."""
    project.up(as_it_was)
    outputs = project.up(program).outputs
    assert list(outputs["ssh_files"]) == FILES
    project.up(program)
    assert list(written()) == FILES
