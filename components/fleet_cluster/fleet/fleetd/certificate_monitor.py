"""Certificates that are renewed while fleetd runs: it goes on with the new ones."""

import logging
from collections.abc import Callable, Sequence

from ..certificates import CertificateFiles
from ..journal_log import about

log = logging.getLogger(__name__)

SECONDS = 5.0
"""How often the files are looked at; less than any lease lasts."""


class CertificateMonitor:
    """A monitor beside the loop, which tells the log what ends soon as well."""

    def __init__(
        self, files: CertificateFiles, renew: Callable[[], None], wake: Callable[[], None]
    ) -> None:
        """`renew` has the store go on with what the files hold now, or raises OSError."""
        self._files = files
        self._renew = renew
        self._wake = wake
        self._is_due = False
        self._told: Sequence[str] = ()

    def look(self) -> None:
        """Look once; log what has changed."""
        if self._files.refresh():
            self._is_due = True
        if self._is_due:
            self._try_to_renew()
        told = [*self._files.faults(), *self._files.warnings()]
        for one in told:
            if one not in self._told:
                log.warning(one, extra=about("trouble"))
        if told != self._told:
            self._wake()  # What the machine announces may be another.
        self._told = told

    def _try_to_renew(self) -> None:
        try:
            self._renew()
        except OSError as error:  # A certificate and its key are not written at the same moment.
            log.info("certificates are not used yet: %s", error)
            return
        self._is_due = False
        log.info("etcd is asked with the certificates as they are now", extra=about("renewed"))
