"""What is replaced, changed by hand, or renamed: the program counts, and nothing is lost."""

from dataclasses import replace

import pytest

from tests.cluster.load import Load
from tests.cluster.stack import Stack

GREETING = "/app/greeting"


@pytest.mark.usefixtures("undisturbed")
def test_units_and_keys_that_are_replaced_are_neither_stopped_nor_lost(cluster: Stack, url: str):
    replaced = ("sinatra@.service", "nginx.service", GREETING)
    with Load(url) as load:
        done = cluster.up(*(word for name in replaced for word in ("--replace", f"**::{name}")))
        assert "3 replaced" in done.text
    print(f"\nreplaced: {load}")
    assert not load.failed, load.failed
    assert cluster.changes() == {}


def test_what_was_done_by_hand_is_seen_and_mended(cluster: Stack):
    before = greeting(cluster)
    cluster.fleetctl("stop", "hello.service")
    cluster.fleetctl("destroy", "sinatra-discovery@5001.service")
    cluster.on("machine-2", f"etcdctl put {GREETING} 'by hand'")
    assert cluster.changes() == {
        "cluster-store-id": "update",
        "hello.service": "update",
        "sinatra-discovery@.service": "update",
        GREETING: "update",
    }
    cluster.up()
    assert cluster.changes() == {}
    assert greeting(cluster) == before
    units = cluster.units()
    for name in ("hello.service", "sinatra-discovery@5001.service"):
        assert [row["active"] for row in units[name]] == ["active"]


@pytest.mark.faults
def test_a_stack_can_be_renamed(cluster: Stack):
    renamed = replace(cluster, name=f"{cluster.name}-renamed")
    cluster.run("pulumi", "stack", "rename", renamed.name)
    try:
        changes = renamed.changes()
    finally:
        renamed.run("pulumi", "stack", "rename", cluster.name)
    assert set(changes.values()) <= {"update"}, "nothing is made anew"
    assert not [name for name in changes if name.startswith("machine-")]
    assert cluster.changes() == {}


def greeting(stack: Stack) -> str:
    return stack.on("machine-2", f"etcdctl get --print-value-only {GREETING}").out.strip()
