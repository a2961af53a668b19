"""Security groups, load balancers, roles and image repositories, in one stack as they belong."""

from __future__ import annotations

import json
from typing import Any, cast

import pulumi
import pulumi_aws as aws
import pytest

from tests.contract.harness import EngineFailed, Program, Project
from tests.contract.moto import AMI, Moto

MODERN = "ELBSecurityPolicy-TLS13-1-2-2021-06"
MANAGED = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
PULL = {"Effect": "Allow", "Action": ["ecr:BatchGetImage"], "Resource": "*"}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(service: str) -> str:
    principal = {"Service": f"{service}.amazonaws.com"}
    return policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


def keep(count: int) -> str:
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    return json.dumps({"rules": [rule]})


def groups(cloud: Moto, port: int = 22, source: str = "cidr_ipv4") -> Program:
    vpc = cloud.vpc()

    def program() -> None:
        opts = cloud.provider()
        group = aws.ec2.SecurityGroup("group", vpc_id=vpc, opts=opts)
        sources: dict[str, Any] = {
            "cidr_ipv4": "10.0.0.0/8",
            "referenced_security_group_id": group.id,
        }
        rule = aws.vpc.SecurityGroupIngressRule(
            "in",
            security_group_id=group.id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            description="test",
            tags={"a": "1"},
            opts=opts,
            **{source: sources[source]},
        )
        out = aws.vpc.SecurityGroupEgressRule(
            "out",
            security_group_id=group.id,
            ip_protocol="-1",
            cidr_ipv4="0.0.0.0/0",
            opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[rule])),
        )
        pulumi.export("group", group.id)
        pulumi.export("in", rule.security_group_rule_id)
        pulumi.export("out", out.security_group_rule_id)

    return program


def rules(cloud: Moto, group: str) -> dict[str, dict[str, Any]]:
    answer = cloud.client("ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [group]}]
    )
    return {one["SecurityGroupRuleId"]: one for one in answer["SecurityGroupRules"]}


def test_rules_of_a_security_group(project: Project, cloud: Moto) -> None:
    first = project.up(groups(cloud)).outputs
    found = rules(cloud, first["group"])
    assert set(found) == {first["in"], first["out"]}, "AWS's own rule for egress is gone"
    assert (found[first["in"]]["FromPort"], found[first["in"]]["CidrIpv4"]) == (22, "10.0.0.0/8")
    moved = project.up(groups(cloud, port=2222))
    assert moved.steps == {"group": "same", "in": "update", "out": "same"}
    assert rules(cloud, first["group"])[first["in"]]["FromPort"] == 2222
    other = project.up(groups(cloud, 2222, "referenced_security_group_id"))
    assert other.outputs["in"] != first["in"]
    assert other.diffs["in"] >= {"cidrIpv4", "referencedSecurityGroupId"}
    cloud.client("ec2").revoke_security_group_ingress(
        GroupId=first["group"], SecurityGroupRuleIds=[other.outputs["in"]]
    )
    healed = project.up(groups(cloud, 2222, "referenced_security_group_id"), refresh=True)
    assert healed.steps["in"].endswith("create")
    assert healed.steps["out"].endswith("same")


def test_a_rule_has_one_other_side(project: Project, cloud: Moto) -> None:
    def program() -> None:
        aws.vpc.SecurityGroupIngressRule(
            "in", security_group_id="sg-1", ip_protocol="-1", from_port=1, opts=cloud.provider()
        )

    with pytest.raises(EngineFailed) as failure:
        project.preview(program)
    assert "exactly one of cidrIpv4" in failure.value.text


def balancer(cloud: Moto, certificate: str, **changed: Any) -> Program:
    """A load balancer with a target; keywords: delay, timeout, subnets, idle."""
    vpc, subnets = cloud.vpc(), cloud.subnets()
    wanted: dict[str, Any] = {"delay": 30, "timeout": 9, "subnets": 2, "idle": 60}
    wanted |= changed

    def program() -> None:
        opts = cloud.provider(default_tags={"tags": {"stack": "test"}})
        group = aws.ec2.SecurityGroup("group", vpc_id=vpc, opts=opts)
        machine = aws.ec2.Instance("machine", ami=AMI, instance_type="t3.small", opts=opts)
        lb = aws.lb.LoadBalancer(
            "lb",
            subnets=subnets[: wanted["subnets"]],
            security_groups=[group.id],
            idle_timeout=wanted["idle"],
            drop_invalid_header_fields=True,
            opts=opts,
        )
        targets = aws.lb.TargetGroup(
            "targets",
            port=80,
            protocol="HTTP",
            vpc_id=vpc,
            deregistration_delay=wanted["delay"],
            health_check={
                "path": "/",
                "interval": 10,
                "timeout": wanted["timeout"],
                "healthy_threshold": 2,
                "unhealthy_threshold": 5,
                "matcher": "200-399",
            },
            opts=opts,
        )
        aws.lb.TargetGroupAttachment(
            "attachment",
            target_group_arn=targets.arn,
            target_id=machine.id,
            port=80,
            opts=opts,
        )
        to_https = aws.lb.ListenerDefaultActionRedirectArgs(
            port="443", protocol="HTTPS", status_code="HTTP_301"
        )
        http = aws.lb.Listener(
            "http",
            load_balancer_arn=lb.arn,
            port=80,
            protocol="HTTP",
            default_actions=[aws.lb.ListenerDefaultActionArgs(type="redirect", redirect=to_https)],
            opts=opts,
        )
        https = aws.lb.Listener(
            "https",
            load_balancer_arn=lb.arn,
            port=443,
            protocol="HTTPS",
            ssl_policy=MODERN,
            certificate_arn=certificate,
            default_actions=[{"type": "forward", "target_group_arn": targets.arn}],
            opts=opts,
        )
        for name, made in {"lb": lb, "targets": targets, "http": http, "https": https}.items():
            pulumi.export(name, made.arn)
        pulumi.export("dns", lb.dns_name)
        pulumi.export("machine", machine.id)

    return program


