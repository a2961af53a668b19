#!/usr/bin/env bash
# Pulumi's component host for Python: an `int` argument is a float, and is refused as an output.
#
# Guess: numbers travel as floats, and the host makes integers of them (a comment in its source says
# so): a component with an Input[int] gets 3, or an output of 3, as the type has it.
# Seen in pulumi 3.250.0: the converted value is overwritten by the one that came, 3.0; and since it
# is still converted, one that is an output (of another resource, or secret) or not known yet in a
# preview ends in a TypeError. Input[float] takes an output.
# So: a component makes whole numbers itself, and takes those that may be outputs as another type.
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


class AppArgs(TypedDict):
    copies: NotRequired[pulumi.Input[int]]
    weight: NotRequired[pulumi.Input[float]]


class App(pulumi.ComponentResource):
    def __init__(self, name: str, args: AppArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__("shop:index:App", name, {}, opts)
        App.got = args


class Mocks(pulumi.runtime.Mocks):
    new_resource = lambda self, args: (None, args.inputs)
    call = lambda self, args: {}


async def given(key: str, value: Any) -> str:
    """What the component gets for this argument, or the error."""
    try:
        host.construct("app", "shop:index:App", {key: value})
    except TypeError as error:
        return f"TypeError: {error}"
    return repr(await pulumi.Output.from_input(App.got[key]).future())


async def look() -> None:
    output, unknown = pulumi.Output.from_input(3), rpc.deserialize_property(rpc.UNKNOWN, True)
    for what, key, value, expected in (
        ("int, a number", "copies", 3.0, "3.0"),
        ("int, an output", "copies", output, "TypeError: int() argument must be"),
        ("int, a secret", "copies", pulumi.Output.secret(3), "TypeError: int() argument must be"),
        ("int, not known yet", "copies", unknown, "TypeError: int() argument must be"),
        ("float, an output", "weight", output, "3"),
    ):
        answer = await given(key, value)
        print(f"  {what + ':':20} {answer}")
        assert answer.startswith(expected), f"changed: expected {expected}"


pulumi.runtime.set_mocks(Mocks())
host = ComponentProvider([App], "shop")
print(f"pulumi {version('pulumi')}")
asyncio.run(look())
PYTHON
