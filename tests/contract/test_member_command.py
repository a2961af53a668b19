"""MemberCommand in the real engine: through any member, to the end."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pulumi
import pytest

from fleet_cluster import machine as machines
from fleet_cluster._lifecycle import openssh_files
from fleet_cluster._lifecycle.member_command import INTERPRETER, environment, member_command
from fleet_cluster._lifecycle.ssh_call import SSH_FAILED
from fleet_cluster.access import ClusterAccess, grant
from fleet_cluster.machine import Connection, Machine
from tests.contract import sshd
from tests.contract.harness import EngineFailed, Program, Project
from tests.contract.sshd import Server
from tests.contract.test_claims import ACCEPTED, changed

MEMBERS = ("machine-1", "machine-2")


class Members:
    """Members of etcd, each an sshd with the same key, which may stop."""

    def __init__(self, folder: Path, path: str = "") -> None:
        """Start them; programs are found in `path`, if given."""
        self.folder = folder
        self._path = path
        self.log = folder / "log"
        self.running = {name: ExitStack() for name in MEMBERS}
        self.servers = {name: self._start(name) for name in MEMBERS}

    def _start(self, name: str, port: int | None = None) -> Server:
        (self.folder / name).mkdir(exist_ok=True)
        started = self.running[name].enter_context(
            sshd.running(self.folder / name, accept_env=ACCEPTED, port=port, path=self._path)
        )
        for kind in ("user_ed25519", "user_ed25519.pub", "authorized_keys"):
            first = self.folder / MEMBERS[0] / kind
            (self.folder / name / kind).write_text(first.read_text())
        return started

    def start_again(self) -> None:
        for name, server in self.servers.items():
            self._start(name, server.port)

    def move(self, name: str) -> None:
        """It is there again, elsewhere."""
        self.stop(name)
        self.servers[name] = self._start(name)

    def stop(self, *names: str) -> None:
        for name in names or MEMBERS:
            self.running[name].close()

    def connection(self, name: str) -> Connection:
        server = self.servers[name]
        return {
            "host": "127.0.0.1",
            "port": server.port,
            "private_key": pulumi.Output.secret(server.user_key("ed25519")),
            "host_key": server.host_key("ed25519"),
        }

    def access(self) -> ClusterAccess:
        there = [
            Machine(
                name=name,
                id=name,
                address="127.0.0.1",
                connection=self.connection(name),
                metadata={},
            )
            for name in MEMBERS
        ]
        return ClusterAccess(grant(there, pulumi.Output.from_input(""), [], None, len(MEMBERS)))

    def commands(self, text: str) -> dict[str, pulumi.Input[str]]:
        return {
            "create": f'cat >> {self.log}; echo " created" >> {self.log}; echo token',
            "update": f'cat >> {self.log}; echo " updated" >> {self.log}; echo token',
            "delete": f'echo "$PULUMI_COMMAND_STDOUT deleted" >> {self.log}',
            "stdin": text,
        }

    def run(
        self, command: str, ways: dict[str, Connection] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """What the interpreter does with a command, through these members; all if not given."""
        known = environment(ways or {name: self.plain(name) for name in MEMBERS})
        return subprocess.run(
            [*INTERPRETER, command],
            env={**os.environ, **known, "TMPDIR": str(self.temporary)},
            input="what it reads",
            capture_output=True,
            text=True,
            check=False,
        )

    def plain(self, name: str) -> Connection:
        """The way to a member, with all of it known."""
        way = self.connection(name)
        way["private_key"] = self.servers[name].user_key("ed25519")
        return way

    @property
    def temporary(self) -> Path:
        folder = self.folder / "tmp"
        folder.mkdir(exist_ok=True)
        return folder

    def program(self, *names: str, text: str = "one") -> Program:
        def run() -> None:
            access = self.access()
            for name in names:
                opts = pulumi.ResourceOptions()
                made = member_command(name, access, self.commands(text), opts)  # pyright: ignore
                pulumi.export(name, made.stdout)

        return run

    def did(self) -> list[str]:
        """What ran, since the last time."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Members]:
    made = Members(tmp_path)
    for module in (machines, openssh_files):
        monkeypatch.setattr(module, "SSH_USER", made.servers[MEMBERS[0]].user)
    yield made
    made.stop()


def test_what_is_named_no_more_ends_through_another_member(
    members: Members, project: Project
) -> None:
    project.up(members.program("a", "b"))
    assert members.did() == ["one created"] * 2
    members.stop("machine-1")
    assert changed(project.preview(members.program("a", "b")).steps) == {}
    assert changed(project.up(members.program("b")).steps) == {"a": "delete"}
    assert members.did() == ["token deleted"]
    project.up(members.program("b", text="two"))
    assert members.did() == ["two updated"]
    project.destroy()
    assert members.did() == ["token deleted"]


