"""The resources of the whole program by type, name and parent: what Pulumi knows each of them by.

A resource under another type, name or parent is another one to Pulumi: it is made anew, and the
machine or the units behind it with it. Whoever changes a golden file here also gives the resource
an alias; a stack that was brought up before must not notice. Units, keys and secrets were of
another type once, for which no alias helps (`_lifecycle/member_command.py`): their claims keep what
is behind them (`tests/contract/test_ways.py`). So were drains: what drained is there still, and has
no end any more.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest

from tests.unit.program.test_aws_program import ON_AWS, Amazon
from tests.unit.program.test_program import CONFIG, Engine, run_program

GOLDEN = Path(__file__).parent / "golden"
PRIVATE = {
    "certificate-arn": "arn:aws:acm:eu-central-1:123456789012:certificate/1",
    "connect-through": "private",
    "ssh-proxy": "admin@bastion.example.com:22",
    "ssh-proxy-host-key": "ssh-ed25519 AAAA",
    "ssh-proxy-private-key": "the key",
    "ssm-access": "true",
    "vpc-id": "vpc-1",
    "subnet-ids": '["subnet-1", "subnet-2"]',
}
"""Every setting that brings or takes resources, the other way round."""
PROGRAMS: Mapping[str, tuple[type[Engine], Mapping[str, str]]] = {
    "docker": (Engine, CONFIG),
    "aws": (Amazon, ON_AWS),
    "aws-private": (Amazon, ON_AWS | PRIVATE),
}
STACK = "pulumi:pulumi:Stack"
INVOKE = "(invoke)"

Row = tuple[str, str, str, str]
"""Type and name, the parent's name and type."""
DRAINS = [f"machine-{number}-drain" for number in (1, 2, 3, 4)]
PEERS = [f"machine-{number}-peer" for number in (1, 2, 3)]
SIGNED = ["cluster-pki-peers", "dns", *PEERS, "machine-4-worker"]
CERTIFICATES = [*SIGNED, *SIGNED, *(f"{name}-key" for name in SIGNED)]
"""Of etcd's peers, of CoreDNS and of workers: requests, certificates and keys."""
COREDNS = [f"machine-{number}-coredns-release" for number in (1, 2, 3, 4)]
POOL = ["nginx-pool"] * 3
"""Of the unit that keeps nginx's pool: its image, twice, and itself."""
ADDED = {
    "docker": [
        *DRAINS,
        "machine-4-worker",
        "nginx-pool.service",
        *COREDNS,
        *POOL,
        INVOKE,
        *CERTIFICATES,
    ],
    "aws": [
        *(f"nginx-pool-{part}" for part in ("lifecycle", "repository")),
        *(f"{image}-pull" for image in ("hello", "nginx-pool", "nginx", "sinatra")),
        *DRAINS,
        "machine-4-worker",
        "nginx-pool.service",
        *COREDNS,
        *POOL,
        INVOKE,
        *CERTIFICATES,
    ],
}
"""Resources that stacks get with this version, by name, and that their state is read."""


class Registry(pulumi.runtime.mocks.MockMonitor):
    """Pulumi's monitor, which alone is told of parents."""

    def __init__(self, mocks: pulumi.runtime.Mocks) -> None:
        super().__init__(mocks)
        self.asked: list[Row] = []
        """Each resource as stacks have it, and each function of a plugin that was asked."""

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        if request.type != STACK:
            self.asked.append((request.type, request.name, *_parent(request)))
        return super().RegisterResource(request)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        self.asked.append((request.tok, INVOKE, "-", "-"))
        return super().Invoke(request)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def _parent(request: Any) -> tuple[str, str]:
    """Name and type of the parent that stacks have: of an alias, if there is one."""
    if any(alias.spec.noParent for alias in request.aliases):
        return "-", STACK
    kinds, parent = request.parent.split("::")[2:]
    kind = kinds.rpartition("$")[2]
    return "-" if kind == STACK else parent, kind


def table(rows: list[Row]) -> list[str]:
    """Sorted lines with aligned columns."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = (map(str.ljust, row, widths) for row in rows)
    return sorted("  ".join(line).rstrip() for line in lines)


def resources(provider: str) -> list[str]:
    engine_of, settings = PROGRAMS[provider]
    engine = engine_of()
    registry = Registry(engine)
    config = {f"fleet-cluster:{key}": value for key, value in settings.items()}
    run_program(engine, {**config, "aws:region": "eu-central-1"}, monitor=registry)
    return table(registry.asked)


def words(lines: list[str]) -> list[str]:
    """Without the columns' widths: one longer name changes its own line only."""
    return [" ".join(line.split()) for line in lines]


@pytest.mark.parametrize("provider", PROGRAMS)
def test_the_programs_resources_are_those_that_stacks_have(provider: str) -> None:
    found = Counter(words(resources(provider)))
    kept = Counter(words((GOLDEN / f"resources-{provider}.txt").read_text().splitlines()))
    gone, new = sorted((kept - found).elements()), sorted((found - kept).elements())
    assert gone == []
    assert [line.split()[1] for line in new] == ADDED[provider.partition("-")[0]]
