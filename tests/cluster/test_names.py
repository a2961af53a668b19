"""Names of services on real machines: found from everywhere, in time, and never in vain."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.cluster import asking, faults
from tests.cluster.stack import Stack, eventually

PORT = 5400
NOT_THERE = 1
"""Seconds for which CoreDNS goes on saying that nobody has a name."""
SLACK = 5
"""Seconds more, since a computer may be busy. A bound there is all the same: whoever asks again
and again finds the unit at last, even if the leader wrote its name at the next reconcile only."""
WEB = f"found@{PORT}.service"
DOMAIN = "found.fleet.internal"
FILE = """\
[Service]
ExecStart=/usr/bin/python3 -m http.server %i --directory /run/systemd/units
ExecStartPost=/bin/sh -c 'until curl -sf -o /dev/null http://127.0.0.1:%i; do sleep 0.1; done'
ExecStartPost=/bin/sh -c 'date +%%s.%%N >/run/found-up'
ExecStop=/bin/sh -c 'date +%%s.%%N >/run/found-stopped'

[X-Fleet]
Name=found:%i
StartFirst=true
HealthySec=0
"""
ASKS = f"""\
while :; do
    at=$(date +%s.%N)
    address=$(getent ahostsv4 {DOMAIN} | sed 's/ .*//;q')
    [ -z "$address" ] || echo "$at $address"
done
"""
"""Asks again and again; a line each time that somebody is found, with when it was asked."""
REQUESTS = f"""\
while :; do
    curl -sf --max-time 30 -o /dev/null http://{DOMAIN}:{PORT} || echo "failed: $?"
    echo sent
    sleep 0.05
done
"""


@dataclass
class Script:
    """A script that runs on a machine until it is ended."""

    stack: Stack
    machine: str
    name: str

    def lines(self) -> list[str]:
        """What it has printed."""
        return self.stack.on(self.machine, f"cat /run/{self.name}.out").out.splitlines()

    def end(self) -> list[str]:
        """End it; what it has printed."""
        self.stack.on(self.machine, f"sudo systemctl stop {self.name}")
        return self.lines()


def begin(stack: Stack, machine: str, name: str, text: str) -> Script:
    stack.on(machine, f"sudo tee /run/{name} >/dev/null", stdin=text)
    output = f"--property=StandardOutput=truncate:/run/{name}.out"
    stack.on(machine, f"sudo systemd-run --quiet --unit={name} {output} /bin/sh /run/{name}")
    return Script(stack, machine, name)


@pytest.fixture
def found(cluster: Stack) -> Iterator[str]:
    """A unit with a name that is up and found everywhere; the name of its machine."""
    template = cluster.program / "found@.service"
    template.write_text(FILE)
    cluster.fleetctl("start", "--replace", WEB)
    try:
        place = home(cluster)
        wait_until_found(cluster, place)
        yield place
    finally:
        cluster.fleetctl("destroy", WEB)


def home(cluster: Stack) -> str:
    """The machine where the unit is up."""
    (row,) = [row for row in cluster.units()[WEB] if row["active"] == "active"]
    address = row["machine"].rpartition("/")[2]
    return next(name for name, own in cluster.outputs()["machines"].items() if own == address)


def ask(cluster: Stack, machine: str, how: str = "") -> list[str]:
    """The addresses that are found on a machine; `how`: what asks instead of the machine."""
    said = cluster.on(
        machine, f"{how} getent ahostsv4 {DOMAIN} | sed 's/ .*//' | sort -u", check=False
    )
    return said.out.split()


def wait_until_found(cluster: Stack, place: str) -> None:
    """Fleet's leader names a unit when it is up, which is after `fleetctl start` has seen it."""
    machines = cluster.outputs()["machines"]
    for machine in machines:
        eventually(
            f"it is found on {machine}",
            lambda machine=machine: ask(cluster, machine) == [machines[place]],
        )


def moment(cluster: Stack, machine: str, what: str) -> float:
    return float(cluster.on(machine, f"cat /run/found-{what}").out)


def test_a_unit_is_found_from_every_machine_and_container_by_a_and_srv(
    cluster: Stack, machines: dict[str, str], found: str
):
    image = "$(docker inspect nginx --format '{{.Image}}')"
    for machine in machines:
        assert ask(cluster, machine) == [machines[found]]
        assert ask(cluster, machine, "docker exec nginx") == [machines[found]]
        alone = f"docker run --rm --network bridge {image}"
        assert ask(cluster, machine, alone) == [machines[found]]
        srv = cluster.on(machine, f"resolvectl --legend=no --type=SRV query {DOMAIN}").out.split()
        port, target = srv[5], srv[6]
        assert port == str(PORT) and target.endswith(f".{DOMAIN}")
        own = cluster.on(machine, f"getent ahostsv4 {target}").out
        assert own.startswith(machines[found])
        assert cluster.on(machine, "resolvectl query nobody.fleet.internal", check=False).code
    listed = {row["name"]: row for row in cluster.fleetctl_json("list-names")}
    assert listed["found"]["unit"] == WEB and listed["found"]["address"] == machines[found]


def test_it_is_found_within_a_second_and_no_more_when_it_stops(
    cluster: Stack, machines: dict[str, str], found: str
):
    """By those who ask all the time, on another machine too: the clocks here are one."""
    cluster.fleetctl("stop", WEB)
    elsewhere = next(machine for machine in machines if machine != found)
    scripts: list[Script] = []
    try:
        for machine in (found, elsewhere):
            scripts.append(begin(cluster, machine, "names-asks", ASKS))
        cluster.fleetctl("start", WEB)
        here = home(cluster)
        for script in scripts:
            eventually("it is found", script.lines)
        cluster.fleetctl("stop", WEB)
    finally:
        printed = [script.end() for script in scripts]
    for lines in printed:
        times = [float(line.split()[0]) for line in lines]
        assert times[0] - moment(cluster, here, "up") < NOT_THERE + SLACK
        assert times[-1] < moment(cluster, here, "stopped")


def test_the_only_instance_moves_without_a_failed_request(
    cluster: Stack, machines: dict[str, str], found: str
):
    client = next(machine for machine in machines if machine != found)
    script = begin(cluster, client, "names-requests", REQUESTS)
    try:
        for _ in range(2):
            eventually("there are requests", lambda: "sent" in script.lines())
            before = home(cluster)
            cluster.fleetctl("drain", before)
            assert home(cluster) != before
            cluster.fleetctl("uncordon", before)
    finally:
        lines = script.end()
    assert lines.count("sent") > 20
    assert [line for line in lines if line != "sent"] == []


@pytest.mark.faults
def test_names_outlive_etcd_and_go_with_a_lost_machine(
    cluster: Stack, machines: dict[str, str], found: str
):
    for machine in machines:
        assert ask(cluster, machine) == [machines[found]]
    with faults.etcd_stopped(cluster, list(machines)):
        for machine in machines:
            assert ask(cluster, machine) == [machines[found]]
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    others = [machine for machine in machines if machine != found]
    with faults.without_power(cluster, found):
        through = asking.through(cluster, others[0])
        gone = lambda: ask(through, others[0]) not in ([], [machines[found]])  # noqa: E731
        eventually("it is found elsewhere, and there alone", gone, 60)
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
