#!/usr/bin/env bash
# moto's EC2: security groups, network interfaces, subnets and addresses in use can be deleted.
#
# Guess: each is refused while an instance has it: DependencyViolation for a group and a subnet,
# InvalidNetworkInterface.InUse, and InvalidIPAddress.InUse for an associated address, as AWS's
# table of EC2 error codes has it. moto itself refuses a volume that is attached (VolumeInUse).
# Seen in moto 5.2.5: all four go, and the running instance still names the group that is gone.
# So: a program's order of destruction is not tested by moto; only a test that looks at each
# request's moment can tell.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "moto[ec2]==5.2.5" boto3==1.44.5

AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none "$folder/venv/bin/python" - <<'PYTHON'
import boto3
import moto
from botocore.exceptions import ClientError

with moto.mock_aws():
    ec2 = boto3.client("ec2", region_name="eu-central-1")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    subnet = ec2.describe_subnets()["Subnets"][0]
    group = ec2.create_security_group(
        GroupName="app", Description="in use", VpcId=subnet["VpcId"]
    )["GroupId"]
    interface = ec2.create_network_interface(SubnetId=subnet["SubnetId"], Groups=[group])
    interface = interface["NetworkInterface"]["NetworkInterfaceId"]
    made = ec2.run_instances(
        ImageId=image,
        InstanceType="t3.small",
        MinCount=1,
        MaxCount=1,
        NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": interface}],
    )
    id = made["Instances"][0]["InstanceId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.associate_address(AllocationId=address, NetworkInterfaceId=interface)
    found = ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]
    volume = found["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]

    deletions = {
        "volume": lambda: ec2.delete_volume(VolumeId=volume),
        "address": lambda: ec2.release_address(AllocationId=address),
        "network interface": lambda: ec2.delete_network_interface(NetworkInterfaceId=interface),
        "security group": lambda: ec2.delete_security_group(GroupId=group),
        "subnet": lambda: ec2.delete_subnet(SubnetId=subnet["SubnetId"]),
    }
    refused = {}
    for what, delete in deletions.items():
        try:
            delete()
        except ClientError as error:
            refused[what] = error.response["Error"]["Code"]
        print(f"{what} of a running instance: {refused.get(what, 'deleted')}")
    assert refused == {"volume": "VolumeInUse"}, "moto refuses others now"
    left = ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]
    assert left["State"]["Name"] == "running"
print(f"moto {moto.__version__}: of what an instance uses, only its volume is protected")
PYTHON
