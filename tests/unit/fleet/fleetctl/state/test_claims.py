"""Whose the units of an owner are, and a key: what `pulumi up` has written, and what came since."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit
from fleet_cluster.fleet.fleetctl.state.claims import PRINTED
from fleet_cluster.fleet.model.keys import claim_key
from tests.unit.fleet.fleetctl.small_cluster import SLEEP, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]
KEY = "/app/greeting"
WORDS = ("apply", "--claim", "0")


def document(*instances: str, text: str = SLEEP) -> str:
    units = {"web@.service": {"text": text, "instances": {name: "launched" for name in instances}}}
    return json.dumps({"owner": "web@.service", "units": units})


@pytest.fixture
def as_resource(
    fleetctl: Fleetctl, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Run a command as Pulumi does for a resource that has printed this before: what it prints."""

    def run(printed: str, *words: str) -> str:
        capsys.readouterr()
        monkeypatch.delenv(PRINTED, raising=False)
        if printed:
            monkeypatch.setenv(PRINTED, printed)
        assert fleetctl(*words) == Exit.DONE
        return capsys.readouterr().out

    return run


@pytest.fixture
def drift(fleetctl: Fleetctl, capsys: Output) -> Callable[[], Any]:
    def ask() -> Any:
        capsys.readouterr()
        assert fleetctl("drift") == Exit.DONE
        return json.loads(capsys.readouterr().out)

    return ask


Run = Callable[..., str]
Drift = Callable[[], Any]


def test_the_end_of_a_replaced_resource_leaves_the_units_to_its_replacement(
    fleetctl: Fleetctl, cluster: SmallCluster, as_resource: Run
) -> None:
    fleetctl.document = document("web@1.service")
    first = as_resource("", *WORDS)
    second = as_resource("", *WORDS)
    cluster.log.clear()
    as_resource(first, "apply", "--destroy")
    assert "web@1.service" in cluster.view().units
    assert cluster.log == []
    as_resource(second, "apply", "--destroy")
    assert not cluster.view().units
    assert cluster.log == ["stop web@1.service"]
    assert claim_key("web@.service") not in cluster.store.entries


def test_the_end_of_one_that_has_printed_no_token_leaves_claimed_units(
    fleetctl: Fleetctl, cluster: SmallCluster, as_resource: Run
) -> None:
    fleetctl.document = document("web@1.service")
    as_resource("", *WORDS)
    as_resource('{"placements": {}}', "apply", "--destroy")
    assert "web@1.service" in cluster.view().units
    as_resource("", "apply", "--destroy", "--owner", "web@.service")
    assert not cluster.view().units, "by hand, an owner's units always go"


def test_units_that_nobody_has_claimed_go(
    fleetctl: Fleetctl, cluster: SmallCluster, as_resource: Run
) -> None:
    """As when etcd lost its data, or an earlier version has written them."""
    fleetctl.document = document("web@1.service")
    printed = as_resource("", *WORDS)
    cluster.store.remove(claim_key("web@.service"))
    as_resource(printed, "apply", "--destroy")
    assert not cluster.view().units


