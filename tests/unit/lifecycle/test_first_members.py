"""The first machines of a stack come at the same time; later ones keep etcd's quorum."""

from typing import Any

import grpc
import pulumi
import pytest

from tests.unit.program.test_program import CONFIG, Engine, run_program

from .test_upgrade_order import MEMBER, Monitor


def waiting(engine: Engine) -> dict[str, set[str]]:
    """What each resource of four machines, three of them members, waits for."""
    monitor = Monitor(engine)
    config = {f"fleet-cluster:{key}": value for key, value in CONFIG.items()}
    run_program(engine, config, monitor=monitor)
    return monitor.before


def test_the_first_machines_wait_for_none_but_the_one_that_begins_etcd() -> None:
    before = waiting(Engine())
    for machine in ("machine-2", "machine-3"):
        assert not {one for one in before[machine] if one.endswith(("-etcd", "-fleetd"))}
        assert "machine-1-etcd" in before[f"{machine}-etcd"]
        assert "machine-1-fleetd" not in before[f"{machine}-fleetd"]
    assert "machine-2-etcd" not in before["machine-3-etcd"]


def test_a_worker_waits_for_members_that_know_it_also_at_first() -> None:
    before = waiting(Engine())
    assert {f"machine-{number}-fleetd" for number in (1, 2, 3)} <= before["machine-4-worker"]
    assert "machine-4-worker" in before["machine-4-configure"]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_where_there_is_a_member_of_etcd_machines_come_one_after_the_other(number: int) -> None:
    before = waiting(Engine(state={MEMBER.replace("machine-2", f"machine-{number}"): {}}))
    assert "machine-1-fleetd" in before["machine-2"]
    assert {"machine-1-fleetd", "machine-2-fleetd"} <= before["machine-3"]
    assert "machine-2-etcd" in before["machine-3-etcd"]
    assert "machine-1-fleetd" in before["machine-2-fleetd"]


class RefusedError(grpc.RpcError):
    """What the engine answers."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return "unknown stack"


class Unreadable(Engine):
    """An engine that does not show the stack's state."""

    def call(
        self, args: pulumi.runtime.MockCallArgs
    ) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        if args.token.endswith("readStackResourceOutputs"):
            raise RefusedError
        return super().call(args)


def test_where_the_state_cannot_be_read_machines_come_one_after_the_other() -> None:
    assert "machine-1-fleetd" in waiting(Unreadable())["machine-2"]
