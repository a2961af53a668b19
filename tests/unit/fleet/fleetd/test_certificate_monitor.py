"""Certificates that are renewed while fleetd runs."""

import logging
from pathlib import Path

import pytest

from fleet_cluster.fleet.certificates import CertificateFiles
from fleet_cluster.fleet.fleetd.certificate_monitor import CertificateMonitor
from tests.unit.fleet.authority import Authority
from tests.unit.fleet.fakes.clock import FakeClock


class Monitored:
    """A monitor of a folder, and how often it had the store go on with other certificates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.renewals = 0
        self.wakes = 0
        self.refusal: OSError | None = None
        self.write()
        files = CertificateFiles([folder], self.clock)
        self.monitor = CertificateMonitor(files, self._renew, self._wake)

    def write(self) -> None:
        Authority().write(self.folder, "fleet")

    def _renew(self) -> None:
        if self.refusal:
            raise self.refusal
        self.renewals += 1

    def _wake(self) -> None:
        self.wakes += 1


@pytest.fixture
def monitored(tmp_path: Path) -> Monitored:
    return Monitored(tmp_path)


def test_the_store_goes_on_with_files_that_have_changed(monitored: Monitored) -> None:
    monitored.monitor.look()
    assert monitored.renewals == 0
    monitored.write()
    monitored.monitor.look()
    monitored.monitor.look()
    assert monitored.renewals == 1


def test_files_that_do_not_fit_yet_are_tried_again(monitored: Monitored) -> None:
    monitored.write()
    monitored.refusal = OSError("key values mismatch")
    monitored.monitor.look()
    monitored.refusal = None
    monitored.monitor.look()
    assert monitored.renewals == 1


def test_what_ends_is_told_once_and_announced(
    monitored: Monitored, caplog: pytest.LogCaptureFixture
) -> None:
    monitored.clock.now = 1e10
    with caplog.at_level(logging.WARNING):
        monitored.monitor.look()
        monitored.monitor.look()
    assert sorted(record.message.split()[2].rpartition("/")[2] for record in caplog.records) == [
        "ca.crt",
        "fleet.crt",
    ]
    assert monitored.wakes == 1
