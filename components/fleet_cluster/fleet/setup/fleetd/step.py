"""The step `fleetd`, which machines take one after the other."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from ... import config
from ...config import Config
from ...kv import KV, KVUnavailableError
from ..etcd_auth import connect
from ..etcd_peers import PeerTrust
from ..etcd_service import retire
from ..etcdctl import Etcdctl
from ..files import not_its_own
from ..inputs import FleetdSetup
from ..shell import StepError, run, say
from .own_machine import OwnMachine
from .upgrade import Upgrade
from .versions import Versions

PATIENCE = 90.0
"""Seconds that units get to run again before the next machine is touched all the same."""
MACHINE_ID = Path("/etc/machine-id")


def start(stdin: str) -> None:
    """Have fleetd run the present bundle and configuration; no unit is touched.

    systemd waits until fleetd has announced the machine, or knows why it will not.

    Raises:
        StepError: fleetd has gone back to the version before; another machine has this one's id,
            and so this one runs nothing new; or etcd does not answer.
    """
    member = FleetdSetup[str].from_json(stdin).member
    if member:
        PeerTrust().settle(Etcdctl())
    else:
        retire()
    versions = Versions()
    settings = config.read(versions.conf(versions.current))
    try:
        with _connected(settings) as store:
            machine = OwnMachine(MACHINE_ID.read_text().strip(), settings.public_ip, store)
            Upgrade.here(versions, settings.metrics_address).carry_out()
            _remove(not_its_own(member=member))
            machine.refuse_duplicate(2 * settings.agent_ttl)
            if late := machine.wait(machine.waiting, PATIENCE):
                say(f"not running yet: {', '.join(late)}; see: fleetctl list-units")
    except KVUnavailableError as error:
        raise StepError(f"{error}. Units run on; bring etcd back, then pulumi up") from error


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        run("rm", "-rf", str(path))


@contextmanager
def _connected(settings: Config) -> Generator[KV]:
    """The connection to etcd, while the `with` block runs."""
    store = connect(settings)
    try:
        yield store
    finally:
        store.close()
