"""The etcd data probe: asks machines what etcd holds.

Runs by itself, with the standard library only.

Usage: python3 etcd_data_probe.py FILE < OPENSSH_FILES.json

Prints a line with the id of etcd's data and, as NAME=TIMES, how often units and keys will have been
written again because they were changed by hand; on a second line, those that are now. The first
machine that can be reached tells it; on stderr, which cannot. What none tells is as FILE holds it
(nothing if it is not there), with the reason on stderr. It never fails: a preview has to work while
the cluster does not.
"""

import json
import subprocess
import sys
from pathlib import Path

# Run by its path, it is in no package: its folder is where Python looks first.
from ssh_call import REFRESH, call_any

SECONDS = 15
"""For each machine; one that does not accept connections costs `CONNECT_SECONDS`."""
CONNECT_SECONDS = 4
# Data that were deleted or restored a moment ago get their id when fleet has seen them.
ASK = """\
set -a; . /etc/fleet/environment
ETCDCTL_CERT=/etc/fleet/pki/fleet.crt ETCDCTL_KEY=/etc/fleet/pki/fleet.key
for turn in $(seq 16); do
    if etcdctl --command-timeout=2s get --print-value-only /fleet/cluster | grep .; then
        fleetctl drift || true
        exit
    fi
    sleep 0.5
done
echo "etcd there does not tell the id of its data" >&2; exit 1
"""


def main() -> None:
    """Ask, or tell what was known before."""
    files: dict[str, str] = json.load(sys.stdin)
    kept = Path(sys.argv[1])
    machines = files.pop("machines").split()
    before = kept.read_text() if kept.exists() else ""
    try:
        print(ask(machines, files, before))
    # An answer of another version of fleet's software is one that cannot be read.
    except (OSError, LookupError, TypeError, ValueError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", "") or str(error)
        print(f"No machine says which data etcd holds: {reason.strip()}", file=sys.stderr)
        print(before)


def ask(machines: list[str], files: dict[str, str], before: str) -> str:
    """What etcd holds, over SSH.

    Raises:
        OSError, subprocess.SubprocessError: no answer.
        LookupError, TypeError, ValueError: one that is not understood.
    """
    found, asked = call_any(machines, ASK, files, connect_seconds=CONNECT_SECONDS, seconds=SECONDS)
    asked.check_returncode()
    for machine in machines[: machines.index(found)]:
        print(f"{machine} cannot be reached: {REFRESH}", file=sys.stderr)
    cluster, _, drift = asked.stdout.partition("\n")
    id = str(json.loads(cluster)["id"])
    if drift.strip():
        found_drift = json.loads(drift)
        return f"{id}{counts(**found_drift)}\n{', '.join(found_drift['changed'])}".strip()
    print(f"{found} does not say what was changed by hand: {asked.stderr.strip()}", file=sys.stderr)
    return before if before.partition(" ")[0] == id else id


def counts(mended: dict[str, int], changed: list[str]) -> str:
    """How often each name was written again, once more for those that are changed now."""
    times = {name: count + (name in changed) for name, count in sorted(mended.items())}
    return "".join(f" {name}={count}" for name, count in times.items() if count)


if __name__ == "__main__":
    main()
