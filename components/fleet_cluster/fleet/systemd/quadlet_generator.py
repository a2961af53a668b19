"""The generator of Podman: what it says of quadlets, of which it makes services for systemd.

systemd runs it with each daemon-reload and tells nobody how it has ended: of a quadlet that it
cannot use there is no service then, and no word but in its log. So it is asked beforehand.
"""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

GENERATOR = Path("/usr/lib/systemd/system-generators/podman-system-generator")
SECONDS = 10.0
"""How long it has; a hundred quadlets take it a tenth of one."""

_ABOUT = re.compile(
    r'(?:converting "(?P<name>[^"/]+)": |error loading "[^"]*/(?P<file>[^"/]+)", )(?P<text>.*)'
)


def complaints(names: Iterable[str], generator: Path = GENERATOR) -> dict[str, str]:
    """Why Podman makes no service of these quadlets, where it reads them now; by name."""
    names = list(names)
    if not names:
        return {}
    if not generator.exists():
        return dict.fromkeys(names, "the machine has no Podman with quadlets, 5 or newer")
    try:
        said = subprocess.run(
            [generator, "--dryrun"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return dict.fromkeys(names, f"Podman's generator does not answer: {error}")
    found = read_complaints(said.stderr.decode(errors="replace"))
    return {name: f"Podman: {found[name]}" for name in names if name in found}


def read_complaints(said: str) -> dict[str, str]:
    """What the generator has said of each quadlet that it cannot use (pure)."""
    matches = (_ABOUT.search(line) for line in said.splitlines())
    return {match["name"] or match["file"]: match["text"] for match in matches if match}
