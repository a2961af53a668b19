"""`fleetctl top`, the command: what it needs, and that it leaves the terminal as it was."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError
from fleet_cluster.fleet.fleetctl.cli.options import option_words
from fleet_cluster.fleet.fleetctl.commands.parser import parse
from fleet_cluster.fleet.fleetctl.live.changes import change
from tests.checkout import CHECKOUT, LIBRARY
from tests.terminal import Terminal, on_terminal
from tests.unit.fleet.fleetctl.live.any_overview import AT, busy
from tests.unit.fleet.fleetctl.small_cluster import Fleetctl

TOP = [sys.executable, "-m", "fleet.fleetctl", "top"]
SSH = """\
#!{python}
import os, sys
asked = sys.argv[-1]
if sys.argv[sys.argv.index("--") + 1] == os.environ.get("DEAD"):
    sys.exit("No route to host")
sys.stdin.readline()
if "stream" in asked:
    print(r'''{line}''', flush=True)
    sys.stdin.read()
elif "why" in asked:
    print("because it was asked for: " + os.environ.get("NO_COLOR", "in colour"))
elif "restart" in asked:
    import signal
    signal.signal(signal.SIGINT, lambda *_: (print("told to end", flush=True), os._exit(130)))
    print("restarting", flush=True)
    signal.pause()
"""
IMPORT_ALL = """
import importlib, pathlib, sys
root = pathlib.Path({root!r})
for path in sorted((root / "fleet").rglob("*.py")):
    name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    if "top.screen" not in name and not name.endswith("__main__"):
        importlib.import_module(name)
print("fleet.fleetd.loop" in sys.modules, "textual" in sys.modules, "rich" in sys.modules)
"""
PACKAGE = LIBRARY / "fleet_cluster"
"""Where machines have fleet's software."""
ALTERNATE_SCREEN_ENDS = b"\x1b[?1049l"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A cluster of three machines, with a program in ssh's place."""
    ssh = tmp_path / "ssh"
    line = change(None, busy(), AT).to_json()
    ssh.write_text(SSH.format(python=sys.executable, line=line))
    ssh.chmod(0o755)
    config = tmp_path / "ssh_config"
    config.write_text("Host machine-1 machine-2\n")
    return {
        **{name: value for name, value in os.environ.items() if name != "NO_COLOR"},
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(PACKAGE),
        "FLEETCTL_TUNNEL": "machine-1",
        "FLEETCTL_SSH_CONFIG": str(config),
    }


@pytest.fixture
def terminal(environment: dict[str, str], tmp_path: Path) -> Iterator[Terminal]:
    with on_terminal(TOP, environment, tmp_path) as terminal:
        terminal.shows("through machine-1")
        yield terminal


def test_keys_run_fleetctl_in_the_terminal_and_come_back(terminal: Terminal) -> None:
    terminal.press(b"w")
    terminal.shows(r"\$ fleetctl why big.service\s+because it was asked for: in colour\s+Enter")
    terminal.press(b"\n")
    terminal.shows("db.service +machine-2")
    terminal.press(b"q")
    assert terminal.code() == 0


def test_ctrl_c_ends_what_runs_and_not_the_screen(terminal: Terminal) -> None:
    terminal.press(b"r")
    terminal.shows(r"restart big.service\? y")
    terminal.press(b"y")
    terminal.shows("restarting")
    terminal.press(b"\x03")
    terminal.shows("db.service +machine-2")
    terminal.press(b"q")
    assert terminal.code() == 0


def test_a_signal_leaves_the_terminal_as_it_was(terminal: Terminal) -> None:
    os.kill(terminal.process, signal.SIGTERM)
    assert terminal.code() != 0
    assert ALTERNATE_SCREEN_ENDS in terminal.drawn


def test_without_colour_it_is_so_for_what_keys_run_too(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with on_terminal(TOP, {**environment, "NO_COLOR": "1"}, tmp_path) as terminal:
        terminal.shows("through machine-1")
        terminal.press(b"w")
        terminal.shows("because it was asked for: 1")


def test_it_begins_through_another_machine_when_the_first_is_dead(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with on_terminal(TOP, {**environment, "DEAD": "machine-1"}, tmp_path) as terminal:
        terminal.shows("through machine-2")
        terminal.press(b"q")
        assert terminal.code() == 0


def test_where_no_machine_answers_there_is_no_screen(
    environment: dict[str, str], tmp_path: Path
) -> None:
    environment["FLEETCTL_SSH_CONFIG"] = ""
    with on_terminal(TOP, {**environment, "DEAD": "machine-1"}, tmp_path) as terminal:
        terminal.shows("no machine says what there is:\\s+machine-1: No route to host")
        assert terminal.code() == 1
        assert ALTERNATE_SCREEN_ENDS not in terminal.drawn


def test_without_textual_it_says_how_to_install_it(
    fleetctl: Fleetctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [one for one in sys.modules if one.partition(".")[0] == "textual"]:
        monkeypatch.delitem(sys.modules, name)
    for name in [one for one in sys.modules if ".top.screen" in one]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "textual", None)
    with pytest.raises(
        CtlError, match=r"pip install 'textual>=8.2,<9' \(or fleet-cluster\[top\]\)"
    ):
        fleetctl("top")


def test_without_a_terminal_it_says_what_else_there_is(fleetctl: Fleetctl) -> None:
    with pytest.raises(CtlError, match="fleetctl list-units --watch"):
        fleetctl("top")


def test_nothing_of_fleet_needs_textual_until_top_begins() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL.format(root=str(PACKAGE))],
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True False False\n"


def test_the_options_that_were_given_are_those_of_what_keys_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLEETCTL_SSH_USERNAME", "admin")
    words = ["top", "--tunnel", "m1", "--request-timeout=9"]
    assert option_words(parse(words)[1]) == ["--tunnel=m1", "--request-timeout=9"]
