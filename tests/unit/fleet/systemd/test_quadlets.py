"""Quadlets on a machine: in Podman's folder, known to systemd by their services."""

from pathlib import Path

import pytest

from fleet_cluster.fleet.systemd.fence import FencedUnits
from fleet_cluster.fleet.systemd.quadlet_generator import complaints, read_complaints
from fleet_cluster.fleet.systemd.unit_directory import REFERRER, UnitDirectory
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fakes.units import SLEEPS

WEB = "[Container]\nImage=reg/web\n"
SAID = """\
quadlet-generator[7]: Loading source unit file /run/containers/systemd/bad.container
quadlet-generator[7]: Warning: web.container specifies the image "x" which not a fully qualified
quadlet-generator[7]: converting "bad.container": invalid service Type 'simple'
converting "b@1.container": requested Quadlet source no.volume was not found
error loading "/run/containers/systemd/c.pod", file contains line 1: “x” which is not a key
"""
"""As Podman 5.4.2 says it: of several complaints only the first is a line of its log."""


class Machine:
    """A machine's directories, and a generator that says something."""

    def __init__(self, root: Path, said: str = "") -> None:
        self.units, self.quadlets, self.fenced = root / "system", root / "quadlets", root / "fenced"
        self.generator = root / "generator"
        (root / "said").write_text(said)
        self.generator.write_text(f"#!/bin/sh\ncat {root}/said >&2\nexit 1\n")
        self.generator.chmod(0o755)
        own = root / "own"
        self.files = UnitDirectory(self.units, own, self.fenced, self.quadlets, self.generator)


def test_what_the_generator_says_is_of_the_quadlet() -> None:
    assert read_complaints(SAID) == {
        "bad.container": "invalid service Type 'simple'",
        "b@1.container": "requested Quadlet source no.volume was not found",
        "c.pod": "file contains line 1: “x” which is not a key",
    }


def test_it_is_written_where_podman_looks(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert machine.files.write({"web@1.container": WEB, "a.service": SLEEPS}) == {}
    assert (machine.quadlets / "web@1.container").read_text() == WEB
    assert [path.name for path in machine.units.iterdir()] == ["a.service"]
    assert machine.files.shas() == {"web@1.container": sha_of(WEB), "a.service": sha_of(SLEEPS)}
    assert machine.files.remove(["web@1.container"]) == {}
    assert list(machine.quadlets.iterdir()) == []


def test_what_podman_cannot_use_is_refused_and_not_the_others(tmp_path: Path) -> None:
    machine = Machine(tmp_path, SAID)
    refused = machine.files.write({"b@1.container": WEB, "web.container": WEB, "a.service": SLEEPS})
    assert refused == {"b@1.container": "Podman: requested Quadlet source no.volume was not found"}


def test_without_podman_it_is_refused(tmp_path: Path) -> None:
    assert "no Podman" in complaints(["web.container"], tmp_path / "none")["web.container"]
    assert complaints([], tmp_path / "none") == {}, "who writes none does not need it"


def test_a_generator_that_cannot_be_run_is_told(tmp_path: Path) -> None:
    (tmp_path / "generator").write_text("")
    said = complaints(["web.container"], tmp_path / "generator")["web.container"]
    assert "does not answer" in said


def test_systemd_remembers_how_its_service_ended(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.files.write({"web@1.container": WEB, "data.volume": "[Volume]\n"})
    machine.files.refer()
    lines = (machine.units / REFERRER).read_text().splitlines()
    assert lines[2:] == ["After=data-volume.service", "After=web@1.service"]


@pytest.mark.parametrize("named", ["web@%i.service", "web@%i.container"])
def test_what_is_bound_to_it_starts_with_it(tmp_path: Path, named: str) -> None:
    machine = Machine(tmp_path)
    log = f"[Unit]\nBindsTo={named}\n{SLEEPS}"
    machine.files.write({"web@1.container": WEB, "log@1.service": log})
    machine.files.link_dependencies(["web@1.container", "log@1.service"])
    (link,) = (machine.units / "web@1.service.wants").iterdir()
    assert "Wants=log@1.service\n" in (machine.units / link.name).read_text()
    assert machine.files.bound("web@1.container") == {"log@1.service"}


def test_it_starts_with_what_it_is_bound_to(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.files.write(
        {"db.service": SLEEPS, "web.container": f"[Unit]\nPartOf=db.service\n{WEB}"}
    )
    machine.files.link_dependencies(["web.container", "db.service"])
    (target,) = machine.units.glob("fleet-with-*.target")
    assert "Wants=web.service\n" in target.read_text()
    assert machine.files.bound("db.service") == {"web.container"}


@pytest.mark.parametrize(
    ("line", "other", "service"),
    [
        ("Volume=data.volume:/srv", "data.volume", "data-volume.service"),
        ("Network=app.network", "app.network", "app-network.service"),
        ("Pod=web.pod", "web.pod", "web-pod.service"),
    ],
)
def test_it_starts_with_what_podman_has_it_require(
    tmp_path: Path, line: str, other: str, service: str
) -> None:
    """systemd stops it with that: it would stay down when that one is back with another file."""
    machine = Machine(tmp_path)
    section = other.rpartition(".")[2].capitalize()
    machine.files.write({other: f"[{section}]\n", "web.container": f"{WEB}{line}\n"})
    machine.files.link_dependencies(["web.container", other])
    (link,) = (machine.units / f"{service}.wants").iterdir()
    assert "Wants=web.service\n" in (machine.units / link.name).read_text()
    assert machine.files.bound(other) == {"web.container"}


def test_the_fence_asks_for_its_service(tmp_path: Path) -> None:
    calls: list[tuple[str, ...]] = []

    def systemctl(*arguments: str, seconds: float) -> str:
        assert seconds
        calls.append(arguments)
        return "active\n"

    units = FencedUnits(tmp_path / "fenced", systemctl, tmp_path)
    units.note(["web@1.container"])
    assert units.up(1) == {"web@1.container": "active"}
    units.stop(["web@1.container"], 1)
    assert calls == [
        ("is-active", "--", "web@1.service"),
        ("stop", "--no-block", "--", "web@1.service"),
    ]
    assert units.stopped() == {"web@1.container"}
