#!/usr/bin/env bash
# moto's ELBv2: an application load balancer is made with one zone, though none may be left with one.
#
# Guess: refused. AWS wants subnets of two zones at least for an application load balancer, and one
# subnet of each zone at most (CreateLoadBalancer and SetSubnets, Subnets.member.N).
# Seen in moto 5.2.5: one subnet will do for a new one, so will two of the same zone, which is then
# listed twice. SetSubnets refuses to leave one zone: InvalidConfigurationRequest.
# So: that a load balancer has its zones is for a program to check before, and for a test to look at.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "moto[ec2,elbv2]==5.2.5" boto3==1.44.5

AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none "$folder/venv/bin/python" - <<'PYTHON'
import boto3
import moto
from botocore.exceptions import ClientError

A, B = "eu-central-1a", "eu-central-1b"

with moto.mock_aws():
    ec2 = boto3.client("ec2", region_name="eu-central-1")
    elb = boto3.client("elbv2", region_name="eu-central-1")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]

    def subnet(number: int, zone: str) -> str:
        made = ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone
        )
        return made["Subnet"]["SubnetId"]

    first, second, elsewhere = subnet(0, A), subnet(1, A), subnet(2, B)

    def zones(name: str, *subnets: str) -> tuple[str, list[str]]:
        made = elb.create_load_balancer(Name=name, Type="application", Subnets=list(subnets))
        balancer = made["LoadBalancers"][0]
        return balancer["LoadBalancerArn"], [z["ZoneName"] for z in balancer["AvailabilityZones"]]

    _, of_one = zones("one-subnet", first)
    _, of_two = zones("same-zone", first, second)
    balancer, proper = zones("two-zones", first, elsewhere)
    try:
        elb.set_subnets(LoadBalancerArn=balancer, Subnets=[first])
        later = "taken"
    except ClientError as error:
        later = error.response["Error"]["Code"]
    print(f"one subnet: {of_one}")
    print(f"two subnets of a zone: {of_two}")
    print(f"two zones: {sorted(proper)}, then one of them by SetSubnets: {later}")
    assert (of_one, of_two) == ([A], [A, A]), "moto minds the zones of a new one now"
    assert later == "InvalidConfigurationRequest"
print(f"moto {moto.__version__}: an application load balancer in one zone is made")
PYTHON
