#!/usr/bin/env bash
# moto's ELBv2: a target is healthy at once, without a listener, and even if it never existed.
#
# Guess: a new target is "initial", and "unused" (Target.NotInUse) as long as no listener forwards
# to its group, as AWS's page on TargetHealth has it; an instance that does not exist is refused
# (InvalidTarget), as moto does for one that is stopped.
# Seen in moto 5.2.5: healthy in the same moment, with no load balancer at all; an unknown instance
# is registered, and healthy. One that is deregistered is gone at once: "draining" is never seen.
# So: waiting for health or for the end of a drain ends at once in moto, whatever is waited for.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "moto[ec2,elbv2]==5.2.5" boto3==1.44.5

AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none "$folder/venv/bin/python" - <<'PYTHON'
import boto3
import moto
from botocore.exceptions import ClientError

with moto.mock_aws():
    ec2 = boto3.client("ec2", region_name="eu-central-1")
    elb = boto3.client("elbv2", region_name="eu-central-1")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    made = ec2.run_instances(ImageId=image, InstanceType="t3.small", MinCount=2, MaxCount=2)
    running, stopped = (one["InstanceId"] for one in made["Instances"])
    ec2.stop_instances(InstanceIds=[stopped])
    unknown = "i-0123456789abcdef0"
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    group = elb.create_target_group(Name="app", Protocol="HTTP", Port=80, VpcId=vpc)
    group = group["TargetGroups"][0]["TargetGroupArn"]

    def health() -> dict[str, str]:
        told = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return {one["Target"]["Id"]: one["TargetHealth"]["State"] for one in told}

    def register(id: str) -> str:
        try:
            elb.register_targets(TargetGroupArn=group, Targets=[{"Id": id}])
        except ClientError as error:
            return error.response["Error"]["Code"]
        return health()[id]

    seen = {"running": register(running), "stopped": register(stopped), "unknown": register(unknown)}
    print("registered, no listener:", seen)
    expected = {"running": "healthy", "stopped": "InvalidTarget", "unknown": "healthy"}
    assert seen == expected, "moto judges targets otherwise now"
    elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": running}])
    print("deregistered a moment ago:", health().get(running, "not listed"))
    assert running not in health(), "moto drains now"
print(f"moto {moto.__version__}: health needs neither a listener nor an instance")
PYTHON
