"""The program's settings: read once, checked together, refused with one clear error."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import pulumi

MAX_MACHINES = 12
ETCD_SIZES = (1, 3, 5)
PROVIDERS = ("docker",)

_METADATA_PAIR = re.compile(r"[A-Za-z0-9_.-]+=[^\s,=]+")


class SettingError(pulumi.RunError):
    """A setting is not allowed. Pulumi shows the message without a stack trace."""

    def __init__(self, setting: str, given: object, allowed: str, example: object) -> None:
        """State what was wrong, what was given, what is allowed and what to do next."""
        super().__init__(
            f"{setting}: {given!r} is not allowed; allowed: {allowed}. "
            f"Mend it with: pulumi config set {setting} {example}"
        )


@dataclass(frozen=True)
class Settings:
    """What a stack can choose; Pulumi.yaml describes each."""

    provider: str
    cluster_size: int
    etcd_size: int
    sinatra_instances: int
    load_balancer_port: int
    machine_metadata: Sequence[Mapping[str, str]]
    agent_ttl: int
    reconcile_interval: int
    greeting: str

    def metadata_of_machines(self) -> list[dict[str, str]]:
        """One entry a machine; empty for those that were given none."""
        given = [dict(entry) for entry in self.machine_metadata]
        return given + [{}] * (self.cluster_size - len(given))


def read(config: pulumi.Config) -> Settings:
    """Read and check the stack's settings.

    Raises:
        SettingError: one of them is not allowed.
    """
    cluster_size = _between(config, "cluster-size", 1, MAX_MACHINES)
    return Settings(
        provider=_one_of(config, "provider", PROVIDERS),
        cluster_size=cluster_size,
        etcd_size=_etcd_size(config, cluster_size),
        sinatra_instances=_between(config, "sinatra-instances", 0, 100),
        load_balancer_port=_between(config, "load-balancer-port", 1, 65535),
        machine_metadata=_machine_metadata(config, cluster_size),
        agent_ttl=_between(config, "agent-ttl", 5, 300),
        reconcile_interval=_between(config, "reconcile-interval", 5, 86400),
        greeting=_line(config, "greeting"),
    )


def parse_metadata(text: str) -> dict[str, str]:
    """The pairs of `role=web,zone=a`, as fleet writes machine metadata.

    Raises:
        ValueError: a part is not `key=value`.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    for part in parts:
        if not _METADATA_PAIR.fullmatch(part):
            raise ValueError(part)
    return dict(part.split("=", 1) for part in parts)


def _between(config: pulumi.Config, name: str, low: int, high: int) -> int:
    given = config.require(name)
    if not re.fullmatch(r"-?\d+", given) or not low <= int(given) <= high:
        raise SettingError(name, given, f"a whole number from {low} to {high}", low)
    return int(given)


def _one_of(config: pulumi.Config, name: str, allowed: Sequence[str]) -> str:
    given = config.require(name)
    if given not in allowed:
        raise SettingError(name, given, ", ".join(allowed), allowed[0])
    return given


def _line(config: pulumi.Config, name: str) -> str:
    given = config.require(name)
    if "\n" in given:
        raise SettingError(name, given, "a single line", '"Hello World!"')
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
