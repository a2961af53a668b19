"""AWS's components through the real engine, against moto alone: no machine, no SSH."""

import base64
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pulumi
import pulumi.automation
import pytest
import yaml

from fleet_cluster.machine import Machine
from fleet_cluster.providers.aws.instance_profile import SSM
from fleet_cluster.providers.aws.machine import ETCD_DEVICE
from fleet_cluster.providers.aws.provider import AwsArgs, AwsProvider
from tests.aws import calls
from tests.aws.calls import Call
from tests.aws.policy import Context, Policy
from tests.checkout import CHECKOUT, PYTHONPATH
from tests.contract import moto
from tests.contract.harness import NAME, EngineFailed, Outcome, Project, require_engine
from tests.contract.moto import Moto

COUNT = 2
BOUNDARY = "arn:aws:iam::123456789012:policy/fleet-cluster-machines"
MADE = {
    "RunInstances": "instance",
    "CreateNetworkInterface": "network-interface",
    "AllocateAddress": "elastic-ip",
    "CreateSecurityGroup": "security-group",
    "CreateLoadBalancer": "loadbalancer",
    "CreateTargetGroup": "targetgroup",
}
"""What has to have its tag when it is made, by action."""
CHOSEN: AwsArgs = {
    "private": True,
    "ssh_from": ["198.51.100.7/32"],
    "drain_seconds": 1,
    "permissions_boundary": BOUNDARY,
    "tags": {"team": "test"},
}
LEAVING = ["machine-1-target", "machine-1-drained", "machine-1"]
"""How a machine goes: deregistered, drained, terminated."""
UNTAGGED = {
    "aws:ecr/lifecyclePolicy:LifecyclePolicy",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:lb/targetGroupAttachment:TargetGroupAttachment",
}
"""What AWS gives no tags to."""


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it is noted what Pulumi called."""
    return tmp_path_factory.mktemp("calls") / "log"


@pytest.fixture(scope="module")
def cloud(called: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    noting = ("tests.aws.calls", str(called))
    folder, path = tmp_path_factory.mktemp("moto"), {"PYTHONPATH": PYTHONPATH}
    with moto.running(folder, noting, path) as server:
        yield server


@pytest.fixture
def project(cloud: Moto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """An empty stack; when it is destroyed, AWS is as it was."""
    require_engine()
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", calls.OPERATOR)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    before = cloud.contents()
    made = Project(tmp_path)
    made.stack.set_config("aws:region", pulumi.automation.ConfigValue(moto.REGION))
    yield made
    made.destroy()
    assert cloud.contents() == before


def site(chosen: AwsArgs = CHOSEN, count: int = COUNT) -> Callable[[], None]:
    """A program of machines, an image and a load balancer, each machine after the one before."""

    def program() -> None:
        pulumi.runtime.register_stack_transformation(no_ssh)
        pulumi.runtime.register_stack_transformation(no_push)
        made = AwsProvider(chosen, pulumi.ComponentResource("test:index:Cluster", "cluster"))
        made.members(1)
        made.image(CHECKOUT / "images/hello")
        there: list[Machine] = []
        after: Sequence[pulumi.Resource] = []
        for number in range(1, count + 1):
            there.append(made.machine(number, {}, after))
        pulumi.export("hostname", made.load_balancer(there, {}).hostname)

    return program


def no_ssh(
    args: pulumi.ResourceTransformationArgs,
) -> pulumi.ResourceTransformationResult | None:
    """There is no machine to meet: first contact is a word, and keeps its place in the order."""
    if not args.name.endswith("-first-contact"):
        return None
    props = {**cast("dict[str, Any]", args.props), "create": "echo met"}
    return pulumi.ResourceTransformationResult(props, args.opts)


def no_push(
    args: pulumi.ResourceTransformationArgs,
) -> pulumi.ResourceTransformationResult | None:
    """There is no registry behind moto's ECR: the image stays on this computer."""
    if args.type_ != "docker:index/image:Image":
        return None
    props = {**cast("dict[str, Any]", args.props), "skip_push": True}
    return pulumi.ResourceTransformationResult(props, args.opts)


def done(outcome: Outcome) -> set[str]:
    """What the engine did; several resources may have one name."""
    return {operation for operation, _ in outcome.order}


def last_steps(outcome: Outcome, operation: str, machine: str = "machine-1") -> list[str]:
    """In which order it left. Its component has its name too, and goes after it."""
    wanted = (f"{machine}-target", f"{machine}-drained", machine)
    gone = [name for what, name in outcome.order if what == operation and name in wanted]
    return list(dict.fromkeys(gone))


def entries(project: Project, kind: str) -> dict[str, dict[str, Any]]:
    """The resources of a kind in the state, by logical name."""
    deployment: Any = project.stack.export_stack().deployment
    listed: list[dict[str, Any]] = deployment["resources"]
    found = [one for one in listed if str(one["type"]).startswith(kind)]
    return {one["urn"].rpartition("::")[2]: one for one in found}


