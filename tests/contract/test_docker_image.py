"""`docker.Image`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from platform import machine
from typing import Any

import pulumi
import pulumi_docker as docker
import pytest

from tests.checkout import LIBRARY
from tests.contract.dockerd import BASE, LABEL, engine
from tests.contract.harness import EngineFailed, Program, Project
from tests.contract.sshd import free_port

V1 = docker.BuilderVersion.BUILDER_V1
PROCESSORS = {"x86_64": "amd64", "aarch64": "arm64"}
PLATFORM = f"linux/{PROCESSORS.get(machine(), machine())}"
DOCKERFILE = f"""FROM {BASE}
ARG GREETING=none
COPY file /file
RUN echo "$GREETING" > /greeting
"""


@pytest.fixture
def context(tmp_path: Path, name: str) -> Path:
    """A build context with a file that is ignored."""
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"{DOCKERFILE}LABEL {LABEL['label']}={name}\n")
    (folder / "file").write_text("one")
    (folder / "ignored").write_text("one")
    (folder / ".dockerignore").write_text("ignored\n")
    return folder


@pytest.fixture
def name() -> Iterator[str]:
    """The name of an image, which is removed after the test."""
    chosen = f"fleet-cluster-contract-{uuid.uuid4().hex[:8]}"
    yield chosen
    labelled = engine().images(filters={"label": f"{LABEL['label']}={chosen}"})
    for found in [*labelled, *engine().images(name=f"{chosen}-registry")]:
        tags: list[str] = found["RepoTags"] or []
        named = [tag for tag in tags if tag != "<none>:<none>"]
        for reference in named or [found["Id"]]:
            engine().remove_image(reference, force=True)


def image(name: str, context: Path, **build: Any) -> Program:
    def program() -> None:
        options = docker.DockerBuildArgs(context=str(context), builder_version=V1, **build)
        made = docker.Image("it", image_name=name, build=options, skip_push=True)
        pulumi.export("digest", made.repo_digest)
        pulumi.export("name", made.image_name)
        pulumi.export("base", made.base_image_name)

    return program


def test_it_builds_once_and_again_when_a_file_changed(
    name: str, project: Project, context: Path
) -> None:
    program = image(f"{name}:tag", context, args={"GREETING": "hi"})
    first = project.up(program)
    assert first.outputs["name"] == first.outputs["base"] == f"{name}:tag"
    assert first.outputs["digest"] == engine().inspect_image(f"{name}:tag")["Id"]
    assert project.up(program).steps == {"it": "same"}
    (context / "ignored").write_text("two")
    assert project.up(program).steps == {"it": "same"}
    (context / "file").write_text("two")
    preview = project.preview(program)
    assert preview.steps == {"it": "update"}
    assert engine().inspect_image(f"{name}:tag")["Id"] == first.outputs["digest"]
    second = project.up(program)
    assert second.steps == {"it": "update"}
    assert second.outputs["digest"] != first.outputs["digest"]
    project.destroy()
    assert engine().inspect_image(f"{name}:tag")["Id"] == second.outputs["digest"]


def test_a_changed_argument_builds_again(name: str, project: Project, context: Path) -> None:
    project.up(image(f"{name}:tag", context, args={"GREETING": "a"}))
    done = project.up(image(f"{name}:tag", context, args={"GREETING": "b"}))
    assert done.steps == {"it": "update"}


def test_a_dockerfile_elsewhere(name: str, project: Project, context: Path, tmp_path: Path) -> None:
    other = tmp_path / "Other"
    label = f"LABEL {LABEL['label']}={name}"
    other.write_text(f"FROM {BASE}\nCOPY file /elsewhere\n{label}\n")
    project.up(image(f"{name}:tag", context, dockerfile=str(other)))
    history = engine().history(f"{name}:tag")
    assert any("/elsewhere" in layer["CreatedBy"] for layer in history)


def test_a_failed_build_leaves_its_exit_code_and_shows_its_output_live(
    name: str, project: Project, context: Path
) -> None:
    script = "printf 'the %s\\n' reason; exit 7"
    (context / "Dockerfile").write_text(f"FROM {BASE}\nRUN {script}\n")
    with pytest.raises(EngineFailed) as failure:
        project.up(image(f"{name}:tag", context))
    said = "".join(failure.value.outcome.messages)
    assert "code: 7" in said
    assert "the reason" not in said
    assert "the reason" in "".join(failure.value.outcome.live)
    assert project.resource("it") is None


def test_without_a_platform_each_run_says_for_which_it_builds(
    name: str, project: Project, context: Path
) -> None:
    unsaid, said = image(f"{name}:tag", context), image(f"{name}:tag", context, platform=PLATFORM)
    for outcome in (project.preview(unsaid), project.up(unsaid), project.up(unsaid)):
        [notice] = outcome.messages
        assert len(notice.strip().splitlines()) == 2
        assert PLATFORM in notice
    assert project.preview(said).messages == []
    assert project.up(said).steps == {"it": "same"}


def test_a_missing_dockerfile_fails_the_preview(name: str, project: Project, context: Path) -> None:
    (context / "Dockerfile").unlink()
    with pytest.raises(EngineFailed) as failure:
        project.preview(image(f"{name}:tag", context))
    assert "Dockerfile" in failure.value.text


def test_a_container_by_image_id_follows_the_image(
    name: str, project: Project, context: Path
) -> None:
    def program() -> None:
        made = docker.Image(
            "image",
            image_name=f"{name}:tag",
            build=docker.DockerBuildArgs(context=str(context), builder_version=V1),
            skip_push=True,
        )
        docker.Container(
            "it", image=made.repo_digest, command=["sleep", "infinity"], labels=[LABEL]
        )

    project.up(program)
    assert project.up(program, refresh=True).steps["it"].endswith("same")
    (context / "file").write_text("two")
    done = project.up(program)
    assert done.steps["image"] == "update"
    assert "replace" in done.steps["it"]


def test_pushing_gives_the_digest_of_the_registry(
    name: str, project: Project, context: Path
) -> None:
    """Runs the repository's own registry image."""
    port = free_port()
    registry = LIBRARY / "fleet_cluster/providers/docker/images/registry"

    def program() -> None:
        server = docker.Image(
            "registry-image",
            image_name=f"{name}-registry:tag",
            build=docker.DockerBuildArgs(context=str(registry), builder_version=V1),
            skip_push=True,
        )
        running = docker.Container(
            "registry",
            image=server.repo_digest,
            labels=[LABEL],
            ports=[{"internal": 5000, "external": port, "ip": "127.0.0.1"}],
            healthcheck={
                "tests": ["CMD-SHELL", "grep -q ':1388 ' /proc/net/tcp /proc/net/tcp6"],
                "interval": "200ms",
                "retries": 100,
            },
            wait=True,
        )
        made = docker.Image(
            "it",
            image_name=f"127.0.0.1:{port}/{name}:tag",
            build=docker.DockerBuildArgs(context=str(context), builder_version=V1),
            opts=pulumi.ResourceOptions(depends_on=[running]),
        )
        pulumi.export("digest", made.repo_digest)

    done = project.up(program)
    digest = done.outputs["digest"]
    assert digest.startswith(f"127.0.0.1:{port}/{name}@sha256:")
    assert engine().inspect_distribution(digest)["Descriptor"]["digest"] == digest.partition("@")[2]
    assert project.up(program).steps["it"] == "same"
