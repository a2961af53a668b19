"""`fleetctl secret`."""

import json
import os
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Mapping
from datetime import UTC, datetime
from time import time
from typing import Any

from ....cluster_state.state import ClusterState
from ...cli import table
from ...cli.errors import CtlError, Exit, UsageError
from ...cli.output import tell
from ...cli.rollout_options import add_rollout_options, limits_of
from ...cli.secret_input import check_value, value_of
from ...operations.context import Context
from ...operations.secret import (
    change_of,
    check_canaries,
    check_known,
    check_name,
    check_stack,
    forget_useless,
    remove,
    roll,
    sealed,
    store,
)
from ...state.claims import PRINTED, claim, digest, kept, release
from ...state.secret_versions import (
    can_be_opened,
    claim_name,
    current_versions,
    names,
    users,
    versions_of,
)
from ...state.watcher import Watcher, read_state
from ..command import Command, Input

ACTIONS = ("set", "list", "rotate", "rm")
FIELDS = ("name", "version", "set", "age", "by", "units", "problem")
SHOWN = ("name", "version", "set", "units", "problem")


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("action", choices=ACTIONS, metavar="ACTION", help=", ".join(ACTIONS))
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="the secret's name")
    parser.add_argument(
        "--no-roll",
        action="store_true",
        help="with set, rotate: units get the value with their next rollout",
    )
    parser.add_argument("--claim", type=int, metavar="N", help=SUPPRESS)
    add_rollout_options(parser)
    table.add_options(parser, FIELDS, SHOWN, "name")


def _run(context: Context, arguments: Namespace) -> int:
    limits_of(arguments)
    table.chosen_fields(arguments.fields, FIELDS)
    if arguments.action == "list":
        return _list(context, arguments)
    if not arguments.name:
        raise UsageError(f"secret {arguments.action} needs a NAME; see: fleetctl secret --help")
    check_name(arguments.name)
    return _remove(context, arguments) if arguments.action == "rm" else _set(context, arguments)


def _list(context: Context, arguments: Namespace) -> int:
    if arguments.name:
        raise UsageError("secret list takes no NAME: it shows all")
    view = read_state(context.connect())
    rows = [row(name, view, time()) for name in names(view)]
    print(table.render(rows, arguments, FIELDS), end="")
    return Exit.DONE


def row(name: str, view: ClusterState, now: float) -> table.Row:
    """A secret as a table's row: never its value."""
    version, secret = [*versions_of(name, view).items()][-1]
    at = secret.written_at
    problem = f"no member of etcd can open it: fleetctl secret set {name} < FILE"
    return {
        "name": name,
        "version": version,
        "set": f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC" if at else None,
        "age": round(now - at) if at else None,
        "by": secret.author,
        "units": ", ".join(users(name, view)),
        "problem": "" if can_be_opened(secret, view) else problem,
    }


def _set(context: Context, arguments: Namespace) -> int:
    name, value = arguments.name, value_of(context.document)
    check_value(value)
    with Watcher(context.connect(), context.origin) as watcher:
        view = watcher.state
        if arguments.action == "rotate":
            check_known(name, view)
        if arguments.claim is not None:
            check_stack(name, view, context.origin.author)
        if not arguments.no_roll:
            check_canaries(name, view)
        given = _earlier(name, value, view, arguments)
        code, version = Exit.DONE, given.get("version", "")
        if not version or version not in versions_of(name, view):
            secret = sealed(value, context.sealer, view, context.origin.author)
            version = store(watcher, name, secret, version)
            code = _bring(context, watcher, version, arguments)
        if code is Exit.DONE:
            _print(watcher, version, value, arguments)
    return code


