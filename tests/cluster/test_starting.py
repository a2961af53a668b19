"""What only a real systemd shows of starts and restarts: how jobs end, and what comes back."""

from collections.abc import Iterator

import pytest

from tests.cluster import asking
from tests.cluster.stack import Stack, eventually

RUNS = "[Service]\nExecStart=/bin/sleep infinity\n"
AT_ONCE = "[X-Fleet]\nHealthySec=0\n"
LIMIT = "240"
"""Seconds that only keep a failing test from hanging."""
FILES = {
    "skipped.service": f"[Unit]\nConditionPathExists=/nope\n{RUNS}",
    "asserts.service": f"[Unit]\nAssertPathExists=/nope\n{RUNS}",
    "lonely.timer": "[Timer]\nOnActiveSec=1h\nUnit=lonely.service\n",
    "fails.service": "[Service]\nType=oneshot\nExecStart=/bin/false\n",
    "needs.service": f"[Unit]\nRequires=fails.service\nAfter=fails.service\n{RUNS}"
    "[X-Fleet]\nMachineOf=fails.service\n",
    "dies.service": "[Service]\nExecStart=/bin/sh -c 'sleep 0.2; exit 9'\n",
    "docker.service": RUNS,
    "app.service": f"{RUNS}Restart=always\nRestartSec=1\n{AT_ONCE}",
    "app-log.service": f"[Unit]\nBindsTo=app.service\nAfter=app.service\n{RUNS}"
    f"{AT_ONCE}MachineOf=app.service\n",
    "waits.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\nRestart=on-failure\n"
    "RestartSec=1h\nExecStart=/usr/bin/test -e /run/waits\n",
    "waits-log.service": f"[Unit]\nBindsTo=waits.service\nAfter=waits.service\n{RUNS}"
    "[X-Fleet]\nMachineOf=waits.service\n",
    "inside.service": "[Service]\nSlice=its.slice\nExecStart=/bin/sleep infinity\n"
    f"{AT_ONCE}MachineOf=app.service\n",
    "its.slice": "[Slice]\nCPUWeight=50\n[X-Fleet]\nMachineOf=app.service\n",
}


@pytest.fixture(autouse=True)
def files(cluster: Stack) -> Iterator[None]:
    """The unit files beside the program; afterwards none of the units is left."""
    for name, text in FILES.items():
        (cluster.program / name).write_text(text)
    try:
        yield
    finally:
        known = FILES.keys() & {row["unit"] for row in cluster.fleetctl_json("list-unit-files")}
        if known:
            cluster.fleetctl("destroy", *sorted(known))
        for name in FILES:
            (cluster.program / name).unlink()


def test_a_start_ends_with_what_systemd_made_of_it(cluster: Stack):
    names = sorted(name for name in FILES if not name.startswith(("app", "inside", "its", "waits")))
    told = cluster.fleetctl(
        "start", "--timeout", LIMIT, *(f"./{name}" for name in names), check=False
    )
    assert told.code == 1, told.text
    for name, reason in {
        "skipped.service": "ConditionPathExists=/nope is not met",
        "asserts.service": "assert: AssertPathExists=/nope is not met",
        "lonely.timer": "failed: it is to start lonely.service, which is not-found",
        "needs.service": "dependency: it needs fails.service, which is failed (failed)",
        "fails.service": "it failed on",
        "dies.service": "it failed on",
        "docker.service": "its own unit of this name (/usr/lib/systemd/system/docker.service)",
    }.items():
        lines = [line for line in told.err.splitlines() if line.startswith(f"{name}: ")]
        assert len(lines) == 1 and reason in lines[0], told.text
    assert "AssertPathExists=/nope is not met" in cluster.fleetctl("why", "asserts").out
    assert cluster.fleetctl("stop", "docker", "--timeout", LIMIT).code == 0


def test_what_is_bound_comes_back(cluster: Stack, machines: dict[str, str]):
    cluster.fleetctl("start", "./app.service", "./app-log.service")
    machine = asking.placements(cluster, machines)["app.service"]

    def run(unit: str) -> asking.Run | None:
        return asking.runs(cluster, [machine]).get((machine, unit))

    before = run("app-log.service")
    for _ in range(6):  # systemd takes five within ten seconds.
        told = cluster.fleetctl("restart", "app", "--timeout", LIMIT).out
        assert "app-log.service launched on" in told and "restarted with app.service" in told
    assert run("app-log.service") not in (before, None)

    before = run("app-log.service")
    cluster.on(machine, "sudo systemctl kill --signal=KILL app.service")
    eventually("it is back with the app", lambda: run("app-log.service") not in (before, None))
    cluster.fleetctl("stop", "app-log")
    cluster.fleetctl("restart", "app")
    assert cluster.units()["app-log.service"][0]["active"] == "inactive"


def test_what_is_bound_waits_with_a_service_for_its_restart_sec(
    cluster: Stack, machines: dict[str, str]
):
    """systemd 257 ends RestartSec= when anything asks for the service."""
    cluster.fleetctl("start", "--no-block", "./waits.service", "./waits-log.service")
    eventually("it has a place", lambda: cluster.units()["waits.service"][0]["machine"])
    address = cluster.units()["waits.service"][0]["machine"].rpartition("/")[2]
    machine = next(name for name, other in machines.items() if other == address)

    def substates() -> list[str]:
        show = "systemctl show --value --property=SubState waits waits-log"
        return cluster.on(machine, show).out.split()

    for look in ("it has failed", "it still waits"):
        eventually(look, lambda: substates() == ["auto-restart", "dead"])
    cluster.on(machine, "sudo touch /run/waits && sudo systemctl start waits.service")
    eventually("its log runs", lambda: substates() == ["exited", "running"])
    cluster.on(machine, "sudo rm /run/waits")


def test_a_slice_that_a_unit_names_can_be_deployed_and_stopped(cluster: Stack):
    cluster.fleetctl("start", "./app.service", "./inside.service")
    cluster.fleetctl("start", "./its.slice")
    cluster.fleetctl("stop", "its.slice", "--timeout", LIMIT)


def test_a_start_limit_is_forgotten(cluster: Stack):
    cluster.fleetctl("start", "./dies.service", check=False)
    assert cluster.units()["dies.service"][0]["active"] == "failed"
    assert "Unit dies.service reset on" in cluster.fleetctl("reset-failed").out
    assert cluster.units()["dies.service"][0]["active"] == "inactive"
