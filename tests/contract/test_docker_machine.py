"""`DockerMachine` with an engine that allows privileged containers, and with one that does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pulumi
import pulumi_tls as tls
import pytest

from fleet_cluster.images import Image
from fleet_cluster.providers.docker.machine import CAPABILITIES, UNCONFINED, DockerMachine
from fleet_cluster.providers.docker.network import DockerNetwork
from tests.contract import playing
from tests.contract.dockerd import BASE, LABEL, engine
from tests.contract.harness import Program, Project

CONTAINER = "docker:index/container:Container"


@pytest.fixture(params=[False, True], ids=["unprivileged", "privileged"])
def privileged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    """What the engine allows."""
    with playing.engine(privileged=request.param) as host:
        monkeypatch.setenv("DOCKER_HOST", host)
        yield request.param


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Path]:
    """An image that only waits, in place of the machines'; removed after the test."""
    folder = tmp_path / "image"
    folder.mkdir()
    label = f'LABEL {LABEL["label"]}="{tmp_path}"'
    (folder / "Dockerfile").write_text(f'FROM {BASE}\n{label}\nCMD ["sleep", "infinity"]\n')
    yield folder
    for found in engine().images(filters={"label": f"{LABEL['label']}={tmp_path}"}):
        engine().remove_image(found["Id"], force=True)


def machine(context: Path) -> Program:
    """One machine, as a cluster has it."""

    def program() -> None:
        network = DockerNetwork("network", {})
        image = Image("machine", {"context": str(context)})
        key = tls.PrivateKey("core-ssh", algorithm="ED25519")
        DockerMachine(
            "host",
            {
                "network": network.shape,
                "number": 1,
                "image": image.reference,
                "ssh_key": {
                    "private_key": key.private_key_openssh,
                    "public_key": key.public_key_openssh,
                },
            },
        )
        pulumi.export("privileged", network.shape["privileged"])

    return program


def test_nothing_changed_is_nothing_replaced(
    context: Path, privileged: bool, project: Project
) -> None:
    first = project.up(machine(context))
    assert first.outputs["privileged"] == privileged
    for refresh in (False, True, False):
        again = project.up(machine(context), refresh=refresh)
        assert {operation for operation, _ in again.order} <= {"refresh", "same"}, again.order


def test_one_of_an_earlier_version_is_left_alone(
    context: Path, privileged: bool, project: Project
) -> None:
    project.up(of_an_earlier_version(machine(context)))
    again = project.up(machine(context))
    assert {operation for operation, _ in again.order} == {"same"}, again.order


def test_its_image_says_what_it_is_built_for(context: Path, project: Project) -> None:
    assert project.preview(machine(context)).messages == []


def test_one_made_anew_after_a_refresh_has_all_that_it_needs(
    context: Path, privileged: bool, project: Project
) -> None:
    project.up(machine(context))
    before = settings(project)
    project.refresh()
    (context / "Dockerfile").write_text((context / "Dockerfile").read_text() + "LABEL again=yes\n")
    done = project.up(machine(context))
    assert "replace" in done.steps["machine-1"]
    assert settings(project) == before


def of_an_earlier_version(program: Program) -> Program:
    """The program as it was: no options for a privileged one, capabilities without CAP_."""

    def earlier(
        args: pulumi.ResourceTransformationArgs,
    ) -> pulumi.ResourceTransformationResult | None:
        if args.type_ != CONTAINER:
            return None
        spelled = [name.removeprefix("CAP_") for name in CAPABILITIES]
        props = cast("dict[str, Any]", args.props)
        privileged: pulumi.Output[bool] = props["privileged"]
        changed = {
            "capabilities": privileged.apply(lambda yes: None if yes else {"adds": spelled}),
            "security_opts": privileged.apply(lambda yes: [] if yes else list(UNCONFINED)),
        }
        return pulumi.ResourceTransformationResult({**props, **changed}, args.opts)

    def run() -> None:
        pulumi.runtime.register_stack_transformation(earlier)
        program()

    return run


def settings(project: Project) -> dict[str, object]:
    """What the machine's container may do."""
    made = project.resource("machine-1")
    assert made is not None
    host = engine().inspect_container(made["id"])["HostConfig"]
    names = ("Privileged", "CapAdd", "SecurityOpt", "MaskedPaths", "ReadonlyPaths")
    return {name: host[name] for name in names}
