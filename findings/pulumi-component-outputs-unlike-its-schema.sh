#!/usr/bin/env bash
# Pulumi's component host for Python: outputs in lists and maps have other names than the schema's.
#
# Guess: a component's outputs are renamed from Python's snake_case to the schema's camelCase
# wherever its types are, as its inputs are the other way; an enum is given as its value.
# Seen in pulumi 3.250.0: an object is renamed, one in a list or a map is not, so that "hostName",
# which the schema promises, is not there. An enum that is an output itself is its value; one inside
# of an object is {}.
# So: lists and maps of objects are given back with camelCase keys by the component, and enums in
# objects as str.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pulumi==3.250.0

"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import json
from enum import Enum
from importlib.metadata import version
from typing import TypedDict

import pulumi
from google.protobuf.json_format import MessageToDict
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.runtime import rpc


class Scheme(Enum):
    HTTPS = "https"


class Door(TypedDict):
    scheme: Scheme


class Endpoint(TypedDict):
    host_name: str


AppArgs = TypedDict("AppArgs", {})


class App(pulumi.ComponentResource):
    first: Endpoint
    every: list[Endpoint]
    named: dict[str, Endpoint]
    scheme: Scheme
    door: Door

    def __init__(self, name: str, args: AppArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__("shop:index:App", name, {}, opts)
        self.first = {"host_name": "a"}
        self.every, self.named = [self.first], {"a": self.first}
        self.scheme, self.door = Scheme.HTTPS, {"scheme": Scheme.HTTPS}


class Mocks(pulumi.runtime.Mocks):
    new_resource = lambda self, args: (None, args.inputs)
    call = lambda self, args: {}


async def look() -> None:
    made = host.construct("app", "shop:index:App", {})
    seen = MessageToDict(await rpc.serialize_properties(made.state, {}))
    names = list(json.loads(host.schema)["types"]["shop:index:Endpoint"]["properties"])
    print(f"  in the schema: {names}\n  given back:    {seen}")
    assert names == ["hostName"], "changed: another schema"
    python = {"host_name": "a"}
    wrong = {"every": [python], "named": {"a": python}, "door": {"scheme": {}}}
    assert seen == {"first": {"hostName": "a"}, "scheme": "https", **wrong}, "changed"


pulumi.runtime.set_mocks(Mocks())
host = ComponentProvider([App], "shop")
print(f"pulumi {version('pulumi')}")
asyncio.run(look())
PYTHON
