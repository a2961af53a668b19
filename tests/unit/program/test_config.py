"""Settings: what is read, and what a bad one is told."""

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

import config

DEFAULTS = {
    "provider": "docker",
    "cluster-size": "3",
    "etcd-size": "3",
    "sinatra-instances": "2",
    "load-balancer-port": "8080",
    "machine-metadata": "[]",
    "agent-ttl": "10",
    "reconcile-interval": "60",
    "image-retention-hours": "72",
    "reboot-window": "",
    "certificate-hours": "8760",
    "certificate-authority": "1",
    "etcd-quota-backend-bytes": "2147483648",
    "etcd-heartbeat-interval": "100",
    "etcd-election-timeout": "1000",
    "greeting": "Hello World!",
    "max-body-size": "100m",
    "backup-folder": "",
    "backup-command": "",
    "backup-calendar": "daily",
    "backup-keep": "7",
    "journal-machine": "",
    "journal-folder": "/var/log/journal/remote",
    "journal-max-use": "1G",
    **{setting: config.default(setting) for setting in config.AWS_ONLY},
}


def read(**changes: str) -> config.Settings:
    given = DEFAULTS | {name.replace("_", "-"): value for name, value in changes.items()}
    pulumi.runtime.set_all_config({f"test:{name}": value for name, value in given.items()})
    return config.read(pulumi.Config("test"))


def test_the_defaults_are_three_machines_that_all_keep_etcds_data():
    chosen = read()
    assert (chosen.cluster_size, chosen.etcd_size) == (3, 3)
    assert chosen.machine_metadata == []


def test_an_election_of_etcd_takes_five_heartbeats_and_half_a_lease_at_most():
    with pytest.raises(config.SettingError, match="'1000' .* 2500 to 5000.*-timeout 2500"):
        read(etcd_heartbeat_interval="500")
    with pytest.raises(config.SettingError, match="'3000' .* 1000 to 2500"):
        read(etcd_election_timeout="3000", agent_ttl="5")
    chosen = read(etcd_heartbeat_interval="500", etcd_election_timeout="2500", agent_ttl="5")
    assert (chosen.etcd_heartbeat_interval, chosen.etcd_election_timeout) == (500, 2500)


@pytest.mark.parametrize(
    ("setting", "given", "allowed"),
    [
        ("cluster_size", "0", "from 1 to 12"),
        ("cluster_size", "13", "from 1 to 12"),
        ("cluster_size", "three", "from 1 to 12"),
        ("cluster_size", "2.5", "from 1 to 12"),
        ("etcd_size", "2", "1, 3 or 5"),
        ("etcd_size", "7", "1, 3 or 5"),
        ("sinatra_instances", "-1", "from 0 to 100"),
        ("load_balancer_port", "70000", "from 1 to 65535"),
        ("agent_ttl", "1", "from 5 to 300"),
        ("reboot_window", "always", '"Mon-Fri 22:00-01:00" or "daily 03:00-05:00"'),
        ("certificate_hours", "0", "from 1 to 17520"),
        ("certificate_authority", "0", "from 1 to 999"),
        ("etcd_quota_backend_bytes", "2g", "from 268435456 to 8589934592"),
        ("etcd_heartbeat_interval", "49", "from 50 to 500"),
        (
            "etcd_election_timeout",
            "999",
            "1000 to 5000: five of etcd-heartbeat-interval up to half",
        ),
        ("etcd_election_timeout", "2s", "1000 to 5000"),
        ("provider", "gcp", "docker, aws"),
        ("machine_metadata", '["role web"]', "role=web,zone=a"),
        ("machine_metadata", '["a=1","a=1","a=1","a=1"]', "at most 3 entries"),
        ("machine_metadata", '{"role": "web"}', "at most 3 entries"),
        ("machine_metadata", '["role=web,role=db"]', "each key once"),
        ("greeting", "Hello\nWorld", "a single line"),
        ("max_body_size", "", "bytes, also with k, m or g"),
        ("max_body_size", "-1", "bytes, also with k, m or g"),
        ("max_body_size", "1.5m", "bytes, also with k, m or g"),
        ("max_body_size", "1 GB", "bytes, also with k, m or g"),
        ("max_body_size", "1m\n", "bytes, also with k, m or g"),
    ],
)
def test_a_bad_setting_is_told_what_was_given_what_is_allowed_and_how_to_mend_it(
    setting: str, given: str, allowed: str
):
    with pytest.raises(config.SettingError) as refused:
        read(**{setting: given})
    message = str(refused.value)
    name = setting.replace("_", "-")
    assert message.startswith(f"{name}: ")
    assert allowed in message
    assert f"pulumi config set {name} " in message


@pytest.mark.parametrize(("machines", "members"), [(1, 1), (2, 1), (3, 3), (4, 3), (5, 5), (12, 5)])
def test_a_small_cluster_has_the_largest_quorum_that_fits(machines: int, members: int):
    assert read(cluster_size=str(machines), etcd_size="5").etcd_size == members


def with_secret_greeting(text: str) -> config.Settings:
    given = {f"test:{name}": value for name, value in (DEFAULTS | {"greeting": text}).items()}
    pulumi.runtime.set_all_config(given, ["test:greeting"])
    return config.read(pulumi.Config("test"))


def test_a_greeting_that_was_set_as_a_secret_stays_one():
    assert read().greeting == "Hello World!"
    assert isinstance(with_secret_greeting("sesame").greeting, pulumi.Output)
    with pytest.raises(config.SettingError) as refused:
        with_secret_greeting("sesame\nopen")
    assert "sesame" not in str(refused.value)


@given(st.integers(1, 12), st.integers(0, 12))
def test_metadata_is_read_as_fleet_writes_it(machines: int, described: int):
    entries = ",".join(['"role=web,zone=a"'] * min(machines, described))
    chosen = read(cluster_size=str(machines), machine_metadata=f"[{entries}]")
    assert chosen.machine_metadata == [{"role": "web", "zone": "a"}] * min(machines, described)
