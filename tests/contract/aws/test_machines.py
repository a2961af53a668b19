"""`aws.ec2.Instance`, `NetworkInterface` and `KeyPair`."""

from __future__ import annotations

import base64
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from tests.contract.harness import EngineFailed, Program, Project
from tests.contract.moto import AMI, OLD_AMI, Moto

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKtK2gNk5Bv0hvR6cI3l1W8xq2zR7l5dWz1qVY8wGJ3k test"
CLOUD_CONFIG = "#cloud-config\nhostname: one\n"


def machine(cloud: Moto, options: Any = None, **arguments: Any) -> Program:
    """A program of one machine that exports its id and addresses."""
    subnet = cloud.subnets()[0]

    def program() -> None:
        given: dict[str, Any] = {"ami": AMI, "instance_type": "t3.small", "subnet_id": subnet}
        opts = pulumi.ResourceOptions.merge(cloud.provider(), options)
        made = aws.ec2.Instance("it", **(given | arguments), opts=opts)
        pulumi.export("id", made.id)
        pulumi.export("private_ip", made.private_ip)
        pulumi.export("state", made.instance_state)

    return program


def machine_at(cloud: Moto, options: Any = None, **arguments: Any) -> Program:
    """A program of one machine on a network interface of its own."""
    subnet = cloud.subnets()[0]

    def program() -> None:
        opts = cloud.provider()
        interface = aws.ec2.NetworkInterface("eni", subnet_id=subnet, opts=opts)
        made = aws.ec2.Instance(
            "it",
            ami=arguments.pop("ami", AMI),
            instance_type="t3.small",
            primary_network_interface={"network_interface_id": interface.id},
            **arguments,
            opts=pulumi.ResourceOptions.merge(opts, options),
        )
        pulumi.export("id", made.id)
        pulumi.export("private_ip", made.private_ip)
        pulumi.export("interface_ip", interface.private_ip)

    return program


def described(cloud: Moto, identity: str) -> dict[str, Any]:
    answer = cloud.client("ec2").describe_instances(InstanceIds=[identity])
    return answer["Reservations"][0]["Instances"][0]


def tags(found: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}


def test_what_is_asked_for_arrives(project: Project, cloud: Moto) -> None:
    subnet = cloud.subnets()[0]

    def program() -> None:
        opts = cloud.provider(default_tags={"tags": {"stack": "test"}})
        key = aws.ec2.KeyPair("key", public_key=KEY, opts=opts)
        group = aws.ec2.SecurityGroup("group", vpc_id=cloud.vpc(), opts=opts)
        trust = '{"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, \
"Action": "sts:AssumeRole"}], "Version": "2012-10-17"}'
        role = aws.iam.Role("role", assume_role_policy=trust, opts=opts)
        profile = aws.iam.InstanceProfile("profile", role=role.name, opts=opts)
        made = aws.ec2.Instance(
            "it",
            ami=AMI,
            instance_type="t3.small",
            subnet_id=subnet,
            vpc_security_group_ids=[group.id],
            key_name=key.key_name,
            iam_instance_profile=profile.name,
            user_data=CLOUD_CONFIG,
            metadata_options={"http_tokens": "required", "http_put_response_hop_limit": 2},
            root_block_device={"encrypted": True, "volume_type": "gp3", "volume_size": 20},
            volume_tags={"volume": "yes"},
            tags={"Name": "one"},
            opts=opts,
        )
        pulumi.export("id", made.id)
        pulumi.export("key", key.key_name)
        pulumi.export("group", group.id)
        pulumi.export("tags_all", made.tags_all)
        pulumi.export("arn", made.arn)
        pulumi.export("volume", made.root_block_device.volume_id)

    done = project.up(program).outputs
    found = described(cloud, done["id"])
    assert found["State"]["Name"] == "running"
    assert found["KeyName"] == done["key"]
    assert done["key"].startswith("key-")
    assert [group["GroupId"] for group in found["SecurityGroups"]] == [done["group"]]
    assert found["IamInstanceProfile"]["Arn"].rpartition("/")[2].startswith("profile-")
    assert found["MetadataOptions"]["HttpTokens"] == "required"
    assert found["MetadataOptions"]["HttpPutResponseHopLimit"] == 2
    assert tags(found) == {"Name": "one", "stack": "test"} == done["tags_all"]
    assert done["arn"].endswith(f":instance/{done['id']}")
    ec2 = cloud.client("ec2")
    told = ec2.describe_instance_attribute(InstanceId=done["id"], Attribute="userData")
    assert base64.b64decode(told["UserData"]["Value"]).decode() == CLOUD_CONFIG
    [volume] = ec2.describe_volumes(VolumeIds=[done["volume"]])["Volumes"]
    assert (volume["Encrypted"], volume["VolumeType"], volume["Size"]) == (True, "gp3", 20)
    assert tags(volume) == {"volume": "yes"}
    assert set(project.up(program).steps.values()) == {"same"}
    refreshed = project.up(program, refresh=True)
    assert all(steps.endswith("same") for steps in refreshed.steps.values())


