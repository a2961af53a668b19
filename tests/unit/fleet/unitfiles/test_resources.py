import pytest

from fleet_cluster.fleet.unitfiles.resources import Resources, cpus_text, memory_text
from fleet_cluster.fleet.unitfiles.unitfile import parse

M = 1 << 20
NOTHING = Resources()


@pytest.mark.parametrize(
    ("limits", "reserved"),
    [
        ("", NOTHING),
        ("MemoryMax=512M", Resources(512 * M)),
        ("MemoryMax=1048576", Resources(M)),
        ("MemoryMax=1.5G", Resources(1536 * M)),
        ("MemoryMax=1G 512M", Resources(1536 * M)),
        ("MemoryHigh=256M", Resources(256 * M)),
        ("MemoryHigh=256M\nMemoryMax=512M", Resources(512 * M)),
        ("MemoryMax=infinity", NOTHING),
        ("MemoryMax=infinity\nMemoryHigh=256M", Resources(256 * M)),
        ("MemoryMax=512M\nMemoryMax=", NOTHING),
        ("MemoryMax=50%", Resources(share=5000)),
        ("MemoryMax=12.34%", Resources(share=1234)),
        ("MemoryMax=a lot", NOTHING),
        ("CPUQuota=150%", Resources(cpu=1500)),
        ("CPUQuota=", NOTHING),
        ("MemoryMax=1M\nCPUQuota=20%", Resources(M, cpu=200)),
    ],
)
def test_the_limits_of_a_unit_are_reserved(limits: str, reserved: Resources) -> None:
    assert resources(limits) == reserved


@pytest.mark.parametrize(
    ("options", "reserved"),
    [
        ("Memory=2G", Resources(2048 * M, cpu=500)),
        ("Memory=0", Resources(cpu=500)),
        ("CPUs=1.5", Resources(512 * M, cpu=1500)),
        ("CPUs=0", Resources(512 * M)),
    ],
)
def test_a_unit_may_reserve_other_than_its_limits(options: str, reserved: Resources) -> None:
    assert resources(f"MemoryMax=512M\nCPUQuota=50%\n[X-Fleet]\n{options}") == reserved


def resources(lines: str) -> Resources:
    return parse("a@1.service", f"[Service]\nExecStart=/a\n{lines}\n").requirements.resources


def test_amounts_are_told_as_systemd_writes_them() -> None:
    assert [memory_text(n) for n in (0, 1023, 1024, 512 * M, 1536 * M)] == [
        *("0", "1023", "1K", "512M", "1.5G")
    ]
    assert [cpus_text(n) for n in (0, 500, 2000)] == ["0", "0.5", "2"]
