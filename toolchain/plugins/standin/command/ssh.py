"""SSH connections as pulumi-command makes them: pinned host key, retried dialling, a bastion."""

import io
import os
import socket
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from paramiko.agent import AgentSSH
from paramiko.common import cMSG_CHANNEL_REQUEST

from ..resource import Context, PluginError
from ..values import Plain
from .output import STDERR, STDOUT, Output

Found = TypeVar("Found")

UNLIMITED = -1
CHUNK = 32768
KEY_CLASSES: dict[str, type[paramiko.PKey]] = {
    "ssh-ed25519": paramiko.Ed25519Key,
    "ssh-rsa": paramiko.RSAKey,
    "ecdsa-sha2-nistp256": paramiko.ECDSAKey,
    "ecdsa-sha2-nistp384": paramiko.ECDSAKey,
    "ecdsa-sha2-nistp521": paramiko.ECDSAKey,
}
RSA_HOST_KEY_ALGORITHMS = ("rsa-sha2-512", "rsa-sha2-256")


@dataclass(frozen=True)
class Endpoint:
    """One server: where it is, who logs in, and how both prove who they are."""

    host: str
    port: int
    user: str
    password: str | None
    private_key: paramiko.PKey | None
    host_key: paramiko.PKey | None
    agent_socket: str | None
    dial_error_limit: int
    per_dial_timeout: float | None


def endpoint(connection: Plain) -> Endpoint:
    """Returns the endpoint of a `connection` input. Raises PluginError for unreadable keys."""
    key_text, key_password = connection.get("privateKey"), connection.get("privateKeyPassword")
    host_key = connection.get("hostKey")
    return Endpoint(
        host=connection["host"],
        port=int(connection.get("port", 22)),
        user=connection.get("user", "root"),
        password=connection.get("password"),
        private_key=read_private_key(key_text, key_password) if key_text else None,
        host_key=read_host_key(host_key) if host_key else None,
        agent_socket=connection.get("agentSocketPath") or os.environ.get("SSH_AUTH_SOCK") or None,
        dial_error_limit=connection.get("dialErrorLimit", 10),
        per_dial_timeout=connection.get("perDialTimeout", 15) or None,
    )


def read_private_key(text: str, password: str | None = None) -> paramiko.PKey:
    """Returns the key in OpenSSH or PEM form (ed25519, RSA, ECDSA)."""
    secret = password.encode() if password else None
    loaders = (serialization.load_ssh_private_key, serialization.load_pem_private_key)
    load = loaders[0] if "OPENSSH PRIVATE KEY" in text else loaders[1]
    try:
        key: Any = load(text.encode(), secret)
        openssh = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        ).decode()
        public = key.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
        kind = KEY_CLASSES[public.split()[0].decode()]
        return kind.from_private_key(io.StringIO(openssh))
    except (ValueError, TypeError, KeyError, UnsupportedAlgorithm, paramiko.SSHException) as error:
        raise PluginError(
            "connection.privateKey cannot be read: give the text of an ed25519, RSA or ECDSA key"
            f" in OpenSSH or PEM form ({_kind(error)})."
        ) from error


def _kind(error: Exception) -> str:
    """Names the failure without quoting it: some libraries put key material into their texts."""
    return type(error).__name__


def read_host_key(text: str) -> paramiko.PKey:
    """Returns the key in the form of authorized_keys: `type base64 [comment]`."""
    fields = text.split()
    try:
        return _public_key(fields[0], b64decode(fields[1]))
    except (KeyError, IndexError, ValueError, paramiko.SSHException) as error:
        raise PluginError(
            f"connection.hostKey cannot be read: got {text.strip()[:60]!r}, expected the form"
            f" `TYPE BASE64 [COMMENT]` with a type of {', '.join(KEY_CLASSES)}."
        ) from error


def _public_key(kind: str, blob: bytes) -> paramiko.PKey:
    make: Any = KEY_CLASSES[kind]
    return make(data=blob)


@contextmanager
def connect(context: Context, connection: Plain) -> Generator[paramiko.Transport]:
    """Yields an authenticated connection; retries dialling as the connection's limits say."""
    target = endpoint(connection)
    bastion = endpoint(connection["proxy"]) if connection.get("proxy") else None
    dialling = Dialling(context)
    opened: list[paramiko.Transport] = []
    try:
        if bastion is None:
            opened.append(dialling.retry("Dial", target, lambda: _dial(target)))
        else:
            opened.append(dialling.retry("Dial proxy", bastion, lambda: _dial(bastion)))
            through = opened[0]
            opened.append(
                dialling.retry("Dial from proxy", target, lambda: _dial_through(through, target))
            )
        yield opened[-1]
    finally:
        for transport in reversed(opened):
            transport.close()


class Dialling:
    """Repeats attempts with growing pauses, until a limit of failures or of time."""

    FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.1, 5.0, 1.5

    def __init__(self, context: Context) -> None:
        """Starts the time limit of `context` now."""
        self._context = context
        self._deadline = time.monotonic() + context.timeout if context.timeout else None

    def retry(self, what: str, server: Endpoint, attempt: Callable[[], Found]) -> Found:
        """Returns what `attempt` returns. A limit of N failures makes N + 1 attempts."""
        failed, pause, limit = 0, self.FIRST_PAUSE, server.dial_error_limit
        while True:
            try:
                return attempt()
            except (OSError, EOFError, paramiko.SSHException) as error:
                failed += 1
                if limit > UNLIMITED and failed > limit:
                    raise self._gave_up(failed, server, error) from error
            shown = "inf" if limit == UNLIMITED else limit
            self._context.log.status(f"{what} {failed}/{shown} failed: retrying")
            self._pause(pause, server)
            pause = min(pause * self.GROWTH, self.LONGEST_PAUSE)

    def _pause(self, seconds: float, server: Endpoint) -> None:
        where = f"{server.user}@{server.host}:{server.port}"
        if self._deadline is not None and time.monotonic() + seconds > self._deadline:
            raise PluginError(f"context deadline exceeded while dialling {where}")
        if self._context.cancelled.wait(seconds):
            raise PluginError(f"context canceled while dialling {where}")

    @staticmethod
    def _gave_up(failed: int, server: Endpoint, error: Exception) -> PluginError:
        where = f"{server.user}@{server.host}:{server.port}"
        reason = str(error) or type(error).__name__
        return PluginError(f"dial {where}: after {failed} failed attempts: {reason}")


