"""The whole program on AWS under Pulumi's mocks: what must be so of every resource."""

import json
import re
from collections.abc import Mapping
from typing import Any, cast

import pulumi
import pytest
import yaml

from fleet_cluster.providers.aws.load_balancer import DRAIN_SECONDS
from fleet_cluster.providers.aws.subnets import majority_in_one_zone
from tests.documents import table
from tests.unit.program.test_program import (
    CHECKOUT,
    CONFIG,
    SECRET,
    SECRET_VALUE,
    Engine,
    Order,
    nothing,
    run_program,
)

PRIVATE = "10.0.0.0/8"
TAGGED = ("ec2/", "lb/", "iam/role:", "iam/instanceProfile", "ecr/repository:", "vpc/")


class Amazon(Engine):
    """Answers as AWS would."""

    def new_resource(
        self, args: pulumi.runtime.MockResourceArgs
    ) -> tuple[str | None, dict[str, Any]]:
        identity, outputs = super().new_resource(args)
        if args.typ == "command:local:Command" and "interpreter" not in outputs:
            outputs["stdout"] = "ami-1"
        if args.typ.startswith("aws:"):
            outputs["arn"] = f"arn:{args.name}"
        if args.typ == "aws:ec2/networkInterface:NetworkInterface":
            outputs["privateIp"] = "10.0.0." + args.name[8]
        if args.typ == "aws:ec2/eip:Eip":
            outputs["publicIp"] = "192.0.2." + args.name[8]
        if args.typ == "aws:ecr/repository:Repository":
            outputs["repositoryUrl"] = f"1.dkr.ecr.test/{outputs['name']}"
        if args.typ == "aws:lb/loadBalancer:LoadBalancer":
            outputs["dnsName"] = "lb.test"
        return identity, outputs

    def call(
        self, args: pulumi.runtime.MockCallArgs
    ) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        inputs = cast("dict[str, Any]", args.args)  # pyright: ignore[reportUnknownMemberType]
        subnet = inputs.get("id", "")
        zone = "a" if subnet == "subnet-1" else "b"
        answers: dict[str, dict[str, Any]] = {
            "getInstanceType": {"supportedArchitectures": ["x86_64"]},
            "getInstanceTypeOfferings": {"locations": ["b", "a"]},
            "getAmi": {"id": "ami-1"},
            "getVpc": {"id": "vpc-1"},
            "getSubnets": {"ids": ["subnet-2", "subnet-1"]},
            "getSubnet": {"id": subnet, "vpcId": "vpc-1", "availabilityZone": zone},
            "getAuthorizationToken": {
                "userName": "AWS",
                # As the plugin answers: a secret, and so is all that comes in one answer with it.
                "password": {SECRET: SECRET_VALUE, "value": "token"},
                "proxyEndpoint": "https://1.dkr.ecr.test",
            },
            "run": {"stdout": "0123abcd", "stderr": ""},
            "readStackResourceOutputs": {"outputs": self.state},
        }
        return answers[args.token.rpartition(":")[2]], []


ON_AWS = CONFIG | {"provider": "aws", "allow-ssh-from": f'["{PRIVATE}"]', "tags": '["a=b"]'}


@pytest.fixture(scope="module")
def program() -> Amazon:
    return run()


def run(engine: Amazon | None = None, /, **changes: str) -> Amazon:
    engine = engine or Amazon()
    config = {f"fleet-cluster:{key}": value for key, value in (ON_AWS | changes).items()}
    run_program(engine, {**config, "aws:region": "eu-central-1"})
    return engine


class Graviton(Amazon):
    """EC2 with an instance type for arm64."""

    def call(
        self, args: pulumi.runtime.MockCallArgs
    ) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        if args.token.endswith("getInstanceType"):
            return {"supportedArchitectures": ["arm64"]}, []
        return super().call(args)


def instances(program: Amazon) -> dict[str, Mapping[str, Any]]:
    found = program.of("aws:ec2/instance:Instance")
    assert len(found) == 4
    return found


