#!/usr/bin/env bash
# moto's EC2: RunInstances with the same ClientToken makes a second instance.
#
# Guess: a repeated request with the token of one that succeeded returns that one's instance, and
# the same token with other parameters is refused (IdempotentParameterMismatch), as AWS's guide
# "Ensuring idempotency in Amazon EC2 API requests" says.
# Seen in moto 5.2.5: the token is not looked at: a repetition makes another instance, also with
# another instance type.
# So: code that repeats an interrupted RunInstances safely cannot be shown to do so with moto.
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

    def run(type: str) -> str:
        made = ec2.run_instances(
            ImageId=image, InstanceType=type, MinCount=1, MaxCount=1, ClientToken="only-once"
        )
        return made["Instances"][0]["InstanceId"]

    instances = {run("t3.small"), run("t3.small"), run("t3.large")}
    print(f"one token, three requests, {len(instances)} instances")
    assert len(instances) == 3, "moto honours ClientToken now"
print(f"moto {moto.__version__}: a client token does not make RunInstances idempotent")
PYTHON
