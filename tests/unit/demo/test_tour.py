"""The steps of the demo, with commands that answer as a cluster did."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from demo import tour as tours
from demo.screen import Screen
from demo.stack import Stack, TroubleError
from demo.tour import CHANGE, STEPS, Pace, Tour, all_run_elsewhere, bring_up, story
from tests.checkout import CHECKOUT

HERE, THERE = "172.30.1.12", "172.30.1.11"
WHY = """\
sinatra@5001.service is on 9d04e6a1.../172.30.1.11; its desired state is launched

2026-01-05T09:12:41.007Z  leader    3f2a91bc.../lost: its lease has expired

Each machine now:
  9d04e6a1.../172.30.1.11       it is here
"""


def row(unit: str, address: str, active: str = "active") -> dict[str, str]:
    return {"unit": unit, "machine": f"{'a' * 32}/{address}", "active": active}


class Cluster:
    """Answers what the demo asks: a machine's units move when it is killed."""

    def __init__(self) -> None:
        self.typed: list[str] = []
        self.made = False

    def run(self, stack: Stack, command: str, doing: object) -> list[str]:
        self.typed.append(command)
        if command == "fleetctl why sinatra@5001.service":
            return [*WHY.splitlines()]
        return (
            ["Resources:", "    ~ 3 updated", "", "Duration: 12s"] if "up" in command else ["out"]
        )

    def ask(self, *command: str) -> str:
        killed = any(one.startswith("docker kill") for one in self.typed)
        match command:
            case ("pulumi", "stack", "ls", *_):
                return json.dumps([{"name": "demo"}] if self.made else [])
            case ("pulumi", "stack", "output", "machines"):
                return json.dumps({"machine-1": THERE, "machine-2": HERE})
            case ("pulumi", "stack", "output", "url"):
                return "http://127.0.0.1:4711\n"
            case ("docker", "ps", *_):
                return "1 2\n"
            case ("docker", "inspect", *_):
                return f"/machine-2-of-another 172.30.9.12\n/machine-2-abc {HERE}\n"
            case ("fleetctl", "list-units", *_):
                at = THERE if killed else HERE
                return json.dumps(
                    [row("sinatra@5000.service", THERE), row("sinatra@5001.service", at)]
                )
            case _:
                raise AssertionError(command)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()
    monkeypatch.setattr(tours, "run", made.run)
    monkeypatch.setattr(tours, "free_port", lambda: 4711)

    def ask(stack: Stack, *command: str) -> str:
        return made.ask(*command)

    monkeypatch.setattr(Stack, "ask", ask)
    return made


def on(paper: io.StringIO) -> Tour:
    screen = Screen(Console(file=paper, width=100), lambda: "requests 7 sent")
    return Tour(Stack("demo", Path("program")), screen, Pace(instances=2, reading=0))


def test_all_that_is_shown_is_what_is_typed_and_it_comes_in_order(cluster: Cluster) -> None:
    paper = io.StringIO()
    tour = on(paper)
    bring_up(tour)
    for step in STEPS.values():
        step(tour)
    shown = [line[2:] for line in paper.getvalue().splitlines() if line.startswith("$ ")]
    assert shown == cluster.typed
    up, curl = "pulumi up --yes --skip-preview", "curl --silent --fail http://127.0.0.1:4711"
    assert cluster.typed == [
        "pulumi stack init demo",
        "pulumi config set load-balancer-port 4711",
        "pulumi config set sinatra-instances 2",
        up,
        curl,
        "pulumi config set sinatra-instances 2",
        up,
        "fleetctl list-units 'sinatra@*'",
        "docker kill machine-2-abc",
        "fleetctl list-machines",
        "fleetctl list-units 'sinatra@*'",
        "fleetctl why sinatra@5001.service",
        f"sed -i '{CHANGE}' images/sinatra/app.rb",
        up,
        curl,
        f"{up} --refresh",
        "fleetctl list-machines",
    ]
    assert "3 updated, in 12s" in paper.getvalue() and "requests 7 sent" in paper.getvalue()


def test_a_cluster_that_is_there_is_made_as_it_was_at_first(cluster: Cluster) -> None:
    cluster.made = True
    bring_up(on(io.StringIO()))
    assert "pulumi up --yes --skip-preview --refresh" in cluster.typed
    assert not any("init" in one or "port" in one for one in cluster.typed)


def test_the_release_changes_one_line_of_the_app(tmp_path: Path) -> None:
    stack = Stack("demo", tmp_path)
    app = CHECKOUT / "images/sinatra/app.rb"
    changed = stack.ask("sed", CHANGE, str(app)).splitlines()
    before = app.read_text().splitlines()
    assert [new for old, new in zip(before, changed, strict=True) if old != new] == [
        '  get("/") { settings.text + " This is release 2." }'
    ]


def test_what_fleet_does_by_itself_is_not_waited_for_without_end(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tours, "PATIENCE", 0)
    with pytest.raises(TroubleError, match="Not within 0 s: it is so"):
        on(io.StringIO()).wait("it is so", lambda: False)


@pytest.mark.parametrize(
    ("rows", "whole"),
    [
        ([row("a", THERE), row("b", THERE)], True),
        ([row("a", THERE)], False),
        ([row("a", THERE), row("b", THERE, "activating")], False),
        ([row("a", THERE), row("b", THERE, "lost")], False),
        ([row("a", THERE), row("b", HERE)], False),
        ([row("a", THERE), row("b", THERE), row("b", HERE, "lost")], True),
    ],
)
def test_a_machine_is_made_up_for_when_all_run_on_others(
    rows: Sequence[dict[str, str]], whole: bool
) -> None:
    assert all_run_elsewhere(HERE, 2, rows) == whole


def test_of_why_the_story_is_shown() -> None:
    assert story(WHY.splitlines()) == [WHY.splitlines()[0], WHY.splitlines()[2]]
