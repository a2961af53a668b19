"""The text of every file that the set-up writes on a machine. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import config, etcd_roles
from .. import journal_shipping as journals
from ..config import Config
from ..etcd_configuration import ETCD_PKI
from .dns import files as dns
from .inputs import Configuration, Pair

PEER_AUTHORITY = "peer-authority.crt"
PEER_TRUST = "peer-ca.crt"
"""What a member's peers are to be signed by; `etcd_peers.py` decides."""
ETCD_DATA = "/var/lib/etcd/fleet"
DEBIANS_DATA = "/var/lib/etcd/default"
"""Where etcd's data are while it is the distribution's."""
FLEET_PKI = "/etc/fleet/pki"
FLEETS_CERT = f"{etcd_roles.FLEET.name}.crt"
CLIENT_PORT = 2379
PEER_PORT = 2380
METRICS_PORT = 2381
SERVER_NAME = "etcd"
"""A name in every member's certificates: for clients that are given all members at once, and for
peers, which take none without it."""

SSHD_OUTPUTS = "/etc/ssh/sshd_config.d/fleet-outputs.conf"
"""Lets Pulumi tell a command, at its resource's end, what it has printed (`state/claims.py`)."""
DOCKER = "/etc/docker/daemon.json"
PODMAN = "/etc/containers/registries.conf.d/fleet.conf"
_WRAPPER = """\
#!/bin/sh
# Where the link leads now: what is imported later is of the same version, too.
PYTHONPATH=$(readlink --canonicalize /opt/fleet/{version}) exec python3 -m fleet.{module} "$@"
"""


@dataclass(frozen=True)
class File:
    """A file's text, and who may read it."""

    text: str
    group: str = "root"
    mode: int = 0o644


def files(
    configuration: Configuration[str], machine_id: str, *, has_resolver: bool = True
) -> dict[str, File]:
    """Every file of the set-up, by path; `has_resolver`: whether there is systemd-resolved."""
    return {
        str(config.PATH): File(fleet_conf(configuration)),
        "/etc/fleet/environment": File(environment(configuration, machine_id)),
        DOCKER: File(docker_daemon(configuration, has_resolver)),
        PODMAN: File(podman_registries(configuration)),
        dns.COREFILE: File(dns.corefile(_urls(configuration))),
        dns.RESOLVED: File(dns.resolved()),
        dns.UNIT_FILE: File(dns.unit(configuration.coredns)),
        SSHD_OUTPUTS: File("AcceptEnv PULUMI_COMMAND_STDOUT PULUMI_COMMAND_STDERR\n"),
        "/usr/local/bin/fleetctl": _program("fleetctl"),
        "/usr/local/bin/fleetd": _program("fleetd", version="running"),
        "/usr/local/sbin/fleet-setup": _program("setup"),
        f"{FLEET_PKI}/ca.crt": File(configuration.authority),
        **_role_files(configuration),
        **_worker_files(configuration),
        **_member_files(configuration),
        **_journal_files(configuration),
    }


def _program(module: str, version: str = "current") -> File:
    """What starts a program of fleet, of one of the versions that the machine has."""
    return File(_WRAPPER.format(module=module, version=version), mode=0o755)


def fleet_conf(configuration: Configuration[str]) -> str:
    """fleet.conf, what fleetd and fleetctl read."""
    certificate = Path(FLEET_PKI, config.WORKER_CERT if configuration.worker else FLEETS_CERT)
    return config.render(
        Config(
            endpoints=tuple(f"{address}:{CLIENT_PORT}" for address in configuration.endpoints),
            public_ip=configuration.address,
            metadata=configuration.metadata,
            agent_ttl=configuration.agent_ttl,
            reconcile_interval=configuration.reconcile_interval,
            image_retention_hours=configuration.image_retention_hours,
            reboot_window=configuration.reboot_window,
            ca_file=Path(FLEET_PKI, "ca.crt"),
            cert_file=certificate,
            key_file=certificate.with_suffix(".key"),
        )
    )


def environment(configuration: Configuration[str], machine_id: str) -> str:
    """For units' EnvironmentFile= and for the operator's shell: etcdctl works as it is."""
    variables = {
        "COREOS_PUBLIC_IPV4": configuration.address,
        "COREOS_PRIVATE_IPV4": configuration.address,
        "FLEET_MACHINE_ID": machine_id,
        "FLEET_HOSTNAME": configuration.name,
        "ETCDCTL_ENDPOINTS": ",".join(_urls(configuration)),
        "ETCDCTL_CACERT": f"{FLEET_PKI}/ca.crt",
        "ETCDCTL_CERT": f"{FLEET_PKI}/{etcd_roles.APP.name}.crt",
        "ETCDCTL_KEY": f"{FLEET_PKI}/{etcd_roles.APP.name}.key",
    }
    return "".join(f"{name}={value}\n" for name, value in variables.items())


def _urls(configuration: Configuration[str]) -> list[str]:
    """Etcd's members, as its clients name them."""
    return [f"https://{address}:{CLIENT_PORT}" for address in configuration.endpoints]


def docker_daemon(configuration: Configuration[str], has_resolver: bool) -> str:
    """Docker's configuration. Images are named by digest, so plain HTTP cannot forge them.

    Containers outlive a Docker that is upgraded or crashes; their units, whose clients of Docker do
    not, stop and start them in order when it is back. Containers ask the machine's own resolver.
    """
    registries = [configuration.registry] if configuration.registry else []
    settings: dict[str, Any] = {"insecure-registries": registries, "live-restore": True}
    if has_resolver:
        settings["dns"] = [dns.ADDRESS]
    return json.dumps(settings, indent=2) + "\n"


