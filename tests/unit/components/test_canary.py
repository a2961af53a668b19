"""`canary` of units as resources: what is refused, what is sent, what is said while it waits."""

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest

from fleet_cluster import units
from fleet_cluster.errors import InputError

SLEEPS = "[Service]\nExecStart=/bin/sleep inf\n"
GLOBAL = "[X-Fleet]\nGlobal=true\n"


def sent(tmp_path: Path, name: str, text: str, canary: Any) -> dict[str, int]:
    (tmp_path / name).write_text(text)
    args: Any = {"file": name, "canary": canary}
    return units.canary_of(tmp_path / name, args)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("web@.service", SLEEPS),
        ("nginx.service", SLEEPS + GLOBAL),
        ("open.service", SLEEPS + "[X-Fleet]\nGlobal={{everywhere}}\n"),
    ],
)
def test_it_is_sent_with_the_unit(tmp_path: Path, name: str, text: str):
    assert sent(tmp_path, name, text, 2) == {"canary": 2}


def test_none_is_sent_where_none_is_asked_for(tmp_path: Path):
    """So a program without it sends what it has always sent."""
    assert sent(tmp_path, "web@.service", SLEEPS, 0) == {}
    assert units.canary_of(tmp_path / "db.service", {"file": "db.service", "cluster": {}}) == {}  # pyright: ignore


@pytest.mark.parametrize(
    ("name", "canary", "complaint"),
    [
        ("web@.service", -1, "canary: -1 is not allowed; allowed: a whole number, 0 or more"),
        ("web@.service", "1", "canary: '1' is not allowed"),
        ("web@.service", 1.5, "canary: 1.5 is not allowed"),
        ("web@.service", True, "canary: True is not allowed"),
        ("db.service", 1, "canary: db.service runs once, so there is no canary of it"),
    ],
)
def test_what_is_no_canary_is_refused(tmp_path: Path, name: str, canary: Any, complaint: str):
    with pytest.raises(InputError, match=complaint):
        sent(tmp_path, name, SLEEPS, canary)


def test_what_is_pending_is_a_warning_each_time(monkeypatch: pytest.MonkeyPatch):
    said: list[str] = []

    def warn(message: str, _resource: object) -> None:
        said.append(message)

    monkeypatch.setattr(pulumi, "warn", warn)
    component: Any = None
    progress = "1 of 3 instances of web@.service have the new file"
    stdout = json.dumps({"placements": {}, "canaries": {"web@.service": progress}})
    assert units.pending_in(component, stdout) == progress
    assert said == [
        f"{progress}, and the others keep the one before.\n"
        "To go on: pulumi up without canary, or with 0\n"
        "To go back: pulumi up with the file before; by hand: fleetctl rollout --back web@.service"
    ]
    assert units.pending_in(component, json.dumps({"placements": {}})) == ""
    assert len(said) == 1
