"""fleetd of the previous release, on machines of the present one."""

import base64
import shlex
import subprocess

from tests.checkout import CHECKOUT
from tests.cluster.stack import Stack

PREVIOUS = "f507848"
"""A commit of the release before, which knows all that the example's unit files say."""
SOURCE = "components/fleet_cluster"
SINCE: tuple[str, ...] = ()
"""Settings that it does not know, and refuses."""
SWITCH = f"""
import base64, io, json, sys, tarfile
from fleet.setup.fleetd.upgrade import Upgrade
from fleet.setup.fleetd.versions import Versions

versions = Versions()
previous = versions.folder / "previous"
if not previous.exists():
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(sys.stdin.read()))) as packed:
        packed.extractall(previous, filter="data")
    settings = json.loads(versions.conf(versions.current).read_text())
    known = {{name: settings[name] for name in settings.keys() - set({SINCE})}}
    versions.conf("previous").write_text(json.dumps(known))
other = versions.current if versions.running == "previous" else "previous"
Upgrade.here(versions, metrics_address="").run(other, seconds=60)
"""
"""As the set-up upgrades a machine, and takes it back: software, settings and unit files."""


def switch_fleetd(stack: Stack, machine: str) -> None:
    """Its fleetd is that of the previous release from now on; or, if it was, the present one."""
    packed = subprocess.run(
        ("git", "archive", f"{PREVIOUS}:{SOURCE}", "fleet"),
        cwd=CHECKOUT,
        capture_output=True,
        check=True,
    ).stdout
    switch = f"sudo env PYTHONPATH=/opt/fleet/current python3 -c {shlex.quote(SWITCH)}"
    stack.on(machine, switch, stdin=base64.b64encode(packed).decode())


def runs_previous(stack: Stack, machine: str) -> bool:
    """Whether its fleetd is that of the previous release."""
    return stack.on(machine, "readlink /opt/fleet/running").out.strip() == "previous"
