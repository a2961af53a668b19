"""Where units will be, before there is a cluster."""

from typing import Any

from fleet_cluster._lifecycle.initial_plan import initial_plan

TEXT = "[Service]\nExecStart=/bin/web {{image}}\n"
MACHINES = {"machine-1": {"disk": "ssd"}, "machine-2": dict[str, str](), "machine-3": {}}


def template(name: str, text: str, *instances: str) -> dict[str, Any]:
    wanted = {name.replace("@", f"@{one}"): "launched" for one in instances}
    return {"owner": name, "units": {name: {"text": text, "instances": wanted}}}


def unit(name: str, options: str) -> dict[str, Any]:
    return {"owner": name, "units": {name: {"text": f"{TEXT}[X-Fleet]\n{options}\n"}}}


def lines(*documents: dict[str, Any]) -> list[str]:
    return initial_plan(documents, MACHINES)["lines"]


def test_instances_are_spread() -> None:
    spread = "web@.service: 5 start (machine-1 2, machine-2 2, machine-3 1)"
    assert lines(template("web@.service", TEXT, *"12345")) == [spread]


def test_what_comes_before_counts() -> None:
    first = unit("db.service", "MachineMetadata=disk=ssd")
    web = template("web@.service", TEXT, "1", "2")
    assert lines(first, web) == ["web@.service: 2 start (machine-2 1, machine-3 1)"]
    follower = template("log@.service", f"{TEXT}[X-Fleet]\nMachineOf=web@%i.service\n", "1")
    assert lines(first, web, follower) == ["log@.service: 1 starts (machine-2 1)"]


def test_a_global_unit_is_everywhere() -> None:
    everywhere = "nginx.service: 3 start (machine-1 1, machine-2 1, machine-3 1)"
    assert lines(unit("nginx.service", "Global=true")) == [everywhere]


def test_what_fits_nowhere_is_refused_with_the_reasons() -> None:
    found = initial_plan([unit("big.service", "MachineMetadata=disk=hdd")], MACHINES)
    assert list(found["refused"]) == ["big.service"]
    assert "  machine-2: metadata disk=hdd wanted, machine has no disk" in found["lines"][0]
    assert "  machine-1: metadata disk=hdd wanted, machine has disk=ssd" in found["lines"][0]


def test_nothing_wanted_is_nothing_said() -> None:
    assert lines(template("web@.service", TEXT)) == []
