import json
from dataclasses import replace

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit, TimedOutError, UsageError
from fleet_cluster.fleet.kv import Changes, KVUnavailableError, Put
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.records import DesiredState, Unit, UnitState
from fleet_cluster.fleet.unitfiles.text import sha_of
from fleet_cluster.fleet.unitfiles.unitfile import UnitFileError
from tests.unit.fleet.fleetctl.small_cluster import SLEEP, FakeMachines, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]

NEW = SLEEP + "Restart=always\n[X-Fleet]\nHealthySec=0\n"
NAMES = [f"web@{number}.service" for number in (1, 2, 3)]
FAILED = UnitState("loaded", "failed", "failed", "", journal="last words")
RESTARTS = UnitState("loaded", "activating", "auto-restart", "")
STARTS = UnitState("loaded", "activating", "start-post", "")


@pytest.fixture
def web(cluster: SmallCluster) -> SmallCluster:
    """Three instances that run."""
    cluster.add("web@.service", target=DesiredState.INACTIVE)
    for name in NAMES:
        cluster.add(name)
    return cluster


def document(*names: str, text: str = NEW) -> str:
    units = {"web@.service": {"text": text, "instances": dict.fromkeys(names, "launched")}}
    return json.dumps({"owner": "web", "units": units})


def shas(cluster: SmallCluster) -> dict[str, str]:
    return {name: unit.sha for name, unit in cluster.view().units.items()}


def rolls(*numbers: int) -> list[str]:
    return [f"{verb} web@{number}.service" for number in numbers for verb in ("stop", "start")]


def test_instances_get_the_file_in_turn(
    fleetctl: Fleetctl, web: SmallCluster, capsys: Output
) -> None:
    places = web.view().placements()
    fleetctl.files = {"web@.service": NEW}
    assert fleetctl("rollout", "web@.service") == Exit.DONE
    assert web.log == rolls(1, 2, 3)
    assert set(shas(web).values()) == {sha_of(NEW)}
    assert web.view().placements() == places
    words = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in words] == [[name, "rolled"] for name in NAMES]


def test_apply_rolls_by_the_same_code(fleetctl: Fleetctl, web: SmallCluster) -> None:
    fleetctl.document = document(*NAMES, "web@4.service")
    assert fleetctl("apply") == Exit.DONE
    assert web.log == ["start web@4.service", *rolls(1, 2, 3)]
    assert set(shas(web).values()) == {sha_of(NEW)}


def test_as_many_at_a_time_as_may_be_down(fleetctl: Fleetctl, web: SmallCluster) -> None:
    waves: list[set[str]] = []

    def note(changes: Changes) -> None:
        units = {key.removeprefix("/fleet/units/") for key in changes.puts if "/units/" in key}
        if units:
            waves.append(units)

    web.store.on_commit = note
    fleetctl.files = {"web@.service": NEW}
    assert fleetctl("rollout", "--max-unavailable", "2", "web@.service") == Exit.DONE
    assert waves == [{NAMES[0], NAMES[1]}, {NAMES[2]}, {"web@.service"}]


def test_one_that_is_down_comes_first(fleetctl: Fleetctl, web: SmallCluster) -> None:
    web.report(NAMES[2], web.state(NAMES[2], "failed", "failed"))
    fleetctl.files = {"web@.service": NEW}
    assert fleetctl("rollout", "web@.service") == Exit.DONE
    assert web.log == rolls(3, 1, 2)


@pytest.mark.parametrize("verb", ["rollout", "apply"])
@pytest.mark.parametrize("bad", [FAILED, RESTARTS], ids=["failed", "restarted"])
def test_a_failure_puts_everything_back(
    fleetctl: Fleetctl, web: SmallCluster, machines: FakeMachines, verb: str, bad: UnitState
) -> None:
    before = shas(web)
    fail_with_new_file(web, NAMES[1], bad)
    fleetctl.files, fleetctl.document = {"web@.service": NEW}, document(*NAMES, "web@4.service")
    words = ["rollout", "web@.service"] if verb == "rollout" else ["apply"]
    assert fleetctl(*words) == Exit.FAILED
    assert shas(web) == before
    assert list(machines.explained) == [NAMES[1]]
    assert machines.explained[NAMES[1]].journal == bad.journal
    assert "stop web@3.service" not in web.log
    assert [line for line in web.log if "web@4" not in line][-4:] == rolls(2, 1)
    assert sha_of(NEW) not in web.view().files


