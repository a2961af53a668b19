"""The way into a unit: what is looked at, what is run, and what is said where there is none."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError
from fleet_cluster.fleet.fleetctl.exec.inside import Call, join_cgroups, way_in
from fleet_cluster.fleet.fleetctl.exec.processes import Processes, processes_of
from tests.checkout import CHECKOUT
from tests.signals import handlers, put_back

ID = "0f" * 32
SYSTEMCTL = """#!/bin/sh
[ "$4" != odd.service ] || { echo "no bus" >&2; exit 1; }
printf 'MainPID=%s\\nControlGroup=%s\\nActiveState=active\\nSubState=running\\n' "$MAIN" "$GROUP"
"""


def runs(*commands: str, groups: tuple[str, ...] = (), main: int = 7) -> Processes:
    words = {number: command.split() for number, command in enumerate(commands, 7)}
    return Processes("active (running)", main, list(groups), words)


@pytest.mark.parametrize(
    ("tty", "expected"),
    [(False, "docker exec --interactive web"), (True, "docker exec --interactive --tty web")],
)
def test_a_docker_container(tty: bool, expected: str) -> None:
    call = way_in("web.service", runs("docker start -a web"), ["printf", "%s", "a  b"], tty)
    assert call.words == [*expected.split(), "printf", "%s", "a  b"]
    assert call.joins == 0


def test_a_quadlet() -> None:
    call = way_in("web.container", runs(groups=(f"libpod-payload-{ID}",)), ["ls"], False)
    assert call.words == ["podman", "exec", "--interactive", ID, "ls"]


def test_no_container() -> None:
    me = os.getpid()
    call = way_in("web.service", runs("sleep 9", main=me), ["ls", "-l"], False)
    enter = ["nsenter", f"--target={me}", "--all", "--no-fork", "--root", "--wd"]
    assert call.words == [
        *enter,
        f"--setuid={os.getuid()}",
        f"--setgid={os.getgid()}",
        "--",
        "ls",
        "-l",
    ]
    assert call.joins == me
    assert "HOME" in call.environment


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (runs(main=0), "nothing of web.service runs.*fleetctl status web.service"),
        (runs("docker run i"), "cannot be known.*docker ps.*--name in the unit's file"),
        (
            runs("docker run --name a i", "podman run i"),
            "several containers: docker's a, podman's without.*docker ps and podman ps",
        ),
        (runs("docker attach a", "docker attach b"), "several containers: docker's a, docker's b"),
    ],
)
def test_there_is_no_one_way_in(found: Processes, said: str) -> None:
    with pytest.raises(CtlError, match=said):
        way_in("web.service", found, ["ls"], False)


@pytest.mark.parametrize(
    ("found", "engine"),
    [
        (runs(main=0), "docker"),
        (runs("docker run i"), "docker"),
        (runs("podman run i"), "podman"),
        (runs("docker attach a", "docker attach b"), "docker"),
    ],
)
def test_the_operator_says_which(found: Processes, engine: str) -> None:
    call = way_in("web.service", found, ["ls"], False, "mine")
    assert call.words == [engine, "exec", "--interactive", "mine", "ls"]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose systemd knows one service, with a container of Podman's in its cgroup."""
    group = tmp_path / "cgroup/system.slice/web.service"
    for name, processes in (("", "3 4 0\n"), ("runtime", "5\n"), (f"libpod-payload-{ID}", "6\n")):
        (group / name).mkdir(parents=True, exist_ok=True)
        (group / name / "cgroup.procs").write_text(processes.replace(" ", "\n"))
    for process, command in ((3, "sh\0-c\0a  b\0"), (5, "conmon\0"), (6, "inside\0")):
        (tmp_path / f"proc/{process}").mkdir(parents=True)
        (tmp_path / f"proc/{process}/cmdline").write_text(command)
    (tmp_path / "systemctl").write_text(SYSTEMCTL)
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("GROUP", "/system.slice/web.service")
    monkeypatch.setenv("MAIN", "5")
    return tmp_path


def test_what_runs_of_a_unit(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = processes_of("web.service", machine / "cgroup", machine / "proc")
    assert (found.state, found.main) == ("active (running)", 5)
    assert sorted(found.groups) == [f"libpod-payload-{ID}", "runtime"]
    assert found.commands == {3: ["sh", "-c", "a  b"], 4: [], 5: ["conmon"]}
    monkeypatch.setenv("MAIN", "0")
    assert processes_of("web.service", machine / "cgroup", machine / "proc").main == 3
    monkeypatch.setenv("GROUP", "")
    assert processes_of("web.service", machine / "cgroup", machine / "proc").main == 0


def test_systemd_does_not_answer(machine: Path) -> None:
    with pytest.raises(CtlError, match="systemd does not tell of odd.service: no bus"):
        processes_of("odd.service")


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        ("0::/a/b\n", ["a/b"]),
        (
            "4:memory:/a\n1:name=systemd:/a/b\n0::/a/c\n",
            ["memory/a", "systemd/a/b", "unified/a/c"],
        ),
    ],
)
def test_cgroups_of_both_versions_are_joined(tmp_path: Path, lines: str, joined: list[str]) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7/cgroup").write_text(lines)
    for folder in joined:
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "cgroup.procs").touch()
    join_cgroups(7, tmp_path, tmp_path)
    assert [(tmp_path / one / "cgroup.procs").read_text() for one in joined] == [
        str(os.getpid())
    ] * len(joined)
    with pytest.raises(CtlError, match="the cgroup of process 8 cannot be joined"):
        join_cgroups(8, tmp_path, tmp_path)


BECOME = """
from fleet_cluster.fleet.fleetctl.exec.inside import Call, become
become(Call(["sh", "-c", "grep SigIgn /proc/self/status; echo $A; exit 7"],
    {"A": "b", "PATH": "/bin"}))
"""


def test_it_becomes_the_command_with_its_environment_and_signals() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", BECOME],
        env={"PYTHONPATH": f"{CHECKOUT}/components"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 7, ended.stderr
    ignored, variable = ended.stdout.splitlines()
    assert int(ignored.split()[1], 16) & (1 << 12) == 0, "SIGPIPE"
    assert variable == "b"


@pytest.fixture
def own_signals() -> Iterator[None]:
    """The signals that a program that is replaced gives back, as they were for this one."""
    before = handlers((signal.SIGPIPE, signal.SIGXFSZ))
    yield
    put_back(before)


@pytest.mark.usefixtures("own_signals")
def test_a_program_that_is_not_there() -> None:
    from fleet_cluster.fleet.fleetctl.exec.inside import become

    with pytest.raises(CtlError, match="no-such is not installed on this machine"):
        become(Call(["no-such"], {}))
