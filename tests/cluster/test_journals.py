"""The journals of all machines at one place, turned on and off by `pulumi up`."""

from collections.abc import Iterator, Sequence

import pytest

from fleet_cluster.fleet.etcd_configuration import MIB
from fleet_cluster.fleet.journal_shipping import PKI
from fleet_cluster.journals.shipping import FOLDER, PORT
from tests.cluster import asking, faults
from tests.cluster.stack import Stack, eventually

RECEIVER = "machine-3"
MAX_USE = 16
"""MiB that the journal of each machine takes at most."""
TAKES = "fleet-journal.service 'fleet-journal-remote@*.service'"
"""What takes journals, as systemctl has it."""
ENTRY = (
    "__REALTIME_TIMESTAMP=1764518400000000\n__MONOTONIC_TIMESTAMP=1\n_BOOT_ID=" + "7f" * 16 + "\n"
    "_HOSTNAME=machine-2\nSYSLOG_IDENTIFIER=forger\nMESSAGE=forged\n\n"
)
"""A line as systemd-journal-upload sends it, which says that it is of machine-2."""


@pytest.fixture(scope="module")
def shipped(cluster: Stack, machines: dict[str, str]) -> Iterator[dict[str, str]]:
    """All machines, which send their journals to one of them until the tests end."""
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    before = asking.runs(cluster, machines)
    cluster.configure({"journal-machine": RECEIVER, "journal-max-use": f"{MAX_USE}M"})
    try:
        cluster.up()
        now = asking.runs(cluster, machines)
        assert before.items() <= now.items(), "no unit of the program notices"
        assert cluster.changes() == {}
        yield machines
    finally:
        cluster.run("pulumi", "config", "rm", "journal-machine")
        cluster.up()
    for machine in machines:
        assert cluster.on(machine, f"sudo ls {PKI}").out == "", "no key is left"


def write(stack: Stack, machine: str, tag: str, lines: Sequence[str]) -> None:
    stack.on(machine, f"systemd-cat --identifier={tag}", stdin="".join(f"{one}\n" for one in lines))


def kept(stack: Stack, machine: str, tag: str, *fields: str) -> list[str]:
    """What the receiver has of a machine by a tag, read by the operator as the documents say."""
    files = f"'--file={FOLDER}/{machine}/*.journal'"
    matches = " ".join((f"SYSLOG_IDENTIFIER={tag}", *fields))
    read = f"journalctl --quiet --output=cat {files} {matches}"
    return stack.fleetctl("ssh", RECEIVER, read).out.splitlines()


def arrives(stack: Stack, machine: str, tag: str, lines: Sequence[str]) -> None:
    """Each of them, and from the machine that wrote it; once at least."""

    def have_come() -> bool:
        found = kept(stack, machine, tag, f"_HOSTNAME={machine}")
        assert not set(lines) - set(found), f"{machine}: {sorted(set(lines) - set(found))}"
        return True

    eventually(f"lines of {machine}", have_come, 180)


def test_what_machines_have_for_it_does_nothing_by_itself(cluster: Stack, machines: dict[str, str]):
    services = "haproxy.service systemd-journal-remote.socket systemd-journal-gatewayd.socket"
    ports = "'sport >= 19531 and sport <= 19532'"
    for machine in machines:
        states = cluster.on(machine, f"systemctl is-enabled {services}", check=False).out.split()
        assert states == ["disabled"] * 3, states
        assert cluster.on(machine, f"systemctl is-active {services}", check=False).code != 0
        assert cluster.on(machine, f"ss --listening --tcp --no-header {ports}").out == ""


@pytest.mark.faults
def test_lines_of_all_machines_arrive_and_none_is_lost_while_nobody_takes_them(
    cluster: Stack, shipped: dict[str, str]
):
    for machine in shipped:
        write(cluster, machine, "before", [machine])
    for machine in shipped:
        arrives(cluster, machine, "before", [machine])
    everything = f"journalctl --quiet --output=cat '--file={FOLDER}/*/*.journal' -t before"
    together = cluster.fleetctl("ssh", RECEIVER, everything).out.splitlines()
    assert set(together) == set(shipped), "all of them in one"

    lines = [f"line {number}" for number in range(50)]
    cluster.on(RECEIVER, f"sudo systemctl stop {TAKES}")
    for machine in shipped:
        write(cluster, machine, "meanwhile", lines)
    states = "systemctl show --property=ActiveState --value fleet-journal-upload.service"
    for machine in shipped:
        eventually(
            f"{machine} has noticed",
            lambda machine=machine: "activating" in cluster.on(machine, states).out,
        )
        assert kept(cluster, machine, "meanwhile") == []
    receivers = " ".join(f"fleet-journal-remote@{machine}.service" for machine in shipped)
    cluster.on(RECEIVER, f"sudo systemctl start fleet-journal.service {receivers}")
    for machine in shipped:
        arrives(cluster, machine, "meanwhile", lines)


