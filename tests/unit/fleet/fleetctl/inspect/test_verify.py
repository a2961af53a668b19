"""`fleetctl verify`: without a cluster, all faults at once, and files checked with each other."""

from pathlib import Path

import pytest

from fleet_cluster.fleet.fleetctl.__main__ import main
from fleet_cluster.fleet.fleetctl.cli.errors import Exit
from fleet_cluster.fleet.lint.unit_set import unschedulable
from tests.checkout import CHECKOUT

Output = pytest.CaptureFixture[str]

SERVICE = "[Service]\nExecStart=/bin/true\n[X-Fleet]\n"
UNITS = CHECKOUT / "units"


def test_the_example_units_are_valid(capsys: Output) -> None:
    files = sorted(str(path) for path in UNITS.glob("*.service"))
    assert main(["verify", *files]) == Exit.DONE
    assert len(capsys.readouterr().out.splitlines()) == len(files)


def test_all_faults_are_told_also_with_a_tunnel(tmp_path: Path, capsys: Output) -> None:
    for name in ("a", "b", "good"):
        text = SERVICE if name == "good" else SERVICE + "Global=maybe\n"
        (tmp_path / f"{name}.service").write_text(text)
    paths = sorted(str(path) for path in tmp_path.iterdir())
    assert main(["--tunnel", "nowhere.invalid", "verify", *paths]) == Exit.FAILED
    told = capsys.readouterr()
    assert told.out == "Unit good.service is valid\n"
    assert [line.split(": ")[0] for line in told.err.splitlines()] == [
        "a.service:4",
        "b.service:4",
    ]


def test_a_missing_file(capsys: Output) -> None:
    assert main(["verify", "no/such.service"]) == Exit.FAILED
    assert "there is no file no/such.service" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["web[1].service", "web@*.service", "web", "web.conf"])
def test_what_is_not_read_is_not_valid(name: str, tmp_path: Path, capsys: Output) -> None:
    (tmp_path / name).write_text("[Service]\nno unit file\n")
    (tmp_path / "web.service").write_text(SERVICE)
    assert main(["verify", str(tmp_path / name)]) == Exit.FAILED
    said = capsys.readouterr()
    assert said.out == ""
    assert name in said.err


def test_folders_may_be_named_as_they_like(tmp_path: Path, capsys: Output) -> None:
    folder = tmp_path / "units[1]*"
    folder.mkdir()
    (folder / "web.service").write_text(SERVICE)
    assert main(["verify", str(folder / "web.service")]) == Exit.DONE
    assert capsys.readouterr().out == "Unit web.service is valid\n"
    (folder / "web.service").write_text("no unit file\n")
    assert main(["verify", str(folder / "web.service")]) == Exit.FAILED


def test_two_files_of_one_name_are_not_verified_together(tmp_path: Path, capsys: Output) -> None:
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "web.service").write_text(SERVICE)
    assert main(["verify", *map(str, sorted(tmp_path.glob("*/*")))]) == Exit.FAILED
    assert "two files for web.service" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ("MachineOf=b.service\nMachineMetadata=k=1\n", "MachineMetadata=k=2\n", "wants k="),
        ("MachineOf=b.service\n", "Conflicts=a.service\n", "conflicts with b.service"),
        ("MachineOf=b.service\n", "MachineOf=a.service\n", "circle"),
        ("MachineOf=b.service\n", "Global=true\nConflicts=a*.service\n", "conflicts with"),
    ],
)
def test_places_that_cannot_be(one: str, other: str, reason: str) -> None:
    found = unschedulable({"a.service": SERVICE + one, "b.service": SERVICE + other})
    assert found["a.service"].startswith("a.service: it can be on no machine: ")
    assert reason in found["a.service"]


def test_templates_are_checked_with_an_instance() -> None:
    log = SERVICE + "MachineOf=web@%i.service\nMachineMetadata=disk=ssd\n"
    good = {"web@.service": SERVICE, "log@.service": log}
    assert unschedulable(good) == {}
    bad = {**good, "web@.service": SERVICE + "MachineMetadata=disk=hdd\n"}
    assert set(unschedulable(bad)) == {"log@.service"}


def test_what_is_not_given_is_not_looked_for() -> None:
    assert unschedulable({"a.service": SERVICE + "MachineOf=elsewhere.service\n"}) == {}


def test_a_template_for_machine_ids() -> None:
    assert unschedulable({"backup@.service": SERVICE + "MachineID=%i\n"}) == {}
