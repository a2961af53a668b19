"""The program's settings: read once, checked together, refused with one clear error."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pulumi
import yaml

import fleet_cluster as fc
from config_aws import aws_args
from config_values import SettingError, between, line, one_of, size
from fleet_cluster.arguments.etcd import ETCD_SIZES
from fleet_cluster.arguments.metadata import METADATA_PAIR
from fleet_cluster.backups.schedule import MOST_KEPT
from fleet_cluster.cluster import MOST_AUTHORITIES, MOST_RETENTION_HOURS
from fleet_cluster.fleet.etcd_configuration import (
    HEARTBEAT_INTERVAL,
    QUOTA_BACKEND_BYTES,
    election_timeouts,
)
from fleet_cluster.fleet.model.reboot_window import ALLOWED, RebootWindow
from fleet_cluster.journals.shipping import check_journals
from fleet_cluster.pki import MOST_HOURS
from fleet_cluster.providers.aws.provider import AwsProvider
from fleet_cluster.providers.docker.provider import DockerProvider

LARGEST = {"docker": DockerProvider.largest, "aws": AwsProvider.largest}
"""How many machines a cluster may have, by provider."""
PROVIDERS = ("docker", "aws")
DESCRIBED: Mapping[str, Mapping[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("Pulumi.yaml").read_text()
)["config"]
"""Each setting with its type and default."""
DOCKER_ONLY = ("load-balancer-port",)
AWS_ONLY = tuple(DESCRIBED)[tuple(DESCRIBED).index("instance-type") :]
"""Settings of one provider, refused with the other."""
AWS_SECRETS = ("ssh-private-key", "ssh-proxy-private-key")


@dataclass(frozen=True)
class Settings:
    """What a stack can choose; Pulumi.yaml describes each."""

    provider: fc.ProviderArgs
    """Where machines come from, with what is chosen there."""
    cluster_size: int
    etcd_size: int
    sinatra_instances: int
    machine_metadata: Sequence[Mapping[str, str]]
    agent_ttl: int
    reconcile_interval: int
    image_retention_hours: int
    reboot_window: str
    """As `RebootWindow` reads it; empty: machines reboot by hand only."""
    certificate_hours: int
    certificate_authority: int
    etcd_quota_backend_bytes: int
    etcd_heartbeat_interval: int
    etcd_election_timeout: int
    backups: fc.BackupArgs | None
    """Where backups of etcd go; none are taken if nothing is given."""
    journals: fc.JournalArgs | None
    """Which machine keeps the journals of all; none does if nothing is given."""
    greeting: pulumi.Input[str]
    max_body_size: str
    """As nginx writes it: 100m."""


def default(setting: str) -> str:
    """The default of a setting, as Pulumi hands it over."""
    described: object = DESCRIBED[setting]["default"]
    return described if isinstance(described, str) else json.dumps(described)


def read(config: pulumi.Config) -> Settings:
    """Read and check the stack's settings.

    Raises:
        SettingError: one of them is not allowed.
    """
    provider = one_of(config, "provider", PROVIDERS)
    _refuse_others(config, provider)
    cluster_size = between(config, "cluster-size", 1, LARGEST[provider])
    agent_ttl = between(config, "agent-ttl", 5, 300)
    heartbeat = between(config, "etcd-heartbeat-interval", *HEARTBEAT_INTERVAL)
    return Settings(
        provider=fc.aws(aws_args(config)) if provider == "aws" else _docker(config),
        cluster_size=cluster_size,
        etcd_size=_etcd_size(config, cluster_size),
        sinatra_instances=between(config, "sinatra-instances", 0, 100),
        machine_metadata=_machine_metadata(config, cluster_size),
        agent_ttl=agent_ttl,
        reconcile_interval=between(config, "reconcile-interval", 5, 86400),
        image_retention_hours=between(config, "image-retention-hours", 1, MOST_RETENTION_HOURS),
        reboot_window=_reboot_window(config),
        certificate_hours=between(config, "certificate-hours", 1, MOST_HOURS),
        certificate_authority=between(config, "certificate-authority", 1, MOST_AUTHORITIES),
        etcd_quota_backend_bytes=between(config, "etcd-quota-backend-bytes", *QUOTA_BACKEND_BYTES),
        etcd_heartbeat_interval=heartbeat,
        etcd_election_timeout=_election_timeout(config, heartbeat, agent_ttl),
        backups=_backups(config),
        journals=_journals(config, cluster_size),
        greeting=line(config, "greeting"),
        max_body_size=size(config, "max-body-size"),
    )


def parse_metadata(text: str) -> dict[str, str]:
    """The pairs of `role=web,zone=a`, as fleet writes machine metadata.

    Raises:
        ValueError: a part is not `key=value`, or its key has another value too.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    for part in parts:
        if not METADATA_PAIR.fullmatch(part):
            raise ValueError(part)
    found = dict(part.split("=", 1) for part in parts)
    if len(found) != len(set(parts)):
        raise ValueError(text)
    return found


