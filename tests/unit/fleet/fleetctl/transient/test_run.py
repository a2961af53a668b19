"""A run from where it was typed, when it is interrupted, and when its output is cut off."""

from collections.abc import Callable, Sequence

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError
from fleet_cluster.fleet.fleetctl.remote.tunnel import INTERRUPTED, RemoteRequest
from fleet_cluster.fleet.fleetctl.transient.events import Ended, Placed, to_line
from fleet_cluster.fleet.fleetctl.transient.run import Run
from fleet_cluster.fleet.fleetctl.transient.unit_file import TransientUnit
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.records import MachineState
from tests.unit.fleet.fleetctl.small_cluster import WEB, FakeMachines, Fleetctl, SmallCluster

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


class CutOff(FakeMachines):
    """Machines where a run ends well, and the way to its output ends with a code."""

    way = 0

    def have(
        self,
        words: Sequence[str],
        request: RemoteRequest,
        on_line: Callable[[str], None],
        resumes: bool = False,
    ) -> int:
        on_line(to_line(Placed([WEB])))
        on_line(to_line(Ended(WEB.id, "success", 0)))
        return 0

    def call(self, machine: MachineState, command: list[str]) -> list[str]:
        return ["sh", "-c", f"exit {self.way}"]


@pytest.mark.parametrize("way", [0, 255])
def test_output_that_is_cut_off_is_told(
    cluster: SmallCluster, capsys: pytest.CaptureFixture[str], way: int
) -> None:
    machines = CutOff(cluster)
    machines.way = way
    run = Run(machines, TransientUnit(NAME, "run-1", ["/bin/true"]), "1", "")
    assert run.run(detach=False) == 0
    said = capsys.readouterr().err
    assert (f"may be missing here. All of them: fleetctl journal --lines all {NAME}" in said) == (
        way != 0
    )
