"""Machines that cannot be reached; `ssh` is a script that answers or fails as the test says."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fleet_cluster._lifecycle import plan_hook, quorum, ssh_call
from fleet_cluster._lifecycle.ssh_call import UnreachableError, call_any

FILES = {"ssh_config": "", "known_hosts": "machine ssh-ed25519 AAAA1\n", "identity": "secret"}
DEAD = "echo 'No route to host' >&2; exit 255"


class Ssh:
    """What stands in ssh's place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def does(self, script: str) -> None:
        program = self._folder / "ssh"
        # Called as: ssh -F FILE -o LIMIT -o LIMIT MACHINE COMMAND
        program.write_text(f"#!/bin/sh\nmachine=$7\necho $7 >> {self._folder}/calls\n{script}\n")
        program.chmod(0o755)

    @property
    def called(self) -> list[str]:
        """The machines, in their order."""
        return (self._folder / "calls").read_text().split()


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ssh:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(ssh_call, "_silent", set[tuple[str, str]]())
    return Ssh(tmp_path)


def test_a_machine_that_cannot_be_reached_is_asked_last_from_then_on(ssh: Ssh):
    ssh.does(f"case $machine in a) {DEAD} ;; *) echo $machine; exit 1 ;; esac")
    for _ in range(2):
        found, answer = call_any(["a", "b", "c"], "true", FILES, connect_seconds=1, seconds=9)
        assert (found, answer.stdout, answer.returncode) == ("b", "b\n", 1)
    assert ssh.called == ["a", "b", "b"]


def test_a_machine_that_hangs_is_asked_last_from_then_on(ssh: Ssh):
    """Or each unit of a preview would wait for it once more."""
    ssh.does("case $machine in a) exec sleep 60 ;; esac")
    with pytest.raises(subprocess.TimeoutExpired):
        call_any(["a", "b"], "true", FILES, connect_seconds=1, seconds=1)
    found, _ = call_any(["a", "b"], "true", FILES, connect_seconds=1, seconds=9)
    assert found == "b"


def test_what_is_no_text_is_read_all_the_same(ssh: Ssh):
    """As a banner in another encoding: a preview would end there."""
    ssh.does(r"printf 'Gr\374\337e: no\n' >&2; exit 3")
    assert quorum.ask(["a"], FILES, "true") == "Gr��e: no"


def test_when_none_can_be_reached_each_ones_reason_is_told(ssh: Ssh):
    ssh.does(DEAD)
    with pytest.raises(UnreachableError, match="a: No route to host; b: No route to host"):
        call_any(["a", "b"], "true", FILES, connect_seconds=1, seconds=9)


@pytest.mark.parametrize(
    ("script", "objection"),
    [
        ("echo 'machine-2 has to stay' >&2; exit 3", "machine-2 has to stay"),
        ("echo 'may-leave given; allowed: etcd' >&2; exit 1", ""),
        ("exit 0", ""),
        (DEAD, ""),
    ],
)
def test_a_preview_hears_an_objection_and_nothing_else(ssh: Ssh, script: str, objection: str):
    ssh.does(script)
    assert quorum.ask(["machine-1"], FILES, "may-leave") == objection


def test_a_preview_asks_another_machine_when_the_first_cannot_be_reached(
    ssh: Ssh, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(plan_hook, "_before", plan_hook.new_memory())
    ssh.does(
        f"""case $machine in machine) {DEAD} ;; *) echo '{{"lines": ["it starts"]}}' ;; esac"""
    )
    plan = plan_hook.ask(["machine", "machine-2", "machine-3"], FILES, '{"owner": "a.service"}')
    assert plan == {"lines": ["it starts"]}
    assert ssh.called == ["machine", "machine-2"]


def test_a_preview_tells_which_secrets_the_program_sets(monkeypatch: pytest.MonkeyPatch):
    questions: list[str] = []

    def call(*_: object, question: str, **_more: object) -> tuple[str, Any]:
        questions.append(question)
        return "", subprocess.CompletedProcess[str]([], 0, "{}", "")

    monkeypatch.setattr(plan_hook, "_before", plan_hook.new_memory())
    monkeypatch.setattr(plan_hook, "_secrets", set[str]())
    monkeypatch.setattr(plan_hook, "call_any", call)
    monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: True)
    plan_hook.ask(["machine"], FILES, '{"owner": "a.service"}')
    plan_hook.note_secrets(["db-password"])
    plan_hook.ask(["machine"], FILES, '{"owner": "a.service"}')
    secrets = [json.loads(one).get("secrets") for one in questions]
    assert secrets == [None, ["db-password"]]
