"""`fleetctl drift`: for `pulumi preview` and `pulumi up`, which ask what was changed by hand."""

import json
from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import Iterable

from ....cluster_state.state import ClusterState
from ....kv import KV
from ....model.records import Unit
from ...cli.errors import Exit
from ...operations.context import Context
from ...state.claims import changed, claims_in, content_of
from ...state.secret_versions import claim_name, current_versions
from ...state.watcher import read_state
from ..command import Command


def _configure(parser: ArgumentParser) -> None:
    del parser


def _run(context: Context, arguments: Namespace) -> int:
    view = read_state(context.connect())
    claims = claims_in(view)
    keys = [name for name in claims if name.startswith("/")]
    values = _values(context.connect_as_app(), keys) if keys else {}
    contents = {**_units(view), **_secrets(view), **values}
    print(
        json.dumps(
            {
                "mended": {name: known.repairs if known else 0 for name, known in claims.items()},
                "changed": sorted(changed(claims, contents)),
            }
        )
    )
    return Exit.DONE


def _units(view: ClusterState) -> dict[str, str]:
    """What each owner's units are now."""
    owned: defaultdict[str, dict[str, Unit]] = defaultdict(dict)
    for name, unit in view.units.items():
        owned[unit.owner][name] = unit
    return {owner: content_of(its, view.files) for owner, its in owned.items()}


def _secrets(view: ClusterState) -> dict[str, str]:
    """Which version each secret has now: of the values, nothing is compared."""
    return {claim_name(name): version for name, version in current_versions(view).items()}


def _values(application: KV, keys: Iterable[str]) -> dict[str, str]:
    found = application.get(list(keys)).entries
    return {key: entry.value for key, entry in found.items()}


COMMAND = Command(
    name="drift",
    summary="what was changed by hand since pulumi up has written it, as JSON",
    help="""\
Print, as JSON, which owners' units and which keys differ from what `pulumi up` has written, and how
often each was written again because of that.""",
    example="""
  $ fleetctl drift
  {"mended": {"hello.service": 0, "/app/greeting": 2}, "changed": ["hello.service"]}
""",
    configure=_configure,
    run=_run,
    hidden=True,
)
