"""The reserve: room that is kept for etcd where its data are, and released when there is no other.

etcd ends when its disk is full, and systemd starts it again every few seconds: with the reserve
released, it comes back.
"""

import logging
import os
from pathlib import Path

from ..journal_log import about
from .file_systems import ETCD, MIB

log = logging.getLogger(__name__)

SIZE = 128 * MIB
"""Two files of etcd's log, each of which is made as large as it may become."""
LOWEST = 64 * MIB
"""With less room than this, the reserve is released."""
AMPLE = 4 * LOWEST
"""With so much room beside it, it is made again."""


def is_due(free: int, is_kept: bool) -> bool:
    """Whether the reserve is to be released, or, if it is not kept, to be made (pure)."""
    return free < LOWEST if is_kept else free >= SIZE + AMPLE


class Reserve:
    """A reserve on a machine that is a member; on any other there is none."""

    def __init__(self, data: Path = Path(ETCD)) -> None:
        """`data`: etcd's; the reserve is beside them."""
        self._data = data
        self._file = data.with_name("reserved")

    def look(self) -> None:
        """Make it, or release it, if that is due.

        Raises:
            OSError: that cannot be done.
        """
        if not self._data.exists():
            self._file.unlink(missing_ok=True)
            return
        room, is_kept = os.statvfs(self._file.parent), self._file.exists()
        if not is_due(room.f_bavail * room.f_frsize, is_kept):
            return
        if is_kept:
            self._file.unlink()
            log.warning("etcd's reserve of room is released", extra=about("trouble"))
        else:
            self._make()

    def _make(self) -> None:
        draft = self._file.with_suffix(".new")
        try:
            with draft.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, SIZE)
            draft.replace(self._file)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        log.info("%d MiB are kept for etcd in %s", SIZE // MIB, self._file)