def fail_with_new_file(cluster: SmallCluster, name: str, bad: UnitState) -> None:
    """The unit comes up with its old file only."""

    def note(changes: Changes) -> None:
        for key, entry in changes.puts.items():
            if key == f"/fleet/units/{name}":
                is_new = json.loads(entry.value)["sha"] == sha_of(NEW)
                cluster.behaviour[name] = [bad] if is_new else []

    cluster.store.on_commit = note


def test_a_time_limit_puts_everything_back(fleetctl: Fleetctl, web: SmallCluster) -> None:
    before = shas(web)
    fail_with_new_file(web, NAMES[1], STARTS)
    fleetctl.files = {"web@.service": NEW}
    with pytest.raises(TimedOutError, match="web@2.service: activating"):
        fleetctl("rollout", "--timeout", "0.01", "web@.service")
    assert shas(web) == before


def test_one_that_does_not_stay_active_has_failed(
    fleetctl: Fleetctl, web: SmallCluster, machines: FakeMachines
) -> None:
    before = shas(web)
    text = NEW.replace("HealthySec=0", "HealthySec=3600")
    active = UnitState("loaded", "active", "running", "")
    web.behaviour[NAMES[0]] = [active, RESTARTS]
    fleetctl.files = {"web@.service": text}
    with pytest.raises(TimedOutError, match="has to stay so for"):
        web.behaviour[NAMES[0]] = [active]
        fleetctl("rollout", "--timeout", "0.01", "web@.service")
    assert shas(web) == before
    web.behaviour[NAMES[0]] = [active, RESTARTS]
    assert fleetctl("rollout", "--timeout", "1", "web@.service") == Exit.FAILED
    assert list(machines.explained) == [NAMES[0]]


class GoneError(BaseException):
    """The client ends here."""


@pytest.mark.parametrize("writes", range(5))
def test_a_client_that_dies_leaves_each_on_one_file_and_another_goes_on(
    fleetctl: Fleetctl, web: SmallCluster, writes: int
) -> None:
    left = writes

    def die(changes: Changes) -> None:
        nonlocal left
        if any(key.startswith("/fleet/units/") for key in changes.puts):
            left -= 1
            if left < 0:
                raise GoneError

    web.store.on_commit = die
    fleetctl.files = {"web@.service": NEW}
    if writes < 4:
        with pytest.raises(GoneError):
            fleetctl("rollout", "web@.service")
        assert set(shas(web).values()) <= {sha_of(SLEEP), sha_of(NEW)}
        assert shas(web)["web@.service"] == sha_of(SLEEP)
    web.store.on_commit = lambda _changes: None
    assert fleetctl("rollout", "web@.service") == Exit.DONE
    assert set(shas(web).values()) == {sha_of(NEW)}
    assert web.log == rolls(1, 2, 3), "none is rolled twice"


def test_one_that_goes_on_and_fails_puts_back_what_the_first_had_done(
    fleetctl: Fleetctl, web: SmallCluster
) -> None:
    def die(changes: Changes) -> None:
        if f"/fleet/units/{NAMES[1]}" in changes.puts:
            raise GoneError

    web.store.on_commit = die
    fleetctl.files = {"web@.service": NEW}
    with pytest.raises(GoneError):
        fleetctl("rollout", "web@.service")
    fail_with_new_file(web, NAMES[1], FAILED)
    assert fleetctl("rollout", "web@.service") == Exit.FAILED
    assert set(shas(web).values()) == {sha_of(SLEEP)}


