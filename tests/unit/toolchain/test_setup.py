"""The whole set-up: what needs nothing of each other is got side by side."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cluster.stack import eventually
from tests.unit.toolchain.conftest import Computer

GET = {
    "python": 'echo >"$cache/for-engine"',
    "engine": 'read -r _ <"$cache/for-engine"; echo >"$cache/for-docker"',
    "docker": 'read -r _ <"$cache/for-docker"',
}
"""Each waits for the one before it, which is in another group."""


@pytest.fixture
def tools(computer: Computer) -> dict[str, str]:
    """What gets each tool; every one is found when it was got."""
    for fifo in ("for-engine", "for-docker"):
        computer.cache.mkdir(exist_ok=True)
        os.mkfifo(computer.cache / fifo)
    folder = computer.checkout / "toolchain/tools"
    names = [file.stem.replace("-", "_") for file in folder.glob("*.sh")]
    return {name: GET.get(name, "true") for name in names}


def place(computer: Computer, tools: dict[str, str]) -> None:
    """Make the checkout's tools these."""
    for name, get in tools.items():
        got = f'"$cache/got-{name}"'
        text = f"{name}_found() {{ [[ -e {got} ]]; }}\n{name}_install() {{ {get}; touch {got}; }}\n"
        file = computer.checkout / f"toolchain/tools/{name.replace('_', '-')}.sh"
        file.write_text(text + ("use_dockerd() { :; }\n" if name == "docker" else ""))


def got(computer: Computer) -> set[str]:
    return {file.name.removeprefix("got-") for file in computer.cache.glob("got-*")}


def test_groups_are_got_side_by_side(computer: Computer, tools: dict[str, str]) -> None:
    place(computer, tools)
    result = computer.run("toolchain/setup")
    assert result.returncode == 0, result.stderr
    assert got(computer) == set(tools) - {"sshd", "language_yaml", "promtool", "chromium"}


def test_where_one_group_fails_the_others_are_finished(
    computer: Computer, tools: dict[str, str]
) -> None:
    place(computer, {**tools, "language_host": 'fail language_host "no Go" "install Go"'})
    result = computer.run("toolchain/setup")
    assert result.returncode == 1
    assert "next: install Go" in result.stderr
    assert got(computer) == {"basics", "python", "engine", "docker", "base_image"}


def test_an_interrupted_set_up_leaves_nothing_running(
    computer: Computer, tools: dict[str, str], tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    waits = f'sleep 600 & echo $! >"{pid}.new"; mv "{pid}.new" "{pid}"; wait'
    place(computer, {**tools, "base_image": waits})
    setup = subprocess.Popen(
        ["toolchain/setup"],
        cwd=computer.checkout,
        env={"PATH": str(computer.bin), "FLEET_CLUSTER_CACHE": str(computer.cache)},
    )
    eventually("it waits", pid.exists)
    setup.send_signal(signal.SIGTERM)
    assert setup.wait(20) == 130
    eventually("nothing runs", lambda: not runs(int(pid.read_text())))


def runs(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # The second: it went while it was read.
        return False
