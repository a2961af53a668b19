"""/etc/fleet/fleet.conf."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fleet_cluster.fleet.config import ConfigError, parse, read, render

GOOD = {
    "endpoints": ["10.0.0.11:2379", "10.0.0.12:2379"],
    "public_ip": "10.0.0.11",
    "metadata": {"role": "web"},
    "agent_ttl": 7,
    "reconcile_interval": 3600,
    "image_retention_hours": 24,
    "reboot_window": "Sun 02:00-04:00",
    "ca_file": "/etc/fleet/pki/ca.crt",
    "cert_file": "/etc/fleet/pki/fleet.crt",
    "key_file": "/etc/fleet/pki/fleet.key",
}


def test_everything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "fleet.conf"
    path.write_text(json.dumps(GOOD))
    config = read(path)
    assert config.endpoints == ("10.0.0.11:2379", "10.0.0.12:2379")
    assert (config.public_ip, config.metadata) == ("10.0.0.11", {"role": "web"})
    assert (config.agent_ttl, config.reconcile_interval) == (7, 3600.0)
    assert config.key_file == Path("/etc/fleet/pki/fleet.key")


@pytest.mark.parametrize("text", [json.dumps(GOOD), '{"endpoints": ["[::1]:2379"]}'])
def test_what_is_written_is_read(text: str) -> None:
    config = parse(text)
    assert parse(render(config)) == config


def test_every_setting_is_written() -> None:
    everything = replace(parse(json.dumps(GOOD)), metrics_address="10.0.0.11:9179")
    assert json.loads(render(everything)) == {**GOOD, "metrics_address": "10.0.0.11:9179"}


def test_defaults() -> None:
    config = parse('{"endpoints": ["[::1]:2379"]}')
    assert (config.agent_ttl, config.reconcile_interval, config.ca_file) == (10, 60.0, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"endpoints": []}, "'endpoints' is []; it must be a list of \"address:port\""),
        ({"endpoints": ["10.0.0.11"]}, "'endpoints' is ['10.0.0.11']"),
        ({"endpoints": "10.0.0.11:2379"}, "'endpoints' is '10.0.0.11:2379'"),
        ({"agent_ttl": 4}, "'agent_ttl' is 4; it must be whole seconds, at least 5"),
        ({"agent_ttl": "10"}, "'agent_ttl' is '10'"),
        ({"agent_ttl": True}, "'agent_ttl' is True"),
        (
            {"image_retention_hours": 0.5},
            "'image_retention_hours' is 0.5; it must be whole hours, at least 1",
        ),
        (
            {"reboot_window": "always"},
            "'reboot_window' is 'always'; it must be days and hours, in UTC, such as",
        ),
        ({"reboot_window": 5}, "'reboot_window' is 5; it must be days and hours"),
        ({"reconcile_interval": 0}, "'reconcile_interval' is 0; it must be seconds, at least 1"),
        ({"metadata": {"role": 1}}, "'metadata' is {'role': 1}; it must be an object of texts"),
        ({"metadata": ["role"]}, "'metadata' is ['role']"),
        ({"public_ip": 10}, "'public_ip' is 10; it must be a text"),
        ({"ca_file": "ca.crt"}, "'ca_file' is 'ca.crt'; it must be an absolute path"),
        ({"ca_file": None}, "'ca_file' is None"),
    ],
)
def test_wrong_field(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(json.dumps({**GOOD, **change}))
    assert message in str(caught.value)


def test_what_a_newer_version_has_is_left_to_that() -> None:
    """It may have been written for an upgrade whose turn has not come."""
    assert parse(json.dumps({**GOOD, "new": [1]})) == parse(json.dumps(GOOD))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("[]", "must be a JSON object, not list"),
        ("{}", '"endpoints" is missing'),
        ('{"endpoints": ["a:1"], "ca_file": "/ca"}', "go together"),
    ],
)
def test_wrong_file(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(text)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="fleet.conf: cannot be read: No such file"):
        read(tmp_path / "fleet.conf")
