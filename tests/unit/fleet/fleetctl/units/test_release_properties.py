"""Releases: whatever is done in whatever order, the history tells the file that units have."""

import contextlib
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet_cluster.fleet.cluster_state.state import ClusterState
from fleet_cluster.fleet.fleetctl.cli.errors import CtlError
from fleet_cluster.fleet.fleetctl.releases.canary import pending
from fleet_cluster.fleet.fleetctl.releases.history import (
    KEPT,
    KEPT_FAILED,
    current,
    file_of,
    releases_of,
)
from fleet_cluster.fleet.kv import Changes
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.records import DesiredState, MachineState, Unit, UnitState
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fleetctl.small_cluster import DB as DB_MACHINE
from tests.unit.fleet.fleetctl.small_cluster import (
    SLEEP,
    WEB,
    FakeMachines,
    Fleetctl,
    SmallCluster,
)

CORE = MachineState("a5c0ffee" + "0" * 24, "10.0.0.13", "machine-3")
WEBS, NGINX, DB = "web@.service", "nginx.service", "db.service"
NAMES = [f"web@{number}.service" for number in (1, 2, 3)]
FAILED = UnitState("loaded", "failed", "failed", "", journal="last words")

_files = st.integers(0, 3)
_roll = st.tuples(st.sampled_from(["rollout", "start"]), st.just(""), _files)
_canary = st.tuples(st.just("rollout"), st.sampled_from(["--canary=1", "--canary=2"]), _files)
_go = st.tuples(st.just("rollout"), st.sampled_from(["--continue", "--back"]), st.just(-1))
_undo = st.tuples(st.just("undo"), st.sampled_from(["", "--to=1", "--to=2"]), st.just(-1))
STEPS = st.lists(
    st.tuples(st.sampled_from([WEBS, NGINX, DB]), st.one_of(_roll, _canary, _canary, _go, _undo)),
    min_size=1,
    max_size=8,
)


def text(name: str, number: int) -> str:
    kind = "[X-Fleet]\nGlobal=true\n" if name == NGINX else ""
    return f"{SLEEP}Environment=N={number}\n{kind}"


def new_cluster() -> SmallCluster:
    """Where everything with the last file fails."""
    cluster = SmallCluster()
    cluster.add(WEBS, text(WEBS, 0), DesiredState.INACTIVE)
    for name in (*NAMES, NGINX, DB):
        cluster.add(name, text(name, 0))

    def fail(changes: Changes) -> None:
        for key, entry in changes.puts.items():
            if key.startswith(keys.UNITS) and entry.value.startswith("{"):
                name = key.removeprefix(keys.UNITS)
                files = {name: Unit.from_json(entry.value).sha}
                if name == NGINX:
                    unit = Unit.from_json(entry.value)
                    files = {f"{name} on {on}": unit.sha_on(on) for on in cluster.view().machines}
                for one, sha in files.items():
                    cluster.behaviour[one] = [FAILED] if sha == sha_of(text(name, 3)) else []

    cluster.store.on_commit = fail
    return cluster


def run(cluster: SmallCluster, name: str, command: str, option: str, file: int) -> None:
    files = {name: text(name, file)} if file >= 0 else {}
    words = [command, *([option] if option else []), name]
    if command == "start":
        words = ["submit", "--replace", name]
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.suppress(CtlError),
    ):
        Fleetctl(cluster, FakeMachines(cluster), files)(*words)


def check(view: ClusterState) -> None:
    for name in (WEBS, NGINX, DB):
        noted = [id for id in view.releases if id.startswith(f"{name}/")]
        releases = releases_of(name, view)
        assert len(noted) in (0, len(releases)), "nothing is written past the history"
        assert releases[current(releases)].sha == file_of(name, view)
        good = [one for one in releases.values() if not one.failed]
        assert len(good) <= KEPT
        assert len(releases) - len(good) <= KEPT_FAILED
        assert {one.sha for one in good} <= view.files.keys()
    assert set(view.canaries) <= {WEBS, NGINX}
    for name, canary in view.canaries.items():
        progress = pending(name, view)
        assert progress, f"a canary of {name} that nobody can go on with or back from"
        assert {canary.sha, canary.previous_sha} <= view.files.keys()
    assert {view.units[name].sha for name in NAMES} <= view.files.keys()


# Machines that come and go while a canary of a Global unit is pending.
_TRIO = (WEB, DB_MACHINE, CORE)
_comings = st.tuples(st.sampled_from(["leave", "forget", "return"]), st.sampled_from(_TRIO))
_asked_again = st.just(("again", WEB))
COMINGS = st.lists(st.one_of(_comings, _asked_again), max_size=12)


def move(cluster: SmallCluster, what: str, machine: MachineState) -> None:
    """A machine goes, is forgotten, or returns; one stays."""
    alive = cluster.view().machines
    if what == "return" and machine.id not in alive:
        cluster.come_back(machine)
    elif what in ("leave", "forget") and machine.id in alive and len(alive) > 1:
        cluster.leave(machine)
        if what == "forget":
            cluster.store.remove(keys.schedule_key(machine.id, NGINX))


@given(COMINGS, st.sampled_from([1, 2]))
@settings(deadline=None, max_examples=60)
def test_each_machine_keeps_its_file_of_a_canary_whoever_is_away(
    comings: list[tuple[str, MachineState]], size: int
) -> None:
    cluster = new_cluster()
    cluster.join(CORE)
    cluster.add(NGINX, text(NGINX, 0))
    run(cluster, NGINX, "rollout", f"--canary={size}", 1)
    before = cluster.view()
    for what, machine in comings:
        move(cluster, what, machine)
        if what == "again":
            run(cluster, NGINX, "rollout", f"--canary={size}", 1)
        view = cluster.view()
        assert view.units[NGINX] == before.units[NGINX]
        assert view.canaries == before.canaries
        for on in view.machines:
            assert view.assigned(NGINX)[on].sha == before.units[NGINX].sha_on(on)
        check(view)
    run(cluster, NGINX, "rollout", "--back", -1)
    assert cluster.view().units[NGINX].sha == sha_of(text(NGINX, 0))
    assert not cluster.view().canaries


@given(STEPS)
@settings(deadline=None, max_examples=60)
def test_the_history_tells_what_units_have_and_its_files_stay(
    steps: list[tuple[str, tuple[str, str, int]]],
) -> None:
    cluster = new_cluster()
    for name, (command, option, file) in steps:
        run(cluster, name, command, option, file)
        check(cluster.view())