def _election_timeout(config: pulumi.Config, heartbeat: int, agent_ttl: int) -> int:
    name = "etcd-election-timeout"
    given, (low, high) = config.require(name), election_timeouts(heartbeat, agent_ttl)
    if not re.fullmatch(r"\d+", given) or not low <= int(given) <= high:
        allowed = f"{low} to {high}: five of etcd-heartbeat-interval up to half of agent-ttl"
        raise SettingError(name, given, allowed, low)
    return int(given)


def _backups(config: pulumi.Config) -> fc.BackupArgs | None:
    """What was chosen; the rest counts only with a place for them."""
    folder, command = config.require("backup-folder"), config.require("backup-command")
    keep = between(config, "backup-keep", 1, MOST_KEPT)
    calendar = config.require("backup-calendar")
    if folder and command:
        raise SettingError("backup-command", command, "nothing, where backup-folder is given", '""')
    if folder and not folder.startswith("/"):
        raise SettingError("backup-folder", folder, "a full path", "/mnt/backups")
    if folder:
        return {"folder": folder, "calendar": calendar, "keep": keep}
    return {"command": command, "calendar": calendar} if command else None


def _journals(config: pulumi.Config, cluster_size: int) -> fc.JournalArgs | None:
    """What was chosen; the rest counts only with a machine for them."""
    machine = config.require("journal-machine")
    if not machine:
        return None
    chosen = fc.JournalArgs(
        machine=machine,
        folder=config.require("journal-folder"),
        max_use=config.require("journal-max-use"),
    )
    try:
        check_journals(chosen, cluster_size)
    except fc.InputError as error:
        name = error.property_path.replace("journals.", "journal-").replace("_", "-")
        allowed = error.reason.partition("allowed: ")[2]
        raise SettingError(
            name, config.require(name), allowed, default(name) or "machine-1"
        ) from None
    return chosen


def _reboot_window(config: pulumi.Config) -> str:
    name = "reboot-window"
    given = config.get(name) or ""
    try:
        RebootWindow.parse(given)
    except ValueError:
        raise SettingError(name, given, ALLOWED, "Sun 02:00-04:00") from None
    return given


def _etcd_size(config: pulumi.Config, cluster_size: int) -> int:
    """A cluster smaller than the quorum asked for takes the largest size that fits."""
    given = config.require("etcd-size")
    allowed = [size for size in ETCD_SIZES if size <= cluster_size]
    if given not in map(str, ETCD_SIZES):
        raise SettingError("etcd-size", given, "1, 3 or 5", allowed[-1])
    return min(int(given), allowed[-1])


def _machine_metadata(config: pulumi.Config, cluster_size: int) -> list[dict[str, str]]:
    given: object = cast("object", config.require_object("machine-metadata"))
    allowed = f'at most {cluster_size} entries like "role=web,zone=a", one a machine, each key once'
    example = "--path 'machine-metadata[0]' role=web"
    entries = cast("list[object]", given)
    if not isinstance(given, list) or len(entries) > cluster_size:
        raise SettingError("machine-metadata", entries, allowed, example)
    try:
        return [parse_metadata(str(entry)) for entry in entries]
    except ValueError as error:
        raise SettingError("machine-metadata", str(error), allowed, example) from error


def _refuse_others(config: pulumi.Config, provider: str) -> None:
    """Refuse what only the other provider has."""
    others = AWS_ONLY if provider == "docker" else DOCKER_ONLY
    other = "aws" if provider == "docker" else "docker"
    for name in others:
        given, usual = config.require(name), default(name)
        if given.replace(" ", "") != usual:
            allowed = f"{usual or 'nothing'}, since provider is {provider}"
            raise SettingError(name, given, allowed, usual or '""')
    for name in AWS_SECRETS if provider == "docker" else ():
        if config.get_secret(name) is not None:
            raise SettingError(name, "a secret", f"only where provider is {other}", '""')


def _docker(config: pulumi.Config) -> fc.ProviderArgs:
    return fc.docker(port=between(config, "load-balancer-port", 1, 65535))
