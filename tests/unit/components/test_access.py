"""A cluster's access: one value, whole in the program that made it and in others."""

from typing import Any

import pulumi
import pytest

from fleet_cluster._lifecycle.member_command import environment
from fleet_cluster.access import ClusterAccess, grant
from fleet_cluster.machine import Machine
from tests.unit.mock_engine import Engine, use_mocks

HERE = "urn:pulumi:test::project::fleet-cluster:index:DockerNetwork::network"
ELSEWHERE = "urn:pulumi:test::platform::fleet-cluster:index:DockerNetwork::network"


@pytest.fixture(autouse=True)
def engine() -> None:
    use_mocks(Engine(), project="project")


def machine(name: str, **metadata: str) -> Machine:
    return {
        "name": name,
        "id": name,
        "address": "172.30.7.11",
        "connection": {
            "host": "172.30.7.11",
            "private_key": pulumi.Output.secret("sesame"),
            "host_key": "ssh-ed25519 A",
        },
        "metadata": metadata,
    }


def from_another_stack(network: str) -> ClusterAccess:
    """A value as a StackReference has it: known, and a secret as a whole."""
    resolved = grant([machine("machine-1", role="web")], pulumi.Output.from_input("1"), [], None)
    as_sent = {**resolved, "network": network, "members": float(resolved["members"])}
    return ClusterAccess(pulumi.Output.secret(pulumi.Output.from_input(as_sent)))


@pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
async def test_the_ways_of_another_stacks_access_are_a_secret_and_no_more():
    access = from_another_stack(ELSEWHERE)
    assert await access.members.is_secret()
    assert not await access.data_id.is_secret()
    assert await access.data_id.future() == "1"
    assert await access.metadata() == {"machine-1": {"role": "web"}}
    assert list(await access.members.future() or {}) == ["machine-1"]


@pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
async def test_nothing_is_deleted_with_what_another_stack_has():
    """The engine knows no resources but the stack's, and breaks the state over others."""
    assert await from_another_stack(ELSEWHERE).network.urn.future() == ""
    assert await from_another_stack(HERE).network.urn.future() == HERE


@pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
async def test_names_and_metadata_are_known_before_there_are_machines():
    unknown: Any = pulumi.Output.from_input(pulumi.UNKNOWN)
    there = machine("machine-1", role="web")
    there["connection"]["host"] = unknown
    access = ClusterAccess(grant([there, machine("machine-2")], unknown, [], None))
    assert await access.metadata() == {"machine-1": {"role": "web"}, "machine-2": {}}
    assert await access.connections.future() is None


@pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
async def test_what_is_written_waits_until_all_machines_are_set_up():
    step = pulumi.ComponentResource("test:index:Step", "step")
    access = ClusterAccess(grant([machine("m")], pulumi.Output.from_input("1"), [step], None))
    assert step in await access.data_id.resources()
    assert step in await access.ready.resources(), "before, no machine could answer"
    everyone = await access.connections.resources()
    assert step not in everyone, "who looks for a fault does not wait"


@pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
async def test_only_members_of_etcd_are_written_through():
    """Of a stack that does not say how many they are, the first machine is one."""
    there = [machine(f"machine-{number}") for number in (1, 2, 3)]
    resolved = grant(there, pulumi.Output.from_input("1"), [], None, 2)
    assert list(await ClusterAccess(resolved).members.future() or ()) == ["machine-1", "machine-2"]
    other = {key: value for key, value in resolved.items() if key not in ("members", "ready")}
    elsewhere = ClusterAccess(pulumi.Output.secret(pulumi.Output.from_input(other)))
    assert list(await elsewhere.members.future() or ()) == ["machine-1"]
    assert await elsewhere.ready.future() is True


@pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
async def test_a_bastion_comes_along():
    there = machine("machine-1")
    proxy: Any = {"host": "b", "port": 22, "user": "u", "private_key": "k", "host_key": "h"}
    there["connection"]["proxy"] = proxy
    resolved = grant([there], pulumi.Output.from_input("1"), [], None)
    other = ClusterAccess(pulumi.Output.secret(pulumi.Output.from_input(resolved)))
    members = await other.members.future()
    assert members
    files = environment(members)
    assert files["FLEET_SSH_proxy_identity"] == "k\n"
    assert "ProxyJump bastion" in files["FLEET_SSH_ssh_config"]
