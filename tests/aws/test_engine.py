"""AWS's components through the real engine, against moto alone: no machine, no SSH."""

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pulumi
import pulumi.automation
import pytest
import yaml

from components.settings import AwsSettings
from components.sites.aws import AwsSite
from tests.contract import moto
from tests.contract.harness import Outcome, Project, require_engine
from tests.contract.moto import Moto

COUNT = 2
CHOSEN = AwsSettings(
    instance_type="t3.small",
    image_id="",
    root_size=20,
    vpc_id="",
    subnet_ids=[],
    connect_through="private",
    allow_ssh_from=["198.51.100.7/32"],
    ssh_private_key=None,
    ssh_public_key="",
    ssh_proxy=None,
    ssh_proxy_private_key=None,
    ssh_proxy_host_key="",
    certificate_arn="",
    ssm_access=False,
    tags={"team": "test"},
)
UNTAGGED = {
    "aws:ecr/lifecyclePolicy:LifecyclePolicy",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:lb/targetGroupAttachment:TargetGroupAttachment",
}
"""What AWS gives no tags to."""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    with moto.running(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture
def project(cloud: Moto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """An empty stack; when it is destroyed, AWS is as it was."""
    require_engine()
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    before = cloud.contents()
    made = Project(tmp_path)
    made.stack.set_config("aws:region", pulumi.automation.ConfigValue(moto.REGION))
    yield made
    made.destroy()
    assert cloud.contents() == before


def site(chosen: AwsSettings = CHOSEN, count: int = COUNT) -> Callable[[], None]:
    """A program of machines and a load balancer, each machine after the one before."""

    def program() -> None:
        pulumi.runtime.register_stack_transformation(no_ssh)
        made = AwsSite(chosen)
        made.members(1)
        hosts: list[Any] = []
        after: Sequence[pulumi.Resource] = []
        for number in range(1, count + 1):
            hosts.append(made.machine(number, {}, after))
        pulumi.export("hostname", made.load_balancer(hosts).hostname)

    return program


def no_ssh(
    args: pulumi.ResourceTransformationArgs,
) -> pulumi.ResourceTransformationResult | None:
    """There is no machine to meet: first contact is a word, and keeps its place in the order."""
    if not args.name.endswith("-first-contact"):
        return None
    props = {**cast("dict[str, Any]", args.props), "create": "echo met"}
    return pulumi.ResourceTransformationResult(props, args.opts)


def done(outcome: Outcome) -> set[str]:
    """What the engine did; several resources may have one name."""
    return {operation for operation, _ in outcome.order}


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
    assert instances(project) == {"machine-1": first["machine-1"]}
    assert cloud.instances() == [first["machine-1"]]


def test_another_type_replaces_in_place_of_the_old_machine(project: Project, cloud: Moto) -> None:
    project.up(site())
    address = entries(project, "aws:ec2/instance:")["machine-1"]["outputs"]["privateIp"]
    changed = project.up(site(replace(CHOSEN, instance_type="t3.medium")))
    order = [operation for operation, name in changed.order if name == "machine-1"]
    assert order.index("delete-replaced") < order.index("create-replacement")
    after = entries(project, "aws:ec2/instance:")["machine-1"]["outputs"]
    assert (after["privateIp"], after["instanceType"]) == (address, "t3.medium")
    assert len(cloud.instances()) == COUNT


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
    project.up(site(replace(CHOSEN, image_id=""), count=1))
    [one] = entries(project, "aws:ec2/instance:").values()
    assert one["outputs"]["ami"] == moto.AMI
    cloud.client("ec2").copy_image(
        SourceImageId=moto.AMI, SourceRegion=moto.REGION, Name="debian-12-amd64-20990101-1"
    )
    assert done(project.preview(site(count=1))) == {"same"}
    asked = project.preview(site(replace(CHOSEN, image_id=moto.OLD_AMI), count=1))
    assert "replace" in asked.steps["machine-1"]


def test_tags_are_on_everything(project: Project) -> None:
    project.up(site())
    for name, one in entries(project, "aws:").items():
        if one["type"] not in UNTAGGED:
            tags: dict[str, str] = one["outputs"].get("tagsAll") or {}
            wanted = {"project", "stack", "Name", "team"}
            assert wanted <= tags.keys(), f"{one['type']} {name}: {tags}"


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
