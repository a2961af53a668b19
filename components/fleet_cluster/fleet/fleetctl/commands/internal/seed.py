"""`fleetctl seed`: for `pulumi up`, which writes the application's first keys with it."""

import json
from argparse import ArgumentParser, Namespace
from typing import Any

from ....kv import Delete, Put
from ...cli.errors import CtlError, Exit
from ...cli.output import tell
from ...operations.context import Context
from ...state.claims import claim, kept, release
from ..command import Command, Input


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="a key that the application may write")
    parser.add_argument("--remove", action="store_true", help="remove the key instead")
    parser.add_argument(
        "--claim",
        type=int,
        default=0,
        metavar="N",
        help="how often it was written again after changes by hand",
    )


def _run(context: Context, arguments: Namespace) -> int:
    key: str = arguments.key
    kv, application = context.connect(), context.connect_as_app()
    if not arguments.remove:
        value = _value(context.document)
        application.commit([Put(key, value)])
        print(json.dumps({"claim": claim(kv, key, value, arguments.claim)}))
    elif release(kv, key):
        application.commit([Delete(key)])
    else:
        tell(kept(key))
    return Exit.DONE


def _value(document: str) -> str:
    try:
        given: Any = json.loads(document)["value"]
    except (ValueError, KeyError, TypeError) as error:
        # What was given may be a secret, so it is not shown.
        raise CtlError('seed reads a JSON object on standard input: {"value": TEXT}') from error
    return str(given)


COMMAND = Command(
    name="seed",
    summary="write a key of the application, and note that it is the caller's",
    help="""\
Write a value from standard input to etcd, with the application's certificate, or remove the key.
`pulumi up` runs this for each key of EtcdKeys. A key that another resource has written since is not
removed.""",
    example="""
  $ fleetctl seed /app/greeting <<< '{"value": "Hello World!"}'
  {"claim": "5f0c1b7a9e3d2468"}
""",
    configure=_configure,
    run=_run,
    input=Input.DOCUMENT,
    hidden=True,
)
