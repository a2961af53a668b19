"""What the tests ask a cluster's machines, as an operator would: over SSH and with fleetctl."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from tests.cluster.stack import Done, Stack, eventually

PROGRAMS_EVERYWHERE = frozenset({"nginx.service", "nginx-pool.service"})
"""The program's units that run on every machine."""
EVERYWHERE = PROGRAMS_EVERYWHERE | {"fleet-journal-upload.service"}
"""And the library's, which is there while journals are shipped."""
HEALTHY_SECONDS = 2
"""For so long a unit has to be active before the next is touched, if its file does not say."""
ETCD_PKI = "/etc/etcd/pki"
FLEET_PKI = "/etc/fleet/pki"
UNIT_PROPERTIES = ("Id", "InvocationID", "ExecMainStartTimestamp", "InactiveExitTimestamp")


@dataclass(frozen=True)
class Run:
    """One run of a unit: another one has another id."""

    invocation: str
    main_started: str
    began: float
    """When systemd began to start it: seconds since 1970."""


@dataclass(frozen=True)
class Member:
    """A member of etcd as its cluster knows it."""

    id: int
    name: str
    started: bool
    learner: bool


def through(stack: Stack, machine: str) -> Stack:
    """The same stack, with fleetctl going through another machine."""
    return replace(stack, env={**stack.env, "FLEETCTL_TUNNEL": machine})


def runs(stack: Stack, machines: Iterable[str]) -> dict[tuple[str, str], Run]:
    """The present run of each of fleet's units that is on these machines, by machine and unit."""
    return {
        (machine, unit): run
        for machine in machines
        for unit, run in _runs_on(stack, machine).items()
    }


def _runs_on(stack: Stack, machine: str) -> dict[str, Run]:
    show = (
        "cd /run/systemd/system && ls -d *.service 2>/dev/null | xargs --no-run-if-empty "
        f"systemctl show --timestamp=us+utc --property={','.join(UNIT_PROPERTIES)}"
    )
    blocks = [block for block in stack.on(machine, show).out.split("\n\n") if block.strip()]
    shown = [dict(line.split("=", 1) for line in block.splitlines() if line) for block in blocks]
    return {one["Id"]: _run(one) for one in shown if one["InvocationID"]}


def _run(shown: Mapping[str, str]) -> Run:
    began = datetime.strptime(shown["InactiveExitTimestamp"], "%a %Y-%m-%d %H:%M:%S.%f %Z")
    return Run(
        shown["InvocationID"],
        shown["ExecMainStartTimestamp"],
        began.replace(tzinfo=UTC).timestamp(),
    )


def seconds_between(runs: Iterable[Run]) -> float:
    """The fewest seconds from the beginning of one run to that of the next."""
    began = sorted(run.began for run in runs)
    return min(later - earlier for earlier, later in pairwise(began))


def placements(stack: Stack, machines: Mapping[str, str]) -> dict[str, str]:
    """Where each unit is active, by machine name; units that are on every machine left out."""
    names = {address: name for name, address in machines.items()}
    found: dict[str, str] = {}
    for unit, rows in stack.units().items():
        live = [row for row in rows if row["active"] == "active" and not row["lost"]]
        if unit not in EVERYWHERE and live:
            assert len(live) == 1, f"{unit} runs {len(live)} times: {live}"
            found[unit] = names[live[0]["machine"].rpartition("/")[2]]
    return found


def machine_ids(stack: Stack, machines: Mapping[str, str]) -> dict[str, str]:
    """The ids of the machines that fleet knows to be alive, by name."""
    names = {address: name for name, address in machines.items()}
    rows = stack.fleetctl_json("list-machines")
    assert {row["ip"] for row in rows} <= names.keys(), rows
    return {names[row["ip"]]: row["machine"] for row in rows}


def fleet_leader(stack: Stack, machine: str) -> str:
    """The id of the machine whose fleetd leads, asked on `machine`; empty if none does."""
    return _as_fleet(stack, machine, "get --print-value-only /fleet/leader")


def give_fleet_lead(stack: Stack, machines: Mapping[str, str], to: str) -> None:
    """Let the fleetd of machine `to` lead: there are elections until it wins one."""
    wanted = machine_ids(stack, machines)[to]

    def leads() -> bool:
        leader = fleet_leader(stack, to)
        if leader not in ("", wanted):
            _as_fleet(stack, to, "del /fleet/leader")
        return leader == wanted

    eventually(f"{to} leads fleet", leads)


def _as_fleet(stack: Stack, machine: str, command: str) -> str:
    # The application's certificate, which the shell's variables name, may not read fleet's keys.
    pair = f"ETCDCTL_CERT={FLEET_PKI}/fleet.crt ETCDCTL_KEY={FLEET_PKI}/fleet.key"
    return stack.on(machine, f"{pair} etcdctl {command}").out.strip()


def etcdctl(stack: Stack, machine: str, command: str, check: bool = True) -> Done:
    """`etcdctl` as etcd's root, asking the member of `machine`."""
    files = f"--cacert={ETCD_PKI}/ca.crt --cert={ETCD_PKI}/root.crt --key={ETCD_PKI}/root.key"
    here = "--endpoints=https://127.0.0.1:2379"
    asked = f"sudo etcdctl {files} {here} {command}"
    return stack.on(machine, asked, check=check)


def etcd_members(stack: Stack, machine: str) -> dict[str, Member]:
    """The members that the cluster knows, by name; one that never started is named by its URL."""
    listed = json.loads(etcdctl(stack, machine, "member list --write-out=json").out)
    members = [_member(one) for one in listed["members"]]
    return {one.name: one for one in members}


def _member(listed: Mapping[str, Any]) -> Member:
    name = listed.get("name", "")
    return Member(
        id=listed["ID"],
        name=name or listed["peerURLs"][0],
        started=bool(name),
        learner=listed.get("isLearner", False),
    )


def etcd_leader(stack: Stack, machine: str) -> str:
    """The name of the member that leads, as the member of `machine` sees it; empty if none."""
    status = json.loads(etcdctl(stack, machine, "endpoint status --write-out=json").out)
    leader = status[0]["Status"].get("leader", 0)
    names = [one.name for one in etcd_members(stack, machine).values() if one.id == leader]
    return names[0] if names else ""


def give_etcd_lead(stack: Stack, to: str) -> None:
    """Let the member of machine `to` lead etcd; also while an election is under way."""

    def leads() -> bool:
        leader = etcd_leader(stack, to)
        if leader not in ("", to):
            member = etcd_members(stack, to)[to]
            etcdctl(stack, leader, f"move-leader {member.id:x}")
        return leader == to

    eventually(f"{to} leads etcd", leads)


def is_whole(stack: Stack, machines: Mapping[str, str], core: int = 3) -> bool:
    """Whether every machine is in etcd's quorum and in fleet, and every unit is active.

    Raises:
        AssertionError: says what is missing.
    """
    members = etcd_members(stack, "machine-1")
    assert set(members) == {f"machine-{n}" for n in range(1, core + 1)}, members
    assert all(one.started and not one.learner for one in members.values()), members
    health = etcdctl(stack, "machine-1", "endpoint health --cluster", check=False)
    assert health.code == 0, health.text
    assert set(machine_ids(stack, machines)) == set(machines)
    for unit, rows in stack.units().items():
        # Of a machine that is gone for good, fleet says for a day what was lost with it.
        live = [row for row in rows if not row["lost"]]
        assert len(live) == (len(machines) if unit in EVERYWHERE else 1), rows
        assert all(row["active"] == "active" for row in live), live
    return True
