"""What a preview says of units: what the update will do to them, as the cluster itself plans it.

A hook of the unit's resource runs in previews when the resource is to change, and asks
`fleetctl plan` on a machine. Before there is a cluster, fleet's scheduler tells here where units
will be. It says nothing when the cluster cannot be asked: a preview never fails, and never waits
long, because of it. Where a member of etcd cannot be reached, another one is asked.
"""

import asyncio
import itertools
import json
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from ..access import ClusterAccess
from ..fleet.model.printable import printable
from .initial_plan import Machines, initial_plan
from .openssh_files import openssh_files
from .ssh_call import call_any

CONNECT_SECONDS = 3
SECONDS = 20
"""For the whole question."""
ASK = f"timeout {SECONDS} fleetctl plan --output json"


def new_memory() -> defaultdict[str, list[Any]]:
    """By cluster, the documents that a preview has come to: later units may need theirs."""
    return defaultdict(list[Any])


_before = new_memory()
_numbers = itertools.count(1)
"""Of hooks: they are of a preview alone, so nothing keeps their names."""

_secrets: set[str] = set()
"""The secrets that the program sets in this preview, which are there before units that name them;
of all of its clusters: which one that is may not be known yet."""


def note_secrets(names: Iterable[str]) -> None:
    """Tell that the program sets these secrets: the cluster cannot know of them in a preview."""
    if pulumi.runtime.is_dry_run():
        _secrets.update(names)


@dataclass(frozen=True)
class OpenManifest:
    """A document as far as it is known before the update."""

    document: str
    missing: list[str]
    """What is not known yet, such as the digest of an image that will be built."""

    @property
    def condition(self) -> str:
        """Under which condition a plan for it holds."""
        return f"{', '.join(self.missing)} not known yet, for example not built; if changed:\n"


def hooks(
    component: pulumi.Resource,
    cluster: ClusterAccess,
    document: pulumi.Output[str],
    manifest: OpenManifest,
) -> pulumi.ResourceHookBinding | None:
    """What tells, in a preview, what a change of a unit's resource will do; None in an update.

    Args:
        component: what the lines are shown with.
        cluster: the cluster that the unit runs on.
        document: what `fleetctl apply` will get.
        manifest: what stands for it as long as it is not known.
    """
    if not pulumi.runtime.is_dry_run():
        return None
    ways = cluster.members

    async def tell(args: pulumi.ResourceHookArgs) -> None:
        machines = await ways.future()
        known = await document.future()
        asked = known or manifest.document
        if machines is None:
            say(component, foresee(await cluster.metadata(), asked), "")
        else:
            files = openssh_files(machines)
            found = await asyncio.to_thread(ask, list(machines), files, asked)
            say(component, found, "" if known else manifest.condition)

    options = pulumi.ResourceHookOptions(on_dry_run=True, ignore_errors=True)
    # A unit and a template may have the same name, and the engine takes each hook's once.
    name = f"{component.pulumi_resource_name}-plan-{next(_numbers)}"
    hook = pulumi.ResourceHook(name, tell, options)
    return pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])


def say(component: pulumi.Resource, plan: Mapping[str, Any], condition: str) -> None:
    """Show what was planned, if that is anything."""
    lines = printable(condition + "\n".join(plan.get("lines", [])), "\n")
    if plan.get("refused"):
        pulumi.warn(
            f"with the machines as they are known, the update will be refused:\n{lines}", component
        )
    elif plan.get("lines"):
        pulumi.info(lines, component)


def foresee(machines: Machines, document: str) -> Mapping[str, Any]:
    """What a cluster that does not exist yet will do, by what is known of its machines."""
    if not machines:
        return {}
    documents = _before[", ".join(machines)]
    documents.append(json.loads(document))
    return initial_plan(documents, machines)


def ask(machines: Sequence[str], files: Mapping[str, str], document: str) -> Mapping[str, Any]:
    """What the cluster plans to do; empty when it cannot be asked, for whatever reason.

    Args:
        machines: that are asked, one after the other until one can be reached.
        files: OpenSSH's for them.
        document: what `fleetctl apply` will get.
    """
    earlier = _before[files["known_hosts"]]
    coming = {"secrets": sorted(_secrets)} if _secrets else {}  # Earlier versions know none.
    question = json.dumps({**json.loads(document), "after": list(earlier), **coming})
    earlier.append(json.loads(document))
    seconds = SECONDS + CONNECT_SECONDS
    try:
        _, answer = call_any(
            machines,
            ASK,
            files,
            question=question,
            connect_seconds=CONNECT_SECONDS,
            seconds=seconds,
        )
        return json.loads(answer.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        pulumi.debug(f"the cluster does not say what the update will do: {error}")
        return {}
