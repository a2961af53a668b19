"""fleetctl tells what it can, whatever somebody has written into etcd."""

import contextlib
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError
from fleet_cluster.fleet.kv import KeyValue
from fleet_cluster.fleet.model.records import DesiredState
from tests.unit.fleet.any_records import Entry, entries
from tests.unit.fleet.fleetctl.small_cluster import FakeMachines, Fleetctl, SmallCluster

COMMANDS = (
    ("list-machines", "--full", "--fields", "machine,ip,hostname,metadata,version,state"),
    ("list-units", "--full", "--fields", "unit,machine,since,problem"),
    ("list-units", "--output", "json"),
    ("list-unit-files",),
    ("history", "x.service", "--full"),
    ("history", "y@.service", "--output", "json"),
    ("rollout", "--continue", "y@.service"),
    ("undo", "hello.service"),
    ("plan", "hello.service"),
    ("why", "hello.service"),
    ("why", "x.service"),
    ("why", "y@1.service", "--output", "json"),
    ("status", "*"),
    ("rebalance", "--dry-run"),
)


@given(st.lists(entries(), min_size=1, max_size=4))
@settings(deadline=None)
def test_odd_records_keep_no_command_from_its_work(written: list[Entry]) -> None:
    cluster = SmallCluster()
    cluster.add("hello.service")
    cluster.add("y@.service", target=DesiredState.INACTIVE)
    for entry in written:
        cluster.store.entries[entry.key] = KeyValue(entry.key, entry.value, 1, 1)
    fleetctl = Fleetctl(cluster, FakeMachines(cluster))
    for words in COMMANDS:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            contextlib.suppress(CtlError),
        ):
            fleetctl(*words)
