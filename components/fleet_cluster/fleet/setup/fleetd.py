"""The step `fleetd`: this machine in fleet, and what its predecessor ran running again."""

import json
from collections.abc import Sequence
from typing import Any

from .etcd_peers import PeerTrust
from .etcd_service import retire
from .etcdctl import Etcdctl
from .inputs import FleetdSetup
from .shell import run, say, systemctl, until

PATIENCE = 90.0
"""Seconds that units get to run again before the next machine is touched all the same."""


def start(stdin: str) -> None:
    """The step itself: fleetd runs the present bundle and configuration; no unit is touched.

    systemd waits until fleetd has announced the machine.
    """
    if FleetdSetup[str].from_json(stdin).member:
        PeerTrust().settle(Etcdctl())
    else:
        retire()
    systemctl("enable", "fleetd.service")
    systemctl("enable", "--now", "fleet-fence.path")
    systemctl("restart", "fleetd.service")
    if not until(lambda: not waiting(), PATIENCE):
        say(f"not running yet: {', '.join(waiting())}; see: fleetctl list-units")


def waiting() -> list[str]:
    """What is on its way: units to run again, machines whose place another has taken."""
    return predecessors(listed("list-machines")) + on_the_way(listed("list-units"))


def predecessors(machines: Sequence[dict[str, Any]]) -> list[str]:
    """Addresses that two machines claim: one of them is gone, and its lease still lives."""
    addresses = [str(machine["ip"]) for machine in machines]
    return sorted({address for address in addresses if addresses.count(address) > 1})


def on_the_way(units: Sequence[dict[str, Any]]) -> list[str]:
    """Units that are to run and do not yet; failed ones are not on their way, nor those done.

    What a lost machine last said of a unit does not count if another machine has it now.
    """
    states: dict[str, set[str]] = {}
    for unit in units:
        if unit["dstate"] == "launched" and not unit.get("ended"):
            states.setdefault(unit["unit"], set()).add(unit["active"])
    settled = ({"active"}, {"failed"}, {"active", "failed"})
    return sorted(unit for unit, said in states.items() if (said - {"lost"} or said) not in settled)


def listed(command: str) -> list[dict[str, Any]]:
    """What fleetctl lists."""
    return json.loads(run("fleetctl", command, "--output", "json"))