def attributes(listed: list[dict[str, str]]) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in listed}


def test_a_load_balancer(project: Project, cloud: Moto) -> None:
    elbv2, acm = cloud.client("elbv2"), cloud.client("acm")
    certificate = acm.request_certificate(DomainName="example.org")["CertificateArn"]
    program = balancer(cloud, certificate)
    done = project.up(program).outputs
    [lb] = elbv2.describe_load_balancers(LoadBalancerArns=[done["lb"]])["LoadBalancers"]
    assert lb["DNSName"] == done["dns"]
    assert lb["Type"] == "application"
    [targets] = elbv2.describe_target_groups(TargetGroupArns=[done["targets"]])["TargetGroups"]
    assert targets["HealthCheckTimeoutSeconds"] == 9
    assert targets["UnhealthyThresholdCount"] == 5
    assert targets["Matcher"]["HttpCode"] == "200-399"
    told = elbv2.describe_target_group_attributes(TargetGroupArn=done["targets"])["Attributes"]
    assert attributes(told)["deregistration_delay.timeout_seconds"] == "30"
    [https] = elbv2.describe_listeners(ListenerArns=[done["https"]])["Listeners"]
    assert https["SslPolicy"] == MODERN
    assert https["Certificates"] == [{"CertificateArn": certificate}]
    [http] = elbv2.describe_listeners(ListenerArns=[done["http"]])["Listeners"]
    redirect = http["DefaultActions"][0]["RedirectConfig"]
    assert (redirect["Port"], redirect["StatusCode"]) == ("443", "HTTP_301")
    assert redirect["Host"] == "#{host}"
    assert set(project.up(program).steps.values()) == {"same"}
    refreshed = project.up(program, refresh=True)
    assert all(steps.endswith("same") for steps in refreshed.steps.values())

    changed = balancer(cloud, certificate, delay=60, timeout=5, subnets=3, idle=30)
    again = project.up(changed)
    assert {n: s for n, s in again.steps.items() if s != "same"} == {
        "lb": "update",
        "targets": "update",
    }
    told = elbv2.describe_target_group_attributes(TargetGroupArn=done["targets"])["Attributes"]
    assert attributes(told)["deregistration_delay.timeout_seconds"] == "60"
    told = elbv2.describe_load_balancer_attributes(LoadBalancerArn=done["lb"])["Attributes"]
    assert attributes(told)["idle_timeout.timeout_seconds"] == "30"
    [lb] = elbv2.describe_load_balancers(LoadBalancerArns=[done["lb"]])["LoadBalancers"]
    assert len(lb["AvailabilityZones"]) == 3

    target = [{"Id": done["machine"], "Port": 80}]
    elbv2.deregister_targets(TargetGroupArn=done["targets"], Targets=target)
    assert project.up(changed, refresh=True).steps["attachment"].endswith("create")
    cloud.client("ec2").terminate_instances(InstanceIds=[done["machine"]])
    healed = project.up(changed, refresh=True)
    assert healed.steps["machine"].endswith("create")
    assert healed.steps["attachment"].endswith("create")
    health = elbv2.describe_target_health(TargetGroupArn=done["targets"])
    [description] = health["TargetHealthDescriptions"]
    assert description["Target"]["Id"] == healed.outputs["machine"]


def test_a_health_check_out_of_limits_is_refused(project: Project, cloud: Moto) -> None:
    def program() -> None:
        check = aws.lb.TargetGroupHealthCheckArgs(interval=10, timeout=10, healthy_threshold=1)
        aws.lb.TargetGroup(
            "targets",
            port=80,
            protocol="HTTP",
            vpc_id="vpc-1",
            health_check=check,
            opts=cloud.provider(),
        )

    with pytest.raises(EngineFailed) as failure:
        project.preview(program)
    assert "allowed are 2 to 10" in failure.value.text
    assert "shorter than the interval" in failure.value.text


