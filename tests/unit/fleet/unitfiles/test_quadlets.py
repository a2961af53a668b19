"""Quadlets: read, placed and checked as units, whatever Podman makes of them."""

import pytest

from fleet_cluster.fleet.lint.unit_file import lint
from fleet_cluster.fleet.lint.unit_set import unschedulable
from fleet_cluster.fleet.unitfiles.quadlets.names import by_unit, service_of
from fleet_cluster.fleet.unitfiles.slices import slice_of
from fleet_cluster.fleet.unitfiles.unitfile import UnitFileError, parse, unit_name

DIGEST = "reg:5000/web@sha256:" + "9f" * 32
WEB = f"[Container]\nImage={DIGEST}\n"
MIB = 1 << 20


def remarks(text: str, name: str = "web.container") -> list[str]:
    """What is said of a file that is accepted."""
    found = lint({name: text}, ask_systemd=False)
    assert found.faults == {}
    return found.remarks.get(name, [])


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("web.container", "web.service"),
        ("web@5000.container", "web@5000.service"),
        ("web@.container", "web@.service"),
        ("web@1.2.container", "web@1.2.service"),
        ("web.pod", "web-pod.service"),
        ("data.volume", "data-volume.service"),
        ("app.network", "app-network.service"),
        ("web.service", "web.service"),
        ("container.socket", "container.socket"),
    ],
)
def test_the_service_of_a_unit(name: str, service: str) -> None:
    assert service_of(name) == service


def test_what_systemd_tells_of_services_is_told_of_units() -> None:
    told = by_unit(["web.container", "db.service", "x.volume"], lambda names: dict.fromkeys(names))
    assert told.keys() == {"web.container", "db.service", "x.volume"}
    assert by_unit(["web.container"], lambda _: {}) == {}, "of those that it knows"


def test_a_name_whose_service_would_be_too_long_is_refused() -> None:
    assert unit_name("v" * 233 + ".volume")
    with pytest.raises(UnitFileError, match="248"):
        unit_name("v" * 234 + ".volume")


def test_what_podman_needs_beside_it_is_followed() -> None:
    text = WEB + (
        "Volume=data.volume:/srv:ro\nVolume=/etc:/etc:ro\nNetwork=app.network:ip=10.89.0.9\n"
        "Mount=type=volume,source=logs.volume,target=/log\nNetwork=host\nPod=web.pod\n"
        "[X-Fleet]\nMachineOf=db.service\n"
    )
    followed = parse("web.container", text).requirements.machine_of
    assert followed == ("db.service", "data.volume", "app.network", "logs.volume", "web.pod")
    assert parse(
        "web.service", "[Service]\nExecStart=/bin/true\n" + text
    ).requirements.machine_of == ("db.service",), "of a service, systemd skips these sections"


def test_a_reference_that_is_withdrawn_is_none() -> None:
    text = WEB + "Volume=data.volume:/srv\nVolume=\nVolume=more.volume:/srv\n"
    assert parse("web.container", text).requirements.machine_of == ("more.volume",)


def test_one_on_all_machines_follows_none() -> None:
    text = WEB + "Network=app.network\n[X-Fleet]\nGlobal=true\n"
    assert parse("web.container", text).requirements.machine_of == ()


def test_one_that_is_where_its_volume_cannot_be_is_refused() -> None:
    volume = "[Volume]\n[X-Fleet]\nMachineMetadata=disk=ssd\n"
    web = WEB + "Volume=data.volume:/srv\n[X-Fleet]\nMachineMetadata=disk=hdd\n"
    faults = unschedulable({"data.volume": volume, "web.container": web})
    assert "data.volume, which is to be with it, disk=ssd" in faults["web.container"]


def test_limits_of_its_service_are_reserved() -> None:
    asked = parse("web.container", WEB + "[Service]\nMemoryMax=512M\nCPUQuota=50%\n").requirements
    assert (asked.resources.memory, asked.resources.cpu) == (512 * MIB, 500)


@pytest.mark.parametrize(
    ("name", "text", "seconds"),
    [
        ("web.container", WEB, 2),
        ("web.container", WEB + "[Service]\nType=oneshot\n", 0),
        ("web.pod", "[Pod]\n", 2),
        ("data.volume", "[Volume]\n", 0),
        ("app.network", "[Network]\n", 0),
    ],
)
def test_what_goes_on_has_to_be_healthy(name: str, text: str, seconds: float) -> None:
    assert parse(name, text).healthy_seconds == seconds


def test_its_slice_is_that_of_its_service() -> None:
    assert slice_of("web@1.container", WEB + "[Service]\nSlice=web_%i.slice\n") == "web_1.slice"


def test_a_good_one_needs_no_remark() -> None:
    assert remarks(WEB + "Exec=serve\n[Service]\nRestart=always\n[Quadlet]\n") == []


def test_an_image_without_a_digest_is_remarked_on() -> None:
    (said,) = remarks("[Container]\nImage=reg/web:1\n")
    assert said.startswith("web.container:2: Image=reg/web:1 can be another image")
    assert remarks("[Container]\nImage={{web_image}}\n") == []


def test_what_systemd_skips_in_its_service_is_remarked_on() -> None:
    (said,) = remarks(WEB + "[Service]\nRestrat=always\n")
    assert "did you mean Restart=?" in said


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("web.container", WEB + "Pod=web.pod\n", "Pod=web.pod: it is in its pod's cgroup"),
        ("web.container", WEB + "CgroupsMode=enabled\n", "CgroupsMode=enabled: leave it out"),
        ("web.pod", "[Pod]\nPodName=web\n", "a pod's containers"),
    ],
)
def test_what_a_fence_cannot_stop_is_remarked_on(name: str, text: str, said: str) -> None:
    (remark,) = remarks(text + "[X-Fleet]\nFence=true\n", name)
    assert "the fence cannot stop" in remark
    assert said in remark
    assert remarks(text, name) == []


def test_a_fenced_container_is_in_its_units_cgroup() -> None:
    assert remarks(WEB + "CgroupsMode=split\n[X-Fleet]\nFence=true\n") == []


def test_two_files_of_one_service_do_not_fit_together() -> None:
    faults = unschedulable(
        {"web.service": "[Service]\nExecStart=/bin/true\n", "web.container": WEB}
    )
    assert faults["web.container"] == (
        "web.container: on a machine it is web.service, and so is web.service: give one of the two"
        " another name"
    )
