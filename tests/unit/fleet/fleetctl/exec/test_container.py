"""Which container is a unit's: by its cgroup, and by its processes' command lines."""

import pytest

from fleet_cluster.fleet.fleetctl.exec.container import Container, containers

ID = "0f" * 32


@pytest.mark.parametrize(
    ("command", "engine", "name"),
    [
        ("/usr/bin/docker start --attach web-1", "docker", "web-1"),
        ("docker start -a web-1", "docker", "web-1"),
        ("docker --log-level error container start -ai web-1", "docker", "web-1"),
        ("docker attach --no-stdin web-1", "docker", "web-1"),
        ("docker run --rm --name web-1 img:1", "docker", "web-1"),
        ("docker run -it --name=web-1 img serve --name other", "docker", "web-1"),
        ("docker run --rm -p 80:80 -e A=b --name web-1 r/img@sha256:ab x", "docker", "web-1"),
        ("podman run --no-hostname --name web-1 img", "podman", "web-1"),
        ("docker run --rm img serve --name other", "docker", ""),
        ("docker run --rm --network host img start a", "docker", ""),
        ("docker run", "docker", ""),
        (f"/usr/bin/conmon --api-version 1 -c {ID} -u {ID} -n web", "podman", ID),
    ],
)
def test_a_client_tells_it(command: str, engine: str, name: str) -> None:
    assert containers([], [["/bin/sh", "-c", "x"], command.split()]) == [Container(engine, name)]


@pytest.mark.parametrize(
    "command",
    ["docker ps", "sh -c docker", "docker", "", "mydocker run --name a b", "podman pull x"],
)
def test_what_is_no_client_tells_none(command: str) -> None:
    assert containers(["a", "libpod-payload-short"], [command.split()]) == []


def test_what_podman_has_split_off_counts_more_than_a_client() -> None:
    groups = [f"libpod-payload-{ID}", "runtime"]
    assert containers(groups, [["docker", "attach", "x"]]) == [Container("podman", ID)]


def test_each_once() -> None:
    run, attach = ["docker", "run", "--name", "a", "i"], ["docker", "attach", "a"]
    assert containers([], [run, attach, ["docker", "attach", "b"]]) == [
        Container("docker", "a"),
        Container("docker", "b"),
    ]
