"""The program's settings: read once, checked together, refused with one clear error."""

import ipaddress
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pulumi
import yaml

import fleet_cluster as fc
from fleet_cluster.cluster import ETCD_SIZES, METADATA_PAIR, MOST_AUTHORITIES, MOST_RETENTION_HOURS
from fleet_cluster.fleet.etcd_configuration import (
    HEARTBEAT_INTERVAL,
    QUOTA_BACKEND_BYTES,
    election_timeouts,
)
from fleet_cluster.machine import Proxy, SshKey
from fleet_cluster.pki import MOST_HOURS
from fleet_cluster.providers.aws.provider import AwsProvider
from fleet_cluster.providers.docker.provider import DockerProvider

LARGEST = {"docker": DockerProvider.largest, "aws": AwsProvider.largest}
"""How many machines a cluster may have, by provider."""
PROVIDERS = ("docker", "aws")
CONNECT_THROUGH = ("public", "private")
DESCRIBED: Mapping[str, Mapping[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("Pulumi.yaml").read_text()
)["config"]
"""Each setting with its type and default."""
DOCKER_ONLY = ("load-balancer-port",)
AWS_ONLY = tuple(DESCRIBED)[tuple(DESCRIBED).index("instance-type") :]
"""Settings of one provider, refused with the other."""
AWS_SECRETS = ("ssh-private-key", "ssh-proxy-private-key")


class SettingError(pulumi.RunError):
    """A setting that is not allowed. Pulumi shows the message without a stack trace."""

    def __init__(self, setting: str, given: object, allowed: str, example: object) -> None:
        """State what was wrong, what was given, what is allowed and what to do next."""
        super().__init__(
            f"{setting}: {given!r} is not allowed; allowed: {allowed}. "
            f"Mend it with: pulumi config set {setting} {example}"
        )


class PassphraseError(pulumi.RunError):
    """A stack whose secrets anyone can read who has the checkout."""

    def __init__(self, file: str, stack: str) -> None:
        """State where the passphrase is, and what to do about it."""
        super().__init__(
            f"stack {stack}: its state has the machines' keys, encrypted by the passphrase in "
            f"{file}; on AWS, a key of KMS is asked for. Give the stack one: pulumi stack "
            "change-secrets-provider 'awskms://alias/NAME?region=REGION' (docs/aws.md). Or, if the "
            "file is safe enough for it: pulumi config set allow-passphrase-file true"
        )


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
    certificate_hours: int
    certificate_authority: int
    etcd_quota_backend_bytes: int
    etcd_heartbeat_interval: int
    etcd_election_timeout: int
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
    provider = _one_of(config, "provider", PROVIDERS)
    _refuse_others(config, provider)
    cluster_size = _between(config, "cluster-size", 1, LARGEST[provider])
    agent_ttl = _between(config, "agent-ttl", 5, 300)
    heartbeat = _between(config, "etcd-heartbeat-interval", *HEARTBEAT_INTERVAL)
    return Settings(
        provider=fc.aws(_aws(config)) if provider == "aws" else _docker(config),
        cluster_size=cluster_size,
        etcd_size=_etcd_size(config, cluster_size),
        sinatra_instances=_between(config, "sinatra-instances", 0, 100),
        machine_metadata=_machine_metadata(config, cluster_size),
        agent_ttl=agent_ttl,
        reconcile_interval=_between(config, "reconcile-interval", 5, 86400),
        image_retention_hours=_between(config, "image-retention-hours", 1, MOST_RETENTION_HOURS),
        certificate_hours=_between(config, "certificate-hours", 1, MOST_HOURS),
        certificate_authority=_between(config, "certificate-authority", 1, MOST_AUTHORITIES),
        etcd_quota_backend_bytes=_between(config, "etcd-quota-backend-bytes", *QUOTA_BACKEND_BYTES),
        etcd_heartbeat_interval=heartbeat,
        etcd_election_timeout=_election_timeout(config, heartbeat, agent_ttl),
        greeting=_line(config, "greeting"),
        max_body_size=_size(config, "max-body-size"),
    )


def parse_metadata(text: str) -> dict[str, str]:
    """The pairs of `role=web,zone=a`, as fleet writes machine metadata.

    Raises:
        ValueError: a part is not `key=value`.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    for part in parts:
        if not METADATA_PAIR.fullmatch(part):
            raise ValueError(part)
    return dict(part.split("=", 1) for part in parts)


def _between(config: pulumi.Config, name: str, low: int, high: int) -> int:
    given = config.require(name)
    if not re.fullmatch(r"-?\d+", given) or not low <= int(given) <= high:
        raise SettingError(name, given, f"a whole number from {low} to {high}", low)
    return int(given)


def _election_timeout(config: pulumi.Config, heartbeat: int, agent_ttl: int) -> int:
    name = "etcd-election-timeout"
    given, (low, high) = config.require(name), election_timeouts(heartbeat, agent_ttl)
    if not re.fullmatch(r"\d+", given) or not low <= int(given) <= high:
        allowed = f"{low} to {high}: five of etcd-heartbeat-interval up to half of agent-ttl"
        raise SettingError(name, given, allowed, low)
    return int(given)


def _one_of(config: pulumi.Config, name: str, allowed: Sequence[str]) -> str:
    given = config.require(name)
    if given not in allowed:
        raise SettingError(name, given, ", ".join(allowed), allowed[0])
    return given


def _line(config: pulumi.Config, name: str) -> pulumi.Input[str]:
    """A text; one that was set with `--secret` stays a secret."""
    given = config.require(name)
    secret = pulumi.runtime.is_config_secret(f"{config.name}:{name}")
    if "\n" in given:
        raise SettingError(name, "a secret" if secret else given, "a single line", '"Hello World!"')
    return pulumi.Output.secret(given) if secret else given


def _size(config: pulumi.Config, name: str) -> str:
    given = config.require(name)
    if not re.fullmatch(r"0|[1-9]\d{0,8}[kmg]?", given):
        raise SettingError(name, given, "bytes, also with k, m or g; 0 for any number", "100m")
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
    allowed = f'at most {cluster_size} entries like "role=web,zone=a", one a machine'
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


def _check_passphrase(config: pulumi.Config) -> None:
    """Refuse a passphrase that lies in a file, as `make env` makes one, unless that was said."""
    file = passphrase_file(Path(f"Pulumi.{pulumi.get_stack()}.yaml"), os.environ)
    if file and not _boolean(config, "allow-passphrase-file"):
        raise PassphraseError(file, pulumi.get_stack())


def passphrase_file(stack: Path, environ: Mapping[str, str]) -> str:
    """The file with the passphrase of a stack's secrets; empty if they have another key.

    Args:
        stack: the stack's own settings, where Pulumi notes how its secrets are encrypted.
        environ: the variables that Pulumi reads.
    """
    text = stack.read_text() if stack.is_file() else ""
    noted = cast("dict[str, Any]", yaml.safe_load(text) or {})
    others_key = noted.get("secretsprovider", "passphrase") != "passphrase"
    if others_key or "encryptionsalt" not in noted or environ.get("PULUMI_CONFIG_PASSPHRASE"):
        return ""
    return environ.get("PULUMI_CONFIG_PASSPHRASE_FILE", "")


def _docker(config: pulumi.Config) -> fc.ProviderArgs:
    return fc.docker(port=_between(config, "load-balancer-port", 1, 65535))


def _aws(config: pulumi.Config) -> fc.AwsArgs:
    if not pulumi.Config("aws").get("region"):
        raise SettingError("aws:region", "", "a region of AWS", "eu-central-1")
    _check_passphrase(config)
    _check_ssh_from(config)
    args = fc.AwsArgs(
        instance_type=_matching(config, "instance-type", r"[a-z0-9-]+\.[a-z0-9-]+", "t3.small"),
        image_id=_matching(config, "image-id", r"(ami-[0-9a-f]+)?", "ami-0123456789abcdef0"),
        root_size=_between(config, "root-size", 8, 16384),
        vpc_id=_vpc(config),
        subnet_ids=_subnets(config),
        private=_one_of(config, "connect-through", CONNECT_THROUGH) == "private",
        ssh_from=_strings(config, "allow-ssh-from"),
        ssh_from_anywhere=_boolean(config, "allow-ssh-from-anywhere"),
        certificate_arn=_matching(
            config,
            "certificate-arn",
            r"(arn:aws[a-z-]*:acm:[a-z0-9-]+:\d+:certificate/\S+)?",
            "arn:aws:acm:REGION:ACCOUNT:certificate/ID",
        ),
        drain_seconds=_between(config, "drain-seconds", 0, 3600),
        ssm_access=_boolean(config, "ssm-access"),
        permissions_boundary=_matching(
            config,
            "permissions-boundary",
            r"(arn:aws[a-z-]*:iam::(\d{12}|aws):policy/\S+)?",
            "arn:aws:iam::ACCOUNT:policy/fleet-cluster-machines",
        ),
        tags=_tags(config),
    )
    if key := _paired(config, "ssh-private-key", "ssh-public-key"):
        args["ssh_key"] = SshKey(private_key=key, public_key=config.require("ssh-public-key"))
    if proxy := _ssh_proxy(config):
        args["ssh_proxy"] = proxy
    return args


def _matching(config: pulumi.Config, name: str, pattern: str, example: str) -> str:
    given = config.require(name)
    if not re.fullmatch(pattern, given):
        raise SettingError(name, given, f"something like {example}", example)
    return given


def _boolean(config: pulumi.Config, name: str) -> bool:
    return _one_of(config, name, ("false", "true")) == "true"


def _strings(config: pulumi.Config, name: str) -> list[str]:
    given: object = cast("object", config.require_object(name))
    entries = cast("list[object]", given)
    if not isinstance(given, list) or not all(isinstance(entry, str) for entry in entries):
        raise SettingError(name, entries, "a list of texts", f"--path '{name}[0]' VALUE")
    return [str(entry) for entry in entries]


def _check_ssh_from(config: pulumi.Config) -> None:
    name = "allow-ssh-from"
    example = f"--path '{name}[0]' 203.0.113.7/32"
    entries = _strings(config, name)
    public = config.require("connect-through") == "public"
    if public and not entries:
        raise SettingError(name, [], "one CIDR at least, from where SSH is allowed", example)
    anywhere = _boolean(config, "allow-ssh-from-anywhere")
    for entry in entries:
        try:
            ipaddress.ip_network(entry)
        except ValueError as error:
            raise SettingError(name, entry, "CIDRs like 203.0.113.7/32", example) from error
        if ipaddress.ip_network(entry).prefixlen == 0 and not anywhere:
            raise SettingError(
                name, entry, "the whole world only with allow-ssh-from-anywhere: true", example
            )


def _vpc(config: pulumi.Config) -> str:
    given = _matching(config, "vpc-id", r"(vpc-[0-9a-f]+)?", "vpc-0123456789abcdef0")
    if bool(given) != bool(_strings(config, "subnet-ids")):
        raise SettingError(
            "vpc-id", given, "vpc-id and subnet-ids together, or neither", "vpc-0123456789abcdef0"
        )
    return given


def _subnets(config: pulumi.Config) -> list[str]:
    name = "subnet-ids"
    entries = _strings(config, name)
    good = all(re.fullmatch(r"subnet-[0-9a-f]+", entry) for entry in entries)
    if not good or len(entries) == 1 or len(set(entries)) != len(entries):
        raise SettingError(
            name, entries, "two subnets or more, in different zones", f"--path '{name}[0]' subnet-0"
        )
    return entries


def _paired(config: pulumi.Config, secret: str, partner: str) -> pulumi.Output[str] | None:
    """A private key that makes sense only with another setting."""
    given = config.get_secret(secret)
    if (given is not None) != bool(config.require(partner)):
        raise SettingError(
            secret,
            "one without the other" if given is None else f"no {partner}",
            f"{secret} and {partner} together, or neither",
            "--secret < FILE",
        )
    return given


def _ssh_proxy(config: pulumi.Config) -> Proxy | None:
    given, example = config.require("ssh-proxy"), "admin@bastion.example.com:22"
    found = re.fullmatch(r"([\w.-]+)@([\w.-]+)(?::(\d+))?", given)
    if given and not found:
        allowed = f"USER@HOST or USER@HOST:PORT like {example}"
        raise SettingError("ssh-proxy", given, allowed, example)
    key = _paired(config, "ssh-proxy-private-key", "ssh-proxy")
    if key is None or found is None:
        return None
    host_key = config.require("ssh-proxy-host-key")
    if not host_key:
        allowed = "the bastion's public host key"
        raise SettingError("ssh-proxy-host-key", "", allowed, '"ssh-ed25519 AAAA..."')
    return Proxy(
        user=found[1], host=found[2], port=int(found[3] or 22), private_key=key, host_key=host_key
    )


def _tags(config: pulumi.Config) -> dict[str, str]:
    entries = _strings(config, "tags")
    for entry in entries:
        if not re.fullmatch(r"[^=]+=.*", entry):
            raise SettingError("tags", entry, "entries like team=web", "--path 'tags[0]' team=web")
    return dict(entry.split("=", 1) for entry in entries)