def test_an_update_keeps_the_token_and_a_failed_replacement_takes_nothing_over(
    fleetctl: Fleetctl, cluster: SmallCluster, as_resource: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleetctl.document = document("web@1.service")
    first = as_resource("", *WORDS)
    fleetctl.document = document("web@1.service", "web@2.service")
    assert json.loads(as_resource(first, *WORDS))["claim"] == json.loads(first)["claim"]
    monkeypatch.delenv(PRINTED)
    cluster.behaviour["web@3.service"] = [cluster.state("web@1.service", "failed", "failed")]
    fleetctl.document = document("web@1.service", "web@2.service", "web@3.service")
    assert fleetctl(*WORDS) == Exit.FAILED
    as_resource(first, "apply", "--destroy")
    assert not cluster.view().units


def test_a_damaged_claim_protects_nothing(
    fleetctl: Fleetctl, cluster: SmallCluster, as_resource: Run, drift: Drift
) -> None:
    fleetctl.document = document("web@1.service")
    printed = as_resource("", *WORDS)
    cluster.store.put(claim_key("web@.service"), "{")
    assert drift() == {"mended": {"web@.service": 0}, "changed": ["web@.service"]}
    as_resource(printed, "apply", "--destroy")
    assert not cluster.view().units


def test_a_second_run_with_nothing_to_do_writes_nothing(
    fleetctl: Fleetctl, cluster: SmallCluster, as_resource: Run
) -> None:
    fleetctl.document = document("web@1.service")
    printed = as_resource("", *WORDS)
    writes = cluster.store.writes
    as_resource(printed, *WORDS)
    assert cluster.store.writes == writes


def test_an_update_that_asks_for_the_same_again_waits_for_nothing(
    fleetctl: Fleetctl, cluster: SmallCluster, as_resource: Run
) -> None:
    """As when another machine is gone through: what cannot run just now is no reason to fail."""
    fleetctl.document = document("web@1.service")
    printed = as_resource("", *WORDS)
    failed = cluster.state("web@1.service", "failed", "failed")
    cluster.report("web@1.service", failed)
    cluster.log.clear()
    again = as_resource(printed, *WORDS)
    assert cluster.log == []
    assert json.loads(again)["claim"] == json.loads(printed)["claim"]


@pytest.mark.parametrize(
    ("was_printed", "words", "instances"),
    [
        (False, WORDS, ("web@1.service",)),
        (True, ("apply", "--claim", "1"), ("web@1.service",)),
        (True, ("apply",), ("web@1.service",)),
        (True, WORDS, ("web@1.service", "web@2.service")),
    ],
    ids=["a replacement", "after changes by hand", "by hand", "other units"],
)
def test_all_else_starts_what_has_failed(
    fleetctl: Fleetctl,
    cluster: SmallCluster,
    as_resource: Run,
    was_printed: bool,
    words: tuple[str, ...],
    instances: tuple[str, ...],
) -> None:
    fleetctl.document = document("web@1.service")
    printed = as_resource("", *WORDS)
    cluster.report("web@1.service", cluster.state("web@1.service", "failed", "failed"))
    cluster.log.clear()
    fleetctl.document = document(*instances)
    as_resource(printed if was_printed else "", *words)
    assert "start web@1.service" in cluster.log


@pytest.mark.parametrize(
    "words",
    [
        ("stop", "web@1.service"),
        ("unload", "web@1.service"),
        ("destroy", "web@1.service"),
        ("destroy", "web@.service"),
        ("stop", "--no-block", "web@1.service"),
    ],
)
def test_what_was_done_by_hand_is_seen_until_it_is_mended(
    fleetctl: Fleetctl, as_resource: Run, drift: Drift, words: tuple[str, ...]
) -> None:
    fleetctl.document = document("web@1.service", "web@2.service")
    printed = as_resource("", *WORDS)
    assert drift() == {"mended": {"web@.service": 0}, "changed": []}
    fleetctl(*words)
    assert drift()["changed"] == ["web@.service"]
    as_resource(printed, "apply", "--claim", "1")
    assert drift() == {"mended": {"web@.service": 1}, "changed": []}


def test_another_file_by_hand_is_seen_and_what_fleet_does_by_itself_is_not(
    fleetctl: Fleetctl, cluster: SmallCluster, as_resource: Run, drift: Drift
) -> None:
    fleetctl.document = document("web@1.service")
    as_resource("", *WORDS)
    cluster.add("hello.service")
    cluster.report("web@1.service", cluster.state("web@1.service", "failed", "failed"))
    fleetctl("cordon", "machine-1")
    assert drift()["changed"] == []
    fleetctl.files["web@.service"] = SLEEP.replace("inf", "1000")
    assert fleetctl("rollout", "web@.service") == Exit.DONE
    assert drift()["changed"] == ["web@.service"]


def seed(fleetctl: Fleetctl, value: str) -> None:
    fleetctl.document = json.dumps({"value": value})


def test_a_key_is_written_as_it_is_and_its_value_is_in_no_claim(
    fleetctl: Fleetctl, cluster: SmallCluster, as_resource: Run
) -> None:
    seed(fleetctl, "two\r\nlines\n")
    as_resource("", "seed", KEY)
    assert cluster.store.entries[KEY].value == "two\r\nlines\n"
    assert "lines" not in cluster.store.entries[claim_key(KEY)].value


def test_a_replaced_key_stays_and_its_last_resource_removes_it(
    fleetctl: Fleetctl, cluster: SmallCluster, as_resource: Run
) -> None:
    seed(fleetctl, "Hello")
    first, second = as_resource("", "seed", KEY), as_resource("", "seed", KEY)
    as_resource(first, "seed", "--remove", KEY)
    assert cluster.store.entries[KEY].value == "Hello"
    as_resource(second, "seed", "--remove", KEY)
    assert KEY not in cluster.store.entries


@pytest.mark.parametrize("gone", [True, False])
def test_a_key_that_was_changed_by_hand_is_seen(
    fleetctl: Fleetctl, cluster: SmallCluster, as_resource: Run, drift: Drift, gone: bool
) -> None:
    seed(fleetctl, "Hello")
    printed = as_resource("", "seed", KEY)
    assert drift()["changed"] == []
    if gone:
        cluster.store.remove(KEY)
    else:
        cluster.store.put(KEY, "Bye")
    assert drift()["changed"] == [KEY]
    as_resource(printed, "seed", KEY, "--claim", "1")
    assert drift() == {"mended": {KEY: 1}, "changed": []}


@pytest.mark.parametrize("given", ["a secret", "{}", "[]", '"a secret"'])
def test_a_bad_document_is_refused_without_showing_it(
    fleetctl: Fleetctl, cluster: SmallCluster, given: str
) -> None:
    fleetctl.document = given
    with pytest.raises(CtlError, match="seed reads a JSON object") as refused:
        fleetctl("seed", KEY)
    assert "secret" not in str(refused.value)
    assert KEY not in cluster.store.entries
