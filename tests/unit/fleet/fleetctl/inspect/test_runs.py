"""`fleetctl runs`, as it is printed."""

import json
from pathlib import Path

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.records import DesiredState
from fleet_cluster.fleet.model.runs import LOST, SKIPPED, Run, RunReport, Timer
from tests.unit.fleet.fleetctl.small_cluster import DB, WEB, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]
DUE = 1_767_578_400
DAY = 86_400
NAME = "n.service"
GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def job(cluster: SmallCluster) -> SmallCluster:
    """A timer with runs of every kind."""
    cluster.add(NAME, "[Service]\nType=oneshot\nExecStart=/bin/true\n", DesiredState.INACTIVE)
    cluster.add("n.timer", "[Timer]\nOnCalendar=daily\n[X-Fleet]\nOnce=true\n")
    cluster.put(keys.timer_key("n.timer"), Timer(DUE, DUE + DAY, is_running=True))
    runs = [
        (Run(WEB.id, DUE, DUE), RunReport("1", "", DUE, DUE + 41.5, "success", 0)),
        (
            Run(DB.id, DUE - DAY, 1),
            RunReport("1", "", DUE - DAY + 14, DUE - DAY + 15, "signal", 137),
        ),
        (Run(WEB.id, DUE - 2 * DAY, 1, outcome=LOST), RunReport("1", "", DUE - 2 * DAY)),
        (Run("", DUE - 3 * DAY, 1, outcome=SKIPPED, until=DUE - 3 * DAY + 1), None),
        (Run(WEB.id, DUE + 1, 1), None),
    ]
    for run, report in runs:
        id = f"{run.due:.0f}"
        cluster.put(keys.run_key(NAME, id), run)
        if report:
            cluster.put(keys.run_report_key(run.machine, NAME, id), report)
    # What a machine says of a run that is another's does not count.
    rumour = RunReport("1", "", 1, 2, "exit-code", 1)
    cluster.put(keys.run_report_key(DB.id, NAME, f"{DUE}"), rumour)
    return cluster


@pytest.mark.parametrize("name", ["n.timer", "n"])
def test_the_runs_as_they_are_printed(
    fleetctl: Fleetctl, job: SmallCluster, capsys: Output, name: str
) -> None:
    assert fleetctl("runs", name) == Exit.DONE
    told = capsys.readouterr()
    lines = [line.split() for line in told.out.splitlines()]
    assert lines[0] == ["DUE", "STARTED", "MACHINE", "DURATION", "RESULT", "EXIT"]
    assert [line[3:] for line in lines[1:]] == [
        ["-", "waiting", "-"],
        ["41.5", "success", "0"],
        ["1.0", "signal", "137"],
        ["-", "lost", "-"],
        ["-", "skipped", "-"],
    ]
    assert told.err == "n.timer elapses next at 2026-01-06T02:00:00Z\n"


def test_all_of_it_is_in_json(fleetctl: Fleetctl, job: SmallCluster, capsys: Output) -> None:
    fleetctl("runs", "n.timer", "--output", "json")
    printed = capsys.readouterr().out
    assert printed == (GOLDEN / "runs.json").read_text()
    row = json.loads(printed)[1]
    assert (row["machine"], row["duration"], row["exit"]) == (f"{WEB.id}/10.0.0.11", 41.5, 0)


def test_a_unit_without_runs_is_told_and_an_unknown_one_refused(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cluster.add("hello.service")
    assert fleetctl("runs", "hello") == Exit.DONE
    assert "No run of hello.service is known" in capsys.readouterr().err
    with pytest.raises(CtlError, match="helo"):
        fleetctl("runs", "helo")


def test_list_units_tells_the_next_elapse_and_the_last_result(
    fleetctl: Fleetctl, job: SmallCluster, capsys: Output
) -> None:
    fleetctl("list-units")
    told = capsys.readouterr().err
    assert "n.timer elapses next at 2026-01-06T02:00:00Z; n.service last: running" in told


def test_list_units_has_the_next_elapse_in_json(
    fleetctl: Fleetctl, job: SmallCluster, capsys: Output
) -> None:
    fleetctl("list-units", "--output", "json")
    rows = {row["unit"]: row["next"] for row in json.loads(capsys.readouterr().out)}
    assert rows == {"n.timer": "2026-01-06T02:00:00Z", "n.service": None}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[Timer]\nOnCalendar=daily\n", "without Once=true, m.timer is the business"),
        ("[Timer]\nOnCalendar=daily\n[X-Fleet]\nOnce=true\n", "m.timer has not elapsed yet"),
    ],
)
def test_it_is_told_why_there_are_no_runs(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output, text: str, said: str
) -> None:
    cluster.add("m.service", "[Service]\nExecStart=/bin/true\n", DesiredState.INACTIVE)
    cluster.add("m.timer", text)
    for given in ("m.timer", "m.service"):
        assert fleetctl("runs", given) == Exit.DONE
        assert f"No run of m.service is known: {said}" in capsys.readouterr().err