def identity(cloud: Moto, service: str = "ec2", other: str = "", kept: int = 5) -> Program:
    def program() -> None:
        opts = cloud.provider()
        role = aws.iam.Role("role", assume_role_policy=trust(service), opts=opts)
        allowed = PULL | {"Action": ["ecr:BatchGetImage", *([other] if other else [])]}
        aws.iam.RolePolicy("policy", role=role.name, policy=policy(allowed), opts=opts)
        aws.iam.RolePolicyAttachment("attached", role=role.name, policy_arn=MANAGED, opts=opts)
        profile = aws.iam.InstanceProfile("profile", role=role.name, opts=opts)
        images = aws.ecr.Repository(
            "images",
            force_delete=True,
            image_scanning_configuration={"scan_on_push": kept == 5},
            encryption_configurations=[{"encryption_type": "AES256"}],
            tags={"a": str(kept)},
            opts=opts,
        )
        aws.ecr.LifecyclePolicy("keep", repository=images.name, policy=keep(kept), opts=opts)
        pulumi.export("role", role.name)
        pulumi.export("profile", profile.name)
        pulumi.export("url", images.repository_url)
        pulumi.export("repository", images.name)

    return program


def test_roles_and_repositories(project: Project, cloud: Moto) -> None:
    iam, ecr = cloud.client("iam"), cloud.client("ecr")
    first = project.up(identity(cloud)).outputs
    name = first["repository"]
    assert first["url"].endswith(f".amazonaws.com/{name}")
    [held] = iam.get_instance_profile(InstanceProfileName=first["profile"])["InstanceProfile"][
        "Roles"
    ]
    assert held["RoleName"] == first["role"]
    attached = iam.list_attached_role_policies(RoleName=first["role"])["AttachedPolicies"]
    assert [one["PolicyArn"] for one in attached] == [MANAGED]
    done = project.up(identity(cloud, "ssm", "ecr:ListImages", 9))
    assert {n: s for n, s in done.steps.items() if s != "same"} == {
        "role": "update",
        "policy": "update",
        "images": "update",
        "keep": "delete-replaced,replace,create-replacement",
    }
    document = iam.get_role(RoleName=first["role"])["Role"]["AssumeRolePolicyDocument"]
    assert "ssm.amazonaws.com" in json.dumps(document)
    kept = json.loads(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])
    assert kept["rules"][0]["selection"]["countNumber"] == 9
    [found] = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    assert found["imageScanningConfiguration"] == {"scanOnPush": False}
    ecr.put_image(
        repositoryName=name,
        imageManifest='{"schemaVersion": 2}',
        imageManifestMediaType="application/vnd.oci.image.manifest.v1+json",
        imageTag="1",
    )
    again = project.up(identity(cloud, "ssm", "ecr:ListImages", 9), refresh=True)
    assert all(steps.endswith("same") for steps in again.steps.values())


def test_functions(project: Project, cloud: Moto) -> None:
    def program() -> None:
        provider = cloud.provider().provider
        opts = pulumi.InvokeOutputOptions(provider=provider)
        ami = aws.ec2.get_ami_output(
            most_recent=True,
            owners=["136693071363"],
            filters=[
                {"name": "name", "values": ["debian-13-*"]},
                {"name": "architecture", "values": ["x86_64"]},
            ],
            opts=opts,
        )
        kind = aws.ec2.get_instance_type_output(instance_type="t4g.small", opts=opts)
        vpc = aws.ec2.get_vpc_output(default=True, opts=opts)
        of_vpc: Any = [
            aws.ec2.GetSubnetsFilterArgsDict(name="vpc-id", values=cast("Any", [vpc.id]))
        ]
        token = aws.ecr.get_authorization_token_output(opts=opts)
        pulumi.export("ami", ami.id)
        pulumi.export("root", ami.root_device_name)
        pulumi.export("architectures", kind.supported_architectures)
        pulumi.export("vpc", vpc.id)
        pulumi.export("subnets", aws.ec2.get_subnets_output(filters=of_vpc, opts=opts).ids)
        pulumi.export("user", token.user_name)
        pulumi.export("password", token.password)

    done = project.up(program).outputs
    assert (done["ami"], done["root"]) == (AMI, "/dev/xvda")
    assert done["architectures"] == ["arm64"]
    assert done["vpc"] == cloud.vpc()
    assert sorted(done["subnets"]) == sorted(cloud.subnets())
    assert done["user"] == "AWS"
    assert done["password"] not in project.state()


def test_an_image_that_is_nowhere_is_told(project: Project, cloud: Moto) -> None:
    def program() -> None:
        opts = pulumi.InvokeOutputOptions(provider=cloud.provider().provider)
        aws.ec2.get_ami_output(name_regex="^no such", opts=opts)

    with pytest.raises(EngineFailed) as failure:
        project.preview(program)
    assert "nothing matches" in failure.value.text
