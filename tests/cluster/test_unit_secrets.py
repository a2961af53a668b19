"""Secrets that follow a unit, on real machines: who is given one, and what shows none."""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import replace

import pytest

from fleet_cluster.fleet.model import keys
from tests.cluster import asking
from tests.cluster.stack import Stack, eventually

NAME = "shop-password"
UNIT = """\
[Service]
LoadCredential=shop-password:/run/fleet/credentials
ExecStart=/bin/sh -c 'sha256sum < $CREDENTIALS_DIRECTORY/shop-password; exec sleep infinity'
DynamicUser=yes

[X-Fleet]
HealthySec=0
"""
HASH = "cat /run/credentials/{unit}/shop-password | sha256sum"


@pytest.fixture(scope="module")
def shop(cluster: Stack, machines: dict[str, str]) -> Iterator[dict[str, str]]:
    """A unit that names a secret: the value, a file with the unit, and one without the secret."""
    assert machines
    value = f"never-shown-{secrets.token_hex(16)}"
    file, other = cluster.program / "shop.service", cluster.program / "plain.service"
    file.write_text(UNIT)
    other.write_text(UNIT.replace("LoadCredential=", "# LoadCredential="))
    yield {"value": value, "file": str(file), "plain": str(other)}
    cluster.fleetctl("destroy", file.name, check=False)
    cluster.fleetctl("secret", "rm", NAME, check=False)


def keep(cluster: Stack, value: str, action: str = "set") -> str:
    return cluster.run("fleetctl", "secret", action, NAME, stdin=value).text


def hash_on(cluster: Stack, machine: str, unit: str = "shop.service") -> str:
    return cluster.on(machine, f"sudo {HASH.format(unit=unit)}").out.split()[0]


