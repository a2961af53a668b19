"""What `fleetctl reboot` asks for, what it says, and what it refuses."""

from dataclasses import replace

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit, UsageError
from fleet_cluster.fleet.fleetctl.operations.machines.reboot import ask
from fleet_cluster.fleet.fleetctl.state.watcher import Watcher
from fleet_cluster.fleet.kv import Changes
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.reboots import WINDOW, RebootLock, RebootPhase, RebootRequest
from fleet_cluster.fleet.model.records import Eligibility
from tests.unit.fleet.fleetctl.small_cluster import DB, WEB, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]
MACHINES = [replace(WEB, boot="1st"), replace(DB, boot="1st", reboot_required=True)]
LOCK = RebootLock(DB.id, "1st", RebootPhase.REBOOTING, "s")


@pytest.fixture(autouse=True)
def _machines(cluster: SmallCluster) -> None:  # pyright: ignore[reportUnusedFunction]
    """Of this version, and a leader that does what it is asked for at once."""
    cluster.join(*MACHINES)
    cluster.store.put(keys.LEADER, WEB.id)

    def act(changes: Changes) -> None:
        for key, entry in changes.puts.items():
            request = RebootRequest.from_json(entry.value)
            if not request.outcome and not cluster.deaf:
                cluster.put(key, replace(request, outcome=RebootRequest.DONE, seconds=41.0))

    cluster.store.watch(keys.REBOOTS, cluster.store.revision, act, lambda: None)


def asked(cluster: SmallCluster) -> dict[str, RebootRequest]:
    return cluster.view().reboots