def plain(value: Any) -> Any:
    """A secret comes wrapped."""
    return cast("dict[str, Any]", value)["value"] if isinstance(value, dict) else value


def ingress(program: Amazon) -> dict[str, Mapping[str, Any]]:
    found = program.of("SecurityGroupIngressRule")
    assert found
    return found


def test_the_document_says_how_many_of_each_are_made():
    three = run(**{"cluster-size": "3"})
    rows = (re.match(r"(\d) `\w+\.(\w+)`", row) for row in table("docs/aws.md", "What is made"))
    told = {row[2]: int(row[1]) for row in rows if row}
    assert {"Instance", "Repository"} < set(told)
    assert {kind: len(three.of(f":{kind}")) for kind in told} == told


def test_the_world_reaches_the_load_balancer_and_nothing_else(program: Amazon):
    open_rules = [
        name
        for name, rule in ingress(program).items()
        if rule.get("cidrIpv4") == "0.0.0.0/0" or rule.get("cidrIpv6") == "::/0"
    ]
    assert open_rules == ["world-80"]
    assert ingress(program)["world-80"]["securityGroupId"] == "network-load-balancer-id"


@pytest.mark.parametrize(("engine", "processor"), [(Amazon(), "amd64"), (Graviton(), "arm64")])
def test_machines_get_etcd_and_coredns_for_their_processor(
    engine: Amazon, processor: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("fleet_cluster.providers.aws.provider.check_programs", nothing)
    copies = run(engine).of("command:remote:CopyToRemote")
    etcd = {name: copy for name, copy in copies.items() if name.endswith("-etcd-release")}
    assert len(etcd) == 4
    for copy in etcd.values():
        assert copy["source"].path == f"/cache/etcd-{processor}.tar.gz"
        assert copy["remotePath"] == "/home/core/etcd.tar.gz"
    dns = [copy for name, copy in copies.items() if name.endswith("-coredns-release")]
    assert [one["source"].path for one in dns] == [f"/cache/coredns-{processor}.tgz"] * 4


def test_ssh_comes_only_from_where_it_is_allowed_and_from_inside(program: Amazon):
    sources = {
        rule.get("cidrIpv4") or rule.get("referencedSecurityGroupId")
        for rule in ingress(program).values()
        if rule["fromPort"] <= 22 <= rule["toPort"]
    }
    assert sources == {PRIVATE, "network-machines-id"}


def test_etcd_and_the_app_are_open_to_machines_only(program: Amazon):
    for port in (2379, 2380, 5000, 5001):
        sources = {
            rule.get("referencedSecurityGroupId") or rule.get("cidrIpv4")
            for rule in ingress(program).values()
            if rule["fromPort"] <= port <= rule["toPort"]
        }
        assert sources == {"network-machines-id"}, port


def test_machines_take_http_from_the_load_balancer_only(program: Amazon):
    sources = {
        rule.get("referencedSecurityGroupId") or rule.get("cidrIpv4")
        for rule in ingress(program).values()
        if rule["securityGroupId"] == "network-machines-id" and rule["fromPort"] == 80
    }
    assert sources == {"network-load-balancer-id"}


def test_every_volume_is_encrypted(program: Amazon):
    for one in instances(program).values():
        assert one["rootBlockDevice"]["encrypted"] is True
        assert one["rootBlockDevice"]["volumeType"] == "gp3"


def test_etcds_data_have_a_volume_of_their_own_when_asked_for(program: Amazon):
    assert not [one for one in instances(program).values() if one.get("ebsBlockDevices")]
    asked = instances(run(**{"etcd-volume-size": "8"}))
    assert sorted(name for name, one in asked.items() if one.get("ebsBlockDevices")) == [
        "machine-1",
        "machine-2",
        "machine-3",
    ]
    for name, one in asked.items():
        has_it = "/var/lib/etcd" in plain(one["userData"])
        assert has_it == bool(one.get("ebsBlockDevices")), name
        for volume in one.get("ebsBlockDevices", []):
            assert (volume["encrypted"], volume["volumeSize"]) == (True, 8)
            assert volume["deleteOnTermination"] is True, "a member made anew has the others' data"
            assert volume["tags"]["stack"] == "test"


def test_the_metadata_service_asks_for_a_token_and_answers_no_container(program: Amazon):
    for one in instances(program).values():
        assert one["metadataOptions"]["httpTokens"] == "required"
        assert one["metadataOptions"]["httpPutResponseHopLimit"] == 1


def test_everything_that_can_have_tags_has_those_of_the_stack(program: Amazon):
    untagged = ("lb/targetGroupAttachment", "iam/rolePolicy")
    tagged = [
        one
        for one in program.asked
        if one.type.startswith(tuple(f"aws:{kind}" for kind in TAGGED))
        and not one.type.startswith(tuple(f"aws:{kind}" for kind in untagged))
    ]
    assert len(tagged) > 20
    for one in tagged:
        found = one.inputs.get("tags", {})
        assert {"Name", "a", "project", "stack"} <= found.keys(), f"{one.type} {one.name}"
        assert found["stack"] == "test"
    for one in instances(program).values():
        assert one["rootBlockDevice"]["tags"]["stack"] == "test"


def test_user_data_has_the_host_key_for_first_contact_and_no_other_secret(program: Amazon):
    for name, one in instances(program).items():
        config = yaml.safe_load(plain(one["userData"]))
        key = config["ssh_keys"].pop("ed25519_private")
        assert key.strip() == f"privateKeyOpenssh of {name}-first-ssh"
        left = json.dumps(config)
        for secret in ("privateKey", "lasting-ssh", "password"):
            assert secret not in left


def test_etcd_is_asked_before_a_member_is_even_deregistered(program: Amazon):
    commands = program.of("command:local:Command")
    asked = {name: one for name, one in commands.items() if name.endswith("-quorum")}
    assert sorted(asked) == ["machine-1-quorum", "machine-2-quorum", "machine-3-quorum"]
    for name, one in asked.items():
        assert "fleet-setup may-leave || exit; true" in one["delete"]
        assert one["triggers"] == commands[name.replace("quorum", "drain")]["triggers"]


def test_a_place_in_the_load_balancer_waits_for_no_other_machine():
    """While machines are made anew one by one, those that are done take requests."""
    engine = Amazon()
    order = Order(engine)
    config = {f"fleet-cluster:{key}": value for key, value in ON_AWS.items()}
    run_program(engine, config | {"aws:region": "eu-central-1"}, (), order)
    assert order.waits("machine-1-drained", ":Instance") == {"machine-1"}
    assert order.waits("machine-1-quorum", ":Instance") == {"machine-1"}


def test_nobody_trusts_the_first_host_key_after_first_contact(program: Amazon):
    remote = program.of("command:remote:Command") | program.of("command:remote:CopyToRemote")
    for name, inputs in remote.items():
        connection = inputs["connection"].get("value", inputs["connection"])
        assert connection["hostKey"] == f"publicKeyOpenssh of {name[:9]}-lasting-ssh"
        assert connection["host"] == f"192.0.2.{name[8]}"


def test_machines_may_pull_the_stacks_images_and_nothing_else(program: Amazon):
    policies = program.of("RolePolicy")
    [login] = json.loads(policies["machines-pull"]["policy"])["Statement"]
    assert login["Action"] == ["ecr:GetAuthorizationToken"]
    for image in ("hello", "nginx", "nginx-pool", "sinatra"):
        [pull] = json.loads(policies[f"{image}-pull"]["policy"])["Statement"]
        assert pull["Resource"] == [f"arn:{image}-repository"]
        assert all(action.startswith(("ecr:Get", "ecr:Batch")) for action in pull["Action"])
    assert len(policies) == 5
    assert not program.of("iam/user:User")


def test_the_machines_role_is_within_the_boundary_that_was_given(program: Amazon):
    [role] = program.of("iam/role:Role").values()
    assert not role.get("permissionsBoundary")
    boundary = "arn:aws:iam::123456789012:policy/fleet-cluster-machines"
    [role] = run(**{"permissions-boundary": boundary}).of("iam/role:Role").values()
    assert role["permissionsBoundary"] == boundary


def test_machines_are_spread_over_the_subnets(program: Amazon):
    found = program.of("NetworkInterface")
    subnets = [found[f"machine-{number}-address"]["subnetId"] for number in range(1, 5)]
    assert subnets == ["subnet-1", "subnet-2"] * 2


class Region(Amazon):
    """One with so many zones."""

    def __init__(self, zones: int) -> None:
        super().__init__()
        self._subnets = [f"subnet-{number + 1}" for number in range(zones)]

    def call(
        self, args: pulumi.runtime.MockCallArgs
    ) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        if args.token.endswith("getSubnets"):
            return {"ids": self._subnets}, []
        return super().call(args)


@pytest.mark.parametrize(
    ("zones", "size", "warned"),
    [
        (2, 3, "etcd's 3 members are in 2 zones, and one of these has 2 of them, the majority"),
        (3, 3, ""),
        (2, 1, ""),
    ],
)
def test_a_zone_that_holds_etcds_majority_is_warned_of(
    zones: int, size: int, warned: str, monkeypatch: pytest.MonkeyPatch
):
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    run(Region(zones), **{"etcd-size": str(size)})
    assert [text.partition(":")[0] for text in said] == ([warned] if warned else [])


@pytest.mark.parametrize(
    ("members", "zones", "warns"), [(5, 2, True), (5, 3, False), (5, 4, False)]
)
def test_five_members_need_three_zones_too(members: int, zones: int, warns: bool):
    assert bool(majority_in_one_zone(members, zones)) is warns


def test_the_health_check_and_the_drain_are_the_units(program: Amazon):
    [targets] = program.of("TargetGroup").values()
    check = targets["healthCheck"]
    assert (check["path"], check["interval"], check["timeout"]) == ("/", 10, 9)
    assert (check["healthyThreshold"], check["unhealthyThreshold"]) == (2, 5)
    unit = (CHECKOUT / "units/nginx.service").read_text()
    assert f"docker stop --time {DRAIN_SECONDS} nginx" in unit
    assert targets["deregistrationDelay"] == DRAIN_SECONDS


def test_a_connection_may_be_silent_as_long_as_nginx_lets_it(program: Amazon):
    [balancer] = program.of("LoadBalancer").values()
    nginx = (CHECKOUT / "images/nginx/files/etc/nginx/nginx.conf").read_text()
    assert balancer["idleTimeout"] == 3600
    assert "proxy_read_timeout 1h;" in nginx
    [kept] = re.findall(r"keepalive_timeout (\d+)s;", nginx)
    assert int(kept) > balancer["idleTimeout"], "or it sends requests where nginx has hung up"


def test_every_machine_is_a_target(program: Amazon):
    targets = {one["targetId"] for one in program.of("TargetGroupAttachment").values()}
    assert targets == {f"machine-{number}-id" for number in range(1, 5)}


@pytest.mark.parametrize("seconds", [DRAIN_SECONDS, 600])
def test_a_machine_that_goes_has_as_long_to_drain_as_was_chosen(seconds: int):
    chosen = run(**{"drain-seconds": str(seconds)})
    [targets] = chosen.of("TargetGroup").values()
    assert targets["deregistrationDelay"] == seconds
    commands = chosen.of("command:local:Command")
    for number in range(1, 5):
        drained = commands[f"machine-{number}-drained"]
        assert drained["delete"] == f"sleep {seconds}"
        assert drained["triggers"] == [f"machine-{number}-id"]
