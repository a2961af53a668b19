"""The files that the set-up writes on a machine, and who may read them."""

import json
import tomllib
from dataclasses import replace

import pytest

from fleet_cluster.fleet import config
from fleet_cluster.fleet.etcd_configuration import EtcdSettings
from fleet_cluster.fleet.fleetctl.state.claims import PRINTED
from fleet_cluster.fleet.journal_shipping import PKI
from fleet_cluster.fleet.setup.configure import fleet_conf_changes, notices
from fleet_cluster.fleet.setup.dns.files import ADDRESS
from fleet_cluster.fleet.setup.etcd_service import unit
from fleet_cluster.fleet.setup.files import etcd_environment, files, fleet_conf, not_its_own
from fleet_cluster.fleet.setup.inputs import Configuration, Pair
from tests.checkout import CHECKOUT

MACHINE_ID = "3f2a91bc" * 4
CONFIGURATION = Configuration(
    resource="container-1",
    bundle="0" * 64,
    etcd="3.6.16",
    coredns="1.15.0",
    name="machine-1",
    address="172.30.7.11",
    metadata={"role": "web"},
    endpoints=("172.30.7.11", "172.30.7.12"),
    agent_ttl=10,
    reconcile_interval=60,
    image_retention_hours=72,
    reboot_window="",
    registry="172.30.7.2:5000",
    authority="the authority",
    previous_authority="",
    roles={role: Pair(f"{role} cert", f"{role} key") for role in ("root", "fleet", "app", "nginx")},
    worker=None,
    member=Pair("member cert", "member key"),
    peer_authority="the peers' authority",
    peer=Pair("peer cert", "peer key"),
    journal_sender=None,
    journal_receiver=None,
)

WORKER = replace(
    CONFIGURATION,
    roles={role: CONFIGURATION.roles[role] for role in ("app", "nginx")},
    worker=Pair("worker cert", "worker key"),
    member=None,
    peer=None,
)


def test_fleet_conf_lists_the_members_with_their_port():
    conf = json.loads(files(CONFIGURATION, MACHINE_ID)["/etc/fleet/fleet.conf"].text)
    assert conf["endpoints"] == ["172.30.7.11:2379", "172.30.7.12:2379"]
    assert conf["metadata"] == {"role": "web"}
    assert conf["agent_ttl"] == 10


def test_environment_makes_plain_etcdctl_work_with_the_applications_certificate():
    assert files(CONFIGURATION, MACHINE_ID)["/etc/fleet/environment"].text == (
        "COREOS_PUBLIC_IPV4=172.30.7.11\n"
        "COREOS_PRIVATE_IPV4=172.30.7.11\n"
        f"FLEET_MACHINE_ID={MACHINE_ID}\n"
        "FLEET_HOSTNAME=machine-1\n"
        "ETCDCTL_ENDPOINTS=https://172.30.7.11:2379,https://172.30.7.12:2379\n"
        "ETCDCTL_CACERT=/etc/fleet/pki/ca.crt\n"
        "ETCDCTL_CERT=/etc/fleet/pki/app.crt\n"
        "ETCDCTL_KEY=/etc/fleet/pki/app.key\n"
    )


def test_no_file_is_one_that_machines_come_with():
    """What those say of the journal would be lost."""
    image = CHECKOUT / "components/fleet_cluster/providers/machine_image/files"
    brought = {f"/{path.relative_to(image)}" for path in image.rglob("*") if path.is_file()}
    assert len(brought) > 5 and not brought & files(CONFIGURATION, MACHINE_ID).keys()


def test_docker_is_told_of_the_registry_and_that_containers_outlive_it():
    """Machines start it with their journal as its log: options of another log keep it from it."""
    conf = json.loads(files(CONFIGURATION, MACHINE_ID)["/etc/docker/daemon.json"].text)
    registries = {"insecure-registries": ["172.30.7.2:5000"]}
    assert conf == {**registries, "live-restore": True, "dns": [ADDRESS]}


def test_podman_is_told_of_the_same_registry():
    path = "/etc/containers/registries.conf.d/fleet.conf"
    (registry,) = tomllib.loads(files(CONFIGURATION, MACHINE_ID)[path].text)["registry"]
    assert registry == {"location": "172.30.7.2:5000", "insecure": True}
    assert files(replace(CONFIGURATION, registry=""), MACHINE_ID)[path].text == ""


