"""`fleetctl rollout --canary`, `--continue` and `--back`: a rollout that stops on its way."""

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit, UsageError
from fleet_cluster.fleet.fleetctl.releases.canary import pending
from fleet_cluster.fleet.kv import Changes, Put
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.records import DesiredState, MachineState, Unit, UnitState
from fleet_cluster.fleet.model.releases import Canary
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fleetctl.small_cluster import (
    SLEEP,
    FakeMachines,
    Fleetctl,
    SmallCluster,
)

Output = pytest.CaptureFixture[str]

WEBS = "web@.service"
NAMES = [f"web@{number}.service" for number in (1, 2, 3)]
OLD, NEW, THIRD = (f"{SLEEP}Environment=N={number}\n" for number in range(3))
NGINX = "nginx.service"
CORE = MachineState("a5c0ffee" + "0" * 24, "10.0.0.13", "machine-3")
GLOBAL = "[X-Fleet]\nGlobal=true\n"
FAILED = UnitState("loaded", "failed", "failed", "", journal="last words")


@pytest.fixture
def web(cluster: SmallCluster, fleetctl: Fleetctl) -> SmallCluster:
    """Three instances that run, a Global unit on three machines, and other files for them."""
    cluster.join(CORE)
    cluster.add(WEBS, OLD, DesiredState.INACTIVE)
    for name in NAMES:
        cluster.add(name, OLD)
    cluster.add(NGINX, OLD + GLOBAL)
    fleetctl.files = {WEBS: NEW, NGINX: NEW + GLOBAL}
    return cluster


def with_file(cluster: SmallCluster, text: str) -> list[str]:
    """The template and instances that have this file."""
    units = cluster.view().units
    return sorted(name for name in (WEBS, *NAMES) if units[name].sha == sha_of(text))


def machines_with(cluster: SmallCluster, text: str) -> set[str]:
    """The host names of the machines that are to have this file of the Global unit."""
    view = cluster.view()
    told = view.assigned(NGINX)
    found = {id for id, one in told.items() if one.sha == sha_of(text + GLOBAL)}
    return {view.machines[id].hostname for id in found}


def test_it_stops_after_so_many_and_says_how_to_go_on(
    fleetctl: Fleetctl, web: SmallCluster, capsys: Output
) -> None:
    assert fleetctl("rollout", "--canary", "1", WEBS) == Exit.DONE
    assert with_file(web, NEW) == [NAMES[0]]
    assert with_file(web, OLD) == [WEBS, *NAMES[1:]]
    assert capsys.readouterr().out.splitlines()[1:] == [
        "1 of 3 instances of web@.service have the new file",
        "To go on:   fleetctl rollout --continue web@.service",
        "To go back: fleetctl rollout --back web@.service",
    ]


def test_go_on_brings_the_file_to_all_without_touching_the_canary_again(
    fleetctl: Fleetctl, web: SmallCluster
) -> None:
    fleetctl("rollout", "--canary", "1", WEBS)
    web.log.clear()
    fleetctl.files = {}
    assert fleetctl("rollout", "--continue", WEBS) == Exit.DONE
    assert with_file(web, NEW) == [WEBS, *NAMES]
    assert [line for line in web.log if line.startswith("start")] == [
        f"start {name}" for name in NAMES[1:]
    ]
    assert not web.view().canaries


def test_back_touches_the_canary_only(fleetctl: Fleetctl, web: SmallCluster) -> None:
    fleetctl("rollout", "--canary", "2", WEBS)
    web.log.clear()
    fleetctl.files = {}
    assert fleetctl("rollout", "--back", WEBS) == Exit.DONE
    assert with_file(web, OLD) == [WEBS, *NAMES]
    assert {line.split()[1] for line in web.log} == set(NAMES[:2])
    assert not web.view().canaries


def test_a_global_unit_stops_after_so_many_machines(fleetctl: Fleetctl, web: SmallCluster) -> None:
    assert fleetctl("rollout", "--canary", "1", NGINX) == Exit.DONE
    assert machines_with(web, NEW) == {"machine-1"}
    assert machines_with(web, OLD) == {"machine-2", "machine-3"}
    fleetctl.files = {}
    assert fleetctl("rollout", "--back", NGINX) == Exit.DONE
    assert machines_with(web, OLD) == {"machine-1", "machine-2", "machine-3"}
    assert web.view().units[NGINX] == Unit(sha_of(OLD + GLOBAL), DesiredState.LAUNCHED)
    fleetctl.files = {NGINX: NEW + GLOBAL}
    fleetctl("rollout", "--canary", "2", NGINX)
    fleetctl.files = {}
    assert fleetctl("rollout", "--continue", NGINX) == Exit.DONE
    assert machines_with(web, NEW) == {"machine-1", "machine-2", "machine-3"}
    assert not web.view().canaries


def fail_with_new_file(cluster: SmallCluster, name: str) -> None:
    """The unit comes up with its old file only."""

    def note(changes: Changes) -> None:
        for key, entry in changes.puts.items():
            if key == keys.unit_key(name):
                is_new = Unit.from_json(entry.value).sha == sha_of(NEW)
                cluster.behaviour[name] = [FAILED] if is_new else []

    cluster.store.on_commit = note


def test_a_canary_that_fails_goes_back_and_nothing_is_pending(
    fleetctl: Fleetctl, web: SmallCluster, machines: FakeMachines
) -> None:
    fail_with_new_file(web, NAMES[0])
    assert fleetctl("rollout", "--canary", "1", WEBS) == Exit.FAILED
    assert with_file(web, OLD) == [WEBS, *NAMES]
    assert machines.explained[NAMES[0]].journal == "last words"
    assert not web.view().canaries