@pytest.mark.faults
def test_only_a_machines_own_certificate_is_taken_and_for_that_machine_alone(
    cluster: Stack, shipped: dict[str, str]
):
    url = f"https://{shipped[RECEIVER]}:{PORT}/upload"
    pairs = {
        "its own": f"{PKI}/upload",
        "app": "/etc/fleet/pki/app",
        "nginx": "/etc/fleet/pki/nginx",
        "fleet": "/etc/fleet/pki/fleet",
        "a member's": "/etc/etcd/pki/member",
        "a member's as a peer": "/etc/etcd/pki/peer",
    }
    ask = f"sudo curl --silent --max-time 60 --cacert /etc/fleet/pki/ca.crt {url}"
    post = f"{ask} --header 'Content-Type: application/vnd.fdo.journal' --data-binary @-"
    answers: dict[str, int] = {}
    for name, pair in pairs.items():
        shown = f"{post} --cert {pair}.crt --key {pair}.key"
        answers[name] = cluster.on("machine-1", shown, check=False, stdin=ENTRY).code
    answers["none"] = cluster.on("machine-1", post, check=False, stdin=ENTRY).code
    assert answers.pop("its own") == 0
    # 52, 56: the connection ends without an answer.
    assert set(answers.values()) <= {52, 56}, answers
    eventually("its own has come", lambda: kept(cluster, "machine-1", "forger") == ["forged"])
    assert kept(cluster, "machine-2", "forger") == [], "whatever it says"


@pytest.mark.faults
def test_a_sender_takes_no_other_machine_for_the_receiver(cluster: Stack, shipped: dict[str, str]):
    """Machine-2 pretends to be it, with the certificate that it has."""
    pair = f"-cert {PKI}/upload.crt -key {PKI}/upload.key"
    run = "sudo systemd-run --quiet --unit=pretends --collect"
    cluster.on("machine-2", f"{run} openssl s_server -quiet -accept {PORT} {pair}")
    try:
        listens = f"ss --listening --tcp --no-header 'sport = {PORT}'"
        eventually("it listens", lambda: cluster.on("machine-2", listens).out)
        upload = (
            "sudo timeout 60 /usr/lib/systemd/systemd-journal-upload --follow=no "
            f"--url=https://{shipped['machine-2']}:{PORT} --trust=/etc/fleet/pki/ca.crt "
            f"--cert={PKI}/upload.crt --key={PKI}/upload.key"
        )
        told = cluster.on("machine-1", upload, check=False)
    finally:
        cluster.on("machine-2", "sudo systemctl stop pretends.service", check=False)
    assert told.code == 1 and "unsuitable certificate purpose" in told.text, told.text


@pytest.mark.faults
def test_what_a_machine_writes_is_limited_by_itself_and_costs_no_other_its_lines(
    cluster: Stack, shipped: dict[str, str]
):
    for machine in shipped:
        write(cluster, machine, "first", [machine])
        arrives(cluster, machine, "first", [machine])
    # In long lines: journald takes only so many from one service in half a minute.
    much = "head --bytes=24M /dev/urandom | base64 --wrap=16000 | systemd-cat --identifier=much"
    cluster.on("machine-1", much)
    write(cluster, "machine-1", "last", ["the end"])
    arrives(cluster, "machine-1", "last", ["the end"])
    used = cluster.on(RECEIVER, f"sudo du --summarize --bytes {FOLDER}/machine-1").out
    assert int(used.split()[0]) <= (MAX_USE + 4) * MIB
    assert kept(cluster, "machine-1", "first") == [], "its oldest lines went"
    for machine in shipped.keys() - {"machine-1"}:
        assert kept(cluster, machine, "first") == [machine]


@pytest.mark.faults
def test_the_last_lines_of_a_killed_machine_are_there(cluster: Stack, shipped: dict[str, str]):
    write(cluster, "machine-2", "last", ["the last words"])
    arrives(cluster, "machine-2", "last", ["the last words"])
    with faults.without_power(cluster, "machine-2"):
        assert kept(cluster, "machine-2", "last") == ["the last words"]
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, shipped), 120)
    write(cluster, "machine-2", "back", ["again"])
    arrives(cluster, "machine-2", "back", ["again"])


@pytest.mark.faults
def test_journals_go_on_with_another_authority_and_a_key_of_before_is_worth_nothing(
    cluster: Stack, shipped: dict[str, str]
):
    leaked = "/root/leaked-journal"
    url = f"https://{shipped[RECEIVER]}:{PORT}/upload"
    pair = f"--cert {leaked}/upload.crt --key {leaked}/upload.key"
    post = (
        f"sudo curl --silent --insecure --max-time 60 {url} {pair} --data-binary @- "
        "--header 'Content-Type: application/vnd.fdo.journal'"
    )
    cluster.on("machine-2", f"sudo cp -r {PKI} {leaked}")
    assert cluster.on("machine-2", post, stdin=ENTRY).code == 0
    number = int(cluster.run("pulumi", "config", "get", "certificate-authority").out or 1)
    cluster.configure({"certificate-authority": str(number + 1)})
    cluster.up()
    assert cluster.on("machine-2", post, check=False, stdin=ENTRY).code in (52, 56)
    cluster.on("machine-2", f"sudo rm -r {leaked}")
    for machine in shipped:
        write(cluster, machine, "rotated", ["goes on"])
        arrives(cluster, machine, "rotated", ["goes on"])