def test_a_store_that_fails_for_a_moment_is_tried_again(
    fleetctl: Fleetctl, web: SmallCluster
) -> None:
    def lose(changes: Changes) -> None:
        if f"/fleet/units/{NAMES[1]}" in changes.puts:
            web.store.on_commit = lambda _changes: None
            raise KVUnavailableError("no member answered")

    web.store.on_commit = lose
    fleetctl.files = {"web@.service": NEW}
    assert fleetctl("rollout", "web@.service") == Exit.DONE
    assert web.log == rolls(1, 2, 3)


def test_a_single_unit_goes_back_too(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("db.service")
    fail_with_new_file(cluster, "db.service", FAILED)
    fleetctl.files = {"db.service": NEW}
    assert fleetctl("rollout", "db") == Exit.FAILED
    assert shas(cluster) == {"db.service": sha_of(SLEEP)}
    assert cluster.log == ["stop db.service", "start db.service"] * 2


def test_without_a_file_the_templates_is_taken(fleetctl: Fleetctl, web: SmallCluster) -> None:
    web.add("web@.service", NEW, DesiredState.INACTIVE)
    assert fleetctl("rollout", "web@.service") == Exit.DONE
    assert set(shas(web).values()) == {sha_of(NEW)}


def test_what_is_as_it_is_to_be_is_left_alone(fleetctl: Fleetctl, web: SmallCluster) -> None:
    fleetctl.files = {"web@.service": NEW}
    fleetctl("rollout", "web@.service")
    writes = web.store.writes
    assert fleetctl("rollout", "web@.service") == Exit.DONE
    assert web.store.writes == writes


FOLLOWER = SLEEP + "[X-Fleet]\nMachineOf=web@1.service\n"


@pytest.mark.parametrize("pulled", [True, False])
def test_what_is_bound_runs_again(fleetctl: Fleetctl, web: SmallCluster, pulled: bool) -> None:
    """systemd stops it with the unit, and starts it only if the unit's file says so."""
    web.add("log.service", FOLLOWER)
    text = NEW.replace("[Service]", "Wants=log.service\n[Service]") if pulled else NEW

    def stop(changes: Changes) -> None:
        if f"/fleet/units/{NAMES[0]}" in changes.puts:
            web.store.on_commit = lambda _changes: None
            web.report("log.service", web.state("log.service", "inactive", "dead"))

    web.store.on_commit = stop
    fleetctl.files = {"web@.service": text}
    if pulled:
        with pytest.raises(TimedOutError, match="log.service: inactive"):
            fleetctl("rollout", "--timeout", "0.01", "web@.service")
        assert "start log.service" not in web.log
    else:
        assert fleetctl("rollout", "web@.service") == Exit.DONE
        assert web.log[2:4] == ["stop log.service", "start log.service"]


def test_what_is_bound_and_fails_for_good_ends_the_rollout(
    fleetctl: Fleetctl, web: SmallCluster, machines: FakeMachines
) -> None:
    """systemd has started it with the unit, and does not try again."""
    web.add("log.service", FOLLOWER)

    def fail(changes: Changes) -> None:
        if f"/fleet/units/{NAMES[0]}" in changes.puts:
            web.store.on_commit = lambda _changes: None
            failed = replace(web.state("log.service", "failed", "failed"), journal="last words")
            web.report("log.service", failed)

    web.store.on_commit = fail
    fleetctl.files = {"web@.service": NEW.replace("[Service]", "Wants=log.service\n[Service]")}
    assert fleetctl("rollout", "--timeout", "5", "web@.service") == Exit.FAILED
    assert machines.explained["log.service"].reason == "it failed on 3f2a91bc.../10.0.0.11"
    assert machines.explained["log.service"].journal == "last words"
    assert shas(web)[NAMES[0]] == sha_of(SLEEP)


def test_what_is_bound_and_fails_when_it_is_started_again_ends_the_rollout(
    fleetctl: Fleetctl, web: SmallCluster, machines: FakeMachines
) -> None:
    """fleet has started it, because systemd does not; its older failure does not count."""
    web.add("log.service", FOLLOWER)
    web.behaviour["log.service"] = [RESTARTS, FAILED]

    def fail(changes: Changes) -> None:
        if f"/fleet/units/{NAMES[0]}" in changes.puts:
            web.store.on_commit = lambda _changes: None
            web.report("log.service", web.state("log.service", "failed", "failed"))

    web.store.on_commit = fail
    fleetctl.files = {"web@.service": NEW}
    assert fleetctl("rollout", "--timeout", "5", "web@.service") == Exit.FAILED
    assert web.log[2:4] == ["stop log.service", "start log.service"]
    assert machines.explained["log.service"].journal == "last words"


def test_instances_that_were_started_from_a_file_are_rolled(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    for name in NAMES:
        cluster.add(name)
    fleetctl.files = {"web@.service": NEW}
    fleetctl("plan", "web@.service")
    assert "web@.service: 3 restart one after the other" in capsys.readouterr().out
    assert fleetctl("rollout", "web@.service") == Exit.DONE
    assert cluster.log == rolls(1, 2, 3)
    assert set(shas(cluster).values()) == {sha_of(NEW)}
    assert cluster.view().units["web@.service"].desired_state is DesiredState.INACTIVE


def test_they_go_back_when_one_fails_even_after_an_interrupt(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    for name in NAMES:
        cluster.add(name)
    fleetctl.files = {"web@.service": NEW}
    fail_with_new_file(cluster, NAMES[1], FAILED)
    assert fleetctl("rollout", "web@.service") == Exit.FAILED
    assert set(shas(cluster).values()) == {sha_of(SLEEP)}
    # As an interrupt leaves them.
    cluster.store.commit([Put(keys.file_key(sha_of(NEW)), NEW)])
    cluster.put(keys.unit_key(NAMES[0]), Unit(sha_of(NEW), DesiredState.LAUNCHED))
    assert fleetctl("rollout", "web@.service") == Exit.FAILED
    assert set(shas(cluster).values()) == {sha_of(SLEEP)}


def test_without_a_file_it_says_what_is_missing(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add(NAMES[0])
    with pytest.raises(CtlError, match=r"no file of web@.service itself: give yours, as \./web@"):
        fleetctl("rollout", "web@.service")
    assert [*cluster.view().units] == [NAMES[0]]


def test_nothing_to_roll_is_said(fleetctl: Fleetctl, web: SmallCluster, capsys: Output) -> None:
    assert fleetctl("rollout", "web@.service") == Exit.DONE
    said = "Nothing to roll: web@.service with 3 instances has this file already\n"
    assert capsys.readouterr().out == said
    web.add("off.service", target=DesiredState.INACTIVE)
    fleetctl.files = {"off.service": NEW}
    assert fleetctl("rollout", "off") == Exit.DONE
    assert capsys.readouterr().out == "off.service has the new file; nothing of it was running\n"
    assert fleetctl("rollout", "off") == Exit.DONE
    assert capsys.readouterr().out == "Nothing to roll: off.service has this file already\n"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["web@1"], "has the file of its template: fleetctl rollout web@.service"),
        (["wob@.service"], "no unit wob@.service in the cluster; did you mean web@.service"),
        (["--max-unavailable", "0", "web@.service"], "--max-unavailable is 0; it must be 1"),
    ],
)
def test_bad_input(fleetctl: Fleetctl, web: SmallCluster, words: list[str], complaint: str) -> None:
    writes = web.store.writes
    with pytest.raises((CtlError, UsageError), match=complaint):
        fleetctl("rollout", *words)
    assert web.store.writes == writes


def test_a_bad_file_is_refused(fleetctl: Fleetctl, web: SmallCluster) -> None:
    writes = web.store.writes
    fleetctl.files = {"web@.service": "[Service]\nExecStart\n"}
    with pytest.raises(UnitFileError):
        fleetctl("rollout", "web@.service")
    assert web.store.writes == writes


def test_a_file_that_fits_nowhere_is_refused(fleetctl: Fleetctl, web: SmallCluster) -> None:
    writes = web.store.writes
    fleetctl.files = {"web@.service": SLEEP + "[X-Fleet]\nMachineMetadata=disk=ssd\n"}
    with pytest.raises(CtlError, match="nothing was changed"):
        fleetctl("rollout", "web@.service")
    assert web.store.writes == writes