def test_a_canary_that_fails_leaves_alone_what_it_has_not_touched(
    fleetctl: Fleetctl, web: SmallCluster
) -> None:
    fleetctl.files = {WEBS: THIRD}
    fleetctl("submit", "--replace", WEBS)
    fail_with_new_file(web, NAMES[0])
    fleetctl.files = {WEBS: NEW}
    assert fleetctl("rollout", "--canary", "1", WEBS) == Exit.FAILED
    assert with_file(web, OLD) == NAMES, "their template has another file"


def test_going_on_that_fails_takes_the_canary_back_too(
    fleetctl: Fleetctl, web: SmallCluster
) -> None:
    fleetctl("rollout", "--canary", "1", WEBS)
    fail_with_new_file(web, NAMES[1])
    assert fleetctl("rollout", "--continue", WEBS) == Exit.FAILED
    assert with_file(web, OLD) == [WEBS, *NAMES]
    assert not web.view().canaries


def test_a_second_canary_of_more_instances_keeps_the_first(
    fleetctl: Fleetctl, web: SmallCluster
) -> None:
    fleetctl("rollout", "--canary", "1", WEBS)
    web.log.clear()
    assert fleetctl("rollout", "--canary", "2", WEBS) == Exit.DONE
    assert with_file(web, NEW) == NAMES[:2]
    assert {line.split()[1] for line in web.log} == {NAMES[1]}


def test_a_canary_of_another_file_supersedes_it(fleetctl: Fleetctl, web: SmallCluster) -> None:
    fleetctl("rollout", "--canary", "2", WEBS)
    fleetctl.files = {WEBS: THIRD}
    assert fleetctl("rollout", "--canary", "1", WEBS) == Exit.DONE
    assert with_file(web, THIRD) == [NAMES[0]]
    assert with_file(web, OLD) == [WEBS, *NAMES[1:]]
    found = pending(WEBS, web.view())
    assert found and (found.canary.sha, found.canary.previous_sha) == (sha_of(THIRD), sha_of(OLD))


@pytest.mark.parametrize(
    "words", [["rollout", WEBS], ["submit", "--replace", WEBS], ["destroy", WEBS]]
)
def test_another_file_ends_it(fleetctl: Fleetctl, web: SmallCluster, words: list[str]) -> None:
    fleetctl("rollout", "--canary", "1", WEBS)
    fleetctl.files = {WEBS: THIRD}
    assert fleetctl(*words) == Exit.DONE
    assert not web.view().canaries


class GoneError(BaseException):
    """The client ends here."""


def test_an_interrupt_leaves_it_pending(fleetctl: Fleetctl, web: SmallCluster) -> None:
    def die(changes: Changes) -> None:
        if keys.unit_key(NAMES[1]) in changes.puts:
            raise GoneError

    web.store.on_commit = die
    with pytest.raises(GoneError):
        fleetctl("rollout", "--canary", "2", WEBS)
    web.store.on_commit = lambda _changes: None
    fleetctl.files = {}
    assert fleetctl("rollout", "--back", WEBS) == Exit.DONE
    assert with_file(web, OLD) == [WEBS, *NAMES]


def test_a_new_instance_gets_the_file_before(fleetctl: Fleetctl, web: SmallCluster) -> None:
    fleetctl("rollout", "--canary", "1", WEBS)
    fleetctl.files = {}
    fleetctl("start", "web@4")
    assert web.view().units["web@4.service"].sha == sha_of(OLD)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--canary", "0", WEBS], "--canary is 0; it must be 1 or more"),
        (["--canary", "3", WEBS], "a canary of 3 would be all of web@.service, .* 3 instances"),
        (["--canary", "3", NGINX], "all of nginx.service, which runs as 3 machines"),
        (["--canary", "1", "db.service"], "db.service runs once, so there is no canary of it"),
        (["--continue", WEBS], "no canary of web@.service is pending"),
        (["--back", "web@1"], "no canary of web@1.service is pending"),
    ],
)
def test_bad_input(fleetctl: Fleetctl, web: SmallCluster, words: list[str], complaint: str) -> None:
    web.add("db.service", OLD)
    fleetctl.files = {**fleetctl.files, "db.service": NEW}
    writes = web.store.writes
    with pytest.raises((CtlError, UsageError), match=complaint):
        fleetctl("rollout", *words)
    assert web.store.writes == writes


def test_canary_continue_and_back_exclude_each_other(fleetctl: Fleetctl) -> None:
    with pytest.raises(SystemExit):
        fleetctl("rollout", "--continue", "--back", WEBS)


@pytest.mark.parametrize("word", ["--continue", "--back"])
def test_one_that_was_interrupted_before_it_began_is_pending_with_what_it_supersedes(
    fleetctl: Fleetctl, web: SmallCluster, word: str
) -> None:
    fleetctl("rollout", "--canary", "1", WEBS)
    web.store.commit([Put(keys.file_key(sha_of(THIRD)), THIRD)])
    web.put(keys.canary_key(WEBS), Canary(sha_of(THIRD), sha_of(OLD)))
    fleetctl.files = {}
    assert fleetctl("rollout", word, WEBS) == Exit.DONE
    assert with_file(web, THIRD if word == "--continue" else OLD) == [WEBS, *NAMES]