def test_machines_reboot_and_each_is_told_of(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    assert fleetctl("reboot", "machine-1", "9d04e6a1...") == Exit.DONE
    assert sorted(capsys.readouterr().out.splitlines()) == [
        "3f2a91bc.../10.0.0.11 has rebooted, in 41 s",
        "9d04e6a1.../10.0.0.12 has rebooted, in 41 s",
    ]
    assert set(asked(cluster)) == {WEB.id, DB.id}


def test_all_of_them_or_those_whose_operating_system_asks(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    fleetctl("reboot", "--all", "--only-required", "--force", "--timeout", "90")
    assert set(asked(cluster)) == {DB.id}
    request = asked(cluster)[DB.id]
    assert (request.force, request.timeout) == (True, 90)
    fleetctl("reboot", "--all")
    assert set(asked(cluster)) == {WEB.id, DB.id}
    assert len({one.series for one in asked(cluster).values()}) == 1
    cluster.join(replace(MACHINES[1], reboot_required=False))
    capsys.readouterr()
    assert fleetctl("reboot", "--all", "--only-required") == Exit.DONE
    assert capsys.readouterr().out == "No machine asks for a reboot\n"


def test_a_machine_that_does_not_reboot_is_told_of_with_what_to_do(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output, machines: object
) -> None:
    cluster.store.put(keys.REBOOT_LOCK, replace(LOCK, failure="it is away").to_json())
    late = RebootRequest("s", "machine-2", outcome="not done within 600 s: it is away")
    cluster.put(keys.reboot_key(DB.id), late)
    assert fleetctl("reboot", "machine-2", "--series", "s") == Exit.FAILED
    assert capsys.readouterr().err.startswith("Look at machine-2: fleetctl ssh machine-2. When it")
    with pytest.raises(CtlError, match="no machine reboots: the reboot of 9d04.* does not end, it"):
        fleetctl("reboot", "machine-1")
    assert set(asked(cluster)) == {DB.id}


def test_the_same_series_goes_on_and_nothing_reboots_twice(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    """As when the machine was asked through has rebooted, or the command was interrupted."""
    fleetctl("reboot", "machine-1", "--series", "s")
    before = cluster.store.revision
    fleetctl("reboot", "machine-1", "--series", "s")
    assert cluster.store.revision == before
    cluster.deaf = True
    cluster.put(keys.reboot_key(DB.id), RebootRequest("s"))
    with Watcher(cluster.store) as watcher:
        assert ask(watcher, [WEB.id, DB.id], "t", False, 600) == "s"
    assert {one.series for one in asked(cluster).values()} == {"s"}
    assert asked(cluster)[WEB.id].outcome == RebootRequest.DONE, "one has rebooted"
    assert asked(cluster)[DB.id].outcome == "", "and the other is asked for"


def test_who_has_joined_a_series_and_goes_on_asks_for_nothing_anew(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cluster.deaf = True
    cluster.put(keys.reboot_key(DB.id), RebootRequest("s"))
    with Watcher(cluster.store) as watcher:
        ask(watcher, [DB.id], "t", False, 600)
    done = replace(asked(cluster)[DB.id], outcome=RebootRequest.DONE, seconds=41.0)
    cluster.put(keys.reboot_key(DB.id), done)
    assert fleetctl("reboot", "machine-2", "--series", "t", "--resumed") == Exit.DONE
    assert "9d04e6a1.../10.0.0.12 has rebooted, in 41 s" in capsys.readouterr().out
    assert asked(cluster) == {DB.id: done}


def test_who_goes_on_and_finds_nothing_of_its_own_asks_for_nothing(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    with pytest.raises(CtlError, match="what this command has asked for is not known"):
        fleetctl("reboot", "machine-2", "--series", "t", "--resumed")
    assert not asked(cluster)


def test_what_an_operator_asks_for_does_not_end_with_the_window(cluster: SmallCluster) -> None:
    cluster.deaf = True
    cluster.put(keys.reboot_key(DB.id), RebootRequest(f"{WINDOW}Sunday"))
    with Watcher(cluster.store) as watcher:
        assert ask(watcher, [WEB.id, DB.id], "t", False, 600) == "t"
    assert {one.series for one in asked(cluster).values()} == {"t"}


def test_what_was_done_in_the_window_stays_known(cluster: SmallCluster) -> None:
    """Else its machine would reboot a second time in it."""
    done = RebootRequest(f"{WINDOW}Sunday", outcome=RebootRequest.DONE)
    cluster.put(keys.reboot_key(DB.id), done)
    with Watcher(cluster.store) as watcher:
        ask(watcher, [WEB.id], "t", False, 600)
        assert asked(cluster)[DB.id] == done
        ask(watcher, [DB.id], "u", False, 600)
    assert asked(cluster)[DB.id].series == "u"


def test_list_machines_tells_who_is_to_reboot_and_who_does(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    fleetctl("list-machines")
    assert "reboot required" in capsys.readouterr().out.splitlines()[2]
    cluster.put(keys.REBOOT_LOCK, replace(LOCK, failure="it is away"))
    fleetctl("list-machines")
    told = capsys.readouterr()
    assert "reboot required, reboot: rebooting" in told.out
    assert "the reboot of 9d04e6a1.../10.0.0.12 does not end, it is away" in told.err


def test_list_machines_tells_of_a_reboot_that_was_not_done(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    """In the window nobody waits for it at a terminal."""
    why = "it was not rebooted: no other machine takes pinned.service"
    cluster.put(keys.reboot_key(DB.id), RebootRequest("s", outcome=why))
    cluster.put(keys.reboot_key(WEB.id), RebootRequest("s", outcome=RebootRequest.DONE))
    fleetctl("list-machines")
    rows = capsys.readouterr().out.splitlines()
    assert f"reboot required, last reboot: {why}" in rows[2] and "last reboot" not in rows[1]


@pytest.mark.parametrize("phase", RebootPhase)
def test_unlock_ends_all_of_it_and_restores_the_operators_mark(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output, phase: RebootPhase
) -> None:
    cluster.put(keys.REBOOT_LOCK, replace(LOCK, phase=phase))
    cluster.put(keys.eligibility_key(DB.id), Eligibility(draining=True, rebooting=True))
    assert fleetctl("reboot", "--unlock") == Exit.DONE
    assert "the lock of 9d04e6a1.../10.0.0.12 is released" in capsys.readouterr().out
    assert cluster.view().reboot_lock is None
    assert cluster.view().eligibility == {DB.id: Eligibility()}


def test_unlock_leaves_a_machine_that_is_away_drained(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cluster.put(keys.REBOOT_LOCK, LOCK)
    cluster.leave(DB)
    drained = Eligibility(cordoned=False, draining=True, rebooting=True)
    cluster.put(keys.eligibility_key(DB.id), drained)
    fleetctl("reboot", "--unlock")
    assert f"gets no units until: fleetctl uncordon {DB.id}" in capsys.readouterr().out
    assert cluster.view().eligibility == {DB.id: Eligibility(draining=True)}
    fleetctl("reboot", "--unlock")
    assert capsys.readouterr().out == "No machine is to reboot, and no lock is held\n"


@pytest.mark.parametrize(("word", "drains"), [("cordon", False), ("drain", True)])
def test_what_an_operator_says_of_a_machine_that_reboots_is_noted_as_theirs(
    fleetctl: Fleetctl, cluster: SmallCluster, word: str, drains: bool
) -> None:
    drained = Eligibility(cordoned=False, draining=True, rebooting=True)
    cluster.put(keys.eligibility_key(DB.id), drained)
    fleetctl(word, "machine-2")
    mark = cluster.view().eligibility[DB.id]
    assert mark.cordoned and mark.draining and mark.rebooting is not drains


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name the machines that are to reboot, or give --all"),
        (("machine-1", "--all"), "name the machines that are to reboot, or give --all"),
        (("--all", "--unlock"), "--unlock is for the whole cluster"),
        (("--all", "--timeout", "0"), "--timeout is 0"),
    ],
)
def test_a_wrong_command_line_asks_for_nothing(
    fleetctl: Fleetctl, cluster: SmallCluster, words: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        fleetctl("reboot", *words)
    assert not asked(cluster)


def test_what_cannot_be_done_is_refused_before_anything_is_asked_for(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    with pytest.raises(CtlError, match="is no machine"):
        fleetctl("reboot", "machine-1", "machine-9")
    cluster.join(replace(DB, version="1.0"))
    with pytest.raises(CtlError, match="machine-2 runs fleetd 1.0, which cannot be told"):
        fleetctl("reboot", "--all")
    cluster.store.put(keys.LEADER, DB.id)
    with pytest.raises(CtlError, match="fleet's leader, machine-2, runs fleetd 1.0"):
        fleetctl("reboot", "machine-1")
    cluster.put(keys.eligibility_key(DB.id), Eligibility())
    cluster.store.remove(keys.machine_key(DB.id))
    with pytest.raises(CtlError, match="a lost machine cannot be told to reboot"):
        fleetctl("reboot", DB.id)
    assert not asked(cluster)
