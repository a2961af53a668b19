"""Main program, `python3 -m fleet.fleetctl`: parse, find where the command runs, run it."""

import os
import secrets
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

from .. import config
from ..config import Config, ConfigError
from ..kv import KV, KVForbiddenError, KVUnavailableError
from ..model.record import BadRecordError
from ..model.rollout_step import OnStep
from ..unitfiles.unitfile import UnitFileError
from .cli.errors import CtlError, Exit, UsageError
from .cli.local_files import find_files, read_files
from .cli.numbers import port, some_seconds
from .cli.options import etcd_words, remote_words
from .cli.origin import Origin, own_author, sources_of
from .cli.output import escaped_output, fail, tell
from .cli.secret_input import GIVEN, read_secret
from .commands.command import Command, Input, RunsOn
from .commands.parser import parse
from .operations.context import Context, no_kv, note_nothing
from .remote import tunnel
from .remote.access import FromMachine, FromOutside
from .remote.ssh import SshHost, SshOptions, neighbours
from .remote.trace import traced
from .remote.tunnel import INTERRUPTED, RemoteRequest, Tunnel

T = TypeVar("T")

BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def main(words: Sequence[str]) -> int:
    """Run fleetctl; its exit code."""
    with escaped_output():
        return _main(words)


def _main(words: Sequence[str]) -> int:
    command, arguments = parse(words)
    try:
        code = _run(command, arguments, words)
        sys.stdout.flush()
        return code
    except CtlError as error:
        fail(str(error))
        return error.code
    except KVForbiddenError as error:
        fail(f"{error}. {_where_allowed()}")
        return Exit.FAILED
    except KVUnavailableError as error:
        fail(f"{error}. Units run on without etcd; what was to be changed may not have been")
        return Exit.FAILED
    except (UnitFileError, ConfigError, BadRecordError) as error:
        fail(str(error))
        return Exit.FAILED
    except KeyboardInterrupt:
        if command.after_interrupt and not arguments.is_remote:  # Then, the near end tells.
            fail(f"interrupted. {command.interrupt_advice(arguments)}")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; what is left of it goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED


def _run(command: Command, arguments: Namespace, words: Sequence[str]) -> int:
    options, ssh_port = _ssh_options(arguments), _port(arguments.ssh_port)
    if not arguments.tunnel:
        return command.run(_on_machine(command, arguments, options), arguments)
    host = _host(arguments.tunnel, "--tunnel")
    through = Tunnel(host, options, _others(host, options))
    outside = FromOutside(through, etcd_words(arguments), ssh_port)
    if command.runs_on is RunsOn.HERE:
        return command.run(Context(no_kv, outside), arguments)
    request, far = _request(command, arguments), remote_words(words, arguments)
    if command.resumes:
        through.resumes, far = True, [*far, f"--series={secrets.token_hex(8)}"]

    def run(on_step: OnStep | None) -> int:
        asked = replace(request, is_traced=on_step is not None)
        return through.run(far, asked, partial(outside.take_message, on_step=on_step))

    return traced(command.name, run)


def _on_machine(command: Command, arguments: Namespace, options: SshOptions) -> Context:
    @cache
    def kv() -> KV:
        return _connect(arguments)

    request = tunnel.receive() if arguments.is_remote else _request(command, arguments)
    machines = FromMachine(kv, options, is_remote=arguments.is_remote)
    as_app = partial(_connect, arguments, "app")
    return Context(
        kv,
        machines,
        request.files,
        request.document,
        as_app,
        origin=Origin(request.author, request.sources),
        on_step=tunnel.send_step if request.is_traced else note_nothing,
    )


def _request(command: Command, arguments: Namespace) -> RemoteRequest:
    """The request for the command: what it reads on this computer."""
    wanted = command.input
    if wanted is Input.FILES_OR_DOCUMENT:
        wanted = Input.FILES if arguments.units else Input.DOCUMENT
    if wanted is Input.FILES:
        sources = sources_of(find_files(arguments.units))
        return RemoteRequest(read_files(arguments.units), "", own_author(), sources)
    if wanted is Input.SECRET and arguments.action in GIVEN:
        return RemoteRequest(document=read_secret(), author=own_author())
    if wanted is Input.DOCUMENT and not getattr(arguments, "owner", ""):
        return RemoteRequest(document=_document(command.name), author=own_author())
    return RemoteRequest(author=own_author())


