"""Machines that cannot be reached; `ssh` is a script that answers or fails as the test says."""

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from fleet_cluster._lifecycle import plan_hook, quorum, reachability, ssh_call
from fleet_cluster._lifecycle.ssh_call import UnreachableError, call_any

T = TypeVar("T")

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


def in_a_run(asked: Coroutine[Any, Any, T]) -> T:
    """As one program runs: `asyncio.run` would leave other tests without an event loop."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(asked)
    finally:
        loop.close()


def test_what_is_written_through_a_dead_machine_fails_and_what_helps_is_said(ssh: Ssh):
    ssh.does(DEAD)
    with pytest.raises(reachability.UnreachableError) as refused:
        in_a_run(reachability.check_reachable(FILES, "10.0.0.1"))
    assert "the machine at 10.0.0.1" in str(refused.value)
    assert "No route to host" in str(refused.value)
    assert "nor can another member of etcd" in str(refused.value)
    assert "`pulumi up --refresh` makes it anew" in str(refused.value)


@pytest.mark.parametrize(("script", "calls"), [("exit 1", 1), (DEAD, reachability.TRIES)])
def test_a_machine_is_asked_once_in_a_run_whatever_it_says(ssh: Ssh, script: str, calls: int):
    async def ask() -> set[str]:
        return set(await asyncio.gather(*(reachability.silence(FILES) for _ in range(20))))

    ssh.does(script)
    assert len(in_a_run(ask())) == 1
    assert len(ssh.called) == calls
    in_a_run(ask())
    assert len(ssh.called) == 2 * calls, "in the next run it may be there again"


def test_without_openssh_the_command_plugin_finds_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    in_a_run(reachability.check_reachable(FILES, "10.0.0.9"))


def test_a_machine_that_cannot_be_reached_is_asked_last_from_then_on(ssh: Ssh):
    ssh.does(f"case $machine in a) {DEAD} ;; *) echo $machine; exit 1 ;; esac")
    for _ in range(2):
        found, answer = call_any(["a", "b", "c"], "true", FILES, connect_seconds=1, seconds=9)
        assert (found, answer.stdout, answer.returncode) == ("b", "b\n", 1)
    assert ssh.called == ["a", "b", "b"]


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
