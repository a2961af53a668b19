"""A worker, a machine that keeps none of etcd's data: what it may write there, and until when.

Its certificate says its name, and what it writes is named by the id that it tells of itself. A
member of etcd puts the two together (`fleet/setup/etcd_auth.py`).
"""

import json
import shlex

import pulumi

from ..fleet.setup.inputs import MachineRemoval, Worker
from ..machine import Machine

SECONDS = 60
"""For etcd to forget a machine."""
ADMIT = "sudo timeout 120 fleet-setup worker"
"""The command that has etcd know one, of which it reads."""


def admission(
    machine: Machine, id: pulumi.Output[str], data_id: pulumi.Output[str]
) -> pulumi.Output[str]:
    """Input of the step `worker`. Users are data of etcd: with others, they are made again."""
    data = data_id.apply(lambda known: known.partition(" ")[0])
    known = Worker[pulumi.Input[str]](machine["name"], machine["address"], id, data)
    return pulumi.Output.json_dumps(known.to_wire())


def dismissal(name: str, address: str, id: str) -> str:
    """The command that has etcd forget a worker, unless another machine has its name by then."""
    gone = json.dumps(MachineRemoval(name, address, id, preview=False).to_wire())
    step = f"echo {shlex.quote(gone)} | sudo timeout {SECONDS} fleet-setup worker-gone"
    return f"{{ {step} || echo 'etcd still knows {name}' >&2; }}"
