"""Image hold: machines keep their image in an update as long as one made anew could not join etcd.

Of a stack with Debian's etcd, the first update brings the present etcd to the machines as they are;
the next one brings the image.
"""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path

import pulumi
from pulumi_command import local

from ...fleet.etcd_roles import FLEET
from ...fleet.model.keys import UNITS
from ...fleet.setup.files import DEBIANS_DATA, ETCD_DATA, FLEET_PKI

_PROBE = Path(__file__).with_name("image_hold_probe.py")
_FIRST_UNIT = (
    "(set -a; . /etc/fleet/environment; "
    f"ETCDCTL_CERT={FLEET_PKI}/{FLEET.name}.crt ETCDCTL_KEY={FLEET_PKI}/{FLEET.name}.key "
    f"etcdctl --command-timeout=2s get --prefix --keys-only --limit=1 {UNITS})"
)
CHANGES_ETCD = (
    f"test -e {DEBIANS_DATA}/member/wal && "
    f"{{ ! test -e {ETCD_DATA}/member/wal || ! {_FIRST_UNIT} | grep -q .; }}"
)
"""It has been a member of Debian's etcd, and is none of ours yet; or of one that is still empty: a
machine that is drained then would lose its units, which etcd does not know."""


def held_images(network: pulumi.Input[str]) -> pulumi.Output[Mapping[str, str]]:
    """The images that machines of a Docker network keep, by name: of all of them, or of none."""
    asked = local.run_output(
        command=f"python3 {shlex.quote(str(_PROBE))} {shlex.quote(CHANGES_ETCD)}",
        stdin=network,
    )
    return asked.apply(lambda answer: _told(json.loads(answer.stdout)))


def _told(images: Mapping[str, str]) -> Mapping[str, str]:
    if images:
        pulumi.log.warn(
            "Machines keep their image in this update: they have Debian's etcd, which a machine "
            "made anew could not join. This update replaces that etcd, and no machine; the next "
            "pulumi up makes the machines anew, one at a time."
        )
    return images
