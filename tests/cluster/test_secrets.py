"""Promise 6: secrets are where they are needed, and nowhere else."""

import json
import re

import pytest

from tests.cluster.stack import Stack

PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n(.{40})")
MACHINES = ("machine-1", "machine-2", "machine-3")
PRINTABLE = r"env LC_ALL=C grep -aho '[ -~]\{40,\}'"
"""Of files that may be programs: a key's lines are longer, so that its telling part is there."""


@pytest.fixture(scope="module")
def secrets(cluster: Stack) -> list[str]:
    """A telling part of each private key of the stack, and of each that its machines hold."""
    state = cluster.run("pulumi", "stack", "export", "--show-secrets").out
    found = PRIVATE_KEY.findall(json.loads(f'"{state_as_text(state)}"'))
    assert len(found) >= 12
    return sorted(set(found))


def state_as_text(state: str) -> str:
    """The state with its keys' newlines as newlines, however deep their JSON was nested."""
    unescaped = re.sub(r"\\+n", "\n", state)
    return json.dumps(unescaped)[1:-1]


def test_the_state_holds_no_secret_in_clear(cluster: Stack, secrets: list[str]):
    exported = cluster.run("pulumi", "stack", "export").out
    assert "PRIVATE KEY" not in exported
    assert_absent(secrets, exported, "the exported state")
    for path in cluster.home.rglob("*.json*"):
        assert_absent(secrets, path.read_text(), str(path))


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("place", "command"),
    [
        ("process list", "ps -eo args"),
        ("processes' environments", "sudo sh -c 'cat /proc/[0-9]*/environ 2>/dev/null'"),
        ("journal", "sudo journalctl --no-pager"),
        ("unit files", "cat /run/systemd/system/*.service /etc/systemd/system/*.service"),
        ("configuration", "sudo cat /etc/etcd/environment /etc/fleet/fleet.conf"),
        ("files that anyone may read", "sudo find /etc /opt /home /var/lib/etcd /tmp -xdev -type f "
                                       f"-perm -004 -size -1024k -exec {PRINTABLE} {{}} +"),
    ],
)  # fmt: skip
def test_a_machine_shows_no_secret(
    cluster: Stack, secrets: list[str], machine: str, place: str, command: str
):
    shown = cluster.on(machine, command, check=False).out
    assert shown, "there is something to look at"
    assert_absent(secrets, shown, f"{place} of {machine}")


def test_docker_shows_no_secret(cluster: Stack, secrets: list[str]):
    for machine in (*MACHINES, "registry", "load-balancer"):
        container = cluster.container(machine)
        assert_absent(secrets, cluster.run("docker", "inspect", container).out, machine)
        assert_absent(secrets, cluster.run("docker", "logs", container).text, machine)


def test_pulumi_shows_no_secret(cluster: Stack, secrets: list[str]):
    shown = cluster.run("pulumi", "preview", "--diff", "--show-sames").text
    shown += cluster.run("pulumi", "stack", "output").text
    assert_absent(secrets, shown, "what pulumi prints")


def test_etcd_takes_only_certificates_and_holds_each_to_its_keys(cluster: Stack):
    plain = cluster.on("machine-1", "curl -sS http://$COREOS_PUBLIC_IPV4:2379/version", check=False)
    assert plain.code != 0
    address = cluster.outputs()["machines"]["machine-1"]
    bare = f"curl -sSk https://{address}:2379/version"
    assert cluster.on("machine-2", bare, check=False).code != 0

    assert cluster.on("machine-1", "etcdctl put /test/mine 1 && etcdctl del /test/mine").code == 0
    for command in ("get --prefix /fleet/", "put /fleet/leader me", "del --prefix /fleet"):
        refused = cluster.on("machine-1", f"etcdctl {command}", check=False)
        assert "permission denied" in refused.text
    as_nginx = "ETCDCTL_CERT=/etc/fleet/pki/nginx.crt ETCDCTL_KEY=/etc/fleet/pki/nginx.key etcdctl"
    for command in ("put /fleet/internal/fleet/sinatra/x 1", "get /app/greeting"):
        assert "permission denied" in cluster.on("machine-1", f"{as_nginx} {command}", False).text


CLIENT = """\
docker run --rm --network container:nginx --volumes-from nginx --user 0 --cap-drop ALL \\
    --volume "$(readlink --canonicalize "$(command -v etcdctl)")":/etcdctl:ro \\
    --entrypoint /etcdctl "$(docker inspect --format '{{.Image}}' nginx)" \\
    --endpoints "$ETCDCTL_ENDPOINTS" --command-timeout 3s """
