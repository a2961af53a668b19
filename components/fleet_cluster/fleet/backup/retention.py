"""Retention of backups: which of the files in a folder are of one cluster and too many (pure)."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

_NAME = "fleet-{id}-{taken:%Y%m%dT%H%M%SZ}.db"
_ID_DIGITS = 8


def name(cluster: str, taken_at: float) -> str:
    """The name of a backup: of which data it is, and when it was taken.

    Data that were restored have another id: so what was taken before is not theirs to remove.
    """
    return _NAME.format(id=cluster[:_ID_DIGITS], taken=datetime.fromtimestamp(taken_at, UTC))


def surplus(cluster: str, keep: int, names: Iterable[str]) -> list[str]:
    """Those of the names that are of this cluster's backups, but for the newest."""
    own = re.compile(rf"fleet-{re.escape(cluster[:_ID_DIGITS])}-\d{{8}}T\d{{6}}Z\.db")
    found = sorted(one for one in names if own.fullmatch(one))
    return found[:-keep] if keep else []
