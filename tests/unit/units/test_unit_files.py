"""The unit files of the repository: accepted by fleet, and patient with a sick cluster."""

import json
import os
import re
import shlex
import subprocess
import threading
from pathlib import Path

import pytest

from fleet_cluster.fleet.model.keys import name_key
from fleet_cluster.fleet.unitfiles.unitfile import parse
from tests.checkout import CHECKOUT, LIBRARY

UNITS = CHECKOUT / "units"
FILES = sorted(UNITS.iterdir())
NAMES = [path.name for path in FILES]
WITH_CONTAINERS = ["hello.service", "nginx-pool.service", "nginx.service", "sinatra@.service"]


def text_of(name: str) -> str:
    """A unit file's text, its continued lines joined."""
    return re.sub(r"\\\n\s*", "", (UNITS / name).read_text())


def values(name: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", text_of(name), re.MULTILINE)


def test_these_are_the_units():
    assert NAMES == [
        "hello.service",
        "nginx-pool.service",
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


@pytest.mark.parametrize("name", WITH_CONTAINERS)
def test_a_container_that_was_left_behind_is_removed_first(name: str):
    first_with_docker = next(c for c in values(name, "ExecStartPre") if "docker" in c)
    assert first_with_docker.startswith("-/usr/bin/docker rm --force ")


@pytest.mark.parametrize("name", WITH_CONTAINERS)
def test_docker_has_less_time_to_stop_than_systemd_gives(name: str):
    (stop,) = values(name, "ExecStop")
    given = re.search(r"--time (\d+)", stop)
    (limit,) = values(name, "TimeoutStopSec")
    assert int(given[1] if given else 10) < int(limit)


@pytest.mark.parametrize(
    ("name", "rights"),
    [
        ("hello.service", []),
        ("nginx-pool.service", []),
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


def test_what_checks_the_app_holds_the_name_that_the_pool_is_made_of():
    discovery = "sinatra-discovery@.service"
    assert values(discovery, "Name") == ["sinatra:%i"]
    assert values(discovery, "Type") == ["notify"]
    (command,) = values(discovery, "ExecStart")
    assert command.split()[1:] == [
        "/opt/fleet/current/fleet/health_check.sh",
        "http://127.0.0.1:%i/health",
    ]
    assert (LIBRARY / "fleet_cluster/fleet/health_check.sh").exists()
    confd = (CHECKOUT / "images/nginx-pool/files/etc/confd/conf.d/keys.toml").read_text()
    assert f'"{name_key("sinatra", "").removesuffix("/")}"' in confd


def test_whatever_the_pool_is_made_of_may_be_read_for_it():
    """etcd refuses a question that goes beyond the grants, and confd then has nothing at all."""
    confd = (CHECKOUT / "images/nginx-pool/files/etc/confd/conf.d/keys.toml").read_text()
    asked = json.loads(re.findall(r"^keys = (.*)$", confd, re.M)[0])
    program = (CHECKOUT / "__main__.py").read_text()
    (granted,) = re.findall(r'"read": (\[.*?\])', program, re.S)
    assert sorted(re.findall(r'"(.*)\*"', granted)) == sorted(asked)


def mounts(name: str) -> list[str]:
    (create,) = [c for c in values(name, "ExecStartPre") if "docker create" in c]
    return re.findall(r"--volume (\S+)", create)


@pytest.mark.parametrize("name", ["nginx.service", "nginx-pool.service"])
def test_nginx_and_its_pool_run_everywhere(name: str):
    assert values(name, "Global") == ["true"]


def test_who_faces_requests_has_nothing_of_etcd_but_the_rendered_pool_and_cannot_change_that():
    assert mounts("nginx.service") == [
        "/var/lib/nginx-requests:/var/lib/nginx",
        "/var/lib/nginx-pool/rendered:/var/lib/pool:ro",
    ]
    assert "--env" not in text_of("nginx.service")
    assert "EnvironmentFile" not in text_of("nginx.service")


def test_the_pools_container_has_its_certificate_which_it_cannot_change():
    assert mounts("nginx-pool.service") == [
        # A folder: a file that is mounted by itself stays what it was when another takes its name.
        "/etc/fleet/pki/nginx:/etc/confd/pki:ro",
        "/var/lib/nginx-pool/rendered:/var/lib/pool",
    ]


def test_the_machines_folder_is_that_of_the_user_who_writes_the_pool():
    dockerfile = (CHECKOUT / "images/nginx-pool/Dockerfile").read_text()
    (user,) = re.findall(r"^USER (\d+):\1$", dockerfile, re.MULTILINE)
    assert int(user) > 65535, "another one of the machine may have it"
    made = "/usr/bin/install --directory --owner {0} --group {0} /var/lib/nginx-pool/rendered"
    assert made.format(user) in values("nginx-pool.service", "ExecStartPre")
    assert "--user" not in text_of("nginx-pool.service")


STARTED = [("nginx-pool.service", "docker"), ("nginx.service", "curl")]
"""Those that say when they have started, and whom they ask."""


def ask_until_started(name: str, folder: Path, answers: str, main: int) -> tuple[int, int]:
    """The unit's ExecStartPost= with answers of our own, to three questions at most.

    Returns its status, and how often it has asked.
    """
    asked = folder / "asked"
    asked.touch()
    ask = f"echo . >>{asked}; {answers}"
    stubs = {"docker": ask, "curl": ask, "sleep": "exit 0", "seq": "echo 1 2 3"}
    for program, does in stubs.items():
        (folder / program).write_text(f"#!/bin/sh\n{does}\n")
        (folder / program).chmod(0o755)
    (line,) = values(name, "ExecStartPost")
    env = {"PATH": f"{folder}:/usr/bin:/bin", "MAINPID": str(main)}
    done = subprocess.run(shlex.split(line.replace("$$", "$")), env=env, timeout=60)
    return done.returncode, len(asked.read_text().splitlines())


@pytest.mark.parametrize(("name", "program"), STARTED)
def test_it_has_started_when_it_answers(name: str, program: str, tmp_path: Path):
    assert program in values(name, "ExecStartPost")[0]
    third = f'[ "$(wc -l <{tmp_path}/asked)" -ge 3 ]'
    assert ask_until_started(name, tmp_path, third, os.getpid()) == (0, 3)


@pytest.mark.parametrize(("name", "program"), STARTED)
def test_no_answer_is_not_waited_for_for_ever(name: str, program: str, tmp_path: Path):
    assert ask_until_started(name, tmp_path, "exit 1", os.getpid()) == (1, 3)


@pytest.mark.parametrize(("name", "program"), STARTED)
def test_what_has_ended_is_not_waited_for(name: str, program: str, tmp_path: Path):
    """systemd starts it again, and what comes after it, when this has ended too."""
    main = subprocess.Popen(["sleep", "infinity"])
    threading.Thread(target=main.wait).start()
    end = "kill -KILL $MAINPID; while kill -0 $MAINPID 2>/dev/null; do :; done"
    second = f'[ "$(wc -l <{tmp_path}/asked)" -lt 2 ] || {{ {end}; }}; exit 1'
    try:
        assert ask_until_started(name, tmp_path, second, main.pid) == (1, 2)
    finally:
        main.kill()


def test_nginx_starts_after_its_pool_and_does_without_it_later():
    assert "nginx-pool.service" in values("nginx.service", "After")[0].split()
    assert "nginx-pool.service" in values("nginx.service", "Wants")[0].split()
    for binds in ("BindsTo", "PartOf", "Requires"):
        assert values("nginx.service", binds) == values("nginx-pool.service", binds) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_is_in_a_command(name: str):
    commands = [line for line in text_of(name).splitlines() if line.startswith("Exec")]
    assert commands
    for command in commands:
        assert not re.search(r"--env ETCDCTL_KEY|password|secret|token", command, re.IGNORECASE)
