"""Makes `unitfiles/directives.py`: what the systemd of this computer knows.

    python toolchain/directives.py > components/fleet_cluster/fleet/unitfiles/directives.py

Run it on a machine of the release that machines have, and when that changes.
"""

import re
import string
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

SYSTEMD = Path("/lib/systemd/systemd")
PROBE = "[Service]\nExecStart=/bin/echo %{}\n"
HEAD = '''\
"""What systemd knows in unit files. Made by toolchain/directives.py: do not edit."""

from collections.abc import Mapping

VERSION = {version}

SPECIFIERS = frozenset("{specifiers}")
"""The letters that may follow a percent sign."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


COMMANDS = _words(
    """
{commands}
    """
)
"""Keys whose values are command lines."""

TRIGGERS = _words(
    """
{triggers}
    """
)
"""Keys that say when a timer elapses."""

DIRECTIVES: Mapping[str, frozenset[str]] = {{
'''
ENTRY = '''\
    "{section}": _words(
        """
{keys}
        """
    ),
'''


def version() -> int:
    """The version of this computer's systemd."""
    said = _run(str(SYSTEMD), "--version")
    return int(said.split()[1])


def module() -> str:
    """The module's source text."""
    sections: defaultdict[str, dict[str, str]] = defaultdict(dict)
    section = ""
    for line in _run(str(SYSTEMD), "--dump-configuration-items").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line:
            key, _, kind = line.partition("=")
            sections[section][key] = kind
    sections.pop("Scope")  # Scopes are made by programs, not from files.
    head = HEAD.format(
        version=version(),
        specifiers="".join(sorted(specifiers())),
        commands=_lines(_of_kind(sections, "PATH [ARGUMENT [...]]"), 4),
        triggers=_lines(_of_kind(sections, "TIMER"), 4),
    )
    entries = (
        ENTRY.format(section=section, keys=_lines(keys, 4)) for section, keys in sections.items()
    )
    return head + "".join(entries) + '}\n"""Each section, with its keys."""\n'


def specifiers() -> set[str]:
    """The specifiers that systemd does not refuse in a command line."""
    letters = string.ascii_letters + string.digits + "%"
    with tempfile.TemporaryDirectory() as folder:
        names = {letter: f"probe-{number}.service" for number, letter in enumerate(letters)}
        for letter, name in names.items():
            Path(folder, name).write_text(PROBE.format(letter))
        paths = [f"{folder}/{name}" for name in names.values()]
        said = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *paths],
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "SYSTEMD_UNIT_PATH": folder},
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        ).stderr
    refused = set(re.findall(r"Failed to resolve unit specifiers in '?%(.)", said))
    if not refused:
        raise SystemExit(f"systemd-analyze refuses no letter, or says so in another way: {said}")
    return set(letters) - refused


def _of_kind(sections: dict[str, dict[str, str]], kind: str) -> set[str]:
    return {key for keys in sections.values() for key, found in keys.items() if found == kind}


def _lines(words: set[str] | dict[str, str], indent: int) -> str:
    lines = [""]
    for word in sorted(words):
        if len(lines[-1]) + len(word) + indent + 1 > 100:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return "\n".join(" " * indent + line for line in lines)


def _run(*words: str) -> str:
    return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    print(module(), end="")
