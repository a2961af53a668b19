"""What a fleetd has in memory: a follower nothing that only a leader needs, and vice versa."""

import subprocess
import sys
from pathlib import Path

import fleet_cluster

ALONE = """
import sys, types
# As on a machine: without what a Pulumi program imports by the package's name.
package = types.ModuleType("fleet_cluster")
package.__path__ = [sys.argv[1]]
sys.modules["fleet_cluster"] = package

def has(*names):
    return [name for name in names if name in sys.modules]

FLEET = "fleet_cluster.fleet."
"""
LEADERS = '*(FLEET + name for name in ("cluster_state", "engine.leader", "scheduler"))'
OTHERS = '*(FLEET + name for name in ("backup", "fleetctl", "lint", "setup", "spans"))'


def said(script: str) -> list[str]:
    """What a Python of its own prints, line by line."""
    package = str(Path(fleet_cluster.__file__).parent)
    words = [sys.executable, "-c", ALONE + script, package]
    return subprocess.run(words, check=True, text=True, stdout=subprocess.PIPE).stdout.splitlines()


def test_fleetd_begins_with_what_a_follower_needs() -> None:
    libraries = '"argparse", "google", "grpc", "shutil"'
    found = said(
        f"import fleet_cluster.fleet.fleetd.process\nprint(has({LEADERS}, {OTHERS}, {libraries}))"
    )
    assert found == ["[]"]


def test_a_follower_that_works_has_the_leaders_part_only_once_it_leads() -> None:
    found = said(f"""
from dataclasses import replace
from fleet_cluster.fleet.kv import Put
from fleet_cluster.fleet.model.keys import LEADER, schedule_key
from fleet_cluster.fleet.model.records import Assignment, DesiredState
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fakes.units import SLEEPS
from tests.unit.fleet.fleetd.test_loop import Rig

rig = Rig()
leads = rig.store.grant(1000)
rig.store.commit([Put(LEADER, "another", leads)])
rig.want("hello.service")
told = Assignment(sha_of(SLEEPS), DesiredState.LAUNCHED)
rig.store.put(schedule_key("m1", "hello.service"), told.to_json())
for _ in range(5):
    rig.live()
    rig.clock.advance(3)
print(list(rig.systemd.running()), has({LEADERS}))
rig.store.revoke(leads)
for _ in range(5):
    rig.live()
    rig.clock.advance(3)
print(rig.store.value(LEADER), len(has({LEADERS})))
""")
    assert found == ["['hello.service'] []", "m1 3"]