def test_sshd_takes_what_pulumi_tells_a_resource_at_its_end():
    sshd = files(CONFIGURATION, MACHINE_ID)["/etc/ssh/sshd_config.d/fleet-outputs.conf"]
    assert PRINTED in sshd.text.split()


def test_private_keys_are_in_no_file_that_others_may_read():
    written = files(CONFIGURATION, MACHINE_ID)
    secrets = {path: file for path, file in written.items() if " key" in file.text}
    assert len(secrets) == 6 + 3
    assert all(path.endswith(".key") for path in secrets)
    assert all(file.mode & 0o007 == 0 for file in secrets.values())
    assert secrets["/etc/etcd/pki/root.key"].mode == 0o600


def test_a_container_mounts_the_folder_of_a_role_and_gets_nothing_else() -> None:
    written = files(CONFIGURATION, MACHINE_ID)
    folder = "/etc/fleet/pki/nginx/"
    texts = {path: file.text for path, file in written.items() if path.startswith(folder)}
    assert texts == {
        f"{folder}ca.crt": "the authority",
        f"{folder}tls.crt": "nginx cert",
        f"{folder}tls.key": "nginx key",
    }
    assert not [path for path in written if path.startswith("/etc/fleet/pki/root")]


def test_a_machine_without_etcd_gets_no_key_that_administers_it():
    assert not [path for path in files(WORKER, MACHINE_ID) if path.startswith("/etc/etcd")]


def test_a_worker_is_known_by_a_certificate_of_its_own():
    written = files(WORKER, MACHINE_ID)
    settings = config.parse(written["/etc/fleet/fleet.conf"].text)
    assert settings.is_worker and settings.cert_file and settings.key_file
    assert written[str(settings.cert_file)].text == "worker cert"
    key = written[str(settings.key_file)]
    assert (key.text, key.group, key.mode) == ("worker key", "fleet", 0o640)
    assert not [path for path in written if path.startswith("/etc/fleet/pki/fleet")]
    assert not config.parse(fleet_conf(CONFIGURATION)).is_worker


def test_what_a_machine_was_before_is_not_what_it_is():
    """A machine becomes a member of etcd, or ceases to be one."""
    for before, after in ((CONFIGURATION, WORKER), (WORKER, CONFIGURATION)):
        gone = not_its_own(member=after is CONFIGURATION)
        own, others = (files(one, MACHINE_ID).keys() for one in (after, before))
        assert not {str(path) for path in gone} & own
        assert {str(path) for path in gone if path.suffix} <= others


@pytest.mark.parametrize("flag", ["ETCD_CLIENT_CERT_AUTH", "ETCD_PEER_CLIENT_CERT_AUTH"])
def test_etcd_demands_certificates_of_clients_and_peers(flag: str):
    assert etcd_environment("machine-1", "172.30.7.11", {})[flag] == "true"


def test_peers_are_known_by_an_authority_and_a_name_of_their_own():
    variables = etcd_environment("machine-1", "172.30.7.11", {})
    peers = {name: value for name, value in variables.items() if name.startswith("ETCD_PEER_")}
    files = {"TRUSTED_CA_FILE": "peer-ca.crt", "CERT_FILE": "peer.crt", "KEY_FILE": "peer.key"}
    expected = {f"ETCD_PEER_{name}": f"/etc/etcd/pki/{file}" for name, file in files.items()}
    expected |= {
        "ETCD_PEER_CLIENT_CERT_AUTH": "true",
        "ETCD_PEER_CERT_ALLOWED_HOSTNAME": "etcd",
    }
    assert peers == expected


def test_what_etcd_tells_without_a_certificate_stays_on_the_machine():
    values = etcd_environment("machine-1", "172.30.7.11", {}).values()
    assert [one for one in values if "http://" in one] == ["http://127.0.0.1:2381"]


