"""A machine's disks: what they have left, for metrics and for the machine's condition."""

import logging
from collections.abc import Callable, Sequence

from ..disks.file_systems import RUN, FileSystem
from ..journal_log import about
from .metrics import Metrics

log = logging.getLogger(__name__)

SECONDS = 5.0
"""How often they are looked at: nothing tells when one fills."""

PRUNE_SECONDS = 600.0
"""How often images are pruned while there is no room; at once when there was some in between."""


class DiskMonitor:
    """A monitor beside the loop, which must not wait for a disk that hangs."""

    def __init__(
        self,
        look: Callable[[], Sequence[FileSystem]],
        keep_reserve: Callable[[], None],
        prune_images: Callable[[], None],
        metrics: Metrics,
        wake: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        """`keep_reserve` and `prune_images` may raise OSError."""
        self._look = look
        self._keep_reserve = keep_reserve
        self._prune_images = prune_images
        self._metrics = metrics
        self._wake = wake
        self._clock = clock
        self._prune_at = 0.0
        self._reserve_fault = ""

    def look(self) -> None:
        """Look once; make room where there is little."""
        before = {one.path for one in self._metrics.file_systems if one.is_short}
        self._metrics.file_systems = self._look()
        short = {one.path for one in self._metrics.file_systems if one.is_short}
        if short != before:
            self._wake()
        if short - {RUN}:
            self._make_room()
        else:
            self._prune_at = 0.0
        self._tend_reserve()

    def _make_room(self) -> None:
        if self._clock() < self._prune_at:
            return
        self._prune_at = self._clock() + PRUNE_SECONDS
        try:
            self._prune_images()
        except OSError as error:
            log.warning("images cannot be pruned: %s", error, extra=about("trouble"))

    def _tend_reserve(self) -> None:
        try:
            self._keep_reserve()
            fault = ""
        except OSError as error:
            fault = f"no room can be kept for etcd: {error}"
        if fault and fault != self._reserve_fault:
            log.warning("%s", fault, extra=about("trouble"))
        self._reserve_fault = fault
