"""Settings of a stack on AWS, checked together."""

import ipaddress
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pulumi
import yaml

import fleet_cluster as fc
from config_values import SettingError, between, boolean, matching, one_of, paired, strings
from fleet_cluster.fleet.etcd_configuration import GIB, QUOTA_BACKEND_BYTES
from fleet_cluster.machine import Proxy, SshKey
from fleet_cluster.providers.aws.network import CIDRS
from fleet_cluster.providers.aws.provider import etcd_volume_sizes

CONNECT_THROUGH = ("public", "private")


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


def aws_args(config: pulumi.Config) -> fc.AwsArgs:
    """What the stack chooses of AWS.

    Raises:
        SettingError: a setting is not allowed.
        PassphraseError: the stack's secrets are no safer than the checkout.
    """
    if not pulumi.Config("aws").get("region"):
        raise SettingError("aws:region", "", "a region of AWS", "eu-central-1")
    _check_passphrase(config)
    _check_ssh_from(config)
    args = fc.AwsArgs(
        instance_type=matching(config, "instance-type", r"[a-z0-9-]+\.[a-z0-9-]+", "t3.small"),
        image_id=matching(config, "image-id", r"(ami-[0-9a-f]+)?", "ami-0123456789abcdef0"),
        root_size=between(config, "root-size", 8, 16384),
        etcd_volume_size=_etcd_volume_size(config),
        vpc_id=_vpc(config),
        subnet_ids=_subnets(config),
        private=one_of(config, "connect-through", CONNECT_THROUGH) == "private",
        ssh_from=strings(config, "allow-ssh-from"),
        ssh_from_anywhere=boolean(config, "allow-ssh-from-anywhere"),
        certificate_arn=matching(
            config,
            "certificate-arn",
            r"(arn:aws[a-z-]*:acm:[a-z0-9-]+:\d+:certificate/\S+)?",
            "arn:aws:acm:REGION:ACCOUNT:certificate/ID",
        ),
        drain_seconds=between(config, "drain-seconds", 0, 3600),
        ssm_access=boolean(config, "ssm-access"),
        permissions_boundary=matching(
            config,
            "permissions-boundary",
            r"(arn:aws[a-z-]*:iam::(\d{12}|aws):policy/\S+)?",
            "arn:aws:iam::ACCOUNT:policy/fleet-cluster-machines",
        ),
        tags=_tags(config),
    )
    if key := paired(config, "ssh-private-key", "ssh-public-key"):
        args["ssh_key"] = SshKey(private_key=key, public_key=config.require("ssh-public-key"))
    if proxy := _ssh_proxy(config):
        args["ssh_proxy"] = proxy
    return args


def _check_passphrase(config: pulumi.Config) -> None:
    """Refuse a passphrase that lies in a file, as `make env` makes one, unless that was said."""
    file = passphrase_file(Path(f"Pulumi.{pulumi.get_stack()}.yaml"), os.environ)
    if file and not boolean(config, "allow-passphrase-file"):
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


def _check_ssh_from(config: pulumi.Config) -> None:
    name = "allow-ssh-from"
    example = f"--path '{name}[0]' 203.0.113.7/32"
    entries = strings(config, name)
    public = config.require("connect-through") == "public"
    if public and not entries:
        raise SettingError(name, [], "one CIDR at least, from where SSH is allowed", example)
    anywhere = boolean(config, "allow-ssh-from-anywhere")
    for entry in entries:
        try:
            ipaddress.ip_network(entry)
        except ValueError as error:
            raise SettingError(name, entry, CIDRS, example) from error
        if "/" not in entry or entries.count(entry) > 1:
            raise SettingError(name, entry, CIDRS, example)
        if ipaddress.ip_network(entry).prefixlen == 0 and not anywhere:
            raise SettingError(
                name, entry, "the whole world only with allow-ssh-from-anywhere: true", example
            )


def _etcd_volume_size(config: pulumi.Config) -> int:
    name, quota = "etcd-volume-size", "etcd-quota-backend-bytes"
    given, room = between(config, name, 0, 16384), between(config, quota, *QUOTA_BACKEND_BYTES)
    sizes = etcd_volume_sizes(room)
    if given and given not in sizes:
        allowed = (
            f"0, or {sizes[0]} to {sizes[-1]} GiB: more than {quota} ({room}), "
            "better four times that"
        )
        raise SettingError(name, given, allowed, math.ceil(4 * room / GIB))
    return given


def _vpc(config: pulumi.Config) -> str:
    given = matching(config, "vpc-id", r"(vpc-[0-9a-f]+)?", "vpc-0123456789abcdef0")
    if bool(given) != bool(strings(config, "subnet-ids")):
        raise SettingError(
            "vpc-id", given, "vpc-id and subnet-ids together, or neither", "vpc-0123456789abcdef0"
        )
    return given


def _subnets(config: pulumi.Config) -> list[str]:
    name = "subnet-ids"
    entries = strings(config, name)
    good = all(re.fullmatch(r"subnet-[0-9a-f]+", entry) for entry in entries)
    if not good or len(entries) == 1 or len(set(entries)) != len(entries):
        raise SettingError(
            name, entries, "two subnets or more, in different zones", f"--path '{name}[0]' subnet-0"
        )
    return entries


def _ssh_proxy(config: pulumi.Config) -> Proxy | None:
    given, example = config.require("ssh-proxy"), "admin@bastion.example.com:22"
    found = re.fullmatch(r"([\w.-]+)@([\w.-]+)(?::(\d+))?", given)
    if given and (not found or not 1 <= int(found[3] or 22) <= 65535):
        allowed = f"USER@HOST or USER@HOST:PORT like {example}"
        raise SettingError("ssh-proxy", given, allowed, example)
    key = paired(config, "ssh-proxy-private-key", "ssh-proxy")
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
    entries = strings(config, "tags")
    for entry in entries:
        if not re.fullmatch(r"[^=]+=.*", entry):
            raise SettingError("tags", entry, "entries like team=web", "--path 'tags[0]' team=web")
    return dict(entry.split("=", 1) for entry in entries)