def instances(project: Project) -> dict[str, str]:
    return {name: one["id"] for name, one in entries(project, "aws:ec2/instance:").items()}


def test_up_preview_and_changes(project: Project, cloud: Moto) -> None:
    up = project.up(site())
    assert up.outputs["hostname"]
    first = instances(project)
    assert sorted(first) == ["machine-1", "machine-2"]
    assert done(project.preview(site())) == {"same"}
    refreshed = project.up(site(), refresh=True)
    assert done(refreshed) <= {"same", "refresh"}

    grown = project.up(site(count=3))
    assert done(grown) == {"same", "create"}
    shrunk = project.up(site(count=1))
    assert done(shrunk) == {"same", "delete"}
    assert last_steps(shrunk, "delete", "machine-2") == [step.replace("1", "2") for step in LEAVING]
    assert instances(project) == {"machine-1": first["machine-1"]}
    assert cloud.instances() == [first["machine-1"]]


def test_another_type_replaces_in_place_of_the_old_machine(project: Project, cloud: Moto) -> None:
    project.up(site())
    address = entries(project, "aws:ec2/instance:")["machine-1"]["outputs"]["privateIp"]
    changed = project.up(site({**CHOSEN, "instance_type": "t3.medium"}))
    order = [operation for operation, name in changed.order if name == "machine-1"]
    assert order.index("delete-replaced") < order.index("create-replacement")
    assert last_steps(changed, "delete-replaced") == LEAVING
    after = entries(project, "aws:ec2/instance:")["machine-1"]["outputs"]
    assert (after["privateIp"], after["instanceType"]) == (address, "t3.medium")
    assert len(cloud.instances()) == COUNT


def test_etcds_volume_comes_when_it_is_asked_for_and_goes_with_its_machine(
    project: Project, cloud: Moto
) -> None:
    project.up(site())
    before, roots = instances(project), volumes(cloud)
    with_volume = site({**CHOSEN, "etcd_volume_size": 8})
    project.up(with_volume)
    after = instances(project)
    assert after["machine-1"] != before["machine-1"], "it keeps etcd's data"
    assert after["machine-2"] == before["machine-2"], "it does not"
    there = volumes(cloud)
    assert len(there) == len(roots) + 1
    (own,) = [one for one in there if one["Attachments"][0]["Device"] == ETCD_DEVICE]
    assert (own["Encrypted"], own["Size"], own["VolumeType"]) == (True, 8, "gp3")
    assert own["Attachments"][0]["InstanceId"] == after["machine-1"]
    device = mapped(cloud, after["machine-1"])[ETCD_DEVICE]
    assert (device["VolumeId"], device["DeleteOnTermination"]) == (own["VolumeId"], True)
    tagged = {tag["Key"]: tag["Value"] for tag in own["Tags"]}
    assert tagged["team"] == "test" and tagged["project"] == NAME
    assert done(project.preview(with_volume)) == {"same"}
    assert done(project.up(with_volume, refresh=True)) <= {"same", "refresh"}


def mapped(cloud: Moto, instance: str) -> dict[str, dict[str, Any]]:
    found = cloud.client("ec2").describe_instances(InstanceIds=[instance])
    devices = found["Reservations"][0]["Instances"][0]["BlockDeviceMappings"]
    return {one["DeviceName"]: one["Ebs"] for one in devices}


def volumes(cloud: Moto) -> list[dict[str, Any]]:
    return cloud.client("ec2").describe_volumes()["Volumes"]


def test_another_vpc_is_refused_while_the_cluster_lives(project: Project, cloud: Moto) -> None:
    project.up(site(count=1))
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{n}.0/24", AvailabilityZone=zone)["Subnet"]
        for n, zone in enumerate((f"{moto.REGION}a", f"{moto.REGION}b"))
    ]
    ids = [one["SubnetId"] for one in subnets]
    before = cloud.contents()
    try:
        for attempt in (project.preview, project.up):
            with pytest.raises(EngineFailed, match="where this stack's cluster is"):
                attempt(site({**CHOSEN, "vpc_id": vpc, "subnet_ids": ids}, count=1))
        assert cloud.contents() == before
        assert done(project.preview(site(count=1))) == {"same"}
    finally:
        for one in ids:
            ec2.delete_subnet(SubnetId=one)
        ec2.delete_vpc(VpcId=vpc)


def test_subnets_of_another_vpc_are_refused(project: Project, cloud: Moto) -> None:
    chosen: AwsArgs = {**CHOSEN, "vpc_id": "vpc-0", "subnet_ids": cloud.subnets()}
    with pytest.raises(EngineFailed, match="allowed: subnets of vpc-0, each alone in one of"):
        project.preview(site(chosen))


