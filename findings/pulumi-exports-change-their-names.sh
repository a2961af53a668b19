#!/usr/bin/env bash
# Pulumi's SDK for Python: with a newer one, keys of a stack's outputs have other names.
#
# Guess: what `pulumi stack output --json` says of an unchanged program on unchanged resources stays
# as it is when only the SDK's minor version is another.
# Seen: an output type (what typed SDKs give for an object, like an instance's root_block_device) is
# exported with Python's names by pulumi 3.250.0 and with the wire's, in camel case, by 3.272.0; in
# lists, too. The value in Python has snake_case in both, and a plain dict stays as it is.
# So: who reads such an output, in a script or through a StackReference, finds another key after an
# update of the SDK; export single values, or a dict of one's own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/look.py" <<'PYTHON'
import asyncio
import json
import sys
from importlib.metadata import version

import pulumi
from google.protobuf import json_format
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import set_root_resource


@pulumi.output_type
class Disk(dict):
    """As SDKs have them that are made of a schema."""

    def __init__(self, *, volume_id: str):
        pulumi.set(self, "volume_id", volume_id)

    @property
    @pulumi.getter(name="volumeId")
    def volume_id(self) -> str:
        return pulumi.get(self, "volume_id")


class Instance(pulumi.CustomResource):
    root: pulumi.Output[Disk]

    def __init__(self, name: str):
        super().__init__("shop:index:Instance", name, {"root": None})


class Mocks(pulumi.runtime.Mocks):
    new_resource = lambda self, args: (args.name, {"root": {"volumeId": "vol-1"}})
    call = lambda self, args: {}


class Monitor(MockMonitor):
    def RegisterResourceOutputs(self, request):
        if request.urn.endswith("pulumi:pulumi:Stack::shop-test"):
            told.update(json_format.MessageToDict(request.outputs))
        return super().RegisterResourceOutputs(request)


def program() -> None:
    root = Instance("one").root
    pulumi.export("object", root)
    pulumi.export("list", [root])
    pulumi.export("value", root.volume_id)
    pulumi.export("dict", {"volume_id": root.volume_id})


told: dict = {}
mocks = Mocks()
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
pulumi.runtime.set_mocks(mocks, "shop", "test", monitor=Monitor(mocks))
set_root_resource(None)  # The mocks have made a stack of their own.
loop.run_until_complete(pulumi.runtime.run_in_stack(program))
print(f"pulumi {version('pulumi')}: {json.dumps(told, sort_keys=True)}")
key = sys.argv[1]
expected = {
    "object": {key: "vol-1"},
    "list": [{key: "vol-1"}],
    "value": "vol-1",
    "dict": {"volume_id": "vol-1"},
}
assert told == expected, f"changed: expected {expected}"
PYTHON

for one in 3.250.0=volume_id 3.272.0=volumeId; do
  python3 -m venv "$folder/${one%=*}"
  "$folder/${one%=*}/bin/pip" install --quiet --disable-pip-version-check "pulumi==${one%=*}"
  "$folder/${one%=*}/bin/python" "$folder/look.py" "${one#*=}"
done