def test_what_a_machine_gets_of_another_fleet_conf_is_told():
    before = fleet_conf(CONFIGURATION)
    after = fleet_conf(replace(CONFIGURATION, agent_ttl=20, metadata={}))
    told = ["agent_ttl: 10, to be 20", "metadata: {'role': 'web'}, to be {}"]
    assert fleet_conf_changes(before, after) == told
    assert fleet_conf_changes(before, before) == []
    assert "agent_ttl: none, to be 20" in fleet_conf_changes("damaged", after)


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("ETCD_PRE_VOTE", "true"),
        ("ETCD_AUTO_COMPACTION_MODE", "periodic"),
        ("ETCD_AUTO_COMPACTION_RETENTION", "10m"),
        ("ETCD_QUOTA_BACKEND_BYTES", "2147483648"),
    ],
)
def test_etcd_says_what_keeps_it_alive_itself(flag: str, value: str):
    variables = etcd_environment("machine-1", "172.30.7.11", EtcdSettings().variables())
    assert variables[flag] == value


def test_etcd_is_restarted_however_it_ends_and_however_often() -> None:
    text = unit("3.6.16")
    assert "ExecStart=/opt/etcd/3.6.16/etcd\n" in text
    for line in (
        "StartLimitIntervalSec=0",
        "Restart=always",
        "Wants=network-online.target",
        "After=network-online.target",
        "OOMScoreAdjust=-900",
    ):
        assert f"{line}\n" in text


def test_docker_that_still_starts_is_waited_for_before_it_reads_its_file_again() -> None:
    """systemd calls a reload done that comes while a service starts, and does nothing."""
    words = notices({"/etc/docker/daemon.json"}, runs_containers=True)
    assert words == [("start", "docker.service"), ("reload-or-restart", "docker.service")]
    assert notices({"/etc/fleet/environment"}, runs_containers=True) == []


def test_docker_is_started_anew_only_where_nothing_runs_in_it():
    """It reads whom containers ask for names when it starts, and at no reload."""
    said = [notices({"/etc/docker/daemon.json"}, runs)[-1][0] for runs in (True, False)]
    assert said == ["reload-or-restart", "restart"]


def test_containers_ask_the_machines_resolver_where_there_is_one():
    without = files(CONFIGURATION, MACHINE_ID, has_resolver=False)["/etc/docker/daemon.json"].text
    assert "dns" not in json.loads(without)


def test_coredns_asks_all_members_and_what_it_knows_outlives_them():
    corefile = files(CONFIGURATION, MACHINE_ID)["/etc/fleet/Corefile"].text
    assert "endpoint https://172.30.7.11:2379 https://172.30.7.12:2379\n" in corefile
    assert "serve_stale 24h verify 1s 1s 1s\n" in corefile and "path /fleet\n" in corefile


def test_nobody_but_coredns_reads_the_key_of_its_role():
    pairs = {**CONFIGURATION.roles, "dns": Pair("a certificate", "a key")}
    found = files(replace(CONFIGURATION, roles=pairs), MACHINE_ID)
    held = {path: file for path, file in found.items() if "a key" in file.text}
    assert {path: (one.group, one.mode) for path, one in held.items()} == {
        "/etc/fleet/pki/dns/tls.key": ("fleet-dns", 0o640)
    }


SHIPPING = replace(
    CONFIGURATION,
    journal_sender=Pair("sender cert", "sender key"),
    journal_receiver=Pair("receiver cert", "receiver key"),
)


def test_keys_for_journals_are_for_root_alone_and_the_receivers_on_one_machine() -> None:
    added = files(SHIPPING, MACHINE_ID).keys() - files(CONFIGURATION, MACHINE_ID).keys()
    written = {path: files(SHIPPING, MACHINE_ID)[path] for path in added}
    texts = {path.removeprefix(f"{PKI}/"): file.text for path, file in written.items()}
    assert texts == {
        "upload.crt": "sender cert",
        "upload.key": "sender key",
        "remote.crt": "receiver cert",
        "remote.key": "receiver key",
    }
    keys = [file for path, file in written.items() if path.endswith(".key")]
    assert {(file.group, file.mode) for file in keys} == {("root", 0o600)}
    sender = files(replace(SHIPPING, journal_receiver=None), MACHINE_ID)
    assert f"{PKI}/upload.key" in sender and f"{PKI}/remote.key" not in sender