def test_subnets_that_share_a_zone_are_refused(project: Project, cloud: Moto) -> None:
    chosen: AwsArgs = {**CHOSEN, "vpc_id": cloud.vpc(), "subnet_ids": cloud.subnets()[:1] * 2}
    with pytest.raises(EngineFailed, match="subnet_ids: .*each alone in one of the zones"):
        project.preview(site(chosen))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"image_id": moto.ARM_AMI}, "an image for x86_64.*this one is for arm64"),
        ({"image_id": moto.AMI, "instance_type": "t4g.small"}, "an image for arm64"),
        ({"image_id": "ami-0123"}, "image_id: 'ami-0123' could not be looked up"),
        ({"instance_type": "t3.tiny"}, "instance_type: 't3.tiny' could not be looked up"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_made(
    project: Project, change: AwsArgs, told: str
) -> None:
    with pytest.raises(EngineFailed, match=told):
        project.preview(site({**CHOSEN, **change}))


def test_a_terminated_instance_is_made_again_and_registered(project: Project, cloud: Moto) -> None:
    project.up(site())
    gone = instances(project)["machine-2"]
    cloud.client("ec2").terminate_instances(InstanceIds=[gone])
    project.up(site(), refresh=True)
    now = instances(project)
    assert now["machine-2"] != gone
    assert sorted(cloud.instances()) == sorted(now.values())
    elbv2 = cloud.client("elbv2")
    [group] = elbv2.describe_target_groups()["TargetGroups"]
    health = elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
    registered = [one["Target"]["Id"] for one in health["TargetHealthDescriptions"]]
    assert sorted(registered) == sorted(now.values())
    assert done(project.preview(site())) == {"same"}


def test_a_newer_image_replaces_nothing(project: Project, cloud: Moto) -> None:
    project.up(site({**CHOSEN, "image_id": ""}, count=1))
    [one] = entries(project, "aws:ec2/instance:").values()
    assert one["outputs"]["ami"] == moto.AMI
    cloud.client("ec2").copy_image(
        SourceImageId=moto.AMI, SourceRegion=moto.REGION, Name="debian-13-amd64-20990101-1"
    )
    assert done(project.preview(site(count=1))) == {"same"}
    asked = project.preview(site({**CHOSEN, "image_id": moto.OLD_AMI}, count=1))
    assert "replace" in asked.steps["machine-1"]


def test_tags_are_on_everything(project: Project) -> None:
    project.up(site())
    for name, one in entries(project, "aws:").items():
        if one["type"] not in UNTAGGED:
            tags: dict[str, str] = one["outputs"].get("tagsAll") or {}
            wanted = {"project", "stack", "Name", "team"}
            assert wanted <= tags.keys(), f"{one['type']} {name}: {tags}"


def test_an_elastic_address_is_there_before_its_machine_boots(project: Project) -> None:
    project.up(site({**CHOSEN, "private": False}, count=1))
    [address] = entries(project, "aws:ec2/eip:").values()
    [machine] = entries(project, "aws:ec2/instance:").values()
    assert address["urn"] in machine["dependencies"]
    assert address["outputs"]["networkInterface"]


def test_user_data_holds_no_lasting_secret(project: Project, cloud: Moto) -> None:
    project.up(site(count=1))
    [identity] = cloud.instances()
    answer = cloud.client("ec2").describe_instance_attribute(
        InstanceId=identity, Attribute="userData"
    )
    text = base64.b64decode(answer["UserData"]["Value"]).decode()
    assert text.count("PRIVATE KEY-----") == 2, "one key, for first contact"
    assert "PRIVATE KEY" not in yaml.dump(yaml.safe_load(text) | {"ssh_keys": {}})
    assert "PRIVATE KEY" not in project.state()


def test_the_operators_policy_allows_all_that_pulumi_called(project: Project, called: Path) -> None:
    """What the tests above called counts too, when they ran."""
    project.up(site({**CHOSEN, "ssm_access": True}, count=1))
    project.destroy()
    policy = Policy.read(CHECKOUT / "docs" / "aws-policy.json", fleet_cluster=NAME)
    made = {"ec2:RunInstances", "ec2:TerminateInstances", "ecr:CreateRepository", "iam:CreateRole"}
    found = calls.calls(called)
    assert made <= {one.action for one in found}
    for one in sorted(set(found), key=str):
        assert policy.allows(one.action, resource_of(one), context_of(one)), one


def resource_of(call: Call) -> str:
    """What is made, or something that was."""
    service, _, action = call.action.partition(":")
    if service == "iam":
        kind = "instance-profile" if "InstanceProfile" in action else "role"
        return f"arn:aws:iam::1:{kind}/machines-1"
    if service == "ecr" and action != "GetAuthorizationToken":
        return "arn:aws:ecr:r:1:repository/fleet-cluster-test/hello"
    return f"arn:aws:ec2:r:1:{MADE.get(action, 'any')}/1"


def context_of(call: Call) -> Context:
    """What IAM would know: tags of what is made are the request's, of what is there its own."""
    known = {"iam:PermissionsBoundary": call.boundary or BOUNDARY, "iam:PolicyARN": SSM}
    if call.action == "iam:CreateRole":
        known["iam:PermissionsBoundary"] = call.boundary
    if call.project:
        known["aws:RequestTag/project"] = call.project
    if call.action.partition(":")[2] not in MADE:
        known["aws:ResourceTag/project"] = NAME
    return known
