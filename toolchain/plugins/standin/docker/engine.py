"""The client of Docker's engine, and its errors in words that say what to do next."""

import functools
import os
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

# Now, by one thread: those that answer requests would meet it half imported by each other.
import docker
import docker.errors
import requests

from ..resource import PluginError
from ..values import Plain

# Long enough for `docker build` and `docker push` to be silent for a while.
TIMEOUT_SECONDS = 600


@functools.cache
def api() -> Any:
    """Returns the low-level client (`docker.APIClient`) of the engine of DOCKER_HOST.

    Its answers are the engine's JSON, which has no types.
    """
    try:
        return docker.from_env(timeout=TIMEOUT_SECONDS, max_pool_size=64).api
    except docker.errors.DockerException as error:
        raise PluginError(_not_running(error)) from error


@contextmanager
def errors(what: str) -> Generator[None]:
    """Turns what the engine says into a PluginError that begins with `what` failed."""
    try:
        yield
    except docker.errors.APIError as error:
        raise PluginError(explain(what, str(error.explanation or error))) from error
    except (requests.exceptions.ConnectionError, docker.errors.DockerException) as error:
        raise PluginError(f"{what}: {_not_running(error)}") from error


def _not_running(error: Exception) -> str:
    where = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    return (
        f"Docker's engine does not answer at {where} ({type(error).__name__})."
        " Start it (`systemctl start docker`, or Docker Desktop), check that your user may use"
        " it (`docker info`), or point DOCKER_HOST to another one."
    )


PORT_IN_USE = re.compile(r":(\d+)\b.*(?:already in use|already allocated)")
ADDRESS_IN_USE = re.compile(r"Address already in use")
SUBNET_IN_USE = re.compile(r"Pool overlaps|overlaps with other one")


def explain(what: str, said: str) -> str:
    """Returns the engine's words, with what to do about the common ones."""
    return f"{what}: {said.strip()}{_advice(said)}"


def _advice(said: str) -> str:
    port = PORT_IN_USE.search(said)
    if port:
        return (
            f" Port {port[1]} is in use. Find who uses it with `ss -ltnp 'sport = :{port[1]}'`"
            f" and `docker ps --filter publish={port[1]}`, then end that or choose another"
            " port (the `external` of the container's `ports`)."
        )
    if SUBNET_IN_USE.search(said):
        return " Another network uses these addresses: `docker network ls`, `ip route`."
    if ADDRESS_IN_USE.search(said):
        return " Another container has this address: `docker network inspect` shows which."
    return ""


def or_none(fetch: Callable[[], Any]) -> Any:
    """Returns what `fetch` returns, or None when the engine has no such thing."""
    try:
        return fetch()
    except docker.errors.NotFound:
        return None


def labels(items: list[Plain] | None) -> dict[str, str]:
    """Returns a `labels` input as the engine takes it."""
    return {item["label"]: item["value"] for item in items or []}