def _dial(server: Endpoint) -> paramiko.Transport:
    address = (server.host, server.port)
    connection = socket.create_connection(address, timeout=server.per_dial_timeout)
    connection.settimeout(None)
    _keep_alive(connection)
    return _handshake(connection, server)


def _keep_alive(connection: socket.socket) -> None:
    """Notices a peer that is gone after two and a half minutes, as Go's dialler does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 9)


def _dial_through(bastion: paramiko.Transport, server: Endpoint) -> paramiko.Transport:
    channel = bastion.open_channel("direct-tcpip", (server.host, server.port), ("127.0.0.1", 0))
    return _handshake(channel, server)


def _handshake(connection: Any, server: Endpoint) -> paramiko.Transport:
    transport = paramiko.Transport(connection)
    try:
        if server.host_key is not None:
            _expect_host_key(transport, server.host_key)
        transport.start_client()
        _verify_host_key(transport, server)
        _authenticate(transport, server)
    except BaseException:
        transport.close()
        raise
    return transport


def _expect_host_key(transport: paramiko.Transport, key: paramiko.PKey) -> None:
    """Asks the server for the key that is pinned, of all that it has."""
    name = key.get_name()
    options: Any = transport.get_security_options()
    options.key_types = RSA_HOST_KEY_ALGORITHMS if name == "ssh-rsa" else (name,)


def _verify_host_key(transport: paramiko.Transport, server: Endpoint) -> None:
    found = transport.get_remote_server_key()
    if server.host_key is not None and found != server.host_key:
        raise paramiko.SSHException(
            f"ssh: host key mismatch: {server.host} showed {found.fingerprint},"
            f" connection.hostKey has {server.host_key.fingerprint}"
        )


def _authenticate(transport: paramiko.Transport, server: Endpoint) -> None:
    last: Exception | None = None
    for attempt in _methods(transport, server):
        try:
            attempt()
        except (paramiko.BadAuthenticationType, paramiko.AuthenticationException) as error:
            last = error
        if transport.is_authenticated():
            return
    reason = f" ({last})" if last else ": give a privateKey, a password or an SSH agent"
    raise paramiko.SSHException(
        f"ssh: handshake failed: unable to authenticate as {server.user}{reason}"
    )


def _methods(transport: paramiko.Transport, server: Endpoint) -> Iterator[Callable[[], object]]:
    user, key, password = server.user, server.private_key, server.password
    if key is not None:
        yield lambda: transport.auth_publickey(user, key)
    if password is not None:
        yield lambda: transport.auth_password(user, password)
    if server.agent_socket is not None:
        for agent_key in _agent_keys(server.agent_socket):
            yield lambda k=agent_key: transport.auth_publickey(user, k)


def _agent_keys(path: str) -> tuple[Any, ...]:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(path)
    agent: Any = AgentSSH()
    agent._connect(connection)
    return agent.get_keys()


class RefusedError(Exception):
    """The server does not take an environment variable."""


def run(
    transport: paramiko.Transport,
    command: str,
    stdin: str,
    environment: dict[str, str],
    output: Output,
) -> int | None:
    """Runs a command in the user's login shell; returns its exit status once all is read.

    It waits for everything that holds the command's stdout, background children too. None is a
    command that ended without a status: killed by a signal, or the connection broke.

    Raises:
        RefusedError: the server does not take a variable of `environment`; nothing has run.
    """
    channel = transport.open_session()
    try:
        for name, value in environment.items():
            _set_variable(channel, name, value)
        channel.exec_command(command)
        _exchange(channel, stdin.encode(), output)
        status = channel.recv_exit_status()
    finally:
        channel.close()
    return None if status == -1 else status


def _set_variable(channel: Any, name: str, value: str) -> None:
    """Asks for an answer, unlike the library's own call; a refusal closes the channel there."""
    message = paramiko.Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string("env")
    message.add_boolean(True)
    message.add_string(name)
    message.add_string(value)
    channel._event_pending()
    channel.transport._send_user_message(message)
    try:
        channel._wait_for_event()
    except paramiko.SSHException as error:
        raise RefusedError(name) from error


def _exchange(channel: paramiko.Channel, stdin: bytes, output: Output) -> None:
    """Feeds stdin and reads both streams at once: any of the three may fill up."""
    threads = [
        threading.Thread(target=_feed, args=(channel, stdin)),
        threading.Thread(target=_drain, args=(channel.recv_stderr, STDERR, output)),
    ]
    for thread in threads:
        thread.start()
    _drain(channel.recv, STDOUT, output)
    for thread in threads:
        thread.join()


def _feed(channel: paramiko.Channel, stdin: bytes) -> None:
    # The command may end without having read everything, which is its right.
    with suppress(OSError):
        channel.sendall(stdin)
        channel.shutdown_write()


def _drain(receive: Callable[[int], bytes], stream: str, output: Output) -> None:
    while data := receive(CHUNK):
        output.write(stream, data)
