"""The unit files of the repository: accepted by fleet, and patient with a sick cluster."""

import re

import pytest

from fleet_cluster.fleet.unitfiles.unitfile import parse
from tests.checkout import CHECKOUT, LIBRARY

UNITS = CHECKOUT / "units"
FILES = sorted(UNITS.iterdir())
NAMES = [path.name for path in FILES]


def text_of(name: str) -> str:
    """A unit file's text, its continued lines joined."""
    return re.sub(r"\\\n\s*", "", (UNITS / name).read_text())


def values(name: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", text_of(name), re.MULTILINE)


def test_these_are_the_units():
    assert NAMES == [
        "hello.service",
        "nginx.service",
        "sinatra-discovery@.service",
        "sinatra@.service",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_fleet_accepts_it(name: str):
    text = re.sub(r"\{\{\w+\}\}", "registry:5000/app@sha256:1", (UNITS / name).read_text())
    assert parse(name, text).description


@pytest.mark.parametrize("name", NAMES)
def test_no_outage_leaves_it_failed(name: str):
    assert values(name, "Restart") == ["always"]
    assert values(name, "StartLimitIntervalSec") == ["0"]
    assert len(values(name, "RestartSec")) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_stopped_docker_does_not_stop_it_for_ever(name: str):
    assert values(name, "Requires") == []


@pytest.mark.parametrize("name", ["hello.service", "nginx.service", "sinatra@.service"])
def test_a_container_that_was_left_behind_is_removed_first(name: str):
    first_with_docker = next(c for c in values(name, "ExecStartPre") if "docker" in c)
    assert first_with_docker.startswith("-/usr/bin/docker rm --force ")


@pytest.mark.parametrize("name", ["hello.service", "nginx.service", "sinatra@.service"])
def test_docker_has_less_time_to_stop_than_systemd_gives(name: str):
    (stop,) = values(name, "ExecStop")
    given = re.search(r"--time (\d+)", stop)
    (limit,) = values(name, "TimeoutStopSec")
    assert int(given[1] if given else 10) < int(limit)


@pytest.mark.parametrize(
    ("name", "rights"),
    [
        ("hello.service", []),
        ("nginx.service", ["NET_BIND_SERVICE", "CHOWN", "KILL", "SETGID", "SETUID"]),
        ("sinatra@.service", []),
    ],
)
def test_a_container_may_do_what_it_has_to_and_no_more(name: str, rights: list[str]):
    commands = [*values(name, "ExecStartPre"), *values(name, "ExecStart")]
    (made,) = [one for one in commands if re.search(r"docker (create|run) ", one)]
    for limit in (
        "--cap-drop ALL",
        "--security-opt no-new-privileges",
        "--read-only",
        r"--memory \d+m",
        r"--pids-limit \d+",
    ):
        assert re.search(rf" {limit}( |$)", made), limit
    assert re.findall(r"--cap-add[ =](\S+)", made) == rights


@pytest.mark.parametrize("name", ["nginx.service", "sinatra@.service"])
def test_a_container_that_outlives_its_client_is_stopped_before_it_is_removed(name: str):
    """systemd runs no ExecStop= for a unit that has failed."""
    (stop,) = values(name, "ExecStop")
    last = values(name, "ExecStopPost")
    assert last[0] == f"-{stop}"
    assert last[1].startswith("-/usr/bin/docker rm --force ")


def test_an_instance_leaves_the_pool_before_its_app_stops():
    discovery = "sinatra-discovery@.service"
    assert values(discovery, "BindsTo") == ["sinatra@%i.service"]
    assert values(discovery, "After") == ["sinatra@%i.service"]
    assert values(discovery, "MachineOf") == ["sinatra@%i.service"]
    # fleet brings it back with a crashed app: the app need not name it.
    assert "discovery" not in text_of("sinatra@.service")


@pytest.mark.parametrize("name", ["sinatra@.service", "sinatra-discovery@.service"])
def test_an_instance_that_moves_serves_where_it_goes_before_it_stops_where_it_was(name: str):
    assert values(name, "StartFirst") == ["true"]


def test_registrations_of_the_pool_are_never_deleted():
    script = (LIBRARY / "fleet_cluster/fleet/register.sh").read_text()
    assert "lease revoke" in script
    assert not re.search(r"etcdctl.*\bdel\b", script + text_of("sinatra-discovery@.service"))


def test_nginx_runs_everywhere_with_its_own_certificate_which_it_cannot_change():
    assert values("nginx.service", "Global") == ["true"]
    (create,) = [c for c in values("nginx.service", "ExecStartPre") if "docker create" in c]
    mounts = re.findall(r"--volume (\S+)", create)
    pki = [mount for mount in mounts if mount.startswith("/etc/fleet/pki/")]
    # A folder: a file that is mounted by itself stays what it was when its certificate is renewed.
    assert pki == ["/etc/fleet/pki/nginx:/etc/confd/pki:ro"]


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_is_in_a_command(name: str):
    commands = [line for line in text_of(name).splitlines() if line.startswith("Exec")]
    assert commands
    for command in commands:
        assert not re.search(r"--env ETCDCTL_KEY|password|secret|token", command, re.IGNORECASE)
