#!/usr/bin/env bash
# moto's EC2: who asks for an address that AWS keeps for itself in each subnet gets it.
#
# Guess: refused. AWS keeps the first four addresses and the last one of a subnet (CreateSubnet, in
# its reference: "not available for your use"), and moto gives none of them where it chooses itself.
# Seen in moto 5.2.5: an instance gets the subnet's own address, the router's, DNS' and the last one
# where it asks for them, and so does a network interface; only one outside of the subnet is refused.
# So: fixed addresses that begin too low are not found by moto; count from the fifth.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "moto[ec2]==5.2.5" boto3==1.44.5

AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none "$folder/venv/bin/python" - <<'PYTHON'
import boto3
import moto

RESERVED = [f"10.0.0.{last}" for last in (0, 1, 2, 3, 255)]

with moto.mock_aws():
    ec2 = boto3.client("ec2", region_name="eu-central-1")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    one = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]

    def instance(subnet: str, **more: str) -> str:
        made = ec2.run_instances(
            ImageId=image, InstanceType="t3.small", MinCount=1, MaxCount=1, SubnetId=subnet, **more
        )
        return made["Instances"][0]["PrivateIpAddress"]

    chosen = instance(one)
    print(f"chosen by moto: {chosen}")
    assert chosen == "10.0.0.4"
    given = [instance(one, PrivateIpAddress=address) for address in RESERVED]
    print(f"asked for, and given: {' '.join(given)}")
    assert given == RESERVED, "moto refuses some of them now"

    other = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=other, PrivateIpAddress="10.0.1.1")
    print(f"a network interface: {interface['NetworkInterface']['PrivateIpAddress']}")
    assert interface["NetworkInterface"]["PrivateIpAddress"] == "10.0.1.1"
print(f"moto {moto.__version__}: who asks for a reserved address gets it")
PYTHON