def _document(command: str) -> str:
    if sys.stdin.isatty():
        tell(f"Reading a JSON document from here, to its end (Ctrl-D); see: fleetctl {command} -h")
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        raise CtlError(f"{command} reads a JSON document on standard input: {error}") from error


def _connect(arguments: Namespace, role: str = "") -> KV:
    """The connection to etcd as this machine, or as one of etcd's users."""
    if not arguments.endpoint and not config.PATH.exists():
        raise CtlError(
            "this computer is no machine of a cluster, so say which one to go through: "
            "--tunnel HOST, or FLEETCTL_TUNNEL=HOST in the environment"
        )
    # Here, because a user's computer with a tunnel needs no HTTP/2.
    from ..etcd.client import connect

    own = config.read(config.PATH) if config.PATH.exists() else Config(())
    try:
        return connect(
            arguments.endpoint.split(",") if arguments.endpoint else own.endpoints,
            _file(arguments.ca_file) or own.ca_file,
            _file(arguments.cert_file) or _of(role, own.cert_file),
            _file(arguments.key_file) or _of(role, own.key_file),
            limit=_number(some_seconds, arguments.request_timeout, "--request-timeout"),
            here=own.public_ip,
        )
    except OSError as error:
        raise CtlError(
            f"cannot read {error.filename}: {error.strerror}. Run it as root, or as a user in the "
            "group fleet, such as core"
        ) from error


def _where_allowed() -> str:
    """What to do where etcd does not allow what was asked for."""
    own = config.read(config.PATH) if config.PATH.exists() else Config(())
    if not own.is_worker:
        return "Nothing was changed. Which certificate may do what: docs/security.md"
    members = ", ".join(endpoint.rpartition(":")[0] for endpoint in own.endpoints)
    return (
        "Nothing was changed: on this machine, which keeps none of etcd's data, fleetctl only "
        f"looks. Run the same on one that does: {members}"
    )


def _of(role: str, own: Path | None) -> Path | None:
    """A file of a role's, which lies beside this machine's own."""
    return own.with_name(f"{role}{own.suffix}") if own and role else own


def _file(given: str) -> Path | None:
    return Path(given) if given else None


def _ssh_options(arguments: Namespace) -> SshOptions:
    return SshOptions(
        username=arguments.ssh_username,
        timeout=_number(some_seconds, arguments.ssh_timeout, "--ssh-timeout"),
        strict=_boolean(arguments.strict_host_key_checking, "--strict-host-key-checking"),
        known_hosts_file=arguments.known_hosts_file,
        identity=arguments.ssh_identity,
        config=arguments.ssh_config,
        batch=not sys.stdin.isatty(),
    )


def _number(check: Callable[[str], T], given: str, option: str) -> T:
    try:
        return check(given)
    except ValueError as error:
        raise UsageError(f"{option} is {given!r}; {error}") from error


def _boolean(given: str, option: str) -> bool:
    if given.lower() not in BOOLEANS:
        raise UsageError(f"{option} is {given!r}; it must be true or false")
    return BOOLEANS[given.lower()]


def _port(given: str) -> int:
    return _number(port, given, "--ssh-port") if given else 0


def _others(host: SshHost, options: SshOptions) -> list[SshHost]:
    """The cluster's other machines, as far as the given ssh configuration names them."""
    config = Path(options.config)
    text = config.read_text() if options.config and config.is_file() else ""
    return [SshHost(name, user=host.user) for name in neighbours(text, host.name)]


def _host(given: str, option: str) -> SshHost:
    try:
        return SshHost.parse(given)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error


def _end_properly_when_told_to() -> None:
    """As on Ctrl-C: what must not be left half done is finished."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def _open_what_is_closed() -> None:
    """Standard input and output that the caller has closed are empty, and go nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115


def command() -> None:
    """The program fleetctl."""
    _open_what_is_closed()
    _end_properly_when_told_to()
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    command()
