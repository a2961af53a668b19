"""One machine's fleetd is upgraded alone, then a few at a time."""

from typing import Any

import pulumi

from fleet_cluster._lifecycle.upgrade_order import AT_ONCE, predecessors
from tests.unit.program.test_program import CONFIG, Engine, run_program

MACHINES = 9
MEMBER = "urn:pulumi:test::fleet-cluster::command:remote:Command::machine-2-etcd"
"""What a stack has that is not made just now."""
STEPS = [f"machine-{number}-fleetd" for number in range(1, MACHINES + 1)]


def at_once(waiting: dict[str, set[str]]) -> list[set[str]]:
    """The machines that are upgraded together, when each takes as long as the others."""
    waves: list[set[str]] = []
    done: set[str] = set()
    while done != waiting.keys():
        waves.append({one for one, needed in waiting.items() if needed <= done} - done)
        done |= waves[-1]
    return waves


def test_the_first_machine_is_alone_and_then_there_are_never_more_than_a_few() -> None:
    needed = {step: set(predecessors(STEPS[:n])) for n, step in enumerate(STEPS)}
    assert [len(wave) for wave in at_once(needed)] == [1, AT_ONCE, MACHINES - 1 - AT_ONCE]


class Monitor(pulumi.runtime.mocks.MockMonitor):
    """Pulumi's monitor, which is told what each resource waits for."""

    def __init__(self, mocks: pulumi.runtime.Mocks) -> None:
        super().__init__(mocks)
        self.before: dict[str, set[str]] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        needed = {str(urn).rpartition("::")[2] for urn in request.dependencies}
        self.before[request.name] = needed
        return super().RegisterResource(request)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def test_a_program_has_its_machines_upgraded_in_this_order() -> None:
    engine = Engine(state={MEMBER: {}})
    monitor = Monitor(engine)
    config = CONFIG | {"cluster-size": str(MACHINES), "etcd-size": "3"}
    run_program(
        engine, {f"fleet-cluster:{key}": value for key, value in config.items()}, monitor=monitor
    )
    needed = {step: monitor.before[step] & {*STEPS} for step in STEPS}
    assert [len(wave) for wave in at_once(needed)] == [1, AT_ONCE, MACHINES - 1 - AT_ONCE]
