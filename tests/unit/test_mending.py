"""What is undone on the cluster that tests share, after one that failed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cluster import mending
from tests.cluster.stack import Done, Stack

OWN = ["hello.service", "sinatra@5000.service"]
OUTPUTS = {"machines": {"machine-1": "10.0.0.11", "machine-2": "10.0.0.12"}, "units": OWN}
FILES = [
    {"unit": "hello.service", "owner": "cluster/hello"},
    {"unit": "sinatra@.service", "owner": ""},
    {"unit": "sinatra@5000.service", "owner": "cluster/sinatra"},
    {"unit": "fleet-journal-upload.service", "owner": "cluster/journals"},
    {"unit": "probe.service", "owner": ""},
    {"unit": "run-1f.service", "owner": "fleetctl run"},
    {"unit": "web@1.service", "owner": ""},
]
ANSWERS = {"pulumi stack output": OUTPUTS, "fleetctl list-unit-files": FILES}


@dataclass(frozen=True)
class Told(Stack):
    """Is told commands, and runs none; one that begins so fails."""

    fails: str = "nothing"
    commands: list[str] = field(default_factory=list[str])

    def run(self, *command: str, check: bool = True, stdin: str = "", seconds: int = 600) -> Done:
        told = " ".join(command)
        self.commands.append(told)
        assert not told.startswith(self.fails), f"{told} exited 1"
        answers = [answer for asked, answer in ANSWERS.items() if told.startswith(asked)]
        return Done(0, "".join(map(json.dumps, answers)), "")


@pytest.fixture(autouse=True)
def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.cluster.asking.is_whole", is_whole)


def is_whole(stack: Stack, machines: Mapping[str, str]) -> bool:
    return machines == OUTPUTS["machines"]


def told(fails: str = "nothing") -> Told:
    return Told("any", Path(), Path(), fails=fails)


def test_what_tests_do_is_undone() -> None:
    stack = told()
    mending.mend(stack)
    assert "pulumi config rm greeting" in stack.commands
    assert "pulumi config set cluster-size -- 3" in stack.commands
    assert "fleetctl set-metadata machine-2 disk= etcd=" in stack.commands
    assert "fleetctl uncordon machine-1" in stack.commands
    assert "fleetctl destroy probe.service run-1f.service web@1.service" in stack.commands


def test_what_fails_is_told_and_keeps_nothing_else_from_being_undone() -> None:
    stack = told("pulumi up")
    with pytest.raises(ExceptionGroup, match="could not be mended") as raised:
        mending.mend(stack)
    (error,) = raised.value.exceptions
    assert "pulumi up" in str(error)
    assert stack.commands[-2].startswith("fleetctl destroy probe.service")
