"""Suggestions for a name that is not there (pure)."""

import re
from collections.abc import Iterable

WORDS_ELSEWHERE = {
    "list-units": "ps ls list get units jobs is-active is-failed",
    "list-machines": "nodes node machines hosts members",
    "list-unit-files": "files images",
    "run": "systemd-run batch exec-once",
    "start": "create up launch enable scale add",
    "stop": "kill disable down pause",
    "destroy": "rm remove delete del purge uninstall",
    "restart": "bounce try-restart reload-or-restart",
    "rollout": "update upgrade deploy roll rolling-update",
    "undo": "rollback revert back",
    "history": "revisions releases versions",
    "apply": "sync",
    "plan": "diff preview dry-run",
    "journal": "logs log journalctl tail",
    "exec": "nsenter attach",
    "ssh": "login shell",
    "status": "show info",
    "why": "describe inspect explain events",
    "verify": "lint validate check test",
    "set-metadata": "label tag annotate",
    "rebalance": "balance spread",
    "drain": "evict evacuate",
}
"""What docker, kubectl, nomad and systemctl call what a command of fleetctl does."""


def command_elsewhere(word: str) -> str:
    """The command of fleetctl that does what `word` does elsewhere; empty if there is none."""
    found = [ours for ours, others in WORDS_ELSEWHERE.items() if word in others.split()]
    return found[0] if found else ""


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """A hint for the end of an error, or nothing when no known name is near."""
    near = [(wrong, name) for name in known if (wrong := _mistakes(given, name)) is not None]
    return f"; did you mean {min(near)[1]}?" if near else ""


def _mistakes(given: str, name: str) -> int | None:
    """How many keys were hit wrongly; None if that is another name.

    A number is meant as it is: machine-4 is not machine-1.
    """
    (stem, kind), (other, other_kind) = _split(given), _split(name)
    if stem in (other, other.partition("@")[0]):
        return 0  # Of another type, or an instance.
    if kind != other_kind or re.findall(r"\d+", stem) != re.findall(r"\d+", other):
        return None
    mistakes = distance(stem, other)
    return mistakes if mistakes <= max(len(stem), len(other)) // 3 else None


def _split(name: str) -> tuple[str, str]:
    stem, _, kind = name.lower().rpartition(".")
    return (stem, kind) if stem and kind.isalpha() else (name.lower(), "")


def distance(one: str, other: str) -> int:
    """How many letters to insert, delete, replace, or exchange with their neighbour."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, expected in enumerate(other, 1):
            wrong = letter != expected
            row.append(min(row[-1] + 1, before[j] + 1, before[j - 1] + wrong))
            if i > 1 and j > 1 and (letter, one[i - 2]) == (other[j - 2], expected):
                row[j] = min(row[j], last[j - 2] + 1)
    return row[-1]