def hash_of(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def machine_of(cluster: Stack, unit: str = "shop.service") -> str:
    return asking.placements(cluster, cluster.outputs()["machines"])[unit]


def test_a_missing_secret_is_said_before_anything_starts(cluster: Stack, shop: dict[str, str]):
    refused = cluster.fleetctl("start", shop["file"], check=False)
    assert refused.code == 1
    assert f"fleetctl secret set {NAME} < FILE" in refused.text
    assert "shop.service" not in cluster.units()


def test_a_unit_gets_its_secret_also_while_fleetd_is_away(cluster: Stack, shop: dict[str, str]):
    assert shop["value"] not in keep(cluster, shop["value"])
    cluster.fleetctl("start", shop["file"])
    on = machine_of(cluster)
    assert hash_on(cluster, on) == hash_of(shop["value"])
    assert cluster.fleetctl_json("secret", "list")[0]["units"] == "shop.service"
    again = "sudo systemctl stop fleetd.service && sudo systemctl restart shop.service"
    try:
        cluster.on(on, again)
        assert hash_on(cluster, on) == hash_of(shop["value"])
    finally:
        cluster.on(on, "sudo systemctl start fleetd.service")


def test_a_changed_secret_rolls_the_unit(cluster: Stack, shop: dict[str, str]):
    on = machine_of(cluster)
    before = asking.runs(cluster, [on])[on, "shop.service"]
    shop["value"] = f"never-shown-{secrets.token_hex(16)}"
    told = keep(cluster, shop["value"], "rotate")
    assert "shop.service  rolled" in told
    assert asking.runs(cluster, [on])[on, "shop.service"] != before
    assert hash_on(cluster, on) == hash_of(shop["value"])


def test_who_names_no_secret_gets_none(cluster: Stack, shop: dict[str, str]):
    on = machine_of(cluster)
    cluster.fleetctl("start", shop["plain"])
    line = "LoadCredential=shop-password:/run/fleet/credentials"
    drop_in = "/run/systemd/system/plain.service.d"
    add = f"sudo mkdir -p {drop_in}; printf '[Service]\\n{line}\\n' | sudo tee {drop_in}/x.conf"
    plain = machine_of(cluster, "plain.service")
    try:
        cluster.on(plain, f"{add}; sudo systemctl daemon-reload")
        started = cluster.on(plain, "sudo systemctl restart plain.service", check=False)
        assert started.code != 0
        # systemd has the refusal before the journal has its reason.
        told = lambda: "plain.service gets no shop-password" in refusals(cluster, plain)  # noqa: E731
        eventually("it is told", told)
    finally:
        cluster.on(plain, f"sudo rm -r {drop_in}; sudo systemctl daemon-reload")
        cluster.fleetctl("destroy", "plain.service")
    ask = "import socket; socket.socket(socket.AF_UNIX).connect('/run/fleet/credentials')"
    assert "PermissionError" in cluster.on(on, f'python3 -c "{ask}"', check=False).err


def refusals(cluster: Stack, machine: str) -> str:
    """What was said there of secrets that were not given."""
    return cluster.on(machine, "sudo journalctl --no-pager -o cat -u 'fleet-credentials@*'").out


PLACES = {
    "etcd's data": "sudo grep -rlaFf {} /var/lib/etcd",
    "the journal": "sudo journalctl --no-pager | grep -cFf {}",
    "fleet's files": "sudo grep -rlaFf {} /run/fleet /run/systemd/system /etc/fleet",
    "command lines": "sudo sh -c 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ' | grep -caFf {}",
}


def test_nothing_shows_it(cluster: Stack, shop: dict[str, str], machines: dict[str, str]):
    shown = [shop["value"], base64.b64encode(shop["value"].encode()).decode()[:40]]
    pki = (
        "--cacert /etc/fleet/pki/ca.crt --cert /etc/etcd/pki/root.crt --key /etc/etcd/pki/root.key"
    )
    snapshot = "/var/lib/etcd/secrets-test.db"
    take = f"sudo etcdctl {pki} --endpoints https://127.0.0.1:2379 snapshot save {snapshot}"
    try:
        cluster.on("machine-1", take)
        assert (
            cluster.on("machine-1", f"sudo grep -caF -- {keys.SECRETS}{NAME} {snapshot}").code == 0
        )
        for machine in machines:
            for place, command in PLACES.items():
                # In a file: what looks for it must not show it itself.
                search = f"cat > /tmp/looked-for; {command.format('/tmp/looked-for')}"
                found = cluster.on(machine, search, check=False, stdin="\n".join(shown))
                assert found.out.strip() in ("", "0"), f"{place} of {machine}"
            cluster.on(machine, "rm /tmp/looked-for")
    finally:
        cluster.on("machine-1", f"sudo rm -f {snapshot}")


def test_root_on_a_machine_opens_what_its_own_units_need(
    cluster: Stack, shop: dict[str, str], machines: dict[str, str]
):
    ids, on = asking.machine_ids(cluster, machines), machine_of(cluster)
    other = next(machine for machine in machines if machine != on)
    found = asking.etcdctl(
        cluster, other, f"get --prefix --print-value-only {keys.CREDENTIALS}{ids[on]}/"
    ).out
    sealed = json.loads(found)["sealed"]
    opens = "sudo age --decrypt -i /etc/fleet/age.key | sha256sum"
    assert cluster.on(on, opens, stdin=sealed).out.split()[0] == hash_of(shop["value"])
    refused = cluster.on(
        other, "sudo age --decrypt -i /etc/fleet/age.key", check=False, stdin=sealed
    )
    assert "no identity matched" in refused.err


def test_a_unit_that_leaves_takes_its_secret_along(
    cluster: Stack, shop: dict[str, str], machines: dict[str, str]
):
    ids, before = asking.machine_ids(cluster, machines), machine_of(cluster)
    other = next(machine for machine in machines if machine != before)
    moved = cluster.program / "shop.service"
    moved.write_text(f"{UNIT}MachineID={ids[other]}\n")
    cluster.fleetctl("start", "--replace", str(moved))
    eventually("it is there", lambda: machine_of(cluster) == other, 60)
    eventually("it has its secret", lambda: hash_on(cluster, other) == hash_of(shop["value"]))
    left = f"get --prefix --keys-only {keys.CREDENTIALS}{ids[before]}/"
    eventually(
        "etcd has none for it", lambda: not asking.etcdctl(cluster, before, left).out.strip()
    )
    sealed = "sudo ls /run/fleet/sealed"
    eventually("nor has its machine", lambda: cluster.on(before, sealed).out == "")


def test_a_secret_of_pulumi_is_one_in_its_state_too(cluster: Stack, shop: dict[str, str]):
    program = cluster.program / "__main__.py"
    text = program.read_text()
    value = f"never-shown-{secrets.token_hex(16)}"
    try:
        program.write_text(
            f"{text}\nimport os\nfc.Secrets('shop', {{'cluster': cluster.access, "
            f"'secrets': {{'{NAME}': os.environ['SHOP']}}}})\n"
        )
        known = replace(cluster, env={**cluster.env, "SHOP": value})
        told = known.up().text
        on = machine_of(cluster)
        assert hash_on(cluster, on) == hash_of(value)
        assert value not in told
        assert value not in known.run("pulumi", "stack", "export").out
        for path in cluster.home.rglob("*.json*"):
            assert value not in path.read_text()
        assert hash_of(value) not in known.run("pulumi", "stack", "export").out
    finally:
        program.write_text(text)
        cluster.up()
