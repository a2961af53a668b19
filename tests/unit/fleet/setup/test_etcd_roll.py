"""A member that runs with something else than is wanted is restarted, if etcd can do without it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fleet_cluster.fleet.etcd_configuration import QUOTA, changes, digest, parse, render
from fleet_cluster.fleet.setup import etcd_service
from fleet_cluster.fleet.setup.etcd_service import ENVIRONMENT, UNIT_FILE
from fleet_cluster.fleet.setup.shell import RefusedError, StepError

from .etcd_machine import BEGAN, NAMES, EtcdMachine
from .etcd_members import EtcdMembers

RESTARTED = ["systemctl enable", "systemctl restart"]


@pytest.fixture
def etcd() -> EtcdMembers:
    made = EtcdMembers()
    for name, address in NAMES.items():
        made.add(name, address)
    return made


@pytest.fixture
def machine(tmp_path: Path, etcd: EtcdMembers) -> EtcdMachine:
    made = EtcdMachine(tmp_path, etcd)
    made.runs()
    return made


def earlier(machine: EtcdMachine, **variables: str) -> None:
    """It was started with other variables."""
    machine.process |= variables
    machine.files[ENVIRONMENT] = render(machine.process)


def test_with_nothing_changed_it_is_left_alone(machine: EtcdMachine):
    before = dict(machine.files)
    machine.process |= {"PATH": "/bin", "INVOCATION_ID": "1", "ETCD_INITIAL_CLUSTER_STATE": "new"}
    assert machine.step(bootstrap=False) == ["systemctl enable"]
    assert machine.files == before


def another_value(machine: EtcdMachine) -> None:
    earlier(machine, ETCD_QUOTA_BACKEND_BYTES="1")


def no_value(machine: EtcdMachine) -> None:
    del machine.process[QUOTA]
    earlier(machine)


def a_value_too_many(machine: EtcdMachine) -> None:
    earlier(machine, ETCD_SNAPSHOT_COUNT="7")


def another_unit(machine: EtcdMachine) -> None:
    earlier(machine, UNIT_SHA256=digest("another"))
    machine.files[UNIT_FILE] = "another"


def another_authority(machine: EtcdMachine) -> None:
    (machine.folder / "ca.crt").write_text("another")


def written_and_not_restarted(machine: EtcdMachine) -> None:
    machine.process[QUOTA] = "1"


def of_before_digests_were_noted(machine: EtcdMachine) -> None:
    digests = ("UNIT_SHA256", "TRUSTED_CA_FILE_SHA256", "PEER_TRUSTED_CA_FILE_SHA256")
    for name in ("VERSION", *digests):
        del machine.process[name]
    earlier(machine)


@pytest.mark.parametrize(
    "change",
    [
        another_value,
        no_value,
        a_value_too_many,
        another_unit,
        another_authority,
        written_and_not_restarted,
        of_before_digests_were_noted,
    ],
)
def test_what_differs_is_a_reason_to_restart_it_once(
    machine: EtcdMachine, change: Callable[[EtcdMachine], None]
):
    change(machine)
    assert machine.step(bootstrap=False) == RESTARTED
    assert {**machine.process, **BEGAN} == parse(machine.files[ENVIRONMENT])
    assert machine.step(bootstrap=False)[2:] == ["systemctl enable"], "once"


def test_why_it_is_restarted_is_told(machine: EtcdMachine, capsys: pytest.CaptureFixture[str]):
    earlier(machine, ETCD_QUOTA_BACKEND_BYTES="1", VERSION="3.6.15")
    machine.step(bootstrap=False)
    assert (
        "etcd on machine-1 is restarted: ETCD_QUOTA_BACKEND_BYTES: 1, to be 2147483648; "
        "VERSION: 3.6.15, to be 3.6.16\n"
    ) in capsys.readouterr().err


def test_of_what_runs_only_etcds_variables_count():
    running = {"PATH": "/bin", "ETCD_NAME": "a", "VERSION": "1", **BEGAN}
    assert changes(running, {"ETCD_NAME": "a", "VERSION": "1"}) == []
    assert changes(running, {"VERSION": "2"}) == ["ETCD_NAME: a, to be none", "VERSION: 1, to be 2"]


def test_as_long_as_etcd_needs_it_nothing_is_changed(machine: EtcdMachine, etcd: EtcdMembers):
    another_value(machine)
    before = dict(machine.files)
    etcd.up.remove("10.0.0.3")
    with pytest.raises(RefusedError, match="machine-1 cannot be restarted.*machine-3 does not"):
        machine.step(bootstrap=False)
    etcd.up.remove("10.0.0.2")
    with pytest.raises(RefusedError, match="etcd has lost its majority"):
        machine.step(bootstrap=False)
    assert etcd.done == [] and machine.files == before


def test_one_that_does_not_come_back_says_why_and_runs_again_as_before(
    machine: EtcdMachine, etcd: EtcdMembers
):
    another_value(machine)
    before, process = dict(machine.files), dict(machine.process)
    machine.refused = {(QUOTA, "2147483648")}
    with pytest.raises(StepError) as caught:
        machine.step(bootstrap=False)
    said = str(caught.value)
    assert "etcd on machine-1 was started again as it was before, and answers" in said
    assert "did not come back with ETCD_QUOTA_BACKEND_BYTES: 1, to be 2147483648" in said
    assert said.endswith(f"what the journal says of {machine.refused}")
    assert machine.files == before and machine.process == process
    assert "10.0.0.1" in etcd.up


def test_if_it_does_not_answer_as_before_either_that_is_said(
    machine: EtcdMachine, etcd: EtcdMembers, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(etcd_service, "SETTLING", 0)
    another_value(machine)
    machine.refused = {(QUOTA, "1"), (QUOTA, "2147483648")}
    with pytest.raises(StepError, match="as it was before, and does not answer either"):
        machine.step(bootstrap=False)


def test_one_of_another_version_does_not_go_back(machine: EtcdMachine):
    machine.runs("3.6.15")
    machine.refused = {("VERSION", "3.6.16")}
    with pytest.raises(StepError, match="Members after it were not touched. Mend"):
        machine.step(bootstrap=False)
    assert parse(machine.files[ENVIRONMENT])["VERSION"] == "3.6.16"


def test_a_quota_that_is_smaller_than_the_data_is_refused(machine: EtcdMachine, etcd: EtcdMembers):
    another_value(machine)
    before = dict(machine.files)
    etcd.sizes = {"10.0.0.2": (1 << 31, 1 << 33)}
    with pytest.raises(RefusedError, match="take 2147483648 bytes, so that 2147483648 are too few"):
        machine.step(bootstrap=False)
    assert etcd.done == [] and machine.files == before


def test_members_without_room_are_restarted_with_a_larger_quota(
    machine: EtcdMachine, etcd: EtcdMembers
):
    another_value(machine)
    etcd.alarm = "memberID:1 alarm:NOSPACE "
    assert machine.step(bootstrap=False) == [*RESTARTED, "alarm disarm"]


FULL = (3 << 30, 2 << 30)
LARGER = (3 << 30, 4 << 30)


@pytest.mark.parametrize(
    ("others", "alarm", "cleared"),
    [
        (LARGER, "memberID:1 alarm:NOSPACE ", True),
        (FULL, "memberID:1 alarm:NOSPACE ", False),
        (LARGER, "memberID:1 alarm:CORRUPT ", False),
        (LARGER, "", False),
    ],
)
def test_the_alarm_is_cleared_when_every_member_has_room(
    machine: EtcdMachine,
    etcd: EtcdMembers,
    others: tuple[int, int],
    alarm: str,
    cleared: bool,
):
    etcd.sizes = {"10.0.0.1": LARGER, "10.0.0.2": LARGER, "10.0.0.3": others}
    etcd.alarm = alarm
    assert ("alarm disarm" in machine.step(bootstrap=False)) == cleared
