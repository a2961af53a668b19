import shlex

import pytest

from fleet_cluster.fleet.fleetctl.remote.ssh import SshHost, SshOptions, neighbours


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("10.0.0.11", SshHost("10.0.0.11")),
        ("10.0.0.11:2222", SshHost("10.0.0.11", 2222)),
        ("ops@bastion:22", SshHost("bastion", 22, "ops")),
        ("[fd00::1]:22", SshHost("fd00::1", 22)),
        ("[fd00::1]", SshHost("fd00::1")),
        ("fd00::1", SshHost("fd00::1")),
    ],
)
def test_hosts(given: str, host: SshHost) -> None:
    assert SshHost.parse(given) == host


@pytest.mark.parametrize("given", ["", ":22", "host:ssh", "-oProxyCommand=x", "user@"])
def test_bad_hosts(given: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        SshHost.parse(given)


def test_a_plain_call_leaves_keys_to_the_users_configuration() -> None:
    call = SshOptions().command(SshHost("m1"), ["echo", "a b; c"])
    assert call[:3] == ["ssh", "-l", "core"]
    assert call[-3:] == ["--", "m1", "echo 'a b; c'"]
    assert not [word for word in call if "Known" in word or "Strict" in word or word == "-i"]


def test_pinned_host_keys_and_identity() -> None:
    options = SshOptions(known_hosts_file="/k/known_hosts", identity="/k/id", config="/k/config")
    call = options.command(SshHost("m1", 2222))
    text = " ".join(call)
    assert "-F /k/config" in text
    assert "-p 2222" in text
    assert "-i /k/id -o IdentitiesOnly=yes" in text
    assert "UserKnownHostsFile=/k/known_hosts -o StrictHostKeyChecking=yes" in text
    assert call[-2:] == ["--", "m1"]


def test_unchecked_host_keys_only_when_asked_for() -> None:
    assert "StrictHostKeyChecking=no" in SshOptions(strict=False).command(SshHost("m1"))
    assert "StrictHostKeyChecking=no" not in SshOptions().command(SshHost("m1"))


def test_the_way_through_another_host_has_the_same_options() -> None:
    options = SshOptions(known_hosts_file="/k/100%/known hosts", identity="/k/id")
    call = options.command(SshHost("10.0.0.12"), ["true"], jump=SshHost("10.0.0.11", 2222))
    (proxy,) = [word for word in call if word.startswith("ProxyCommand=")]
    words = shlex.split(proxy.removeprefix("ProxyCommand="))
    assert words[0] == "ssh"
    assert words[-4:] == ["-W", "[%h]:%p", "--", "10.0.0.11"]
    assert words[words.index("-i") : words.index("-i") + 2] == ["-i", "/k/id"]
    assert 'UserKnownHostsFile="/k/100%%/known hosts"' in words
    assert "2222" in words


def test_neighbours_are_named_on_one_line_with_a_host() -> None:
    config = "# a comment\nHost a b* c\n    HostName 10.0.0.1\nhost m1 m2  m3 !m4\nHost m2\n"
    assert neighbours(config, "m2") == ["m1", "m3"]
    assert neighbours(config, "a") == ["c"]
    assert neighbours(config, "elsewhere") == []
    assert neighbours("", "m1") == []
