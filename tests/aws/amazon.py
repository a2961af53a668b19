"""Amazon in a box: moto's server, a VPC whose addresses are here, machines, a registry."""

import fcntl
import ipaddress
import json
import secrets
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fleet_cluster.providers.aws.cloud_config import AWS_PACKAGES, PACKAGES
from fleet_cluster.providers.aws.provider import MACHINE_IMAGE
from fleet_cluster.providers.docker.engine_probe import free_subnet, taken_subnets
from fleet_cluster.providers.docker.provider import IMAGES
from tests.aws import registry
from tests.aws.calls import OPERATOR
from tests.aws.machines import LABEL, Event, Land, docker, events
from tests.checkout import CHECKOUT, PYTHONPATH
from tests.contract import moto

ZONES = ("a", "b", "c")
REGISTRY_OFFSET, BASTION_OFFSET = 200, 201
"""In the last quarter of the VPC, which is no subnet of it."""


@dataclass(frozen=True)
class HealthCheck:
    """What the target group says of it; seconds and counts."""

    path: str
    matcher: str
    interval: int
    timeout: int
    healthy: int
    unhealthy: int


@dataclass(frozen=True)
class Amazon:
    """AWS for one session of tests."""

    moto: moto.Moto
    vpc: str
    subnets: Sequence[str]
    session: str
    addresses: ipaddress.IPv4Network
    """The VPC's, which this computer reaches."""
    internet: ipaddress.IPv4Network
    """Where elastic addresses are; no other."""
    image: str
    """What machines boot."""
    log: Path

    def environment(self) -> Mapping[str, str]:
        """What leads AWS's tools here, and nowhere else."""
        return {
            "AWS_ENDPOINT_URL": self.moto.url,
            "AWS_REGION": moto.REGION,
            "AWS_ACCESS_KEY_ID": OPERATOR,
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def instances(self) -> dict[str, str]:
        """The instances that run: their ids by the name of the machine."""
        found: dict[str, str] = {}
        running = [{"Name": "instance-state-name", "Values": ["running"]}]
        answer: Any = self.moto.client("ec2").describe_instances(Filters=running)
        for reservation in answer["Reservations"]:
            for one in reservation["Instances"]:
                tags = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
                found["machine-" + tags["Name"].rpartition("-")[2]] = one["InstanceId"]
        return found

    def terminate(self, instance: str) -> None:
        """Terminate an instance by hand; its machine goes with it."""
        self.moto.client("ec2").terminate_instances(InstanceIds=[instance])

    def targets(self) -> dict[str, str]:
        """The load balancer's targets: private addresses by instance."""
        elbv2, ec2 = self.moto.client("elbv2"), self.moto.client("ec2")
        [group] = elbv2.describe_target_groups()["TargetGroups"]
        answer = elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
        ids = [one["Target"]["Id"] for one in answer["TargetHealthDescriptions"]]
        found: Any = ec2.describe_instances(InstanceIds=ids) if ids else {"Reservations": []}
        return {
            one["InstanceId"]: one["PrivateIpAddress"]
            for reservation in found["Reservations"]
            for one in reservation["Instances"]
        }

    def health_check(self) -> HealthCheck:
        """How the load balancer checks its targets."""
        [group] = self.moto.client("elbv2").describe_target_groups()["TargetGroups"]
        return HealthCheck(
            path=group["HealthCheckPath"],
            matcher=group["Matcher"]["HttpCode"],
            interval=group["HealthCheckIntervalSeconds"],
            timeout=group["HealthCheckTimeoutSeconds"],
            healthy=group["HealthyThresholdCount"],
            unhealthy=group["UnhealthyThresholdCount"],
        )

    def elastic_addresses(self) -> dict[str, str]:
        """The public addresses, by the private ones that they stand for."""
        found = self.moto.client("ec2").describe_addresses()["Addresses"]
        return {one["PrivateIpAddress"]: one["PublicIp"] for one in found}

    def machines(self) -> list[str]:
        """The machines that there are in Docker, by their instances' ids."""
        listed = docker("ps", "--all", f"--filter=label={LABEL}={self.session}",
                        "--format={{.Names}}")  # fmt: skip
        return [name for name in listed.split() if name.startswith("i-")]

    def events(self) -> Sequence[Event]:
        """When machines started and stopped."""
        return events(self.log)

    def complaints(self) -> str:
        """What the machines have to say when a test fails."""
        return "\n".join(f"== {one}\n{_tail(one)}" for one in self.machines())


def _tail(instance: str) -> str:
    ask = (
        "cloud-init status --long; tail -n 15 /var/log/cloud-init-output.log; "
        "systemctl --failed --no-legend; journalctl --no-pager --priority=notice -n 40"
    )
    return docker("exec", instance, "sh", "-c", ask, check=False)


@contextmanager
def running(folder: Path) -> Generator[Amazon]:
    """Amazon, until the block ends. Whatever was made in Docker is removed."""
    session = f"aws-{secrets.token_hex(4)}"
    with ExitStack() as undo:
        undo.callback(_remove_all, session)
        network, subnet = _network(session, session)
        internet, public = _network(session, f"{session}-internet")
        land = _land(folder, session, (network, internet), str(subnet[REGISTRY_OFFSET]))
        land = Land(**asdict(land) | {"elastic": str(public)})
        certificate = registry.certificate_of(land.registry)
        land = Land(**asdict(land) | {"authority": certificate.authority})
        undo.enter_context(
            registry.running(
                session, network, land.registry, land.password, certificate, _registry_image()
            )
        )
        (folder / "land.json").write_text(json.dumps(asdict(land)))
        command = ("tests.aws.server", str(folder / "land.json"))
        server = undo.enter_context(moto.running(folder, command, {"PYTHONPATH": PYTHONPATH}))
        vpc, subnets = _vpc(server, subnet)
        yield Amazon(server, vpc, subnets, session, subnet, public, land.image, Path(land.log))


def _land(folder: Path, session: str, networks: tuple[str, str], address: str) -> Land:
    log = folder / "machines.log"
    log.touch()
    return Land(
        session=session,
        network=networks[0],
        internet=networks[1],
        elastic="",
        image=_machine_image(),
        registry=address,
        password=secrets.token_hex(16),
        authority="",
        log=str(log),
    )


def _network(session: str, name: str) -> tuple[str, ipaddress.IPv4Network]:
    """A Docker network that nothing else here overlaps."""
    subnet = free_subnet(taken_subnets())
    docker("network", "create", f"--subnet={subnet}", f"--label={LABEL}={session}", name)
    return name, subnet


def _vpc(server: moto.Moto, addresses: ipaddress.IPv4Network) -> tuple[str, list[str]]:
    """A VPC of these addresses, with a subnet in each zone."""
    ec2 = server.client("ec2")
    vpc = ec2.create_vpc(CidrBlock=str(addresses))["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=str(cidr), AvailabilityZone=f"{moto.REGION}{zone}")[
            "Subnet"
        ]["SubnetId"]
        for zone, cidr in zip(ZONES, addresses.subnets(prefixlen_diff=2), strict=False)
    ]
    return vpc, subnets


def _machine_image() -> str:
    """Debian 13 with cloud-init, and the packages that cloud-init will install."""
    packages = " ".join([*PACKAGES, *AWS_PACKAGES])
    dockerfile = CHECKOUT / "tests" / "aws" / "machine" / "Dockerfile"
    return _build(MACHINE_IMAGE, f"--build-arg=PACKAGES={packages}", f"--file={dockerfile}")


def _registry_image() -> str:
    return _build(IMAGES / "registry")


def _build(context: Path, *options: str) -> str:
    """Of tests that run side by side, one builds what the others find in Docker's cache."""
    with (CHECKOUT / "toolchain" / "pins.env").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return docker("build", "--quiet", *options, str(context))


def _remove_all(session: str) -> None:
    label = f"--filter=label={LABEL}={session}"
    for container in docker("ps", "--all", "--quiet", label).split():
        docker("rm", "--force", "--volumes", container)
    for network in docker("network", "ls", "--quiet", label).split():
        docker("network", "rm", network)
