"""fleetd of the previous release, in a cluster with the present one.

`previous.zip` holds what its fleetd imports, as git had it. After a release, take that one's:

python -m tests.unit.fleet.simulation.previous COMMIT
"""

import importlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from functools import cache, wraps
from pathlib import Path
from typing import Any, cast

from fleet_cluster.fleet import kv
from fleet_cluster.fleet.config import Config
from fleet_cluster.fleet.coordination.lease import RETRY_SECONDS
from fleet_cluster.fleet.fleetd.environment import Environment
from fleet_cluster.fleet.fleetd.loop import Fleetd
from fleet_cluster.fleet.kv import Condition, Operation
from fleet_cluster.fleet.model.records import MachineState
from fleet_cluster.fleet.model.wire import to_wire
from fleet_cluster.fleet.systemd.manager import SystemdError
from tests.checkout import CHECKOUT

ARCHIVE = Path(__file__).with_name("previous.zip")
PACKAGE = "components/fleet_cluster/fleet"
LOOP = "fleet.fleetd.loop"


@cache
def module(name: str) -> Any:
    """A module of the previous release, by its name in the bundle: fleet.kv."""
    if str(ARCHIVE) not in sys.path:
        sys.path.append(str(ARCHIVE))
    return importlib.import_module(name)


def fleetd(machine: MachineState, settings: Config, environment: Environment) -> Fleetd:
    """A fleetd of the previous release; it is used as the present one is."""
    errors: dict[type[Exception], type[Exception]] = {
        getattr(kv, name): getattr(module("fleet.kv"), name)
        for name in ("KVRefusedError", "KVUnavailableError", "LeaseLostError")
    }
    errors[SystemdError] = module("fleet.systemd.manager").SystemdError
    old = module("fleet.fleetd.environment").Environment(
        store=_Store(environment.store, errors),
        systemd=_Translated(environment.systemd, errors),
        clock=environment.clock,
        lease_file=environment.lease_file,
        checkpoint_file=environment.checkpoint_file,
        wake=environment.wake,
        wall_clock=environment.wall_clock,
    )
    known = module("fleet.config").parse(
        f'{{"endpoints": ["x:1"], "agent_ttl": {settings.agent_ttl}}}'
    )
    record = module("fleet.model.records").MachineState.from_object(to_wire(machine))
    made = module(LOOP).Fleetd(record, known, old)
    made.lease.attempt = lambda: _attempt(made.lease)
    return cast(Fleetd, made)


def _attempt(lease: Any) -> float:
    """What its thread did in a loop."""
    try:
        lease.renew()
    except module("fleet.kv").KVUnavailableError:
        return RETRY_SECONDS
    return lease.ttl / 3


class _Translated:
    """Something whose errors are those of the previous release."""

    def __init__(self, inner: Any, errors: dict[type[Exception], type[Exception]]) -> None:
        self._inner = inner
        self._errors = errors

    def __getattr__(self, name: str) -> Any:
        return self._translated(getattr(self._inner, name))

    def _translated(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def ask(*words: Any, **named: Any) -> Any:
            try:
                return call(*words, **named)
            except tuple(self._errors) as error:
                raise self._errors[type(error)](str(error)) from error

        return ask


class _Store(_Translated):
    """A store that is asked with the classes of the previous release."""

    def commit(self, operations: Sequence[Any], *conditions: Any) -> int:
        """See `KV.commit`."""
        asked = cast(list[Operation], [_present(one) for one in operations])
        needed = cast(list[Condition], [_present(one) for one in conditions])
        return self._translated(self._inner.commit)(asked, *needed)


def _present(one: Any) -> Any:
    """The same by the present class of that name."""
    return getattr(kv, type(one).__name__)(**vars(one))


def take(commit: str) -> None:
    """Make the archive: what fleetd's loop imports, of a commit."""
    packed = subprocess.run(
        ("git", "archive", commit, PACKAGE), cwd=CHECKOUT, capture_output=True, check=True
    ).stdout
    with tempfile.TemporaryDirectory() as name:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(name, filter="data")
        folder = Path(name, PACKAGE).parent
        sys.path.insert(0, str(folder))
        importlib.import_module(LOOP)
        files = sorted(_files())
        with zipfile.ZipFile(ARCHIVE, "w", zipfile.ZIP_DEFLATED) as written:
            for file in files:
                at = zipfile.ZipInfo(str(file.relative_to(folder)), (1980, 1, 1, 0, 0, 0))
                written.writestr(at, file.read_bytes(), zipfile.ZIP_DEFLATED)


def _files() -> list[Path]:
    modules = [one for name, one in sys.modules.items() if name.partition(".")[0] == "fleet"]
    return [Path(one.__file__ or "") for one in modules]


if __name__ == "__main__":
    take(sys.argv[1])
