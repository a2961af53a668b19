"""OpenSSH command lines (pure): the options of fleetctl in ssh's own words.

It is the user's ssh: ~/.ssh/config, agents and bastions do what they always do.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from ..cli.numbers import is_port

KEEPALIVE = ("-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3")
"""A connection to a machine that is gone ends within 15 s, also under `journal -f`."""

SHARED_SECONDS = 10
"""How long a connection that is shared stays when nobody has it any more."""


@dataclass(frozen=True)
class SshHost:
    """Host with an SSH server; a port of 0 is left to ssh's configuration."""

    name: str
    port: int = 0
    user: str = ""

    @classmethod
    def parse(cls, given: str) -> "SshHost":
        """Read `[USER@]HOST[:PORT]`; an IPv6 address with a port is in brackets.

        Raises:
            ValueError: there is no host, or the port is none.
        """
        user, _, place = given.rpartition("@")
        if place.startswith("["):
            name, _, port = place.removeprefix("[").partition("]")
            port = port.removeprefix(":")
        elif place.count(":") == 1:
            name, _, port = place.partition(":")
        else:
            name, port = place, ""
        if not name or name.startswith("-") or (port and not is_port(port)):
            raise ValueError(f"{given!r} is not [USER@]HOST[:PORT]")
        return cls(name, int(port or 0), user)


@dataclass(frozen=True)
class SshOptions:
    """Options of a connection, whatever the host."""

    username: str = "core"
    timeout: float = 10
    """Seconds to wait for a connection."""
    strict: bool = True
    known_hosts_file: str = ""
    """Empty: those of the user's ssh configuration."""
    identity: str = ""
    """A private key's file; empty: those of the user's ssh configuration and agent."""
    config: str = ""
    """An ssh configuration file; empty: the user's ~/.ssh/config."""
    batch: bool = False
    """Never ask anything: there is nobody to answer."""
    shared: str = ""
    """A folder of this process's: calls that go through one host share one connection to it."""

    def command(
        self,
        host: SshHost,
        command: Sequence[str] = (),
        *,
        jump: SshHost | None = None,
        flags: Sequence[str] = (),
    ) -> list[str]:
        """The ssh call that runs `command` on `host`, or a login shell there.

        Args:
            host: where to.
            command: its words; they arrive as they are, nothing is expanded.
            jump: the host to connect through.
            flags: further flags of ssh, such as `-t`.
        """
        remote = [shlex.join(command)] if command else []
        proxy = ["-o", f"ProxyCommand={self._proxy(jump)}"] if jump else []
        return ["ssh", *self._flags(host), *proxy, *flags, "--", host.name, *remote]

    def resolve(self, name: str) -> list[str]:
        """The ssh call that prints the configuration for a host, without connecting."""
        return ["ssh", *(("-F", self.config) if self.config else ()), "-G", "--", name]

    def _flags(self, host: SshHost) -> list[str]:
        return [
            *(("-F", self.config) if self.config else ()),
            *("-l", host.user or self.username),
            *(("-p", str(host.port)) if host.port else ()),
            *("-o", f"ConnectTimeout={max(round(self.timeout), 1)}"),
            *KEEPALIVE,
            *(("-o", "BatchMode=yes") if self.batch else ()),
            *self._identity_flags(),
            *self._host_key_flags(),
        ]

    def _identity_flags(self) -> list[str]:
        return ["-i", self.identity, "-o", "IdentitiesOnly=yes"] if self.identity else []

    def _host_key_flags(self) -> list[str]:
        if not self.strict:
            quiet = "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"
            return ["-o", "StrictHostKeyChecking=no", *quiet]
        if self.known_hosts_file:
            pinned = f"UserKnownHostsFile={_quoted(self.known_hosts_file)}"
            return ["-o", pinned, "-o", "StrictHostKeyChecking=yes"]
        return []

    def _shared_flags(self) -> list[str]:
        if not self.shared:
            return []
        persist = "-o", f"ControlPersist={SHARED_SECONDS}"
        return ["-o", "ControlMaster=auto", "-o", f"ControlPath={self.shared}/%C", *persist]

    def _proxy(self, jump: SshHost) -> str:
        # Not -J: that one would not get the identity and the known hosts of this command line.
        through = ["ssh", *self._flags(jump), *self._shared_flags()]
        escaped = [word.replace("%", "%%") for word in through]
        return shlex.join([*escaped, "-W", "[%h]:%p", "--", jump.name])


def neighbours(config: str, name: str) -> list[str]:
    """The hosts that an ssh configuration names on one line with this one, in the line's order."""
    for line in config.splitlines():
        keyword, *hosts = line.split() or [""]
        if keyword.lower() == "host" and name in hosts:
            return [host for host in hosts if host != name and not set(host) & set("*?!")]
    return []


def _quoted(path: str) -> str:
    """A file in an ssh option: several could be listed there, separated by spaces."""
    return f'"{path}"' if " " in path else path