def podman_registries(configuration: Configuration[str]) -> str:
    """Podman's registries, as Docker knows them; who pulls, it reads where Docker does."""
    if not configuration.registry:
        return ""
    return f'[[registry]]\nlocation = "{configuration.registry}"\ninsecure = true\n'


def etcd_environment(name: str, address: str, settings: Mapping[str, str]) -> dict[str, str]:
    """The configuration of etcd, as variables of its environment, with those of the program."""
    client = f"https://{address}:{CLIENT_PORT}"
    peer = f"https://{address}:{PEER_PORT}"
    return {
        "ETCD_NAME": name,
        "ETCD_DATA_DIR": ETCD_DATA,
        "ETCD_LISTEN_CLIENT_URLS": f"{client},https://127.0.0.1:{CLIENT_PORT}",
        "ETCD_ADVERTISE_CLIENT_URLS": client,
        "ETCD_LISTEN_PEER_URLS": peer,
        "ETCD_INITIAL_ADVERTISE_PEER_URLS": peer,
        "ETCD_CLIENT_CERT_AUTH": "true",
        "ETCD_TRUSTED_CA_FILE": f"{ETCD_PKI}/ca.crt",
        "ETCD_CERT_FILE": f"{ETCD_PKI}/member.crt",
        "ETCD_KEY_FILE": f"{ETCD_PKI}/member.key",
        "ETCD_PEER_CLIENT_CERT_AUTH": "true",
        "ETCD_PEER_TRUSTED_CA_FILE": f"{ETCD_PKI}/{PEER_TRUST}",
        "ETCD_PEER_CERT_FILE": f"{ETCD_PKI}/peer.crt",
        "ETCD_PEER_KEY_FILE": f"{ETCD_PKI}/peer.key",
        "ETCD_PEER_CERT_ALLOWED_HOSTNAME": SERVER_NAME,
        # The first members come at the same time. All have to have the same number.
        "ETCD_MAX_LEARNERS": "4",
        # A member that was cut off disturbs nobody when it is back.
        "ETCD_PRE_VOTE": "true",
        "ETCD_AUTO_COMPACTION_MODE": "periodic",
        "ETCD_AUTO_COMPACTION_RETENTION": "10m",
        # Its interface in JSON, which nothing here uses.
        "ETCD_ENABLE_GRPC_GATEWAY": "false",
        # Plain HTTP, for whoever is on the machine: figures, and no keys.
        "ETCD_LISTEN_METRICS_URLS": f"http://127.0.0.1:{METRICS_PORT}",
        "ETCD_LOGGER": "zap",
        "ETCD_LOG_LEVEL": "warn",
        **settings,
    }


def _role_files(configuration: Configuration[str]) -> dict[str, File]:
    found: dict[str, File] = {}
    for name, pair in configuration.roles.items():
        # What administers etcd is for root alone.
        if name == etcd_roles.ROOT.name:
            found[f"{ETCD_PKI}/{name}.crt"] = File(pair.cert)
            found[f"{ETCD_PKI}/{name}.key"] = File(pair.key, mode=0o600)
            continue
        if name == etcd_roles.DNS.name:
            found |= _role_folder(dns.PKI, configuration.authority, pair, dns.USER)
            continue
        found[f"{FLEET_PKI}/{name}.crt"] = File(pair.cert)
        found[f"{FLEET_PKI}/{name}.key"] = File(pair.key, "fleet", 0o640)
        found |= _role_folder(f"{FLEET_PKI}/{name}", configuration.authority, pair)
    return found


def _worker_files(configuration: Configuration[str]) -> dict[str, File]:
    """Beside what there was, as long as fleetd runs with that."""
    if configuration.worker is None:
        return {}
    certificate = Path(FLEET_PKI, config.WORKER_CERT)
    return {
        str(certificate): File(configuration.worker.cert),
        str(certificate.with_suffix(".key")): File(configuration.worker.key, "fleet", 0o640),
    }


def not_its_own(*, member: bool) -> list[Path]:
    """What a machine has of before, when it was a member of etcd or was none, or all were alike."""
    certificate = Path(FLEET_PKI, config.WORKER_CERT if member else FLEETS_CERT)
    return [certificate, certificate.with_suffix(".key"), certificate.with_suffix("")]


def _role_folder(
    folder: str, authority: str, pair: Pair[str], group: str = "fleet"
) -> dict[str, File]:
    """The same for a container to mount as a folder, with the names of a Secret in Kubernetes.

    A file that is mounted by itself stays what it was when another takes its name.
    """
    return {
        f"{folder}/ca.crt": File(authority),
        f"{folder}/tls.crt": File(pair.cert),
        f"{folder}/tls.key": File(pair.key, group, 0o640),
    }


def _member_files(configuration: Configuration[str]) -> dict[str, File]:
    if configuration.member is None or configuration.peer is None:
        return {}
    return {
        f"{ETCD_PKI}/ca.crt": File(configuration.authority),
        f"{ETCD_PKI}/{PEER_AUTHORITY}": File(configuration.peer_authority),
        **_pair("member", configuration.member),
        **_pair("peer", configuration.peer),
    }


def _journal_files(configuration: Configuration[str]) -> dict[str, File]:
    """For root alone: systemd hands them to the units as credentials."""
    found: dict[str, File] = {}
    pairs = {"upload": configuration.journal_sender, "remote": configuration.journal_receiver}
    for name, pair in pairs.items():
        if pair:
            found[f"{journals.PKI}/{name}.crt"] = File(pair.cert)
            found[f"{journals.PKI}/{name}.key"] = File(pair.key, mode=0o600)
    return found


def _pair(name: str, pair: Pair[str]) -> dict[str, File]:
    return {
        f"{ETCD_PKI}/{name}.crt": File(pair.cert),
        f"{ETCD_PKI}/{name}.key": File(pair.key, "etcd", 0o640),
    }
