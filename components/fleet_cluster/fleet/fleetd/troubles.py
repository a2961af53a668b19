"""Troubles of fleetd: what does not work now, logged once when it begins and once when it ends."""

import logging
from collections.abc import Callable

from .. import VERSION
from ..journal_log import about
from ..kv import KVForbiddenError, KVUnavailableError, LeaseLostError
from ..model.records import LAYOUT_VERSION
from .metrics import Metrics

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
"""The pause after something failed that nobody foresaw."""


class Troubles:
    """Troubles by source, for the log and for `/healthz`."""

    def __init__(self, metrics: Metrics) -> None:
        """`metrics` is told of each change."""
        self._metrics = metrics
        self._by_source: dict[str, str] = {}

    def of(self, source: str) -> str:
        """What is wrong with a source, in words; empty when nothing is."""
        return self._by_source.get(source, "")

    def attempt(
        self, source: str, work: Callable[[], float], begin_anew: Callable[[], None]
    ) -> float:
        """Do a part of a round. What nobody foresaw there is told, and the other parts go on.

        Returns:
            After how many seconds to do it again. That it works again, `work` notes.

        Raises:
            KVUnavailableError, LeaseLostError: as `work` does, or `begin_anew`.
        """
        try:
            return work()
        except (KVUnavailableError, LeaseLostError):
            raise
        except Exception as error:
            trouble = f"fleetd has a fault, units run on: {error!r:.200}; please report it"
            self.note(source, trouble, error)
            begin_anew()
        return RETRY_SECONDS

    def note(self, source: str, trouble: str, error: Exception | None = None) -> None:
        """Log when something begins to fail, and when it works again."""
        before = self.of(source)
        if trouble and not before:
            log.warning("%s", trouble, extra=about("trouble"), exc_info=error)
        elif before and not trouble:
            log.info("%s works again", source, extra=about("recovered"))
        self._by_source[source] = trouble
        self._metrics.troubles = dict(self._by_source)


def of_store(error: KVUnavailableError) -> str:
    """What is told of a store that did not do what was asked for."""
    if isinstance(error, KVForbiddenError):
        return (
            f"units run on, and nothing new starts: {error}; by this machine's certificate and id "
            "it may not report: pulumi up"
        )
    return f"the store is not available, units run on: {error}"


def of_layout(newer: int) -> str:
    """What is told of data of a newer layout; empty of 0."""
    if not newer:
        return ""
    return (
        f"the cluster's data have layout {newer}, and fleetd {VERSION} on this machine knows none "
        f"above {LAYOUT_VERSION}: units run on as they are, and nothing is changed; update fleet "
        "on this machine: pulumi up"
    )