def _bring(context: Context, watcher: Watcher, version: str, arguments: Namespace) -> Exit:
    name, using = arguments.name, users(arguments.name, watcher.state)
    if arguments.no_roll or not change_of(name, watcher.state).units:
        forget_useless(watcher, name)
        if using:
            tell(f"{', '.join(using)}: the value comes with the next rollout")
        return Exit.DONE
    # Pulumi's resource reads standard output: there it is the claim alone.
    say = print if arguments.claim is None else tell
    return roll(context, watcher, name, version, limits_of(arguments), say)


def _earlier(
    name: str, value: bytes, view: ClusterState, arguments: Namespace
) -> Mapping[str, Any]:
    """What Pulumi's resource has printed, if it is asked again to set what it has set.

    Where etcd was emptied meanwhile, the version is the same as before: units run on.
    """
    if arguments.claim is None:
        return {}
    try:
        printed: Mapping[str, Any] = json.loads(os.environ.get(PRINTED, ""))
        same = digest(str(printed["claim"]), value.hex()) == printed["digest"]
        now = current_versions(view).get(name, printed["version"])
        return printed if same and now == printed["version"] else {}
    except (ValueError, KeyError, TypeError):
        return {}


def _print(watcher: Watcher, version: str, value: bytes, arguments: Namespace) -> None:
    name = arguments.name
    if arguments.claim is None:
        print(f"Secret {name} is set, version {version}")
        return
    # The claim is for every machine to read, so it is of the version. What tells whether the value
    # is another one is printed: it stays in Pulumi's state, as a secret.
    token = claim(watcher.store, claim_name(name), version, arguments.claim)
    known = {"claim": token, "version": version, "digest": digest(token, value.hex())}
    print(json.dumps(known))


def _remove(context: Context, arguments: Namespace) -> int:
    name = arguments.name
    kv = context.connect()
    if arguments.claim is not None and not release(kv, claim_name(name)):
        tell(kept(name))
        return Exit.DONE
    with Watcher(kv, context.origin) as watcher:
        if arguments.claim is not None and name not in names(watcher.state):
            return Exit.DONE
        try:
            remove(watcher, name)
        except CtlError:
            if arguments.claim is None:
                raise
            tell(f"{name} stays: units name it, and no resource has it any more")
            return Exit.DONE
    print(f"Secret {name} is removed")
    return Exit.DONE


COMMAND = Command(
    name="secret",
    summary="secrets that follow units: set, list, rotate, rm",
    help="""\
Secrets that units get as systemd's credentials, on whichever machine they run. A unit names them in
its file, once for each:

  [Service]
  LoadCredential=db-password:/run/fleet/credentials

and reads the file $CREDENTIALS_DIRECTORY/db-password. It gets the value when it starts.

  set NAME < FILE     keep the bytes of FILE as secret NAME, new or not. Units that name it are
                      rolled to the new value, by the rules of fleetctl rollout: a few at a time,
                      each healthy before the next. If one fails, all go back to the value before.
  rotate NAME < FILE  the same for a secret that there is: a mistyped name is refused
  list                names, versions, when each was set and which units name it. Values are never
                      shown, by no command
  rm NAME             remove a secret that no unit names

A unit that names a secret which there is not is refused before anything starts. A value has 1 byte
to 64 KiB, and line ends at its end are part of it. In etcd it is sealed to the members' own keys,
and to the machines whose units name it.""",
    example="""
  $ fleetctl secret set db-password < password.txt
  Secret db-password is set, version 1-9f3c

  $ openssl rand -hex 32 | fleetctl secret rotate db-password
  web@1.service  rolled  machine-2  3.1s
  web@2.service  rolled  machine-1  3.3s
  Secret db-password is set, version 2-04be

  $ fleetctl secret list
  NAME        VERSION SET                     UNITS        PROBLEM
  db-password 2-04be  2026-11-29 03:00:00 UTC web@.service -
""",
    configure=_configure,
    run=_run,
    input=Input.SECRET,
    after_interrupt=(
        "The value may be kept, and each unit is on the one before or on the new one. To look: "
        "fleetctl secret list. To bring it to all: the same command again"
    ),
)
