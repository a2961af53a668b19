"""Pinned images: machines keep theirs while one made anew could not join etcd, or would lose units.

Of a stack with Debian's etcd, the first update brings the present etcd to the machines as they are;
the next one brings the image.
"""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path

import pulumi
from pulumi_command import local

from ...fleet.etcd_configuration import ETCD_PKI
from ...fleet.etcd_roles import FLEET
from ...fleet.model.keys import STATES, UNITS
from ...fleet.setup.files import DEBIANS_DATA, ETCD_DATA, FLEET_PKI

_PROBE = Path(__file__).with_name("pinned_images_probe.py")
_AS_FLEET = (
    "set -a; . /etc/fleet/environment; "
    f"ETCDCTL_CERT={FLEET_PKI}/{FLEET.name}.crt; ETCDCTL_KEY={FLEET_PKI}/{FLEET.name}.key"
)
_FIRST_KEY = "etcdctl --command-timeout=2s get --prefix --keys-only --limit=1"
_ETCD_KNOWS_NO_UNIT_THAT_RUNS = (
    f'({_AS_FLEET}; units=$({_FIRST_KEY} {UNITS}) && test -z "$units" && '
    f"{_FIRST_KEY} {STATES} | grep -q .)"
)
IS_PINNED = (
    f"test -e {ETCD_PKI} && test -e {DEBIANS_DATA}/member/wal && "
    f"{{ ! test -e {ETCD_DATA}/member/wal || {_ETCD_KNOWS_NO_UNIT_THAT_RUNS}; }}"
)
"""It is a member, was one of Debian's etcd, and is none of ours yet; or the first update has not
come to the units: machines report some, and etcd has no desired state of any, so that a drain would
move none. An etcd that does not answer is no reason: without it no member goes (`quorum.py`)."""


def pinned_images(network: pulumi.Input[str]) -> pulumi.Output[Mapping[str, str]]:
    """The images that machines of a Docker network keep, by name: of all of them, or of none."""
    asked = local.run_output(
        command=f"python3 {shlex.quote(str(_PROBE))} {shlex.quote(IS_PINNED)}",
        stdin=network,
    )
    return asked.apply(lambda answer: _with_warning(json.loads(answer.stdout)))


def _with_warning(images: Mapping[str, str]) -> Mapping[str, str]:
    if images:
        pulumi.log.warn(
            "Machines keep their image in this update, which brings them from Debian's etcd to the "
            "present one: a machine made anew could not join Debian's, and loses units that the "
            "present one does not know yet. The next pulumi up makes the machines anew, one at a "
            "time. What was started by hand keeps them as they are, too, if the program has no "
            "units: fleetctl start it again, or fleetctl destroy it"
        )
    return images