def test_a_replaced_one_knows_what_it_printed(members: Members, project: Project) -> None:
    project.up(members.program("a"))
    members.did()
    replaced = project.up(members.program("a"), replace=["a"])
    assert [step for step, _ in replaced.order if step != "same"][-1] == "delete-replaced"
    assert members.did() == ["one created", "token deleted"]


def test_the_key_is_no_plain_state_and_what_is_printed_no_secret(
    members: Members, project: Project
) -> None:
    done = project.up(members.program("a"))
    assert done.outputs == {"a": "token"}
    assert members.servers["machine-1"].user_key("ed25519").splitlines()[1] not in project.state()
    assert '"token"' in project.state()


def test_with_no_member_it_fails_and_says_what_helps(members: Members, project: Project) -> None:
    project.up(members.program("a"))
    members.stop()
    with pytest.raises(EngineFailed, match="no member of etcd can be reached: .*up --refresh"):
        project.up(members.program("a", text="two"))
    with pytest.raises(EngineFailed, match="no member of etcd can be reached"):
        project.up(members.program())
    members.start_again()


def test_the_first_member_is_asked_and_no_other(members: Members) -> None:
    done = members.run("cat; echo; echo $SSH_CONNECTION")
    port = members.servers["machine-1"].port
    assert done.stdout.split("\n")[0] == "what it reads"
    assert done.stdout.split()[-1] == str(port)
    assert not members.servers["machine-2"].connections()


def test_a_member_that_shows_another_host_key_runs_nothing(members: Members) -> None:
    exchanged = members.plain("machine-1")
    exchanged["host_key"] = members.servers["machine-2"].host_key("ed25519")
    both = {"machine-1": exchanged, "machine-2": members.plain("machine-2")}
    done = members.run("echo $SSH_CONNECTION", both)
    assert done.stdout.split()[-1] == str(members.servers["machine-2"].port)
    assert members.servers["machine-1"].logins() == 0
    alone = members.run("echo $SSH_CONNECTION", {"machine-1": exchanged})
    assert alone.returncode == SSH_FAILED
    assert "Host key verification failed" in alone.stderr
    assert members.servers["machine-1"].logins() == 0


def test_a_member_that_lets_nobody_in_is_passed_over(members: Members) -> None:
    (members.folder / "machine-1" / "authorized_keys").write_text("")
    done = members.run("echo $SSH_CONNECTION")
    assert done.stdout.split()[-1] == str(members.servers["machine-2"].port)


def test_a_member_that_hangs_is_passed_over(members: Members) -> None:
    """Its kernel takes the connection, and nobody says anything on it."""
    port = members.servers["machine-1"].port
    members.stop("machine-1")
    with socket.create_server(("127.0.0.1", port)):
        done = members.run("echo $SSH_CONNECTION")
    assert done.stdout.split()[-1] == str(members.servers["machine-2"].port)


def test_a_member_that_goes_while_it_runs_a_command_is_followed_by_the_next(
    members: Members,
) -> None:
    """So a command has to be one that can be run twice; what has come of the first is not shown."""
    first = members.servers["machine-1"].port
    ends = f'case "$SSH_CONNECTION" in *" {first}") kill $PPID; sleep 9 ;; esac'
    done = members.run(f"cat; echo; echo $SSH_CONNECTION; {ends}")
    assert done.returncode == 0
    assert done.stdout.count("what it reads") == 1
    assert done.stdout.split()[-1] == str(members.servers["machine-2"].port)


def test_a_command_that_fails_is_tried_on_no_other_member(members: Members) -> None:
    done = members.run("echo why >&2; echo what; exit 3")
    assert (done.returncode, done.stdout, done.stderr.strip()) == (3, "what\n", "why")
    assert not members.servers["machine-2"].connections()


def test_with_no_member_it_says_so(members: Members) -> None:
    members.stop()
    done = members.run("true")
    assert done.returncode == SSH_FAILED
    assert "no member of etcd can be reached: if it is gone, `pulumi up --refresh`" in done.stderr


def test_the_key_is_on_no_command_line_and_in_no_log_and_its_file_goes(
    members: Members, project: Project
) -> None:
    key = members.servers["machine-1"].user_key("ed25519").splitlines()[1]
    done = members.run("ps -Aww -o args")
    assert "ssh_config" in done.stdout, "the interpreter and ssh are among them"
    assert key not in done.stdout
    assert list(members.temporary.iterdir()) == []
    told = project.up(members.program("a"))
    members.stop()
    with pytest.raises(EngineFailed) as failed:
        project.up(members.program("a", text="two"))
    members.start_again()
    for text in (told.text, *told.messages, *told.live, failed.value.text):
        assert key not in text
