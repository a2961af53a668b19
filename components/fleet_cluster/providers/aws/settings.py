"""Settings of a cluster on AWS."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi


class SettingError(pulumi.RunError):
    """A setting is not allowed. Pulumi shows the message without a stack trace."""

    def __init__(self, setting: str, given: object, allowed: str, example: object) -> None:
        """State what was wrong, what was given, what is allowed and what to do next."""
        super().__init__(
            f"{setting}: {given!r} is not allowed; allowed: {allowed}. "
            f"Mend it with: pulumi config set {setting} {example}"
        )


@dataclass(frozen=True)
class SshServer:
    """Where an SSH server is, and who logs in there."""

    user: str
    host: str
    port: int


@dataclass(frozen=True)
class AwsSettings:
    """What a stack on AWS can choose; Pulumi.yaml describes each. Empty: not chosen."""

    instance_type: str
    image_id: str
    root_size: int
    vpc_id: str
    subnet_ids: Sequence[str]
    connect_through: str
    allow_ssh_from: Sequence[str]
    ssh_private_key: pulumi.Output[str] | None
    ssh_public_key: str
    ssh_proxy: SshServer | None
    ssh_proxy_private_key: pulumi.Output[str] | None
    ssh_proxy_host_key: str
    certificate_arn: str
    drain_seconds: int
    ssm_access: bool
    tags: Mapping[str, str]
