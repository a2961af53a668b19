"""Certificates' validity as it is read from files, and when it is told."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleet_cluster.fleet.certificates import DAY, Certificate, CertificateFiles, validity
from tests.unit.fleet.authority import Authority
from tests.unit.fleet.fakes.clock import FakeClock

AUTHORITY = Authority()
YEAR = 365 * DAY


@pytest.mark.parametrize(
    "end", ["2026-12-01T10:11:12", "2049-12-31T23:59:59", "2061-02-28T01:02:03"]
)
def test_the_validity_is_what_another_library_wrote(end: str) -> None:
    begin = datetime(2026, 11, 28, 1, 2, 3, tzinfo=UTC)
    last = datetime.fromisoformat(end).replace(tzinfo=UTC)
    cert, _ = AUTHORITY.sign("fleet", begin, last)
    assert validity(cert) == (begin.timestamp(), last.timestamp())
    assert validity(cert + AUTHORITY.cert) == validity(cert)


@pytest.mark.parametrize(
    ("life", "left", "told"),
    [
        (YEAR, 30 * DAY + 1, ""),
        (YEAR, 30 * DAY, "ends on 1971-01-01 00:00 UTC; renew it: pulumi up"),
        (YEAR, 1, "ends on 1971-01-01 00:00 UTC"),
        (YEAR, 0, "has ended on 1971-01-01 00:00 UTC; renew it: pulumi up"),
        (3600, 301, ""),
        (3600, 300, "ends on 1971-01-01 00:00 UTC"),
    ],
)
def test_it_is_told_in_the_last_30_days_or_a_twelfth_of_its_life(
    life: float, left: float, told: str
) -> None:
    one = Certificate("/pki/fleet.crt", YEAR - life, YEAR)
    said = one.warning(YEAR - left)
    assert told in said if told else not said
    assert not said or said.startswith("the certificate /pki/fleet.crt ")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def files(tmp_path: Path, clock: FakeClock) -> CertificateFiles:
    put(tmp_path / "fleet.crt", 0, YEAR)
    put(tmp_path / "app.crt", 0, YEAR + DAY)
    return CertificateFiles([tmp_path, tmp_path / "none"], clock)


def put(path: Path, begin: float, end: float) -> None:
    """Write it as the set-up does: a new file under the name of the old one."""
    cert, key = AUTHORITY.sign(path.stem, datetime.fromtimestamp(begin, UTC), _at(end))
    for suffix, text in ((".crt", cert), (".key", key)):
        staged = path.with_name(f".{path.stem}{suffix}.new")
        staged.write_text(text)
        staged.replace(path.with_suffix(suffix))


def _at(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def test_far_from_their_end_there_is_nothing_to_tell(files: CertificateFiles) -> None:
    assert (files.warnings(), files.faults(), files.ending) == ([], [], 0.0)
    assert {Path(one.name).name: one.end for one in files.certificates} == {
        "app.crt": YEAR + DAY,
        "fleet.crt": YEAR,
    }


def test_what_ends_soon_is_told_and_what_has_ended_is_a_fault(
    files: CertificateFiles, clock: FakeClock
) -> None:
    clock.advance(YEAR - 30 * DAY)
    assert len(files.warnings()) == 1 and files.ending == YEAR and not files.faults()
    clock.advance(30 * DAY)
    assert "app.crt ends" in files.warnings()[0]
    assert "fleet.crt has ended" in files.faults()[0]


def test_renewed_files_are_read_and_only_then(
    files: CertificateFiles, clock: FakeClock, tmp_path: Path
) -> None:
    clock.advance(YEAR)
    assert not files.refresh()
    put(tmp_path / "fleet.crt", 0, 2 * YEAR)
    assert files.refresh() and not files.refresh()
    assert not files.faults()


def test_a_file_that_is_no_certificate_is_told_and_costs_the_others_nothing(
    files: CertificateFiles, tmp_path: Path
) -> None:
    for text in ("", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        (tmp_path / "bad.crt").write_text(text)
        assert files.refresh()
        (fault,) = files.faults()
        assert fault.startswith(f"{tmp_path / 'bad.crt'} is not a certificate in PEM form")
        assert len(files.certificates) == 2
