"""`fleetctl history` and the notes on canaries, as they are printed."""

from dataclasses import replace
from pathlib import Path

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.records import DesiredState
from fleet_cluster.fleet.model.releases import Canary, Release
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fleetctl.small_cluster import Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]

GOLDEN = Path(__file__).parent.parent / "golden"
WEBS = "web@.service"
IMAGE = f"10.0.0.2:5000/web@sha256:{'9f' * 32}"
OLD, NEW = (
    f"[Service]\nExecStart=/usr/bin/docker run --rm -p 80:80 --name web \\\n  {image} --port 80\n"
    for image in ("web:1.2", IMAGE)
)
FIRST = Release(sha_of(OLD), 1_767_600_000, "pulumi shop/dev", "pulumi")


@pytest.fixture
def released(cluster: SmallCluster) -> SmallCluster:
    """A template that has had two files, and a third that failed; two instances."""
    cluster.add(WEBS, NEW, DesiredState.INACTIVE)
    cluster.add("web@1.service", NEW)
    cluster.add("web@2.service", NEW)
    cluster.add("old.service", OLD)
    second = Release(sha_of(NEW), 1_767_604_361, "anna@laptop", "/home/anna/web@.service")
    third = Release("c0" * 32, 1_767_609_067, "ben@desk", "/home/ben/web@.service", True)
    for number, release in enumerate((FIRST, second, third), 1):
        cluster.put(keys.release_key(WEBS, str(number)), release)
    return cluster


@pytest.mark.parametrize("output", ["table", "json"])
def test_the_history_as_it_is_printed(
    fleetctl: Fleetctl, released: SmallCluster, capsys: Output, output: str
) -> None:
    assert fleetctl("history", WEBS, "--output", output) == Exit.DONE
    suffix = "txt" if output == "table" else "json"
    assert capsys.readouterr().out == (GOLDEN / f"history.{suffix}").read_text()


def test_images_are_a_list_in_json_and_words_in_a_table(
    fleetctl: Fleetctl, released: SmallCluster, capsys: Output
) -> None:
    fleetctl("history", WEBS, "--fields", "revision,images", "--no-legend")
    words = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert words == [["3", "-"], ["2", IMAGE], ["1", "web:1.2"]]


def test_a_pending_canary_is_told_where_files_are_listed(
    fleetctl: Fleetctl, released: SmallCluster, capsys: Output
) -> None:
    unit = released.view().units["web@1.service"]
    released.put(keys.unit_key("web@1.service"), replace(unit, sha=sha_of(OLD)))
    released.put(keys.canary_key(WEBS), Canary(sha_of(OLD), sha_of(NEW)))
    for words in (["list-unit-files"], ["history", WEBS]):
        fleetctl(*words)
        assert capsys.readouterr().err == (
            "1 of 2 instances of web@.service have the new file\n"
            "To go on:   fleetctl rollout --continue web@.service\n"
            "To go back: fleetctl rollout --back web@.service\n"
        )
    fleetctl("list-unit-files", "--fields", "unit,canary", "--no-legend", WEBS)
    assert capsys.readouterr().out.split() == [WEBS, sha_of(OLD)[:7]]


def test_a_canary_that_an_earlier_version_has_ended_is_not_pending(
    fleetctl: Fleetctl, released: SmallCluster, capsys: Output
) -> None:
    """It knows no canary, and leaves the record."""
    released.put(keys.canary_key(WEBS), Canary(sha_of(NEW), sha_of(OLD)))
    fleetctl("list-unit-files")
    assert capsys.readouterr().err == ""
    with pytest.raises(CtlError, match=r"no canary of web@\.service is pending"):
        fleetctl("rollout", "--back", WEBS)
