"""A cluster of etcd as `etcdctl` shows it: it answers the program's command lines."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from fleet_cluster.fleet.setup.etcdctl import Etcdctl, peer_url
from fleet_cluster.fleet.setup.shell import StepError

from .etcd_users import GRANTS, EtcdUsers


@dataclass
class Member:
    """A member, by its id in the cluster."""

    name: str
    address: str
    learner: bool = False
    version: str = "3.6.16"


@dataclass
class EtcdMembers:
    """Members, which of them answer, and what `etcdctl` was told to change."""

    members: dict[int, Member] = field(default_factory=dict[int, Member])
    up: set[str] = field(default_factory=set[str])
    """Addresses at which etcd runs; without a majority of its voters, none is healthy."""
    values: dict[str, str] = field(default_factory=dict[str, str])
    auth: EtcdUsers = field(default_factory=lambda: EtcdUsers.with_grants(GRANTS))
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """Bytes that members' data take, and may take, by address; a few if not given."""
    alarm: str = ""
    done: list[str] = field(default_factory=list[str])

    @property
    def etcdctl(self) -> Etcdctl:
        """The client."""
        return Etcdctl(self.run, self.dial)

    def add(
        self,
        name: str,
        address: str,
        *,
        learner: bool = False,
        up: bool = True,
        version: str = "3.6.16",
    ) -> None:
        """Adds a member, with the next id."""
        made = Member(name, address, learner, version)
        self.members[max(self.members, default=0xA0) + 1] = made
        if up:
            self.up.add(address)

    def dial(self, address: str) -> None:
        """Connects to a member."""
        if address not in self.up:
            raise ConnectionRefusedError

    def run(self, *command: str, env: Mapping[str, str] | None = None) -> str:
        """Runs `etcdctl`."""
        if command[0] == "journalctl":
            return ""
        program, endpoints, _, _, *words = command
        assert program == "etcdctl" and env and env["ETCDCTL_CERT"].endswith("root.crt")
        urls = endpoints.removeprefix("--endpoints=").split(",")
        addresses = {url.removeprefix("https://").removesuffix(":2379") for url in urls}
        asks_alone = words[:2] == ["endpoint", "status"]
        if not addresses & self.up or not (asks_alone or self._has_majority()):
            raise StepError("context deadline exceeded")
        if (answer := self.auth.ask(words)) is not None:
            return answer
        match words:
            case ["member", "list", _]:
                return json.dumps({"members": [self._listed(id) for id in self.members]})
            case ["get", "health"]:
                return ""
            case ["endpoint", "health"]:
                if self.alarm:
                    raise StepError(f"failed to commit proposal: Active Alarm(s): {self.alarm}")
                return ""
            case ["alarm", "disarm"]:
                self.done.append("alarm disarm")
                self.alarm = ""
                return ""
            case ["endpoint", "status", _]:
                return json.dumps([self._status(id) for id in self._ids(addresses)])
            case ["get", _, key]:
                return self.values.get(key, "") + "\n"
            case _:
                self.done.append(" ".join(words))
                return self._change(words, addresses)

    def _change(self, words: list[str], addresses: set[str]) -> str:
        match words:
            case ["member", "remove", id]:
                self.up.discard(self.members.pop(int(id, 16)).address)
            case ["member", "promote", id]:
                if self.auth.enabled and self._ids(addresses) != [self._leader]:
                    raise StepError("context deadline exceeded")
                self.members[int(id, 16)].learner = False
            case ["member", "add", _, "--learner", peers]:
                address = peers.removeprefix("--peer-urls=https://").removesuffix(":2380")
                self.add("", address, learner=True, up=False)
            case ["del", key]:
                self.values.pop(key, None)
            case ["auth" | "role" | "user", *_]:
                self.auth.change(words)
            case _:
                raise AssertionError(words)
        return ""

    def _has_majority(self) -> bool:
        voters = [one for one in self.members.values() if not one.learner]
        return sum(one.address in self.up for one in voters) > len(voters) // 2

    def _ids(self, addresses: set[str]) -> list[int]:
        return [id for id, one in self.members.items() if one.address in addresses]

    @property
    def _leader(self) -> int:
        """The voter that runs and was the last to come; 0 without a majority."""
        if not self._has_majority():
            return 0
        return [
            id for id, one in self.members.items() if one.address in self.up and not one.learner
        ][-1]

    def _status(self, id: int) -> dict[str, object]:
        status: dict[str, object] = {"header": {"member_id": id}, "leader": self._leader}
        status["version"] = self.members[id].version
        size, quota = self.sizes.get(self.members[id].address, (1 << 20, 1 << 31))
        status |= {"dbSize": size, "dbSizeQuota": quota}
        if self.alarm:
            status["errors"] = [self.alarm]
        return {"Endpoint": f"https://{self.members[id].address}:2379", "Status": status}

    def _listed(self, id: int) -> dict[str, object]:
        one = self.members[id]
        shown: dict[str, object] = {"ID": id, "name": one.name}
        shown["peerURLs"] = [peer_url(one.address)]
        return {**shown, "isLearner": True} if one.learner else shown