def test_another_type_stops_and_starts_the_same_machine(project: Project, cloud: Moto) -> None:
    first = project.up(machine(cloud)).outputs
    done = project.up(machine(cloud, instance_type="t3.medium"))
    assert done.steps == {"it": "update"}
    assert done.diffs["it"] == {"instanceType"}
    assert done.outputs["id"] == first["id"]
    found = described(cloud, first["id"])
    assert (found["InstanceType"], found["State"]["Name"]) == ("t3.medium", "running")


def test_changes_in_place(project: Project, cloud: Moto) -> None:
    root = {"encrypted": True, "volume_size": 8, "volume_type": "gp2", "tags": {"a": "1"}}
    first = project.up(machine(cloud, root_block_device=root, tags={"a": "1", "b": "1"})).outputs
    changed = root | {"volume_size": 16, "volume_type": "gp3", "tags": {"a": "2"}}
    program = machine(
        cloud,
        root_block_device=changed,
        tags={"a": "2", "c": "1"},
        metadata_options={"http_tokens": "required"},
        disable_api_termination=True,
        force_destroy=True,
        user_data=CLOUD_CONFIG,
    )
    done = project.up(program)
    assert done.steps == {"it": "update"}
    assert done.outputs["id"] == first["id"]
    found = described(cloud, first["id"])
    assert tags(found) == {"a": "2", "c": "1"}
    assert found["MetadataOptions"]["HttpTokens"] == "required"
    volume_id = found["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    [volume] = cloud.client("ec2").describe_volumes(VolumeIds=[volume_id])["Volumes"]
    assert (volume["Size"], volume["VolumeType"], tags(volume)) == (16, "gp3", {"a": "2"})
    assert project.up(program).steps == {"it": "same"}


def test_what_replaces(project: Project, cloud: Moto) -> None:
    first = project.up(machine(cloud, ami=OLD_AMI)).outputs
    done = project.up(machine(cloud))
    order = [step for step, name in done.order if name == "it"]
    assert order[:2] == ["create-replacement", "replace"]
    other = project.up(machine(cloud, user_data=CLOUD_CONFIG, user_data_replace_on_change=True))
    assert "replace" in other.steps["it"]
    assert len({run["id"] for run in (first, done.outputs, other.outputs)}) == 3
    assert cloud.instances() == [other.outputs["id"]]


def test_an_address_outlives_its_machine(project: Project, cloud: Moto) -> None:
    first = project.up(machine_at(cloud, ami=OLD_AMI)).outputs
    assert first["private_ip"] == first["interface_ip"]
    with pytest.raises(EngineFailed) as failure:
        project.up(machine_at(cloud))
    assert "delete_before_replace" in failure.value.text
    assert cloud.instances() == [first["id"]]
    before = pulumi.ResourceOptions(delete_before_replace=True)
    done = project.up(machine_at(cloud, before))
    assert done.outputs["id"] != first["id"]
    assert done.outputs["private_ip"] == first["private_ip"]


def test_a_terminated_machine_is_made_again(project: Project, cloud: Moto) -> None:
    first = project.up(machine_at(cloud)).outputs
    cloud.client("ec2").terminate_instances(InstanceIds=[first["id"]])
    done = project.up(machine_at(cloud), refresh=True)
    assert done.steps["it"].endswith("create")
    assert done.steps["eni"].endswith("same")
    assert done.outputs["private_ip"] == first["private_ip"]
    cloud.client("ec2").terminate_instances(InstanceIds=[done.outputs["id"]])
    project.destroy()


def test_what_was_changed_by_hand_is_set_back(project: Project, cloud: Moto) -> None:
    program = machine(cloud, tags={"Name": "one"})
    identity = project.up(program).outputs["id"]
    ec2 = cloud.client("ec2")
    ec2.stop_instances(InstanceIds=[identity])
    stopped = project.up(program, refresh=True)
    assert stopped.steps["it"].endswith("same"), "one that was stopped is left alone, and told"
    assert stopped.outputs["state"] == "stopped"
    ec2.create_tags(Resources=[identity], Tags=[{"Key": "by", "Value": "hand"}])
    ec2.modify_instance_attribute(InstanceId=identity, InstanceType={"Value": "t3.large"})
    done = project.up(program, refresh=True)
    assert done.steps["it"].endswith("update")
    assert done.diffs["it"] >= {"tags", "instanceType"}
    found = described(cloud, identity)
    assert tags(found) == {"Name": "one"}
    assert found["InstanceType"] == "t3.small"
    assert found["State"]["Name"] == "running"


def test_the_providers_tags_change_on_everything(project: Project, cloud: Moto) -> None:
    def program(stack: str) -> Program:
        def make() -> None:
            opts = cloud.provider(default_tags={"tags": {"stack": stack}})
            aws.ec2.KeyPair("key", key_name="fixed", public_key=KEY, tags={"own": "1"}, opts=opts)

        return make

    project.up(program("a"))
    done = project.up(program("b"))
    assert done.steps == {"key": "update"}
    [key] = cloud.client("ec2").describe_key_pairs(KeyNames=["fixed"])["KeyPairs"]
    assert tags(key) == {"stack": "b", "own": "1"}
    assert project.up(program("b"), refresh=True).steps["key"].endswith("same")


def test_addresses_of_an_interface(project: Project, cloud: Moto) -> None:
    subnet = cloud.subnets()[0]

    def program(*last: int) -> Program:
        def make() -> None:
            network = cloud.client("ec2").describe_subnets(SubnetIds=[subnet])["Subnets"][0]
            start = network["CidrBlock"].rpartition(".")[0]
            addresses = [f"{start}.{number}" for number in last]
            interface = aws.ec2.NetworkInterface(
                "eni",
                subnet_id=subnet,
                private_ips=addresses,
                source_dest_check=False,
                opts=cloud.provider(),
            )
            pulumi.export("id", interface.id)
            pulumi.export("ip", interface.private_ip)

        return make

    first = project.up(program(100)).outputs
    assert first["ip"].endswith(".100")
    again = project.up(program(100, 101))
    assert (again.steps, again.outputs["id"]) == ({"eni": "update"}, first["id"])
    other = project.up(program(102))
    assert other.outputs["id"] != first["id"]


def test_a_preview_makes_nothing_and_keeps_what_is_known(project: Project, cloud: Moto) -> None:
    assert project.preview(machine(cloud)).steps == {"it": "create"}
    assert cloud.instances() == []
    project.up(machine_at(cloud))
    preview = project.preview(machine_at(cloud, tags={"Name": "other"}))
    assert preview.steps == {"eni": "same", "it": "update"} or preview.steps == {"it": "update"}


def test_secret_user_data_stays_secret(project: Project, cloud: Moto) -> None:
    def program() -> None:
        machine(cloud, user_data=pulumi.Output.secret("#top-secret-text"))()

    project.up(program)
    assert "top-secret-text" not in project.state()
    project.refresh()
    assert "top-secret-text" not in project.state()


def test_bad_input_is_refused(project: Project, cloud: Moto) -> None:
    with pytest.raises(EngineFailed) as failure:
        project.preview(machine(cloud, hibernation=True, root_block_device={"volume_size": "ten"}))
    assert "hibernation" in failure.value.text
    assert "rootBlockDevice.volumeSize" in failure.value.text


def test_an_unsupported_setting_of_the_provider_is_refused(project: Project, cloud: Moto) -> None:
    def program() -> None:
        aws.ec2.KeyPair("key", public_key=KEY, opts=cloud.provider(use_fips_endpoint=True))

    with pytest.raises(EngineFailed) as failure:
        project.preview(program)
    assert "useFipsEndpoint" in failure.value.text


def test_a_public_address_stays_at_its_interface(project: Project, cloud: Moto) -> None:
    subnet = cloud.subnets()[0]

    def program(second: bool) -> Program:
        def made() -> None:
            opts = cloud.provider()
            one, other = (
                aws.ec2.NetworkInterface(name, subnet_id=subnet, opts=opts)
                for name in ("one", "other")
            )
            at = other.id if second else one.id
            address = aws.ec2.Eip(
                "eip", domain="vpc", network_interface=at, tags={"a": "1"}, opts=opts
            )
            pulumi.export("at", at)
            pulumi.export("public_ip", address.public_ip)

        return made

    first = project.up(program(second=False)).outputs
    assert set(project.up(program(second=False)).steps.values()) == {"same"}
    moved = project.up(program(second=True))
    assert moved.steps["eip"] == "update"
    assert moved.outputs["public_ip"] == first["public_ip"]
    [found] = cloud.client("ec2").describe_addresses()["Addresses"]
    assert found["NetworkInterfaceId"] == moved.outputs["at"]
    assert tags(found) == {"a": "1"}
    project.destroy()
    assert cloud.client("ec2").describe_addresses()["Addresses"] == []
