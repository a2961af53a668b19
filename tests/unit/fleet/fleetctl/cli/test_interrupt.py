"""Ctrl-C, and the end of the program that called us: what goes on is said, nothing is half done."""

import os
import signal
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest

from fleet_cluster.fleet.fleetctl.__main__ import main
from fleet_cluster.fleet.fleetctl.commands import COMMANDS
from fleet_cluster.fleet.fleetctl.state.watcher import WAITING_FOR_ETCD
from fleet_cluster.fleet.model.records import DesiredState, UnitState
from tests.checkout import LIBRARY
from tests.unit.fleet.etcd.etcd_server import EtcdServer
from tests.unit.fleet.fleetctl.small_cluster import SmallCluster

Output = pytest.CaptureFixture[str]

INTERRUPTED = 130
FLEETCTL = [sys.executable, "-m", "fleet_cluster.fleet.fleetctl"]
STARTS = UnitState("loaded", "activating", "start-pre", "")


@pytest.fixture
def server(cluster: SmallCluster) -> Iterator[EtcdServer]:
    server = EtcdServer(cluster.store)
    yield server
    server.stop()


@contextmanager
def running(server: EtcdServer, *words: str) -> Generator["subprocess.Popen[str]"]:
    """fleetctl as a program of its own, with input and output of ours."""
    process = subprocess.Popen(
        [*FLEETCTL, "--endpoint", server.endpoint, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(LIBRARY)},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()


def wait_for_notice(process: "subprocess.Popen[str]") -> None:
    """Until it says what it waits for; before that it may have waited for etcd, if that is slow."""
    assert process.stderr
    while (line := process.stderr.readline()) == f"{WAITING_FOR_ETCD}\n":
        pass
    assert line == "Waiting for:\n"
    process.stderr.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_says_what_goes_on(
    server: EtcdServer, cluster: SmallCluster, number: signal.Signals
) -> None:
    cluster.add("hello.service", target=DesiredState.INACTIVE)
    cluster.behaviour["hello.service"] = [STARTS]
    with running(server, "start", "hello") as process:
        wait_for_notice(process)
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
    assert error == (
        "fleetctl: interrupted. What has begun goes on by itself. To look: fleetctl list-units "
        "hello. To take it back: fleetctl stop hello\n"
    )
    assert process.returncode == INTERRUPTED
    assert cluster.view().units["hello.service"].desired_state is DesiredState.LAUNCHED


@pytest.mark.parametrize("carried", [False, True])
def test_a_start_that_is_interrupted_while_it_stops_is_to_start(
    server: EtcdServer, cluster: SmallCluster, carried: bool
) -> None:
    cluster.add("hello.service")
    cluster.report("hello.service", cluster.state("hello.service", "failed", "failed"))
    cluster.stubborn.add("hello.service")
    with running(server, *(["--carried"] if carried else []), "start", "hello") as process:
        assert process.stdin
        if carried:
            process.stdin.write("{}\n")
            process.stdin.flush()
        wait_for_notice(process)
        assert cluster.view().units["hello.service"].desired_state is DesiredState.INACTIVE
        if carried:
            process.stdin.close()
        else:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == INTERRUPTED
    assert cluster.view().units["hello.service"].desired_state is DesiredState.LAUNCHED


WORDS = {
    "restart": ["web@*"],
    "apply": ["--destroy", "--owner", "web"],
    "drain": ["machine-2"],
    "rebalance": [],
    "secret": ["rm", "db-password"],
    "set-metadata": ["machine-2", "disk=ssd"],
}


def waits(name: str) -> bool:
    parser = ArgumentParser()
    COMMANDS[name].configure(parser)
    return "--timeout" in parser.format_usage()


@pytest.fixture
def connected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as there is a connection to a machine, the operator presses Ctrl-C."""
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\nkill -INT $PPID\nexec cat >/dev/null\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("FLEETCTL_TUNNEL", "10.0.0.11")
    monkeypatch.setattr(sys, "stdin", StringIO("{}"))


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize("name", [*filter(waits, COMMANDS)])
def test_every_command_that_waits_says_what_goes_on(name: str, capsys: Output) -> None:
    words = WORDS.get(name, ["web"])
    assert main([name, *words]) == INTERRUPTED
    said = capsys.readouterr().err
    assert said.startswith("fleetctl: interrupted. ")
    assert "To look: fleetctl " in said
    assert "{" not in said
    assert name not in ("restart", "drain") or words[0] in said


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize("name", ["list-units", "journal", "status"])
def test_what_changes_nothing_ends_in_silence(name: str, capsys: Output) -> None:
    assert main([name, *([] if name == "list-units" else ["web"])]) == INTERRUPTED
    assert capsys.readouterr().err == ""
