"""What the tests of docker's plugin share: the engine, and the image that the set-up provides."""

from __future__ import annotations

import subprocess
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
    """Returns what a shell command in a container prints.

    By Docker's client: docker-py drops output that comes along with the answer's header.
    """
    words = ("docker", "exec", identity, "sh", "-c", command)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr}"
    return done.stdout.strip()
