"""Completion on real machines: names of the cluster, also by Tab in bash."""

import os
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster.stack import Stack
from tests.terminal import on_terminal

LIMIT, PATIENT = "FLEETCTL_COMPLETION_TIMEOUT", "60"
SSH = """#!/bin/sh
{ssh} "$@"
touch {folder}/ended
"""
"""ssh itself, and whether it has ended by itself."""


def test_completion_knows_units_and_machines(cluster: Stack, machines: dict[str, str]):
    def complete(*words: str, limit: str = PATIENT) -> list[str]:
        stack = replace(cluster, env={**cluster.env, LIMIT: limit})
        return stack.run("fleetctl", "complete", "--", *words).out.split()

    assert "sinatra@5000.service" in complete("status", "sinatra@")
    assert complete("drain", "mach") == sorted(machines)


def test_completion_gives_up_before_ssh_does(
    cluster: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    ssh = tmp_path / "ssh"
    ssh.write_text(SSH.format(ssh=shutil.which("ssh"), folder=tmp_path))
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        there = f"--tunnel=127.0.0.1:{silent.getsockname()[1]}"
        stack = replace(cluster, env={**cluster.env, LIMIT: "1"})
        assert stack.run("fleetctl", "complete", "--", there, "status", "").out == ""
    assert not (tmp_path / "ended").exists(), "ssh gave up first"


def test_tab_completes_a_unit_in_bash(cluster: Stack):
    environment = {**os.environ, **cluster.environment(), LIMIT: PATIENT, "PS1": "> "}
    bash = ["bash", "--norc", "--noprofile", "-i"]
    with on_terminal(bash, environment, cluster.program) as terminal:
        terminal.press(b"source <(fleetctl completion bash); echo re''ady\n")
        terminal.shows(r"ready\s+> ")
        terminal.press(b"fleetctl cat sinatra@5000\t")
        terminal.shows(r"5000\.service")  # Readline writes again what follows the @.
        terminal.press(b"; echo e''nd\n")
        assert "Description=Sinatra" in terminal.shows(r"(?s).*\send\s")
