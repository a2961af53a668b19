"""A run from where it was typed, when it is interrupted."""

from collections.abc import Callable, Sequence

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError
from fleet_cluster.fleet.fleetctl.remote.tunnel import INTERRUPTED, RemoteRequest
from fleet_cluster.fleet.fleetctl.transient.run import Run
from fleet_cluster.fleet.fleetctl.transient.unit_file import TransientUnit
from fleet_cluster.fleet.model import keys
from tests.unit.fleet.fleetctl.small_cluster import FakeMachines, Fleetctl, SmallCluster

NAME = "run-1.service"


class Interrupted(FakeMachines):
    """Machines whose answer Ctrl-C comes before, or after."""

    fleetctl: Fleetctl
    is_late = False

    def have(
        self,
        words: Sequence[str],
        request: RemoteRequest,
        on_line: Callable[[str], None],
        resumes: bool = False,
    ) -> int:
        is_begin = words[0] == "begin-run"
        self.fleetctl.document = request.document
        if self.is_late or not is_begin:
            self.fleetctl(*words, *["--detach"] * is_begin)
        if is_begin:
            raise KeyboardInterrupt
        return 0


@pytest.mark.parametrize("is_late", [False, True])
def test_ctrl_c_leaves_nothing_and_is_no_fault_before_it_has_begun(
    fleetctl: Fleetctl,
    cluster: SmallCluster,
    capsys: pytest.CaptureFixture[str],
    is_late: bool,
) -> None:
    machines = Interrupted(cluster)
    machines.fleetctl, machines.is_late = fleetctl, is_late
    run = Run(machines, TransientUnit(NAME, "run-1", ["/bin/true"]), "1", "")
    assert run.run(detach=False) == INTERRUPTED
    assert ("Nothing was run yet" in capsys.readouterr().err) == (not is_late)
    assert not [key for key in cluster.store.entries if key.startswith((keys.UNITS, keys.FILES))]


def test_only_fleetctl_run_may_destroy_what_is_not_there(fleetctl: Fleetctl) -> None:
    with pytest.raises(CtlError, match=f"there is no unit {NAME}"):
        fleetctl("destroy", NAME)
