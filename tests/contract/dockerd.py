"""What the tests of docker's plugin share: the engine, and the image that the set-up provides."""

from __future__ import annotations

from typing import Any

import docker
from docker.errors import NotFound

from fleet_cluster.providers.docker.engine_probe import TRIAL_IMAGE

BASE = TRIAL_IMAGE
LABEL: Any = {"label": "fleet-cluster-contract", "value": "yes"}


def engine() -> Any:
    """Returns the low-level client; its answers are the engine's JSON."""
    return docker.from_env().api


def base_id() -> str:
    """Returns the id of the base image; the real plugin compares containers by image id."""
    return engine().inspect_image(BASE)["Id"]


def inspect(identity: str) -> dict[str, Any] | None:
    """Returns what the engine knows of a container, or None."""
    try:
        return engine().inspect_container(identity)
    except NotFound:
        return None


def volume_names() -> list[str]:
    """Returns the names of all volumes."""
    volumes: list[Any] = engine().volumes()["Volumes"] or []
    return [volume["Name"] for volume in volumes]


def run(identity: str, command: str) -> str:
    """Returns what a shell command in a container prints."""
    api = engine()
    task = api.exec_create(identity, ["sh", "-c", command])["Id"]
    output: bytes = api.exec_start(task)
    status = api.exec_inspect(task)["ExitCode"]
    assert status == 0, f"{command} ended with {status}: {output.decode()}"
    return output.decode().strip()
