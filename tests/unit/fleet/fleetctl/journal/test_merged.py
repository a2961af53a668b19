"""`fleetctl journal` of several units and machines, with journalctl and ssh as scripts."""

import json
import os
import sys
from functools import partial
from pathlib import Path

import pytest

from fleet_cluster.fleet.fleetctl.journal import merged, source
from fleet_cluster.fleet.fleetctl.journal.order import Window
from fleet_cluster.fleet.model.records import MachineState
from tests.unit.fleet.fleetctl.small_cluster import DB, SLEEP, WEB, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[bytes]

ON = """#!/bin/sh
# As ssh: on a machine that is down it takes its time, on one that refuses it says so.
machine=$1; shift; export machine
[ ! -e "$FOLDER/$machine.down" ] || exec sleep 600
[ ! -e "$FOLDER/$machine.refuses" ] || { echo "ssh: connection refused" >&2; exit 255; }
exec "$@"
"""
JOURNALCTL = """#!/bin/sh
echo "$machine $*" >>"$FOLDER/asked"
[ ! -e "$FOLDER/$machine" ] || { cat "$FOLDER/$machine"; exit 0; }
exit 1
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the machines' journals have, by host name; programs here may be slow to begin."""
    for name, text in (("on", ON), ("journalctl", JOURNALCTL)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("FOLDER", str(tmp_path))
    monkeypatch.setattr(source, "PATIENCE_SECONDS", 60.0)
    monkeypatch.setattr(merged, "Window", partial(Window, 3.0))
    return tmp_path


@pytest.fixture
def units(cluster: SmallCluster) -> None:
    cluster.add("web.service")
    cluster.add("db.service", SLEEP + "[X-Fleet]\nMachineMetadata=role=db\n")
    cluster.add("all.service", SLEEP + "[X-Fleet]\nGlobal=true\n")


def journal(folder: Path, machine: MachineState, *entries: tuple[int, str, str]) -> None:
    lines = [
        json.dumps(
            {
                "__REALTIME_TIMESTAMP": str(at * 1_000_000),
                "_SYSTEMD_UNIT": unit,
                "MESSAGE": message,
                "SYSLOG_IDENTIFIER": "x",
            }
        )
        for at, unit, message in entries
    ]
    (folder / machine.hostname).write_text("".join(f"{line}\n" for line in lines))


@pytest.mark.usefixtures("units")
@pytest.mark.parametrize("words", [["web", "db"], ["-f", "web", "db"], ["*b", "web"]])
def test_lines_of_several_units_come_by_time(
    fleetctl: Fleetctl, folder: Path, capfdbinary: Output, words: list[str]
) -> None:
    journal(folder, WEB, (1, "web.service", "first"), (3, "web.service", "third\nline"))
    journal(folder, DB, (2, "db.service", "second"))
    assert fleetctl("journal", "--output", "cat", *words) == 0
    assert capfdbinary.readouterr().out == (
        b"web.service  machine-1 | first\n"
        b"db.service   machine-2 | second\n"
        b"web.service  machine-1 | third\n"
        b"web.service  machine-1 | line\n"
    )


@pytest.mark.usefixtures("units")
def test_a_machine_is_asked_once_for_all_its_units(fleetctl: Fleetctl, folder: Path) -> None:
    journal(folder, WEB)
    journal(folder, DB)
    assert fleetctl("journal", "--since=-1h", "--grep", "a b", "--sudo", "web", "all") != 0
    (folder / "sudo").write_text('#!/bin/sh\nexec "$@"\n')
    (folder / "sudo").chmod(0o755)
    (folder / "asked").unlink(missing_ok=True)
    assert fleetctl("journal", "--since=-1h", "--grep", "a b", "--sudo", "web", "all") == 0
    rest = "--lines=all --since=-1h --grep=a b --output=json --all"
    assert sorted((folder / "asked").read_text().splitlines()) == [
        f"machine-1 --no-pager --unit=web.service --unit=all.service {rest}",
        f"machine-2 --no-pager --unit=all.service {rest}",
    ]


@pytest.mark.usefixtures("units")
@pytest.mark.parametrize("follow", [[], ["-f"]])
def test_a_global_unit_shows_all_its_machines(
    fleetctl: Fleetctl, folder: Path, capfdbinary: Output, follow: list[str]
) -> None:
    journal(folder, WEB, (1, "all.service", "one"), (3, "all.service", "three"))
    journal(folder, DB, (2, "all.service", "two"))
    assert fleetctl("journal", *follow, "-o", "cat", "all") == 0
    assert [line.split()[1] for line in capfdbinary.readouterr().out.splitlines()] == [
        b"machine-1",
        b"machine-2",
        b"machine-1",
    ]
    assert fleetctl("journal", "-n", "2", "-o", "cat", "all") == 0
    assert [line.split()[-1] for line in capfdbinary.readouterr().out.splitlines()] == [
        b"two",
        b"three",
    ]


@pytest.mark.usefixtures("units")
def test_json_has_unit_and_machine_also_of_one_unit(
    fleetctl: Fleetctl, folder: Path, capfdbinary: Output
) -> None:
    journal(folder, WEB, (1, "web.service", "first"))
    assert fleetctl("journal", "--output", "json", "web") == 0
    (line,) = capfdbinary.readouterr().out.splitlines()
    found = json.loads(line)
    assert (found["unit"], found["machine"]) == ("web.service", f"{WEB.id}/10.0.0.11")
    assert (found["MESSAGE"], found["SYSLOG_IDENTIFIER"]) == ("first", "x")


@pytest.mark.usefixtures("units")
def test_a_machine_that_does_not_answer_is_told_and_not_waited_for(
    fleetctl: Fleetctl, folder: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Output
) -> None:
    monkeypatch.setattr(source, "PATIENCE_SECONDS", 0.5)
    journal(folder, WEB, (1, "web.service", "first"))
    (folder / "machine-2.down").touch()
    assert fleetctl("journal", "-o", "cat", "web", "db") == 255
    said = capfdbinary.readouterr()
    assert said.out == b"web.service  machine-1 | first\n"
    assert said.err == b"machine-2 (10.0.0.12) does not answer: its lines are missing\n"


@pytest.mark.usefixtures("units")
@pytest.mark.parametrize("follow", [[], ["-f"]])
def test_a_machine_that_refuses_is_told(
    fleetctl: Fleetctl, folder: Path, capfdbinary: Output, follow: list[str]
) -> None:
    journal(folder, WEB, (1, "web.service", "first"))
    (folder / "machine-2.refuses").touch()
    assert fleetctl("journal", *follow, "-o", "cat", "web", "db") == 255
    said = capfdbinary.readouterr()
    assert said.out == b"web.service  machine-1 | first\n"
    assert b"machine-2: ssh: connection refused\n" in said.err


@pytest.mark.usefixtures("units")
def test_a_lost_machine_is_told_and_the_others_lines_are_shown(
    fleetctl: Fleetctl, cluster: SmallCluster, folder: Path, capfdbinary: Output
) -> None:
    cluster.leave(DB)
    journal(folder, WEB, (1, "all.service", "first"))
    assert fleetctl("journal", "-o", "cat", "web", "db", "all") == 0
    said = capfdbinary.readouterr()
    assert said.out == b"all.service  machine-1 | first\n"
    assert said.err.decode().splitlines() == [
        "db.service was on 9d04e6a1.../lost, which is lost",
        "all.service was on 9d04e6a1.../lost, which is lost",
    ]


@pytest.mark.usefixtures("units")
def test_nothing_matches_only_where_nothing_does_anywhere(fleetctl: Fleetctl, folder: Path) -> None:
    assert fleetctl("journal", "--grep", "x", "web", "db") == 1
    journal(folder, WEB, (1, "web.service", "x"))
    assert fleetctl("journal", "--grep", "x", "web", "db") == 0


@pytest.mark.usefixtures("units")
@pytest.mark.parametrize(
    ("terminal", "no_color", "coloured"), [(True, "", True), (True, "1", False), (False, "", False)]
)
def test_colours_are_for_terminals_and_what_units_write_commands_none(
    fleetctl: Fleetctl,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: Output,
    terminal: bool,
    no_color: str,
    coloured: bool,
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    journal(folder, WEB, (1, "web.service", "\x1b[2Jred"))
    journal(folder, DB)
    fleetctl("journal", "-o", "cat", "web", "db")
    sys.stdout.flush()
    shown = b"\\x1b[2Jred" if terminal else b"\x1b[2Jred"
    prefix = b"web.service  machine-1"
    prefix = b"\x1b[36m" + prefix + b"\x1b[0m" if coloured else prefix
    assert capfdbinary.readouterr().out == prefix + b" | " + shown + b"\n"
