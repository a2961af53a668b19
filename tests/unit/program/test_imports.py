"""What a program loads: a second of each preview and each update goes into the SDK of AWS."""

import subprocess
import sys

from tests.checkout import CHECKOUT

PROGRAM = "import sys, fleet_cluster; print(*(m for m in sys.modules if m.startswith('pulumi')))"
SDK = {f"pulumi_aws.{service}._inputs" for service in ("ec2", "ecr", "iam", "lb")}
"""A service is a module that is empty until it is used."""


def test_the_library_loads_no_service_of_aws_before_it_is_used() -> None:
    run = [sys.executable, "-c", PROGRAM]
    env = {"PYTHONPATH": str(CHECKOUT / "components")}
    done = subprocess.run(run, env=env, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "pulumi_aws" in loaded
    assert not loaded & SDK
