"""Properties of units as systemd gives them on D-Bus, decoded (pure)."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from dbus_fast import Variant

from .manager import LastRun, UnitStatus

_SINCE = {
    "active": "ActiveEnterTimestamp",
    "reloading": "ActiveEnterTimestamp",
    "refreshing": "ActiveEnterTimestamp",
    "activating": "InactiveExitTimestamp",
    "deactivating": "ActiveExitTimestamp",
}
"""The property that tells when a unit entered its ACTIVE state; for others the one below."""
_SINCE_STOPPED = "InactiveEnterTimestamp"


class UnitRow(NamedTuple):
    """A row of systemd's list of units."""

    name: str
    description: str
    load: str
    active: str
    sub: str
    followed: str
    path: str
    """The unit's object."""
    job: int
    """The id of its job; 0 when there is none."""
    job_type: str
    job_path: str

    @property
    def is_unknown(self) -> bool:
        """Whether there is neither a file nor anything that runs."""
        return self.load == "not-found" and self.active == "inactive"

    def status(self, since: float, result: str) -> UnitStatus:
        """The unit's status; the arguments are what the row does not have."""
        return UnitStatus(
            load=self.load,
            active=self.active,
            sub=self.sub,
            since=since,
            job=self.job != 0,
            result=result,
        )


def since_property(active: str) -> str:
    """The name of the property that tells when a unit entered this ACTIVE state."""
    return _SINCE.get(active, _SINCE_STOPPED)


def changed_state(changed: Mapping[str, Variant]) -> tuple[str, float] | None:
    """An ACTIVE state, and when it was entered, if a signal of changes carries both."""
    active = changed.get("ActiveState")
    when = changed.get(since_property(active.value)) if active else None
    return (active.value, when.value / 1e6) if active and when else None


CLD_EXITED = 1
"""ExecMainCode= of a process that has exited, rather than been ended by a signal."""


def last_run(unit: Mapping[str, Any], of_kind: Mapping[str, Any]) -> LastRun:
    """How a unit's last run has ended, by its properties, and those of its kind."""
    code, status = of_kind.get("ExecMainCode", 0), of_kind.get("ExecMainStatus", -1)
    by_signal = code not in (0, CLD_EXITED)
    exit_code = 128 + status if by_signal else status
    result = of_kind.get("Result", "success")
    # To systemd, SIGTERM is how a daemon ends well; a job that it has ended is not done.
    if by_signal and result == "success" and of_kind.get("Type") != "oneshot":
        result = "signal"
    return LastRun(
        invocation=bytes(unit.get("InvocationID", b"")).hex(),
        ended=unit.get("InactiveEnterTimestamp", 0) / 1e6,
        result=result,
        exit_code=exit_code if code else -1,
    )


def origin(name: str, unit: Mapping[str, Any]) -> str:
    """The file of a unit that is not fleet's; empty if there is none."""
    if unit["LoadState"] == "not-found":
        return ""
    made_up = name.endswith(".slice") and not unit["Perpetual"]
    return unit["FragmentPath"] or unit["SourcePath"] or ("" if made_up else "systemd itself")
