"""Asks a machine for the id of the data in etcd. Runs by itself, with the standard library only.

Usage: python3 store_probe.py FILE < OPENSSH_FILES.json

Prints the id; when the machine does not tell, what FILE holds (nothing if it is not there), and why
on stderr. It never fails: a preview has to work while the cluster does not.
"""

import json
import subprocess
import sys
from pathlib import Path

# Run by its path, it is in no package: its folder is where Python looks first.
from ssh_call import call

SECONDS = 15
"""For all; a machine that does not accept connections costs `CONNECT_SECONDS`."""
CONNECT_SECONDS = 4
# A store that was emptied or restored a moment ago gets its id when fleet has found it again.
ASK = """\
set -a; . /etc/fleet/environment
ETCDCTL_CERT=/etc/fleet/pki/fleet.crt ETCDCTL_KEY=/etc/fleet/pki/fleet.key
for turn in $(seq 16); do
    etcdctl --command-timeout=2s get --print-value-only /fleet/cluster | grep . && exit
    sleep 0.5
done
echo "etcd there does not tell the id of its data" >&2; exit 1
"""


def main() -> None:
    """Ask, or tell what was known before."""
    files: dict[str, str] = json.load(sys.stdin)
    kept = Path(sys.argv[1])
    machine = files.pop("machine")
    try:
        id = ask(machine, files)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", "") or str(error)
        print(f"{machine} does not say which data etcd holds: {reason.strip()}", file=sys.stderr)
        id = kept.read_text() if kept.exists() else ""
    print(id)


def ask(machine: str, files: dict[str, str]) -> str:
    """The id, over SSH.

    Raises:
        OSError, ValueError, subprocess.SubprocessError: no answer.
    """
    asked = call(machine, ASK, files, connect_seconds=CONNECT_SECONDS, seconds=SECONDS)
    asked.check_returncode()
    return str(json.loads(asked.stdout)["id"])


if __name__ == "__main__":
    main()