"""What somebody who has broken into nginx, and brings a program along, may ask etcd."""


@pytest.mark.parametrize("machine", MACHINES)
def test_who_breaks_into_nginx_finds_no_key_and_gets_no_answer_of_etcd(
    cluster: Stack, machine: str
):
    key = "-----BEGIN [A-Z ]*PRIVATE KEY-----"
    find = f"docker exec nginx grep -rlsax -e '{key}' --exclude-dir=proc --exclude-dir=sys /"
    plant = "docker exec --interactive nginx tee /tmp/planted >/dev/null"
    try:
        cluster.on(machine, f"echo '-----BEGIN PRIVATE KEY-----' | {plant}")
        assert cluster.on(machine, find, check=False).out == "/tmp/planted\n"
    finally:
        cluster.on(machine, "docker exec nginx rm --force /tmp/planted")
    get = "get --prefix /fleet/internal/fleet/sinatra/"
    pki = "/etc/confd/pki"
    pair = f"--cacert {pki}/ca.crt --cert {pki}/tls.crt --key {pki}/tls.key"
    for credentials in (pair, "--insecure-skip-tls-verify"):
        asked = cluster.on(machine, f"{CLIENT} {credentials} {get}", False)
        assert (asked.code != 0) and ":50" not in asked.out, asked.text
    with_keys = CLIENT.replace("--volumes-from nginx", f"--volume /etc/fleet/pki/nginx:{pki}:ro")
    with_keys = with_keys.replace("--command-timeout 3s", "--command-timeout 30s")
    assert cluster.on(machine, f"{with_keys} {pair} {get}").code == 0
    mounted = "docker inspect --format '{{json .Mounts}}' nginx"
    writable = {one["Source"]: one["RW"] for one in json.loads(cluster.on(machine, mounted).out)}
    assert writable == {"/var/lib/nginx-requests": True, "/var/lib/nginx-pool/rendered": False}


@pytest.mark.parametrize("machine", MACHINES)
def test_what_has_the_key_of_the_pool_has_no_right_of_root(cluster: Stack, machine: str):
    status = cluster.on(machine, "docker exec nginx-pool cat /proc/self/status").out
    told = dict(re.findall(r"^(\w+):\s+(.*)$", status, re.MULTILINE))
    assert set(told["Uid"].split()) == {"70000"}
    assert {told[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    group = cluster.on(machine, "getent group fleet | cut -d: -f3").out.strip()
    assert set(told["Groups"].split()) <= {group, "70000"}


@pytest.mark.parametrize("role", ["nginx", "app", "fleet"])
def test_no_roles_certificate_is_answered_on_the_port_of_etcds_peers(cluster: Stack, role: str):
    address = cluster.outputs()["machines"]["machine-1"]
    pair = f"--cert /etc/fleet/pki/{role}.crt --key /etc/fleet/pki/{role}.key"
    asked = {
        port: cluster.on("machine-2", f"curl -sSk {pair} https://{address}:{port}/version", False)
        for port in (2379, 2380)
    }
    assert (asked[2379].code == 0) and "etcdserver" in asked[2379].out
    assert (asked[2380].code != 0) and asked[2380].out == ""


def test_a_machine_with_another_host_key_is_refused(cluster: Stack):
    config = cluster.environment()["FLEETCTL_SSH_CONFIG"]
    wrong = ["-o", "HostKeyAlias=machine-2", "machine-1", "true"]
    refused = cluster.run("ssh", "-F", config, *wrong, check=False)
    assert refused.code != 0
    assert "Host key verification failed" in refused.err


def test_nothing_but_the_load_balancer_is_open_to_this_computers_network(cluster: Stack):
    published = "{{json .NetworkSettings.Ports}}"
    for machine in (*MACHINES, "registry", "load-balancer"):
        shown = cluster.run("docker", "inspect", "--format", published, cluster.container(machine))
        ports: dict[str, list[dict[str, str]] | None] = json.loads(shown.out)
        for bindings in ports.values():
            assert {one["HostIp"] for one in bindings or []} <= {"127.0.0.1"}


def assert_absent(secrets: list[str], text: str, where: str) -> None:
    """No secret, whole or by its telling part, is in the text."""
    flat = re.sub(r"\\+n|\s", "", text)
    leaked = [secret[:8] + "..." for secret in secrets if re.sub(r"\s", "", secret) in flat]
    assert not leaked, f"{where} shows {len(leaked)} private keys: {leaked}"
