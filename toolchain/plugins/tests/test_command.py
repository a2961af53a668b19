from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from standin.command import ssh
from standin.command.lifecycle import previous_output
from standin.command.local import LocalCommand, run_once
from standin.command.output import STDERR, STDOUT, Output, failure, quote
from standin.resource import SILENT, Context, Log, PluginError

KEYS: dict[str, Any] = {
    "ssh-ed25519": ed25519.Ed25519PrivateKey.generate(),
    "ssh-rsa": rsa.generate_private_key(65537, 2048),
    "ecdsa-sha2-nistp256": ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-sha2-nistp384": ec.generate_private_key(ec.SECP384R1()),
}
CONTEXT = Context("name")


def text_of(key: Any, form: serialization.PrivateFormat) -> str:
    encoding, secret = serialization.Encoding.PEM, serialization.NoEncryption()
    return key.private_bytes(encoding, form, secret).decode()


@pytest.mark.parametrize("name", KEYS)
def test_private_keys_in_every_form(name: str) -> None:
    forms = [serialization.PrivateFormat.OpenSSH, serialization.PrivateFormat.PKCS8]
    if name != "ssh-ed25519":
        forms.append(serialization.PrivateFormat.TraditionalOpenSSL)
    for form in forms:
        assert ssh.read_private_key(text_of(KEYS[name], form)).get_name() == name


@pytest.mark.parametrize("name", KEYS)
def test_host_keys_of_every_type(name: str) -> None:
    encoding, form = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    line = KEYS[name].public_key().public_bytes(encoding, form).decode()
    assert ssh.read_host_key(f"{line} a comment\n").get_name() == name


@pytest.mark.parametrize("text", ["", "ssh-ed25519", "ssh-dss AAAA", "ssh-ed25519 !!!"])
def test_a_bad_host_key_says_what_is_expected(text: str) -> None:
    with pytest.raises(PluginError, match="TYPE BASE64"):
        ssh.read_host_key(text)


def test_a_bad_private_key_is_not_shown() -> None:
    with pytest.raises(PluginError) as error:
        ssh.read_private_key("-----BEGIN OPENSSH PRIVATE KEY-----\nhush\n")
    assert "hush" not in str(error.value)


def test_defaults_of_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    found = ssh.endpoint({"host": "h"})
    assert (found.user, found.port, found.dial_error_limit) == ("root", 22, 10)
    assert found.per_dial_timeout == 15


def test_streams_apart_and_together() -> None:
    output = Output(SILENT, None)
    for stream, data in ((STDOUT, b"a\n"), (STDERR, b"e\n\n"), (STDOUT, b"b\n")):
        output.write(stream, data)
    assert (output.text(STDOUT), output.text(STDERR)) == ("a\nb", "e\n")
    assert output.interleaved() == "a\ne\n\nb\n"
    assert failure("exit status 1", "x", output) == 'exit status 1: running "x":\na\ne\n\nb\n'


@pytest.mark.parametrize(
    ("logging", "expected"),
    [
        (None, ["one", "error", "two ä"]),
        ("stdoutAndStderr", ["one", "error", "two ä"]),
        ("stdout", ["one", "two ä"]),
        ("stderr", ["error"]),
        ("none", []),
    ],
)
def test_lines_are_logged_whole(logging: str | None, expected: list[str]) -> None:
    lines: list[str] = []
    output = Output(Log(lines.append, lines.append, lines.append), logging)
    letter = "ä".encode()
    pieces = [(STDOUT, b"on"), (STDOUT, b"e\ntwo "), (STDERR, b"error\n")]
    for stream, data in [*pieces, (STDOUT, letter[:1]), (STDOUT, letter[1:])]:
        output.write(stream, data)
    output.close()
    assert sorted(lines) == sorted(expected)


def test_quoting_is_that_of_go() -> None:
    assert quote('a "b" \\ c\n\td\x01ä') == '"a \\"b\\" \\\\ c\\n\\td\\x01ä"'


def test_previous_output_is_given_where_there_is_some() -> None:
    state = {"stdout": "out", "stderr": ""}
    assert previous_output({}, state) == {"PULUMI_COMMAND_STDOUT": "out"}
    assert previous_output({"addPreviousOutputInEnv": False}, state) == {}


def test_a_command_without_anything_to_run_keeps_its_output() -> None:
    _, outputs = LocalCommand().create(CONTEXT, {})
    assert outputs == {"stdout": "", "stderr": ""}
    state = {"stdout": "out", "stderr": "err"}
    assert LocalCommand().update(CONTEXT, "id", state, {}) == state


def test_a_local_command_that_fails() -> None:
    with pytest.raises(PluginError, match='exit status 4: running "echo out; exit 4":\nout'):
        LocalCommand().create(CONTEXT, {"create": "echo out; exit 4"})
    with pytest.raises(PluginError, match="signal: killed"):
        LocalCommand().create(CONTEXT, {"create": "kill -9 $$"})
    with pytest.raises(PluginError, match="/no/such/shell"):
        LocalCommand().create(CONTEXT, {"create": "true", "interpreter": ["/no/such/shell"]})


def test_large_local_streams() -> None:
    text = "x" * 1_000_000
    _, outputs = LocalCommand().create(CONTEXT, {"create": "tee /dev/stderr", "stdin": text})
    assert outputs == {"stdout": text, "stderr": text}
    _, unread = LocalCommand().create(CONTEXT, {"create": "true", "stdin": text})
    assert unread["stdout"] == ""


def test_run_once_refuses_what_it_does_not_know() -> None:
    assert run_once({"command": "echo hi"})["stdout"] == "hi"
    with pytest.raises(PluginError, match="assetPaths"):
        run_once({"command": "true", "assetPaths": ["*"]})
