"""A machine of etcd's first member, as the step `etcd` finds it: files, systemd, etcd's process."""

from pathlib import Path

from fleet_cluster.fleet.etcd_configuration import (
    EtcdSettings,
    parse,
    render,
    started_with,
    trusted,
)
from fleet_cluster.fleet.setup.etcd import MemberSetup
from fleet_cluster.fleet.setup.etcd_peers import PeerTrust
from fleet_cluster.fleet.setup.etcd_service import ENVIRONMENT, UNIT_FILE, EtcdService, unit
from fleet_cluster.fleet.setup.files import (
    ETCD_PKI,
    PEER_AUTHORITY,
    PEER_TRUST,
    File,
    etcd_environment,
)
from fleet_cluster.fleet.setup.inputs import Membership
from fleet_cluster.fleet.setup.quorum import Quorum
from fleet_cluster.fleet.setup.shell import StepError

from .etcd_members import EtcdMembers
from .etcd_users import GRANTS, EtcdUsers
from .test_etcd_peers import write_text

NAMES = {"machine-1": "10.0.0.1", "machine-2": "10.0.0.2", "machine-3": "10.0.0.3"}
HERE = "10.0.0.1"
SETTINGS = EtcdSettings().variables()
WANTED = Membership("1", "machine-1", HERE, NAMES, "3.6.16", GRANTS, SETTINGS, "3f2a")
BEGAN = {
    "ETCD_INITIAL_CLUSTER": "machine-1=https://10.0.0.1:2380",
    "ETCD_INITIAL_CLUSTER_STATE": "existing",
}


class EtcdMachine:
    """machine-1, without data; etcd answers here as soon as it was started."""

    def __init__(self, folder: Path, etcd: EtcdMembers) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.etcd = etcd
        self.running = False
        self.process: dict[str, str] = {}
        """What the process that runs was started with."""
        self.files: dict[str, str] = {}
        """Files outside of etcd's pki."""
        self.new = set(NAMES.values())
        """Addresses of members that show a certificate of the peers' authority."""
        (folder / PEER_AUTHORITY).write_text("peers'")
        (folder / "ca.crt").write_text(" and the cluster's")
        self.environments: list[str] = []
        """What its configuration was, one after the other."""
        self.refused: set[tuple[str, str]] = set()
        """Variables with which etcd does not start."""
        self.wanted = WANTED
        calls = (self._systemctl, self._write, self._read)
        self.service = EtcdService(WANTED.version, self.data, folder / "fleet.conf", *calls)

    def step(self, bootstrap: bool) -> list[str]:
        """What the step had `etcdctl` and systemd do."""
        quorum = Quorum(self.etcd.etcdctl, patience=0)
        trust = PeerTrust(self.folder, lambda _, address: address in self.new, write_text)
        MemberSetup(self.wanted, self.service, self.etcd.etcdctl, trust, quorum).set_up(bootstrap)
        return self.etcd.done

    def has_data(self, version: str = WANTED.version) -> None:
        """It was set up with a version."""
        (self.data / "member" / "wal").mkdir(parents=True, exist_ok=True)
        (self.folder / PEER_TRUST).write_text("peers'")
        variables = etcd_environment("machine-1", HERE, SETTINGS)
        authorities = {name: self._read(path) for name, path in trusted(variables).items()}
        text = render(BEGAN | started_with(variables, version, unit(version), authorities))
        self.files |= {UNIT_FILE: unit(version), ENVIRONMENT: text}

    def runs(self, version: str = WANTED.version) -> None:
        """It was set up with a version, and runs."""
        self.has_data(version)
        self.running = True
        self.process = parse(self.files[ENVIRONMENT])

    def _systemctl(self, *words: str) -> str:
        match words[0]:
            case "is-active" if not self.running:
                raise StepError("inactive")
            case "show":
                return "7\n" if self.process else "0\n"
            case "is-active" | "daemon-reload":
                return ""
            case "restart" | "stop":
                self._stop()
            case _:
                assert words[0] == "enable"
        self.etcd.done.append(f"systemctl {words[0]}")
        if words[0] == "restart" or "--now" in words:
            self._start("--no-block" in words)
        return ""

    def _stop(self) -> None:
        self.running, self.process = False, {}
        self.etcd.up.discard(HERE)

    def _start(self, in_background: bool) -> None:
        if self.running:
            return
        environment = parse(self.files[ENVIRONMENT])
        if refused := self.refused & environment.items():
            if in_background:
                return
            raise StepError(f"what the journal says of {refused}")
        if not self.service.has_data and environment["ETCD_INITIAL_CLUSTER_STATE"] == "new":
            self.etcd.members.clear()
            self.etcd.auth = EtcdUsers()
            self.etcd.add("machine-1", HERE)
        (self.data / "member" / "wal").mkdir(parents=True, exist_ok=True)
        self.running, self.process = True, environment
        self.etcd.up.add(HERE)

    def _read(self, path: str) -> str:
        if path == "/proc/7/environ":
            return "\0".join(f"{name}={value}" for name, value in self.process.items()) + "\0"
        if path.startswith(ETCD_PKI):
            file = self.folder / Path(path).name
            return file.read_text() if file.exists() else ""
        return self.files.get(path, "")

    def _write(self, path: str, file: File) -> bool:
        changed = self.files.get(path) != file.text
        self.files[path] = file.text
        if path == ENVIRONMENT and changed:
            self.environments.append(file.text)
        return changed
