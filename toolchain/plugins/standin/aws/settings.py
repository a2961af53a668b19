"""The provider's configuration: where AWS is, who asks, which tags everything gets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..inputs import Problem, SdkType, Supported, problems
from ..resource import names
from ..values import Plain, Unknown
from .shapes import object_of

ENDPOINTS = {
    "ec2": names("ec2"),
    "elbv2": names("elbv2 elasticloadbalancingv2"),
    "iam": names("iam"),
    "ecr": names("ecr"),
    "sts": names("sts"),
}
"""Names in `endpoints` by boto3's name of the service."""
PROVIDER = SdkType("pulumi_aws", "Provider")
SUPPORTED: Supported = {
    "": names("""
        accessKey secretKey token profile region defaultTags endpoints maxRetries s3UsePathStyle
        skipCredentialsValidation skipMetadataApiCheck skipRegionValidation
        skipRequestingAccountId
    """),
    "endpoints": names("ec2 ecr elasticloadbalancingv2 elbv2 iam s3 sts"),
}
ENGINE_OWN = names("__defaults __internal pluginChecksums pluginDownloadURL version")


@dataclass(frozen=True)
class Settings:
    """What every request to AWS is made with. None: as boto3 finds it in the environment."""

    region: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    token: str | None = None
    profile: str | None = None
    retries: int = 25
    endpoints: Mapping[str, str] = field(default_factory=dict[str, str])
    """URLs by boto3's name of the service."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags of everything that can have tags."""


def decoded(config: Plain) -> Plain:
    """Returns the configuration with its values as they were given.

    Pulumi hands everything that is not text to a provider as JSON text, and Python's SDK leaves
    the names in it as Python has them.
    """
    types = PROVIDER.input_types()
    return {name: _decoded(value, types.get(name)) for name, value in config.items()}


def _decoded(value: Any, kind: Any) -> Any:
    if isinstance(value, str) and kind is not str:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def config_problems(config: Plain) -> list[Problem]:
    """Returns what the real provider, or this one, would not take."""
    own = {name: value for name, value in config.items() if name not in ENGINE_OWN}
    found = problems(own, PROVIDER, SUPPORTED)
    return found or _check_credentials(own)


def _check_credentials(config: Plain) -> list[Problem]:
    if ("accessKey" in config) == ("secretKey" in config):
        return []
    missing = "secretKey" if "accessKey" in config else "accessKey"
    return [Problem(missing, "accessKey and secretKey are given together, or both left out.")]


def read(config: Plain) -> Settings:
    """Returns the settings of a checked configuration."""
    known = {name: value for name, value in config.items() if not isinstance(value, Unknown)}
    return Settings(
        region=known.get("region"),
        access_key=known.get("accessKey"),
        secret_key=known.get("secretKey"),
        token=known.get("token"),
        profile=known.get("profile"),
        retries=known.get("maxRetries", 25),
        endpoints=_endpoints(known.get("endpoints", [])),
        tags=object_of(known.get("defaultTags")).get("tags", {}),
    )


def _endpoints(blocks: list[Plain]) -> dict[str, str]:
    return {
        service: block[alias]
        for block in blocks
        for service, aliases in ENDPOINTS.items()
        for alias in aliases
        if block.get(alias)
    }
