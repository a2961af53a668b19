"""First contact with a new machine: proves it by the key in its user data, replaces that key.

Runs by itself (`python3 -c`, with the standard library and the OpenSSH client only), since it has
to accept two host keys: if it is repeated after the lasting key was installed, that one answers.
Input on stdin, JSON: {"host", "user", "private_key", "first_key", "lasting_key",
"lasting_private_key", "root_gib", "proxy": {...} or null}.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BOOT_SECONDS = 600
TRIAL_SECONDS = 60
"""ssh itself limits the connection alone: a machine that is busy booting may hang after that."""
STEP_SECONDS = 1200
SSH_FAILED = 255

ON_THE_MACHINE = r"""
set -eu
if ! timeout 1000 cloud-init status --wait >/dev/null; then
    cloud-init status --long >&2 || true
    grep -E 'ERROR|WARNING|Traceback' /var/log/cloud-init.log | tail -n 20 >&2 || true
    tail -n 40 /var/log/cloud-init-output.log >&2 || true
    echo "cloud-init did not finish; mend what it says above, then run pulumi up again" >&2
    exit 1
fi
size=$(df --block-size=1M --output=size / | tail -n 1)
if [ "$size" -lt $((ROOT_GIB * 1024 * 9 / 10)) ]; then
    echo "the root file system has $size MiB, though root-size is ROOT_GIB GiB" >&2
    exit 1
fi
umask 077
cat > /etc/ssh/.lasting
ssh-keygen -y -f /etc/ssh/.lasting > /etc/ssh/.lasting.pub
chmod 0644 /etc/ssh/.lasting.pub
mv /etc/ssh/.lasting.pub /etc/ssh/ssh_host_ed25519_key.pub
mv /etc/ssh/.lasting /etc/ssh/ssh_host_ed25519_key
systemctl restart ssh.service
"""


def main() -> None:
    """Wait for the machine, run the step there; its failure is shown and is ours."""
    wanted = json.load(sys.stdin)
    with tempfile.TemporaryDirectory(prefix="first-contact-") as folder:
        command = ssh_command(wanted, Path(folder))
        wait_for(command)
        script = ON_THE_MACHINE.replace("ROOT_GIB", str(int(wanted["root_gib"])))
        quoted = "'" + script.replace("'", "'\\''") + "'"
        try:
            done = subprocess.run(
                [*command, f"sudo sh -c {quoted}"],
                input=wanted["lasting_private_key"].strip() + "\n",
                text=True,
                timeout=STEP_SECONDS,
            )
        except subprocess.TimeoutExpired:
            sys.exit(
                f"first contact took longer than {STEP_SECONDS} s. Next step: look at the "
                "instance's system log, then run pulumi up again"
            )
    sys.exit(done.returncode)


def ssh_command(wanted: dict[str, Any], folder: Path) -> list[str]:
    """The OpenSSH client, pinned to the two keys; secrets are in files of a private folder."""
    known = f"machine {wanted['first_key']}\nmachine {wanted['lasting_key']}\n"
    lines = ["Host machine", f"    HostName {wanted['host']}", f"    User {wanted['user']}"]
    write(folder / "identity", wanted["private_key"])
    lines.append(f"    IdentityFile {folder}/identity")
    if wanted["proxy"]:
        proxy = wanted["proxy"]
        known += f"proxy {proxy['host_key']}\n"
        write(folder / "proxy", proxy["private_key"])
        lines += ["    ProxyJump proxy", "Host proxy", f"    HostName {proxy['host']}"]
        lines += [f"    Port {proxy['port']}", f"    User {proxy['user']}"]
        lines.append(f"    IdentityFile {folder}/proxy")
    lines += ["Host *", "    BatchMode yes", "    IdentitiesOnly yes", "    IdentityAgent none"]
    lines += [f"    UserKnownHostsFile {folder}/known", "    GlobalKnownHostsFile /dev/null"]
    lines += ["    StrictHostKeyChecking yes", "    ConnectTimeout 10", "    LogLevel ERROR"]
    lines += ["    ServerAliveInterval 15", "    HostKeyAlgorithms ssh-ed25519"]
    write(folder / "known", known)
    write(folder / "config", "\n".join(with_aliases(lines)))
    return ["ssh", "-F", str(folder / "config"), "machine"]


def with_aliases(lines: list[str]) -> list[str]:
    """Keys are looked up by the names here, whatever the addresses are."""
    named = [line.split()[1] for line in lines if line.startswith("Host ") and "*" not in line]
    for name in named:
        lines.insert(lines.index(f"Host {name}") + 1, f"    HostKeyAlias {name}")
    return lines


def write(path: Path, text: str) -> None:
    """Write a file that only this user can read, since its folder is such."""
    path.write_text(text.strip() + "\n")
    path.chmod(0o600)


def wait_for(command: list[str]) -> None:
    """Wait until the machine has booted far enough to let us in: there is no event for it."""
    deadline = time.monotonic() + BOOT_SECONDS
    while reason := refused(command):
        if time.monotonic() > deadline:
            sys.exit(
                f"no answer by SSH for {BOOT_SECONDS} s: {reason}. Next step: see "
                "that allow-ssh-from and connect-through let this computer reach the machine"
            )
        time.sleep(2)


def refused(command: list[str]) -> str:
    """Why the machine does not let us in; empty if it does."""
    try:
        tried = subprocess.run(
            [*command, "true"], capture_output=True, text=True, timeout=TRIAL_SECONDS
        )
    except subprocess.TimeoutExpired:
        return "it takes connections, and says nothing"
    return (tried.stderr.strip() or "ssh failed") if tried.returncode == SSH_FAILED else ""


if __name__ == "__main__":
    main()
