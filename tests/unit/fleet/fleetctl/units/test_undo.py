"""`fleetctl history` and `undo`: releases, whatever has made them."""

import json
from typing import Any

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit, TimedOutError
from fleet_cluster.fleet.fleetctl.cli.origin import Origin
from fleet_cluster.fleet.fleetctl.releases.history import KEPT, KEPT_FAILED
from fleet_cluster.fleet.kv import Changes
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.records import DesiredState, Unit, UnitState
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fleetctl.small_cluster import SLEEP, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]

WEBS = "web@.service"
NAMES = [f"web@{number}.service" for number in (1, 2)]
DB = "db.service"
FAILED = UnitState("loaded", "failed", "failed", "", journal="last words")


def text(number: int) -> str:
    return f"{SLEEP}Environment=N={number}\n"


@pytest.fixture
def released(cluster: SmallCluster, fleetctl: Fleetctl) -> SmallCluster:
    """A template with two instances and a unit by itself, each of the first file."""
    fleetctl.origin = Origin("anna@laptop", {WEBS: "/home/anna/web@.service"})
    fleetctl.files = {WEBS: text(1), DB: text(1)}
    fleetctl("submit", WEBS)
    fleetctl("start", *NAMES, DB)
    return cluster


def roll(fleetctl: Fleetctl, number: int, name: str = WEBS, code: Exit = Exit.DONE) -> None:
    fleetctl.files = {name: text(number)}
    assert fleetctl("rollout", name) == code


def history(fleetctl: Fleetctl, name: str, capsys: Output) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert fleetctl("history", name, "--output", "json") == Exit.DONE
    return json.loads(capsys.readouterr().out)


def states(fleetctl: Fleetctl, name: str, capsys: Output) -> list[tuple[int, str, str]]:
    rows = history(fleetctl, name, capsys)
    return [(row["revision"], row["hash"], row["state"]) for row in rows]


def test_who_when_which_file_and_from_where(
    fleetctl: Fleetctl, released: SmallCluster, capsys: Output
) -> None:
    first = history(fleetctl, WEBS, capsys)
    assert len(first) == 1
    assert first[0].pop("when").endswith("Z")
    assert first[0] == {
        "revision": 1,
        "who": "anna@laptop",
        "hash": sha_of(text(1)),
        "from": "/home/anna/web@.service",
        "state": "current",
        "images": [],
    }


def test_an_instance_has_its_templates(
    fleetctl: Fleetctl, released: SmallCluster, capsys: Output
) -> None:
    roll(fleetctl, 2)
    rows = history(fleetctl, WEBS, capsys)
    assert [row["revision"] for row in rows] == [2, 1]
    assert history(fleetctl, "web@1", capsys) == rows
    assert all("web@1.service/" not in key for key in released.store.entries)


@pytest.mark.parametrize("name", [WEBS, DB])
def test_undo_goes_back_and_a_second_one_forth(
    fleetctl: Fleetctl, released: SmallCluster, name: str, capsys: Output
) -> None:
    roll(fleetctl, 2, name)
    fleetctl.files = {}
    assert fleetctl("undo", name) == Exit.DONE
    assert released.view().text_of(name) == text(1)
    rows = history(fleetctl, name, capsys)
    assert [(row["revision"], row["from"]) for row in rows][0] == (3, "revision 1")
    assert fleetctl("undo", name) == Exit.DONE
    assert released.view().text_of(name) == text(2)
    if name == WEBS:
        assert {released.view().text_of(one) for one in NAMES} == {text(2)}


def test_undo_to_a_release(fleetctl: Fleetctl, released: SmallCluster) -> None:
    for number in (2, 3, 4):
        roll(fleetctl, number)
    fleetctl.files = {}
    assert fleetctl("undo", "--to", "2", WEBS) == Exit.DONE
    assert released.view().text_of(NAMES[1]) == text(2)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([WEBS], "there is nothing to go back to: web@.service has had no other file"),
        (["web@1"], "has the file of its template: fleetctl undo web@.service"),
        (["--to", "7", WEBS], "release 7 of web@.service is not noted; there are: 1"),
        (["wob@.service"], "no unit wob@.service in the cluster; did you mean web@"),
        (["*"], "undo is of one unit"),
    ],
)
def test_bad_input(
    fleetctl: Fleetctl, released: SmallCluster, words: list[str], complaint: str
) -> None:
    writes = released.store.writes
    with pytest.raises(CtlError, match=complaint):
        fleetctl("undo", *words)
    assert released.store.writes == writes


def fail_with(cluster: SmallCluster, name: str, bad: str) -> None:
    """The unit fails with this file only."""

    def note(changes: Changes) -> None:
        for key, entry in changes.puts.items():
            if key == keys.unit_key(name):
                is_bad = Unit.from_json(entry.value).sha == sha_of(bad)
                cluster.behaviour[name] = [FAILED] if is_bad else []

    cluster.store.on_commit = note


