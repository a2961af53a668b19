"""`DockerLoadBalancer`: another version of it costs no request, until somebody asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from fleet_cluster.providers.docker import load_balancer
from fleet_cluster.providers.docker.haproxy_config import haproxy_config
from fleet_cluster.providers.docker.load_balancer import DockerLoadBalancer
from fleet_cluster.providers.docker.network import DockerNetwork
from tests.cluster.stack import free_port
from tests.contract.dockerd import BASE, LABEL, engine
from tests.contract.harness import Program, Project

CONTAINER = "fleet-cluster:index:DockerLoadBalancer$docker:index/container:Container::balancer"


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Path]:
    """An image that only waits, in place of HAProxy's; removed after the test."""
    folder = tmp_path / "image"
    folder.mkdir()
    label = f'LABEL {LABEL["label"]}="{tmp_path}"'
    (folder / "Dockerfile").write_text(f'FROM {BASE}\n{label}\nCMD ["sleep", "infinity"]\n')
    yield folder
    for found in engine().images(filters={"label": f"{LABEL['label']}={tmp_path}"}):
        engine().remove_image(found["Id"], force=True)


def balancer(context: Path, port: int) -> Program:
    """A load balancer on a network of its own."""

    def program() -> None:
        network = DockerNetwork("network", {"load_balancer_port": port})
        DockerLoadBalancer(
            "balancer",
            {"network": network.shape, "port": port, "image_context": str(context)},
        )

    return program


def another_config(addresses: Sequence[str]) -> str:
    """HAProxy's configuration as another version of the library has it."""
    return f"{haproxy_config(addresses)}# of another version\n"


def running_image(project: Project) -> str:
    made = project.resource(CONTAINER)
    assert made is not None
    return engine().inspect_container(made["id"])["Image"]


def test_another_version_of_it_replaces_it_when_it_is_asked_for(
    context: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    project.up(balancer(context, port))
    before = running_image(project)
    monkeypatch.setattr(load_balancer, "haproxy_config", another_config)
    (context / "Dockerfile").write_text((context / "Dockerfile").read_text() + "LABEL again=yes\n")
    for refresh in (False, True):
        project.up(balancer(context, port), refresh=refresh)
        assert running_image(project) == before
    project.up(balancer(context, port), replace=[CONTAINER])
    assert running_image(project) != before
