"""`fleetctl dashboard`, the command: where it goes, what it says, and that it ends quietly."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from fleet_cluster.fleet.fleetctl.live.changes import change
from tests.checkout import LIBRARY
from tests.unit.fleet.fleetctl.live.any_overview import AT, busy

DASHBOARD = [sys.executable, "-m", "fleet.fleetctl", "dashboard", "--no-browser"]
SSH = """\
#!{python}
import os, sys
machine, asked = sys.argv[sys.argv.index("--") + 1], sys.argv[-1]
if machine in os.environ.get("DEAD", "").split():
    sys.exit("No route to host")
if "why" in asked:
    print('{{\\n  "unit": "' + asked.split()[-1] + " through " + machine + '"\\n}}')
    sys.exit()
sys.stdin.readline()
print(r'''{line}''', flush=True)
sys.stdin.read()
"""

SLOW = "Waiting for a machine to say what there is.\n"
"""Said first, where programs take more than a second to begin."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A cluster of two machines, with a program in ssh's place."""
    ssh = tmp_path / "ssh"
    line = change(None, busy(), AT).to_json()
    ssh.write_text(SSH.format(python=sys.executable, line=line))
    ssh.chmod(0o755)
    config = tmp_path / "ssh_config"
    config.write_text("Host machine-1 machine-2\n")
    return {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(LIBRARY / "fleet_cluster"),
        "FLEETCTL_TUNNEL": "machine-1",
        "FLEETCTL_SSH_CONFIG": str(config),
    }


@contextmanager
def running(
    environment: dict[str, str], *options: str
) -> Generator["tuple[subprocess.Popen[str], str]"]:
    """The program, and where its page is."""
    with subprocess.Popen(
        [*DASHBOARD, *options],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def read(url: str) -> str:
    with urlopen(url, timeout=60) as answer:
        return answer.read().decode()


def first_event(url: str) -> str:
    with urlopen(f"{url}events", timeout=60) as answer:
        return answer.readline().decode()


def test_it_prints_where_the_page_is_and_ends_quietly_with_ctrl_c(
    environment: dict[str, str],
) -> None:
    with running(environment) as (process, url):
        assert "<title>fleet</title>" in read(url)
        assert '"unit":"hello.service"' in first_event(url)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (130, "")
        assert err.removeprefix(SLOW) == (
            "Ctrl-C ends it. Whoever knows this address on this computer can look at the cluster.\n"
        )


def test_programs_for_the_page_get_the_same_options(environment: dict[str, str]) -> None:
    with running(environment, "--tunnel=machine-2", "--port", str(free_port())) as (_, url):
        assert "through machine-2" in first_event(url)
        machine = next(row.machine for row in busy().units.values() if row.unit == "hello.service")
        assert "through machine-2" in read(f"{url}why?unit=hello.service&machine={machine}")


def test_it_begins_through_another_machine_when_the_first_is_dead(
    environment: dict[str, str],
) -> None:
    with running({**environment, "DEAD": "machine-1"}) as (_, url):
        assert "through machine-2" in first_event(url)


def test_where_no_machine_answers_there_is_no_page(environment: dict[str, str]) -> None:
    with running({**environment, "DEAD": "machine-1 machine-2"}) as (process, url):
        assert url == ""
        _, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "no machine says what there is:\n  machine-1: No route to host\n  machine-2:" in err


def test_a_port_in_use_is_refused_before_anybody_is_asked(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        asks = {**environment, "PATH": "/nonexistent"}
        done = subprocess.run(
            [*DASHBOARD, f"--port={port}"], env=asks, capture_output=True, text=True, check=False
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"fleetctl: cannot listen on port {port} of 127.0.0.1: Address already in use. Give "
        "another one with --port, or none for any that is free\n"
    )


@pytest.mark.parametrize("given", ["0", "65536", "http"])
def test_what_is_no_port_is_refused(environment: dict[str, str], given: str) -> None:
    done = subprocess.run(
        [*DASHBOARD, f"--port={given}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"it is {given!r}; it must be a number from 1 to 65535" in done.stderr


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])
