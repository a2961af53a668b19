#!/usr/bin/env bash
# moto's EC2: a terminated instance can be started again, and a running one changes its type.
#
# Guess: "terminated" is final (AWS's page on the instance's life cycle: it cannot be started
# again), and ModifyInstanceAttribute of instanceType wants a stopped instance; both else answer
# IncorrectInstanceState.
# Seen in moto 5.2.5: StartInstances brings a terminated instance back to running, with its id;
# StopInstances and RebootInstances of one are accepted too; the type of a running one changes.
# So: moto does not show that a program confuses "stopped" with "terminated", nor that it forgets
# to stop an instance before it resizes it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "moto[ec2]==5.2.5" boto3==1.44.5

AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none "$folder/venv/bin/python" - <<'PYTHON'
import boto3
import moto

with moto.mock_aws():
    ec2 = boto3.client("ec2", region_name="eu-central-1")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    made = ec2.run_instances(ImageId=image, InstanceType="t3.small", MinCount=1, MaxCount=1)
    id = made["Instances"][0]["InstanceId"]

    def now() -> tuple[str, str]:
        found = ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]
        return found["State"]["Name"], found["InstanceType"]

    assert now() == ("running", "t3.small")
    ec2.modify_instance_attribute(InstanceId=id, InstanceType={"Value": "t3.large"})
    print("running, asked for t3.large:", *now())
    assert now() == ("running", "t3.large"), "moto wants a stopped instance now"

    ec2.terminate_instances(InstanceIds=[id])
    assert now()[0] == "terminated"
    ec2.reboot_instances(InstanceIds=[id])
    ec2.start_instances(InstanceIds=[id])
    print("terminated, then started:", *now())
    assert now()[0] == "running", "moto keeps a terminated instance terminated now"
print(f"moto {moto.__version__}: terminated is not final")
PYTHON
