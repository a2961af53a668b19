#!/usr/bin/env bash
# Pulumi's component host for Python: an object that arrives as one output becomes {}, in silence.
#
# Guess: an argument of type Input[SomeTypedDict] may be an output, as the type says; the component
# gets that output, with its keys as the class has them.
# Seen in pulumi 3.250.0: only a plain dict is looked into. What is an output as a whole (of another
# resource, or secret), or not known yet in a preview, counts as a dict without keys: all that is
# NotRequired is lost, with no word, and what is required is "Missing required input". In a list it
# is the same; a list that is an output as a whole keeps the schema's camelCase names.
# So: an object that callers may compute is declared as dict[str, Any], which passes as it is.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pulumi==3.250.0

"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
from importlib.metadata import version
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.runtime import rpc


class Limits(TypedDict):
    max_memory: NotRequired[pulumi.Input[str]]


class Port(TypedDict):
    number: pulumi.Input[str]


class AppArgs(TypedDict):
    limits: NotRequired[pulumi.Input[Limits]]
    all: NotRequired[pulumi.Input[list[pulumi.Input[Limits]]]]
    port: NotRequired[pulumi.Input[Port]]
    opaque: NotRequired[pulumi.Input[dict[str, Any]]]


class App(pulumi.ComponentResource):
    def __init__(self, name: str, args: AppArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__("shop:index:App", name, {}, opts)
        App.got = args


class Mocks(pulumi.runtime.Mocks):
    new_resource = lambda self, args: (None, args.inputs)
    call = lambda self, args: {}


async def look() -> None:
    output, value = pulumi.Output.from_input, {"maxMemory": "1G"}
    for what, key, given, expected in (
        ("a dict of outputs", "limits", {"maxMemory": output("1G")}, {"max_memory": "1G"}),
        ("an output of a dict", "limits", output(value), {}),
        ("a secret dict", "limits", pulumi.Output.secret(value), {}),
        ("not known yet", "limits", rpc.deserialize_property(rpc.UNKNOWN, True), {}),
        ("a list with such an output", "all", [output(value)], [{}]),
        ("an output of a list", "all", output([value]), [value]),
        ("an output, as dict[str, Any]", "opaque", output(value), value),
    ):
        host.construct("app", "shop:index:App", {key: given})
        answer = await pulumi.Output.from_input(App.got[key]).future()
        print(f"  {what + ':':32} {answer}")
        assert answer == expected, f"changed: expected {expected}"
    try:
        host.construct("app", "shop:index:App", {"port": output({"number": "80"})})
        raise SystemExit("changed: an output is taken for an object with a required key")
    except pulumi.InputPropertyError as error:
        print(f"  {'with a key that is required:':32} {error.reason}")


pulumi.runtime.set_mocks(Mocks())
host = ComponentProvider([App], "shop")
print(f"pulumi {version('pulumi')}")
asyncio.run(look())
PYTHON
