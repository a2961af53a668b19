"""Properties of units on D-Bus, decoded."""

from dbus_fast import Variant

from fleet_cluster.fleet.systemd.dbus_properties import (
    UnitRow,
    changed_state,
    last_run,
    origin,
    since_property,
)
from fleet_cluster.fleet.systemd.manager import UnitStatus

ROW = ("a.service", "A", "loaded", "active", "running", "", "/unit/a", 0, "", "/")


def test_a_row_has_the_status() -> None:
    row = UnitRow(*ROW)
    assert row.status(5.0, "done") == UnitStatus("loaded", "active", "running", 5.0, False, "done")
    assert row._replace(job=7).status(0.0, "").job
    assert not row.is_unknown and row._replace(load="not-found", active="inactive").is_unknown


def test_a_signal_tells_since_when_if_it_has_both() -> None:
    active = {"ActiveState": Variant("s", "active")}
    when = {"ActiveEnterTimestamp": Variant("t", 1_500_000)}
    assert changed_state(active | when) == ("active", 1.5)
    assert changed_state(active) is None and changed_state(when) is None
    stopped = {"ActiveState": Variant("s", "failed"), "InactiveEnterTimestamp": Variant("t", 0)}
    assert changed_state(stopped) == ("failed", 0.0)
    assert since_property("deactivating") == "ActiveExitTimestamp"


def test_the_origin_of_a_unit_is_its_file_but_for_slices_that_systemd_makes_up() -> None:
    made = {"LoadState": "loaded", "FragmentPath": "", "SourcePath": "", "Perpetual": False}
    assert origin("a.service", made | {"FragmentPath": "/etc/a.service"}) == "/etc/a.service"
    assert origin("a.service", made | {"LoadState": "not-found"}) == ""
    assert origin("x.slice", made) == ""
    assert origin("-.slice", made | {"Perpetual": True}) == "systemd itself"


def test_a_job_that_was_stopped_has_not_succeeded() -> None:
    """systemd calls a daemon that SIGTERM ends a success."""
    exited, killed = 1, 2
    stopped = {"ExecMainCode": killed, "ExecMainStatus": 15, "Result": "success", "Type": "exec"}
    ended = last_run({}, stopped)
    assert (ended.result, ended.exit_code) == ("signal", 143)
    failed = stopped | {"Result": "timeout", "ExecMainStatus": 9}
    assert last_run({}, failed).result == "timeout"
    allowed = last_run({}, stopped | {"Type": "oneshot"})
    assert (allowed.result, allowed.exit_code) == ("success", 143), "by its SuccessExitStatus="
    done = last_run({}, stopped | {"ExecMainCode": exited, "ExecMainStatus": 0})
    assert (done.result, done.exit_code) == ("success", 0)
