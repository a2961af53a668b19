"""`pulumi stack rename`: nothing of a cluster on this computer is made anew for it."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet_cluster.images import Image
from fleet_cluster.providers.docker.network import DockerNetwork
from fleet_cluster.providers.docker.provider import IMAGES
from fleet_cluster.providers.docker.registry import DockerRegistry
from tests.checkout import CHECKOUT
from tests.contract.dockerd import BASE, engine
from tests.contract.harness import Outcome, Program, Project


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Path]:
    """A build context; the images of its folder's name are removed after the test."""
    folder = tmp_path / f"fleet-cluster-contract-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo {folder.name} > /name\n")
    yield folder
    for found in engine().images(name=folder.name):
        engine().remove_image(found["Id"], force=True)


def image(context: Path, kept_in: str) -> Program:
    def run() -> None:
        Image("it", {"context": str(context), "repository": context.name, "kept_in": kept_in})

    return run


def operations(outcome: Outcome) -> set[str]:
    return {operation for operation, _ in outcome.order}


def test_an_image_is_pushed_again_when_it_is_kept_elsewhere(
    project: Project, context: Path
) -> None:
    project.up(image(context, "one"))
    assert operations(project.up(image(context, "one"))) == {"same"}
    again = project.up(image(context, "two"))
    assert ("create-replacement", "it") in again.order
    project.rename("renamed")
    assert operations(project.up(image(context, "two"))) == {"same"}


def test_a_renamed_stack_keeps_its_network_and_what_lives_there(
    project: Project, context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CHECKOUT)

    def run() -> None:
        network = DockerNetwork("network", {})
        registry = DockerRegistry(
            "registry", {"network": network.shape, "image_context": str(IMAGES / "registry")}
        )
        Image(
            "it",
            {
                "context": str(context),
                "repository": context.name,
                "push_to": registry.push_to,
                "pull_from": registry.pull_from,
                "kept_in": registry.data.id,
            },
        )

    project.up(run)
    project.rename("renamed")
    assert operations(project.preview(run)) == {"same"}
