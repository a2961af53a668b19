import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from standin.inputs import SdkType, problems
from standin.values import UNKNOWN

CONTAINER = SdkType("pulumi_docker", "Container")
COMMAND = SdkType("pulumi_command.remote", "Command")


def paths(inputs: dict[str, Any], sdk: SdkType = CONTAINER) -> list[str]:
    return [problem.path for problem in problems(inputs, sdk, {})]


def test_good_inputs_have_no_problems() -> None:
    inputs = {
        "image": "x",
        "command": ["a", "b"],
        "privileged": True,
        "memory": 5,
        "tmpfs": {"/run": ""},
        "ports": [{"internal": 1, "external": 2}],
        "capabilities": {"adds": ["X"]},
        "__defaults": [],
    }
    assert paths(inputs) == []


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({"image": 1}, "image"),
        ({"image": "x", "privileged": "yes"}, "privileged"),
        ({"image": "x", "memory": 1.5}, "memory"),
        ({"image": "x", "memory": True}, "memory"),
        ({"image": "x", "command": "sleep"}, "command"),
        ({"image": "x", "command": ["sleep", 1]}, "command[1]"),
        ({"image": "x", "tmpfs": ["/run"]}, "tmpfs"),
        ({"image": "x", "tmpfs": {"/run": 1}}, "tmpfs./run"),
        ({"image": "x", "ports": [{"internal": 1}, {"internal": "2"}]}, "ports[1].internal"),
        ({"image": "x", "ports": [{"external": 1}]}, "ports[0].internal"),
        ({"image": "x", "capabilities": ["X"]}, "capabilities"),
        ({"image": "x", "sudo": True}, "sudo"),
        ({}, "image"),
    ],
)
def test_problems_name_their_place(inputs: dict[str, Any], path: str) -> None:
    assert paths(inputs) == [path]


def test_a_slip_of_the_pen_is_corrected() -> None:
    [problem] = problems({"image": "x", "privleged": True}, CONTAINER, {})
    assert "Did you mean privileged?" in problem.reason


def test_what_is_not_supported_is_refused_by_name() -> None:
    supported = {"": frozenset({"image", "ports"}), "ports": frozenset({"internal"})}
    inputs = {"image": "x", "gpus": "all", "ports": [{"internal": 1, "ip": "::1"}]}
    found = problems(inputs, CONTAINER, supported)
    assert [problem.path for problem in found] == ["gpus", "ports[0].ip"]
    assert found[0].reason.endswith("Supported: image, ports.")


def test_unknown_values_are_not_judged() -> None:
    assert paths({"image": UNKNOWN, "ports": [{"internal": UNKNOWN}], "envs": UNKNOWN}) == []


def test_secrets_are_never_shown() -> None:
    inputs = {"connection": {"host": "h", "port": "hush"}, "create": ["hush"]}
    found = problems(inputs, COMMAND, {})
    assert [problem.path for problem in found] == ["connection.port", "create"]
    assert all("hush" not in problem.reason for problem in found)


def test_choices_are_shown() -> None:
    [problem] = problems({"connection": {"host": "h"}, "logging": "all"}, COMMAND, {})
    assert "stdoutAndStderr" in problem.reason


MANY_AT_ONCE = """
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from standin.inputs import SdkType

sys.setswitchinterval(1e-6)
together = Barrier(8)

def arguments(number):
    together.wait()
    return SdkType("pulumi_command.remote", ("Command", "CopyToRemote")[number % 2]).arguments()

with ThreadPoolExecutor(8) as threads:
    print(*sorted({one.__name__ for one in threads.map(arguments, range(8))}))
"""


@pytest.mark.parametrize("again", range(3))
def test_the_sdk_may_be_first_used_by_many_threads_at_once(again: int) -> None:
    del again  # One run of the race may be lucky.
    plugins = Path(__file__).parents[3] / "toolchain" / "plugins"
    fresh = subprocess.run(
        [sys.executable, "-c", MANY_AT_ONCE], cwd=plugins, capture_output=True, text=True
    )
    assert (fresh.stdout, fresh.stderr) == ("CommandArgs CopyToRemoteArgs\n", "")
