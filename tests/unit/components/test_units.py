"""Unit files as resources: everything that can be refused is refused before a machine is asked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from fleet_cluster._unit_text import check_placeholders, fill, read_unit
from fleet_cluster.errors import InputError
from fleet_cluster.keys import check_key
from fleet_cluster.units import instance_names


def test_placeholders_are_filled_in_and_systemds_own_variables_left_alone():
    text = "ExecStart=/usr/bin/docker run {{ image }} ${PORT} %i {{image}}"
    filled = fill(text, {"image": "web@sha256:1"})
    assert filled == "ExecStart=/usr/bin/docker run web@sha256:1 ${PORT} %i web@sha256:1"


def test_a_placeholder_without_a_value_is_refused():
    with pytest.raises(InputError, match=r"values.image: .*\{\{image\}\} has no value; given: pic"):
        check_placeholders("a.service", "ExecStart={{image}} {{picture}}", {"picture": ""})


def test_a_value_without_a_placeholder_is_refused():
    with pytest.raises(InputError, match="'image' is not used; a.service has: no placeholder"):
        check_placeholders("a.service", "ExecStart=/bin/true", {"image": ""})


def test_instances_are_named_after_their_template():
    names = instance_names("web@.service", ["5000", "a"])
    assert names == ["web@5000.service", "web@a.service"]


@pytest.mark.parametrize(
    ("template", "instances", "message"),
    [
        ("web.service", ["1"], "web.service is not a template"),
        ("web@.service", ["1", "2", "1"], "web@1.service given more than once"),
        ("web@.service", ["a b"], "a b"),
    ],
)
def test_bad_instances_are_refused(template: str, instances: list[str], message: str):
    with pytest.raises(InputError, match=message):
        instance_names(template, instances)


def test_a_bad_unit_file_is_refused_with_its_line(tmp_path: Path):
    unit = tmp_path / "web.service"
    unit.write_text("[Service]\nExecStart=/bin/true\n[X-Fleet]\nMachinOf=db.service\n")
    with pytest.raises(InputError, match=r"web.service:4.*MachineOf"):
        read_unit(unit, {})


def test_what_systemd_would_refuse_is_refused(tmp_path: Path):
    unit = tmp_path / "night.timer"
    unit.write_text("[Timer]\nPersistent=yes\n")
    with pytest.raises(InputError, match=r"night.timer:1: the timer has nothing to wait for"):
        read_unit(unit, {})


def test_drop_ins_are_refused(tmp_path: Path):
    unit = tmp_path / "web.service"
    unit.write_text("[Service]\nExecStart=/bin/true\n")
    (tmp_path / "web.service.d").mkdir()
    (tmp_path / "web.service.d" / "nice.conf").touch()
    with pytest.raises(InputError, match="web.service has the drop-in nice.conf"):
        read_unit(unit, {})


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    return said


def test_what_is_passed_over_is_a_warning(tmp_path: Path, warnings: list[str]):
    unit = tmp_path / "web.service"
    unit.write_text("[Service]\nExecStart={{program}}\nRestrat=always\n[Install]\n")
    read_unit(unit, {"program": "/bin/true"})
    assert [line.split(" ")[0] for line in warnings] == ["web.service:3:", "web.service:4:"]


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("/bin/true\n[X-Fleet]\nMachinOf=db.service", "web.service:4: .*MachineOf"),
        ("/bin/true\n[Install", "web.service:3: "),
    ],
)
@pytest.mark.parametrize("wrap", [str, pulumi.Output.from_input], ids=["known", "known later"])
def test_a_value_that_makes_a_bad_file_is_refused_before_the_file_is_sent(
    tmp_path: Path, value: str, fault: str, wrap: Callable[[str], pulumi.Input[str]]
):
    unit = tmp_path / "web.service"
    unit.write_text("[Service]\nExecStart={{program}}\n")

    @pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
    def read() -> pulumi.Output[str]:
        return read_unit(unit, {"program": wrap(value)})

    with pytest.raises(InputError, match=fault):
        read()


@pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
def test_a_line_whose_value_is_not_known_yet_is_judged_when_it_is(tmp_path: Path):
    unit = tmp_path / "web.service"
    unit.write_text("[Service]\nExecStart=/bin/true\n[X-Fleet]\nReplaces={{other}}\n")
    filled = read_unit(unit, {"other": pulumi.Output.from_input("db.service")})
    return filled.apply(lambda text: text.endswith("Replaces=db.service\n") or pytest.fail(text))


@pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
def test_values_that_come_as_one_output_are_filled_in(tmp_path: Path):
    """As YAML has them, where one value is an output: the whole map is one."""
    unit = tmp_path / "web.service"
    unit.write_text("[Service]\nExecStart=/bin/{{program}} {{number}}\n")
    values: Any = pulumi.Output.from_input({"program": "echo", "number": "1"})
    filled = read_unit(unit, values)
    return filled.apply(lambda text: text.endswith("=/bin/echo 1\n") or pytest.fail(text))


@pytest.mark.parametrize(
    ("name", "secret", "fault"),
    [
        ("porgram", False, "values.program: .* has no value"),
        ("program", True, "values.program: .* is a secret"),
    ],
)
def test_values_that_come_as_one_output_are_checked(
    tmp_path: Path, name: str, secret: bool, fault: str
):
    unit = tmp_path / "web.service"
    unit.write_text("[Service]\nExecStart={{program}}\n")

    @pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
    def read() -> pulumi.Output[str]:
        wrap = pulumi.Output.secret if secret else pulumi.Output.from_input
        values: Any = wrap({name: "/bin/true"})
        return read_unit(unit, values)

    with pytest.raises(InputError, match=fault):
        read()


def test_what_no_value_can_mend_is_refused_at_once(tmp_path: Path):
    unit = tmp_path / "web.service"
    unit.write_text("[Service]\nExecStart={{program}}\n[X-Fleet]\nMachinOf=db.service\n")
    with pytest.raises(InputError, match=r"web.service:4.*MachineOf"):
        read_unit(unit, {"program": pulumi.Output.from_input("/bin/true")})


def test_a_missing_unit_file_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="missing.service"):
        read_unit(tmp_path / "missing.service", {})


@pytest.mark.parametrize("key", ["/app/greeting", "/test/a_b-1.2:3@4"])
def test_keys_of_the_application_are_allowed(key: str):
    assert check_key(key) == key


@pytest.mark.parametrize("key", ["/fleet/cluster", "app/x", "/app/a b", "/app/$(reboot)", "/app/"])
def test_other_keys_are_refused(key: str):
    with pytest.raises(InputError, match="keys begin with /app/ or /test/"):
        check_key(key)
