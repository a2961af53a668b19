"""Has the units of shipped journals use what the set-up has written."""

from collections.abc import Callable, Set
from pathlib import Path

from ...journal_shipping import PKI, UNITS
from ..shell import systemctl


def settle(
    changed: Set[str],
    wanted: Set[str],
    authority: str,
    systemctl: Callable[..., str] = systemctl,
    folder: Path = Path(PKI),
) -> None:
    """Restarts those that run where certificates are others, and removes those of before.

    Journals wait meanwhile. A pattern, since the units may not be there yet.

    Args:
        changed: paths of files that are different now.
        wanted: paths of all that the machine is to have.
        authority: path of whom the units trust.
        systemctl: asks systemd.
        folder: where the certificates are.
    """
    for path in folder.glob("*"):
        if str(path) not in wanted:
            path.unlink()
    if authority in changed or any(Path(path).parent == folder for path in changed):
        systemctl("try-restart", UNITS)
