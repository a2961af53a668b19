"""AWS for tests: moto's server on a free port, with Debian's images, and a look into it."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from tests.contract.sshd import free_port

REGION = "eu-central-1"
SERVICES = ("ec2", "ecr", "elbv2", "iam", "sts")
ATTEMPTS = 5
START_SECONDS = 60
DEBIAN = "136693071363"
"""The account that publishes Debian's images."""
AMI, OLD_AMI, ARM_AMI = "ami-0000000000000002a", "ami-0000000000000001a", "ami-0000000000000003a"


class Moto:
    """A running server."""

    def __init__(self, url: str) -> None:
        self.url = url

    def client(self, service: str) -> Any:
        """Returns boto3's client of a service."""
        boto3: Any = importlib.import_module("boto3")
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",  # noqa: S106
        )

    def provider(self, **more: Any) -> pulumi.ResourceOptions:
        """Declares the provider in a program; returns the option that uses it."""
        provider = aws.Provider(
            "moto",
            region=REGION,
            access_key="testing",
            secret_key="testing",  # noqa: S106
            endpoints=[aws.ProviderEndpointArgs(**dict.fromkeys(SERVICES, self.url))],
            skip_credentials_validation=True,
            skip_metadata_api_check=True,
            skip_requesting_account_id=False,
            **more,
        )
        return pulumi.ResourceOptions(provider=provider)

    def reset(self) -> None:
        """Forgets everything that was made."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")
        urllib.request.urlopen(request).close()

    def subnets(self) -> list[str]:
        """Returns the default subnets."""
        return [one["SubnetId"] for one in self.client("ec2").describe_subnets()["Subnets"]]

    def vpc(self) -> str:
        """Returns the default VPC."""
        return self.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]

    def contents(self) -> dict[str, list[str]]:
        """Returns all that a program may have made, by kind."""
        ec2, elbv2 = self.client("ec2"), self.client("elbv2")
        iam, ecr = self.client("iam"), self.client("ecr")
        return {
            "instances": self.instances(),
            "volumes": _each(ec2.describe_volumes()["Volumes"], "VolumeId"),
            "interfaces": _each(
                ec2.describe_network_interfaces()["NetworkInterfaces"], "NetworkInterfaceId"
            ),
            "addresses": _each(ec2.describe_addresses()["Addresses"], "AllocationId"),
            "vpcs": _each(ec2.describe_vpcs()["Vpcs"], "VpcId"),
            "subnets": _each(ec2.describe_subnets()["Subnets"], "SubnetId"),
            "keys": _each(ec2.describe_key_pairs()["KeyPairs"], "KeyName"),
            "groups": _each(ec2.describe_security_groups()["SecurityGroups"], "GroupName"),
            "balancers": _each(
                elbv2.describe_load_balancers()["LoadBalancers"], "LoadBalancerName"
            ),
            "target groups": _each(
                elbv2.describe_target_groups()["TargetGroups"], "TargetGroupName"
            ),
            "roles": _each(iam.list_roles()["Roles"], "RoleName"),
            "profiles": _each(
                iam.list_instance_profiles()["InstanceProfiles"], "InstanceProfileName"
            ),
            "repositories": _each(ecr.describe_repositories()["repositories"], "repositoryName"),
        }

    def instances(self) -> list[str]:
        """Returns the ids of the instances that are not terminated."""
        reservations = self.client("ec2").describe_instances()["Reservations"]
        return [
            one["InstanceId"]
            for reservation in reservations
            for one in reservation["Instances"]
            if one["State"]["Name"] != "terminated"
        ]


def _each(found: list[dict[str, Any]], name: str) -> list[str]:
    return [one[name] for one in found]


def _image(identity: str, name: str, architecture: str, day: int) -> dict[str, Any]:
    return {
        "ami_id": identity,
        "name": name,
        "owner_id": DEBIAN,
        "public": True,
        "architecture": architecture,
        "creation_date": f"2025-01-{day:02}T00:00:00.000Z",
        "virtualization_type": "hvm",
        "hypervisor": "xen",
        "root_device_name": "/dev/xvda",
        "root_device_type": "ebs",
    }


IMAGES = [
    _image(OLD_AMI, "debian-13-amd64-20250101-1", "x86_64", 1),
    _image(AMI, "debian-13-amd64-20250102-1", "x86_64", 2),
    _image(ARM_AMI, "debian-13-arm64-20250103-1", "arm64", 3),
]
"""Debian 13: two for x86_64, the second one newer, and one for arm64."""


@contextmanager
def running(
    folder: Path, server: Sequence[str] = ("moto.server",), env: Mapping[str, str] | None = None
) -> Generator[Moto]:
    """Starts a server on a free port of 127.0.0.1 and ends it again; its log is in the folder.

    Args:
        folder: for what the server reads and writes.
        server: the Python module that is the server, and its arguments.
        env: what its environment has besides.
    """
    log, images = folder / "moto.log", folder / "images.json"
    images.write_text(json.dumps(IMAGES))
    for _ in range(ATTEMPTS):
        port = free_port()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *server, "-H", "127.0.0.1", "-p", str(port)],
                stdout=output,
                stderr=output,
                env=os.environ
                | {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true", "MOTO_AMIS_PATH": str(images)}
                | dict(env or {}),
            )
        try:
            if _answers(process, f"http://127.0.0.1:{port}"):
                yield Moto(f"http://127.0.0.1:{port}")
                return
        finally:
            process.terminate()
            process.wait()
    raise RuntimeError(f"moto_server did not start: {log.read_text()}")


def _answers(server: subprocess.Popen[bytes], url: str) -> bool:
    """Returns False when the server ended, as when its port was taken in between."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/moto-api/").close()
            return True
        except (OSError, HTTPException):  # Whoever has taken the port may not speak HTTP.
            time.sleep(0.1)
    return False
