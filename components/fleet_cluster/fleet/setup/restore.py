"""The step `restore`: etcd's data on this machine give way to those of a snapshot.

`fleetctl restore` has all members do one part after the other. The data are made ready beside those
that etcd runs on; what there was stays aside until all members are well with the new ones.
"""

import json
import shutil
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import Config
from ..config import read as read_config
from ..etcd.snapshot import SnapshotError, check
from ..etcd_configuration import parse
from ..model.keys import CLUSTER, ELIGIBILITY, REBOOT_LOCK, REBOOTS
from ..model.reboots import after_reboot
from ..model.record import BadRecordError
from ..model.records import Eligibility
from .etcd_service import DATA, ENVIRONMENT, UNIT, read
from .etcdctl import Etcdctl, peer_url
from .inputs import MemberRestore
from .shell import RefusedError, StepError, run, say, systemctl

SPARE_BYTES = 192 << 20
"""What the data need on the disk beside the snapshot's own size: etcd's log, and some more."""


@dataclass(frozen=True)
class Restore:
    """A restore of this machine's member."""

    data: Path = DATA
    run: Callable[..., str] = run
    systemctl: Callable[..., str] = systemctl
    etcdctl: Etcdctl = Etcdctl()
    read: Callable[[str], str] = read
    config: Callable[[], Config] = read_config
    print: Callable[[str], None] = print

    def step(self, stdin: str) -> None:
        """The step itself; it prints what the part has to tell, as JSON.

        Raises:
            RefusedError: the snapshot cannot be used, or there is no room; nothing was changed.
            StepError: it did not work.
        """
        asked = MemberRestore.from_json(stdin)
        parts: Mapping[str, Callable[[MemberRestore], Mapping[str, Any]]] = {
            "look": self._look,
            "prepare": self._prepare,
            "discard": self._discard,
            "stop": self._stop,
            "swap": self._swap,
            "undo": self._undo,
            "start": self._start,
            "wait": self._wait,
            "settle": self._settle,
            "end": self._end,
            "tidy": self._tidy,
        }
        if asked.part not in parts:
            raise RefusedError(f"{asked.part!r} is no part of a restore: {', '.join(parts)}")
        self.print(json.dumps(parts[asked.part](asked)))

    @property
    def _prepared(self) -> Path:
        return self.data.with_name(f"{self.data.name}.restored")

    @property
    def _aside(self) -> Path:
        return self.data.with_name(f"{self.data.name}.before")

    @property
    def _settled(self) -> Path:
        """What was aside when all members were well: one name is changed, so it is one or other."""
        return self.data.with_name(f"{self.data.name}.settled")

    @property
    def _snapshot(self) -> Path:
        return self.data.with_name("restore.db")

    @property
    def _name(self) -> str:
        return parse(self.read(ENVIRONMENT)).get("ETCD_NAME", "")

    @property
    def _address(self) -> str:
        return self.config().public_ip

    def _look(self, _asked: MemberRestore) -> Mapping[str, Any]:
        config = self.config()
        return {
            "name": self._name,
            "address": config.public_ip,
            "members": [endpoint.rpartition(":")[0] for endpoint in config.endpoints],
            "running": self._is_running(),
            "restored": self._aside.exists(),
            "settled": self._settled.exists(),
            "folder": str(self.data.parent),
            "free": shutil.disk_usage(self.data.parent).free if self.data.parent.exists() else 0,
            "spare": SPARE_BYTES,
        }

    def _is_running(self) -> bool:
        try:
            self.systemctl("is-active", "--quiet", UNIT)
        except StepError:
            return False
        return True

    def _prepare(self, asked: MemberRestore) -> Mapping[str, Any]:
        """Makes the data from the snapshot, beside those that etcd runs on."""
        try:
            self._check_room(check(self._snapshot))
        except (SnapshotError, OSError) as error:
            raise RefusedError(str(error)) from error
        words = ("snapshot", "status", str(self._snapshot), "--write-out=json")
        status = json.loads(self.run("etcdutl", *words))
        shutil.rmtree(self._prepared, ignore_errors=True)
        initial = ",".join(f"{name}={peer_url(at)}" for name, at in asked.members.items())
        self.run(
            *("etcdutl", "snapshot", "restore", str(self._snapshot)),
            f"--data-dir={self._prepared}",
            f"--name={self._name}",
            f"--initial-cluster={initial}",
            f"--initial-cluster-token={asked.token}",
            f"--initial-advertise-peer-urls={peer_url(self._address)}",
        )
        self.run("chown", "--recursive", "etcd:", str(self._prepared))
        return {"revision": status["revision"], "keys": status["totalKey"]}

    def _check_room(self, size: int) -> None:
        free, needed = shutil.disk_usage(self.data.parent).free, size + SPARE_BYTES
        if free < needed:
            raise RefusedError(
                f"there is no room for the restored data on {self._name}: {self.data.parent} has "
                f"{free} bytes left, and {needed} are needed. Nothing was changed. Make room first"
            )

    def _remove(self, folder: Path) -> None:
        try:
            if folder.exists():
                shutil.rmtree(folder)
        except OSError as error:
            raise StepError(f"{folder} is not removed: {error}") from error

    def _discard(self, _asked: MemberRestore) -> Mapping[str, Any]:
        """What was made ready is not wanted: it takes room, and holds secrets."""
        shutil.rmtree(self._prepared, ignore_errors=True)
        self._snapshot.unlink(missing_ok=True)
        return {}

    def _stop(self, _asked: MemberRestore) -> Mapping[str, Any]:
        """What is aside stays: whether it is needed is not for one member to say."""
        self.systemctl("stop", UNIT)
        return {}

    def _swap(self, _asked: MemberRestore) -> Mapping[str, Any]:
        """Puts the data aside, unless an earlier restore has: what that has made is worth less."""
        if not self._prepared.exists():
            raise StepError(f"{self._prepared} is not there: nothing was prepared")
        if self._aside.exists():
            shutil.rmtree(self.data, ignore_errors=True)
        elif self.data.exists():
            self.data.rename(self._aside)
        self._prepared.rename(self.data)
        return {}

    def _undo(self, asked: MemberRestore) -> Mapping[str, Any]:
        """Takes the data back that were put aside; what was not swapped stays as it is."""
        if self._settled.exists():
            raise RefusedError(
                f"the restore has ended well for all members: what {self._name} had before is no "
                "member of the etcd of now. Nothing was changed"
            )
        if self._aside.exists():
            self.systemctl("stop", UNIT)
            shutil.rmtree(self.data, ignore_errors=True)
            self._aside.rename(self.data)
        return self._discard(asked)

    def _start(self, _asked: MemberRestore) -> Mapping[str, Any]:
        """Without waiting: it is ready when the others are there."""
        self.systemctl("start", "--no-block", UNIT)
        return {}

    def _wait(self, _asked: MemberRestore) -> Mapping[str, Any]:
        self.etcdctl.wait_for(self._name, self._address)
        return {}

    def _settle(self, asked: MemberRestore) -> Mapping[str, Any]:
        """Ends reboots of then, has fleet give the data another id, sees that etcd asks who one is.

        Machines follow no order meanwhile: they do not trust data that went back.
        """
        here = [self._address]
        self._end_reboots(here)
        status = json.loads(self.etcdctl(here, "auth", "status", "--write-out=json"))
        if not status.get("enabled"):
            raise StepError(
                "the snapshot is of an etcd without authentication: whoever has any certificate of "
                "the cluster may do everything. Take the data back, or run pulumi up --replace "
                f"'**::{self._name}-etcd', which turns it on"
            )
        self.etcdctl.wait(lambda: self._has_new_id(asked.revision), "fleet to know the new data")
        return {}

    def _end_reboots(self, here: Sequence[str]) -> None:
        """Removes requests first: then the leader begins no turn once the lock is gone.

        A turn of then would go on where the machine is still booted as it was, and never end
        where it is another machine now.
        """
        self.etcdctl(here, "del", "--prefix", REBOOTS)
        self.etcdctl(here, "del", REBOOT_LOCK)
        found = json.loads(self.etcdctl(here, "get", "--prefix", ELIGIBILITY, "--write-out=json"))
        for one in found.get("kvs", []):
            key, value = (b64decode(one[name]).decode() for name in ("key", "value"))
            try:
                eligibility = Eligibility.from_json(value)
            except BadRecordError:
                continue  # The leader tells of it.
            if eligibility.rebooting:
                after = after_reboot(eligibility)
                self.etcdctl(here, *(("put", key, after.to_json()) if after else ("del", key)))

    def _has_new_id(self, revision: int) -> bool:
        """Whether the data's id is newer than the snapshot; that of the snapshot is removed."""
        here = [self._address]
        found = json.loads(self.etcdctl(here, "get", CLUSTER, "--write-out=json")).get("kvs", [])
        if found and found[0]["mod_revision"] <= revision:
            self.etcdctl(here, "del", CLUSTER)
        return bool(found) and found[0]["mod_revision"] > revision

    def _end(self, _asked: MemberRestore) -> Mapping[str, Any]:
        """All members are well: what is aside is not needed any more, on any of them."""
        if self._aside.exists():
            self._remove(self._settled)  # A part of what an earlier one has not removed.
            self._aside.rename(self._settled)
        return {}

    def _tidy(self, asked: MemberRestore) -> Mapping[str, Any]:
        """Removes what is marked, and nothing else."""
        self._remove(self._settled)
        say(f"etcd on {self._name}: the data of before are removed")
        return self._discard(asked)