@pytest.mark.parametrize(("name", "member"), [(WEBS, NAMES[1]), (DB, DB)])
def test_a_release_that_failed_is_told_and_passed_over(
    fleetctl: Fleetctl, released: SmallCluster, name: str, member: str, capsys: Output
) -> None:
    roll(fleetctl, 2, name)
    fail_with(released, member, text(3))
    roll(fleetctl, 3, name, Exit.FAILED)
    assert states(fleetctl, name, capsys) == [
        (3, sha_of(text(3)), "failed"),
        (2, sha_of(text(2)), "current"),
        (1, sha_of(text(1)), ""),
    ]
    fleetctl.files = {}
    with pytest.raises(CtlError, match="release 3 of .* failed and was taken back; there are: 1, "):
        fleetctl("undo", "--to", "3", name)
    assert fleetctl("undo", name) == Exit.DONE
    assert released.view().text_of(member) == text(1)


def test_an_undo_that_fails_goes_back_as_any_rollout(
    fleetctl: Fleetctl, released: SmallCluster, capsys: Output
) -> None:
    roll(fleetctl, 2)
    fail_with(released, NAMES[1], text(1))
    fleetctl.files = {}
    assert fleetctl("undo", WEBS) == Exit.FAILED
    assert {released.view().text_of(name) for name in (WEBS, *NAMES)} == {text(2)}
    assert states(fleetctl, WEBS, capsys)[0] == (3, sha_of(text(1)), "failed")


def test_a_time_limit_is_a_failure_too(
    fleetctl: Fleetctl, released: SmallCluster, capsys: Output
) -> None:
    released.behaviour[DB] = [UnitState("loaded", "activating", "start-post", "")]
    fleetctl.files = {DB: text(2)}
    with pytest.raises(TimedOutError):
        fleetctl("rollout", "--timeout", "0.01", DB)
    assert [row[2] for row in states(fleetctl, DB, capsys)] == ["failed", "current"]


def test_so_many_are_kept_and_their_files(
    fleetctl: Fleetctl, released: SmallCluster, capsys: Output
) -> None:
    for number in range(2, KEPT + 4):
        roll(fleetctl, number)
    for number in range(KEPT_FAILED + 1):
        fail_with(released, NAMES[0], text(100 + number))
        roll(fleetctl, 100 + number, code=Exit.FAILED)
    rows = history(fleetctl, WEBS, capsys)
    good = [row["hash"] for row in rows if row["state"] != "failed"]
    assert good == [sha_of(text(number)) for number in range(KEPT + 3, 3, -1)]
    assert len(rows) - len(good) == KEPT_FAILED
    assert set(released.view().files) == {*good, sha_of(text(1))}, "the first is another unit's"


def test_a_destroyed_unit_has_none(fleetctl: Fleetctl, released: SmallCluster) -> None:
    roll(fleetctl, 2, DB)
    assert fleetctl("destroy", DB) == Exit.DONE
    assert not [id for id in released.view().releases if id.startswith(DB)]
    assert sha_of(text(2)) not in released.view().files


def test_what_an_earlier_version_has_left_is_tidied_away(
    fleetctl: Fleetctl, released: SmallCluster
) -> None:
    released.store.remove(keys.unit_key(DB))
    assert fleetctl("destroy", NAMES[0]) == Exit.DONE
    assert not [id for id in released.view().releases if id.startswith(DB)]


def test_what_an_earlier_version_has_written_is_a_release_too(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cluster.add(DB, text(1))
    assert [row["state"] for row in history(fleetctl, DB, capsys)] == ["current"]
    roll(fleetctl, 2, DB)
    cluster.add(DB, text(3))
    assert states(fleetctl, DB, capsys) == [
        (3, sha_of(text(3)), "current"),
        (2, sha_of(text(2)), ""),
        (1, sha_of(text(1)), ""),
    ]
    fleetctl.files = {}
    assert fleetctl("undo", DB) == Exit.DONE
    assert cluster.view().text_of(DB) == text(2)


def test_a_file_that_an_earlier_version_has_removed_is_told(
    fleetctl: Fleetctl, released: SmallCluster
) -> None:
    roll(fleetctl, 2, WEBS)
    roll(fleetctl, 2, DB)
    released.store.remove(keys.file_key(sha_of(text(1))))
    fleetctl.files = {}
    with pytest.raises(CtlError, match="the file of release 1 of db.service is not in etcd any"):
        fleetctl("undo", DB)


def test_an_instance_without_its_template_has_none(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    cluster.add(NAMES[0], target=DesiredState.LAUNCHED)
    with pytest.raises(CtlError, match="nothing is noted of it. It is from: fleetctl rollout web@"):
        fleetctl("history", NAMES[0])


def test_images(fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output) -> None:
    image = f"10.0.0.2:5000/sinatra@sha256:{'a' * 64}"
    command = f"/usr/bin/docker run --rm --name db \\\n  {image}"
    fleetctl.files = {DB: f"[Service]\nExecStart={command}\n"}
    assert fleetctl("submit", DB) == Exit.DONE
    assert history(fleetctl, DB, capsys)[0]["images"] == [image]
