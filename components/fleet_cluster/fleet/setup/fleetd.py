"""The step `fleetd`: this machine in fleet, and what its predecessor ran running again."""

import json
from collections.abc import Sequence
from typing import Any

from .. import config
from ..config import Config
from .etcd_peers import PeerTrust
from .etcd_service import retire
from .etcdctl import Etcdctl
from .inputs import FleetdSetup
from .shell import StepError, run, say, systemctl, until

DUPLICATE = "duplicate-id"
"""The state that `list-machines` shows of a machine whose id another one has."""

PATIENCE = 90.0
"""Seconds that units get to run again before the next machine is touched all the same."""


def start(stdin: str) -> None:
    """The step itself: fleetd runs the present bundle and configuration; no unit is touched.

    systemd waits until fleetd has announced the machine, or knows why it will not.

    Raises:
        StepError: another machine has this one's id, and so this one runs nothing new.
    """
    if FleetdSetup[str].from_json(stdin).member:
        PeerTrust().settle(Etcdctl())
    else:
        retire()
    systemctl("enable", "fleetd.service")
    systemctl("enable", "--now", "fleet-fence.path")
    systemctl("restart", "fleetd.service")
    refuse_duplicate(config.read())
    if not until(lambda: not waiting(), PATIENCE):
        say(f"not running yet: {', '.join(waiting())}; see: fleetctl list-units")


def refuse_duplicate(settings: Config) -> None:
    """Refuse a machine whose id another address has.

    A machine with a new address is its own duplicate until its old lease has ended.
    """

    def fault() -> str:
        return duplicate(settings.public_ip, listed("list-machines"))

    if not until(lambda: not fault(), 2 * settings.agent_ttl):
        raise StepError(fault())


def duplicate(address: str, machines: Sequence[dict[str, Any]]) -> str:
    """Why the machine at an address is not to be one of the cluster; empty when it is."""
    own = [one for one in machines if one["ip"] == address]
    ids = {one["machine"] for one in own if one["state"] == DUPLICATE}
    others = [one["ip"] for one in machines if one["machine"] in ids and one["ip"] != address]
    if not others:
        return ""
    return (
        f"{address} has the machine id {min(ids)}, which {others[0]} has too, so it runs nothing"
        " new. Give it one of its own (remove /etc/machine-id, systemd-machine-id-setup, reboot),"
        " or make it anew; then pulumi up"
    )


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
