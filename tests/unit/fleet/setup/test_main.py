"""What Pulumi is told of a step that has failed: one message, and a code."""

import errno
import io
import sys

import pytest

from fleet_cluster.fleet.config import ConfigError
from fleet_cluster.fleet.setup import __main__ as program
from fleet_cluster.fleet.setup.shell import RefusedError, StepError

FULL = OSError(errno.ENOSPC, "No space left on device", "/etc/fleet/environment")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StepError("etcd does not answer"), 1),
        (RefusedError("etcd needs it"), 3),
        (FULL, f"the step fleetd has failed on this machine: {FULL}"),
        (ConfigError("no JSON"), "the step fleetd has failed on this machine: no JSON"),
    ],
)
def test_a_failure_is_a_message_and_no_stack_trace(
    monkeypatch: pytest.MonkeyPatch, error: Exception, code: int | str
):
    def fail(_: str) -> None:
        raise error

    monkeypatch.setitem(program.STEPS, "fleetd", fail)
    monkeypatch.setattr(sys, "argv", ["fleet-setup", "fleetd"])
    monkeypatch.setattr(sys, "stdin", io.StringIO("{}"))
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == code
