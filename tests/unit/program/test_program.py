"""The whole program under Pulumi's mocks: which resources it asks for, and with what."""

import fnmatch
import json
import re
import runpy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pulumi
import pytest

from config import AWS_ONLY, default
from fleet_cluster.fleet.setup.etcd_auth import taken
from fleet_cluster.fleet.setup.inputs import Worker
from fleet_cluster.images import own_platform
from tests.checkout import CHECKOUT
from tests.unit.mock_engine import use_mocks

CONFIG = {
    "provider": "docker",
    "cluster-size": "4",
    "etcd-size": "3",
    "sinatra-instances": "2",
    "load-balancer-port": "8080",
    "machine-metadata": '["role=web"]',
    "agent-ttl": "10",
    "reconcile-interval": "60",
    "image-retention-hours": "72",
    "reboot-window": "",
    "certificate-hours": "8760",
    "certificate-authority": "1",
    "etcd-quota-backend-bytes": "2147483648",
    "etcd-heartbeat-interval": "100",
    "etcd-election-timeout": "1000",
    "greeting": "Hello World!",
    "max-body-size": "100m",
    "backup-folder": "",
    "backup-command": "",
    "backup-calendar": "daily",
    "backup-keep": "7",
    "journal-machine": "",
    "journal-folder": "/var/log/journal/remote",
    "journal-max-use": "1G",
    **{setting: default(setting) for setting in AWS_ONLY},
}
SECRET = "4dabf18193072939515e22adb298388d"
SECRET_VALUE = "1b47061264138c4ac30d75fd1eb44270"
"""What Pulumi wraps secrets with, on their way to the engine."""
MACHINE_ID = "3f2a91bc3f2a91bc3f2a91bc3f2a91bc"
PROBED = {
    "subnet": "172.30.7.0/24",
    "registry_port": 5001,
    "ssh_ports": list(range(40001, 40013)),
    "direct": True,
}


@dataclass(frozen=True)
class Asked:
    """One resource as the program asked for it."""

    type: str
    name: str
    inputs: Mapping[str, Any]


@dataclass
class Engine(pulumi.runtime.Mocks):
    """Answers as the plugins would, and remembers what was asked."""

    asked: list[Asked] = field(default_factory=list[Asked])
    privileged: bool = False
    """Whether the Docker engine allows privileged containers."""
    pinned_images: Mapping[str, str] = field(default_factory=dict[str, str])
    """What Docker's machines are to keep, by name."""
    state: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the stack has, by URN."""

    def new_resource(
        self, args: pulumi.runtime.MockResourceArgs
    ) -> tuple[str | None, dict[str, Any]]:
        """Every output is one of the inputs, or made up here."""
        inputs = cast("dict[str, Any]", args.inputs)  # pyright: ignore[reportUnknownMemberType]
        self.asked.append(Asked(args.typ, args.name, inputs))
        made_up: dict[str, Any] = {}
        if args.typ == "command:local:Command":
            made_up = {"stdout": json.dumps(PROBED | {"privileged": self.privileged})}
        if "interpreter" in inputs:
            made_up = {"stdout": '{"placements": {}}'}
        if args.typ == "command:remote:Command":
            is_id = args.name.endswith("-leave")
            made_up = {"stdout": f"{MACHINE_ID}\n" if is_id else ""}
        if args.typ == "docker:index/image:Image":
            made_up = {"repoDigest": f"{inputs['imageName']}@sha256:1"}
        if args.typ == "tls:index/privateKey:PrivateKey":
            keys = ("privateKeyPem", "privateKeyOpenssh", "publicKeyOpenssh")
            made_up = {key: f"{key} of {args.name}" for key in keys}
        if args.typ.startswith("tls:index/") and "Cert" in args.typ:
            made_up = {"certPem": f"cert {args.name}", "certRequestPem": f"request {args.name}"}
        if "validityPeriodHours" in inputs:
            now = datetime.now(UTC)
            end = now + timedelta(hours=inputs["validityPeriodHours"])
            made_up |= {"validityStartTime": now.isoformat(), "validityEndTime": end.isoformat()}
        return f"{args.name}-id", {"name": args.name, **inputs, **made_up}

    def call(
        self, args: pulumi.runtime.MockCallArgs
    ) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        """The program only asks what the stack's state and etcd hold, and which images stay."""
        inputs = cast("dict[str, Any]", args.args)  # pyright: ignore[reportUnknownMemberType]
        if args.token == "pulumi:pulumi:readStackResourceOutputs":
            assert inputs == {"stackName": f"organization/{pulumi.get_project()}/test"}
            return {"outputs": self.state}, []
        assert args.token == "command:local:run"
        if "pinned_images_probe.py" in inputs["command"]:
            return {**inputs, "stdout": json.dumps(self.pinned_images), "stderr": ""}, []
        assert "etcd_data_probe.py .pulumi/store/test" in inputs["command"]
        return {**inputs, "stdout": "0123abcd", "stderr": ""}, []

    def of(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """All resources whose type ends so: inputs by name."""
        return {one.name: one.inputs for one in self.asked if one.type.endswith(kind)}


def nothing(*_: object) -> None:
    """Mocks know no hooks; and nothing is written into this checkout."""


def run_program(
    engine: pulumi.runtime.Mocks,
    config: Mapping[str, str],
    secrets: Sequence[str] = (),
    monitor: pulumi.runtime.mocks.MockMonitor | None = None,
) -> None:
    """Run the program of this checkout with an engine of our own and these settings."""
    use_mocks(engine, project="fleet-cluster", monitor=monitor)
    pulumi.runtime.set_all_config(dict(config), list(secrets))

    @pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
    def run() -> None:
        runpy.run_path("__main__.py")

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(CHECKOUT)
        patch.setattr("fleet_cluster.ssh_config.write_files", nothing)
        patch.setattr("fleet_cluster.machine_setup.etcd_archive", etcd_of)
        patch.setattr("fleet_cluster._releases.coredns.coredns_archive", coredns_of)
        run()


def etcd_of(processor: str) -> str:
    """Where etcd's archive for a processor would be."""
    return f"/cache/etcd-{processor}.tar.gz"


def coredns_of(processor: str) -> str:
    """Where CoreDNS's archive for a processor would be."""
    return f"/cache/coredns-{processor}.tgz"


@pytest.fixture(scope="module")
def program() -> Engine:
    """The program, run once."""
    engine = Engine()
    run_program(engine, {f"fleet-cluster:{key}": value for key, value in CONFIG.items()})
    return engine


def test_there_are_as_many_machines_as_asked_each_at_its_own_address(program: Engine):
    containers = program.of("docker:index/container:Container")
    machines = {name: one for name, one in containers.items() if name.startswith("machine-")}
    addresses = [one["networksAdvanced"][0]["ipv4Address"] for one in machines.values()]
    assert sorted(addresses) == [f"172.30.7.{11 + number}" for number in range(4)]


def test_only_the_load_balancer_and_the_registry_are_published_and_only_here(program: Engine):
    containers = program.of("docker:index/container:Container")
    published: set[tuple[str, int, str]] = set()
    for name, one in containers.items():
        ports: list[dict[str, Any]] = one.get("ports") or []
        published |= {(name, int(port["external"]), port["ip"]) for port in ports}
    assert published == {("load-balancer", 8080, "127.0.0.1"), ("registry", 5001, "127.0.0.1")}


def test_every_connection_pins_the_machines_own_host_key(program: Engine):
    remote = program.of("command:remote:Command") | program.of("command:remote:CopyToRemote")
    for name, inputs in remote.items():
        # It is secret as a whole, so it comes wrapped.
        connection = inputs["connection"].get("value", inputs["connection"])
        assert connection["hostKey"] == f"publicKeyOpenssh of {name[:9]}-ssh"


def test_a_step_on_a_machine_updates_in_place_and_leaves_nothing_to_run_at_its_end(
    program: Engine,
):
    steps = {
        name: inputs
        for name, inputs in program.of("command:remote:Command").items()
        if name.startswith("machine-") and not name.endswith("-leave")
    }
    assert len(steps) == 4 + 3 + 1 + 4
    for inputs in steps.values():
        assert inputs["update"]
        assert not inputs.get("triggers")
        assert not inputs.get("delete")
        assert " timeout " in inputs["create"]


def test_a_machine_that_goes_or_is_made_anew_is_drained(program: Engine):
    known, drains = program.of("command:remote:Command"), program.of("command:local:Command")
    for number in range(1, 5):
        leave, drain = known[f"machine-{number}-leave"], drains[f"machine-{number}-drain"]
        assert leave["triggers"] == drain["triggers"] == [f"machine-{number}-id"]
        assert not leave.get("delete"), "stacks from before had the drain there"
        assert "fleetctl drain --for-good" in drain["delete"]
        assert MACHINE_ID in drain["delete"], "its name may be another machine's by then"
        assert "else rm -f .fleet/drains/" in drain["delete"], "unless it was made anew meanwhile"
        _, limited, after = drain["delete"].partition("timeout 330 fleetctl drain")
        assert limited
        assert " || " in after, "it goes all the same"


def test_what_is_to_be_replaced_for_another_machine_id_is_what_reads_it(program: Engine):
    worker = Worker("machine-4", "172.30.7.14", MACHINE_ID, "0123abcd")
    (pattern,) = re.findall(r"--replace '(.*?)'", taken(worker, "172.30.7.12"))
    urns = {f"urn:pulumi:test::cluster::{one.type}::{one.name}": one for one in program.asked}
    (found,) = fnmatch.filter(urns, pattern)
    assert urns[found].inputs["create"] == "cat /etc/machine-id"
    document = (CHECKOUT / "docs/security.md").read_text()
    assert f"pulumi up --replace '{pattern.replace('machine-4', 'NAME')}'" in document


def test_a_member_of_etcd_does_not_go_before_etcd_was_asked(program: Engine):
    commands = program.of("command:local:Command")
    for number in range(1, 4):
        before, refused, _ = commands[f"machine-{number}-drain"]["delete"].partition(" || exit; ")
        asked = before.rpartition("; ")[2]
        assert refused
        question, _, step = asked.removeprefix("echo ").partition(" | ")
        assert step == "sudo timeout 60 fleet-setup may-leave"
        assert json.loads(question.strip("'")) == {
            "name": f"machine-{number}",
            "address": f"172.30.7.{10 + number}",
            "machine": MACHINE_ID,
            "preview": False,
        }
    assert "may-leave" not in commands["machine-4-drain"]["delete"], "it is no member"


def test_only_the_first_machine_may_bootstrap_and_only_once(program: Engine):
    commands = program.of("command:remote:Command")
    bootstraps = [name for name, one in commands.items() if "bootstrap" in one.get("create", "")]
    assert bootstraps == ["machine-1-etcd"]
    assert "bootstrap" not in commands["machine-1-etcd"]["update"]


def test_a_machine_knows_its_metadata_and_etcds_members(program: Engine):
    sent = json.loads(program.of("command:remote:Command")["machine-1-configure"]["stdin"])
    assert sent["metadata"] == {"role": "web"}
    assert sent["endpoints"] == ["172.30.7.11", "172.30.7.12", "172.30.7.13"]
    assert sent["resource"] == "machine-1-id"


def test_a_machine_without_etcds_data_gets_no_certificate_of_a_member(program: Engine):
    commands = program.of("command:remote:Command")
    member = json.loads(commands["machine-3-configure"]["stdin"])
    worker = json.loads(commands["machine-4-configure"]["stdin"])
    assert member["member"] and member["roles"].keys() == {"fleet", "app", "root", "dns", "nginx"}
    assert worker["member"] is None and worker["roles"].keys() == {"app", "dns", "nginx"}


def test_a_worker_has_a_certificate_of_its_own_which_etcd_knows_before_it_is_shown(
    program: Engine,
):
    commands = program.of("command:remote:Command")
    worker, member = (json.loads(commands[f"machine-{n}-configure"]["stdin"]) for n in (4, 1))
    assert worker["worker"]["cert"] == "cert machine-4-worker" and member["worker"] is None
    requests = program.of("tls:index/certRequest:CertRequest")
    assert requests["machine-4-worker"]["subject"] == {"commonName": "worker.machine-4"}
    members = program.of("command:local:Command")
    admitted = {name: one for name, one in members.items() if name.endswith("-worker")}
    assert admitted.keys() == {"machine-4-worker"}
    assert json.loads(admitted["machine-4-worker"]["stdin"]) == {
        "name": "machine-4",
        "address": "172.30.7.14",
        "machine": MACHINE_ID,
        "data": "0123abcd",
    }


class Order(pulumi.runtime.mocks.MockMonitor):
    """Pulumi's monitor, which is told what each resource waits for."""

    def __init__(self, mocks: pulumi.runtime.Mocks) -> None:
        super().__init__(mocks)
        self._waits: dict[str, set[str]] = {}
        """URNs by URN of those that wait for them: what they name, and what they are below."""

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        made = cast("Any", super().RegisterResource(request))  # pyright: ignore[reportUnknownMemberType]
        self._waits[made.urn] = {*request.dependencies, request.parent} - {""}
        return made

    def waits(self, name: str, kind: str) -> set[str]:
        """Names of the resources of a kind that a command waits for, also for another's sake."""
        [start] = [urn for urn in self._waits if urn.endswith(f":Command::{name}")]
        found, left = set[str](), [start]
        while left:
            more = self._waits.get(left.pop(), set()) - found
            found |= more
            left += more
        return {urn.rpartition("::")[2] for urn in found if f"{kind}::" in urn}


def test_etcd_knows_a_worker_before_that_shows_its_certificate_and_members_come_first():
    engine = Engine()
    order = Order(engine)
    run_program(engine, {f"fleet-cluster:{key}": value for key, value in CONFIG.items()}, (), order)
    assert "machine-4-worker" in order.waits("machine-4-configure", ":Command")
    members = {f"machine-{number}-fleetd" for number in (1, 2, 3)}
    assert order.waits("machine-4-worker", ":Command") >= members


def test_a_drain_waits_for_no_machine_but_its_own():
    """Another one may be made anew, and that takes minutes: the ways to all are known before."""
    engine = Engine()
    order = Order(engine)
    run_program(engine, {f"fleet-cluster:{key}": value for key, value in CONFIG.items()}, (), order)
    assert order.waits("machine-1-drain", ":Container") == {"machine-1"}
    assert order.waits("machine-2-drain", ":Container") == {"machine-1", "machine-2"}


def test_a_refused_end_of_a_machine_has_ended_nothing_else_of_it():
    """What is made again with a machine goes before what it waits for, so the drain goes first."""
    engine = Engine()
    order = Order(engine)
    run_program(engine, {f"fleet-cluster:{key}": value for key, value in CONFIG.items()}, (), order)
    made_again = {
        name
        for kind in ("command:remote:CopyToRemote", "command:remote:Command")
        for name, inputs in engine.of(kind).items()
        if inputs.get("triggers")
    }
    for machine in ("machine-1", "machine-2", "machine-3", "machine-4"):
        of_it = {name for name in made_again if name.startswith(f"{machine}-")}
        assert len(of_it) == 4, of_it
        waits = order.waits(f"{machine}-drain", ":Command")
        waits |= order.waits(f"{machine}-drain", "CopyToRemote")
        assert waits >= of_it


def test_etcd_forgets_a_worker_when_it_has_been_drained(program: Engine):
    commands = program.of("command:local:Command")
    drained, gone, forgotten = commands["machine-4-drain"]["delete"].partition("worker-gone")
    assert gone and "fleetctl drain" in drained and MACHINE_ID in drained.rpartition("echo")[2]
    assert " || " in forgotten, "it goes all the same"
    assert not [n for n in (1, 2, 3) if "worker-gone" in commands[f"machine-{n}-drain"]["delete"]]


def test_secrets_are_on_no_command_line(program: Engine):
    commands = program.of("command:remote:Command") | program.of("command:local:Command")
    for inputs in commands.values():
        for operation in ("create", "update", "delete"):
            assert "private" not in (inputs.get(operation) or "").lower()


def test_whatever_is_written_to_etcd_is_written_again_when_etcd_holds_other_data(program: Engine):
    commands = program.of("command:local:Command")
    written = {
        name: one
        for name, one in commands.items()
        if "interpreter" in one and not name.startswith("machine-")
    }
    assert set(written) == {
        "/app/greeting",
        "/app/nginx/max-body-size",
        "hello.service",
        "nginx-pool.service",
        "nginx.service",
        "sinatra@.service",
        "sinatra-discovery@.service",
    }
    for one in written.values():
        assert one["update"] == f"{one['create']} # in store 0123abcd"
        assert not one.get("triggers"), "it would destroy what it has made"


def test_what_goes_through_members_of_etcd_has_the_ways_to_all_as_a_secret(program: Engine):
    commands = program.of("command:local:Command")
    through = {name: one for name, one in commands.items() if "interpreter" in one}
    drains = {f"machine-{number}-drain" for number in (1, 2, 3, 4)}
    assert {"hello.service", "machine-4-worker", *drains} <= set(through)
    for one in through.values():
        assert one["environment"][SECRET] == SECRET_VALUE
        known: dict[str, str] = one["environment"]["value"]
        assert known["FLEET_SSH_MEMBERS"] == "machine-1 machine-2 machine-3"
        pinned = known["FLEET_SSH_known_hosts"].splitlines()
        assert pinned == [
            f"machine-{number} publicKeyOpenssh of machine-{number}-ssh" for number in (1, 2, 3)
        ]
        assert "/" not in one["interpreter"][3] and "python" not in one["interpreter"][2]


def test_a_secret_greeting_is_a_secret_of_its_resource():
    engine = Engine()
    config = {f"fleet-cluster:{key}": value for key, value in CONFIG.items()}
    run_program(engine, config, ["fleet-cluster:greeting"])
    secret = engine.of("command:local:Command")["/app/greeting"]["stdin"]
    assert json.loads(secret["value"]) == {"value": "Hello World!"}
    assert SECRET in secret


def test_units_run_images_by_digest(program: Engine):
    sent = json.loads(program.of("command:local:Command")["sinatra@.service"]["stdin"])
    text = sent["units"]["sinatra@.service"]["text"]
    assert "172.30.7.2:5000/fleet-cluster/sinatra@sha256:1" in text
    assert "{{" not in text
    assert sent["units"]["sinatra@.service"]["instances"] == {
        "sinatra@5000.service": "launched",
        "sinatra@5001.service": "launched",
    }


def test_machines_that_are_there_keep_their_image_while_one_made_anew_could_not_join_etcd() -> None:
    there = [f"machine-{number}" for number in (1, 2, 3)]
    engine = Engine(pinned_images=dict.fromkeys(there, "sha256:before"))
    run_program(engine, {f"fleet-cluster:{key}": value for key, value in CONFIG.items()})
    containers = engine.of(":Container")
    assert {containers[name]["image"] for name in there} == {"sha256:before"}
    assert containers["machine-4"]["image"].startswith("fleet-cluster/machine:")


def test_what_may_not_be_privileged_gets_the_capabilities_that_systemd_needs(program: Engine):
    machine = program.of("docker:index/container:Container")["machine-1"]
    assert machine["privileged"] is False
    capabilities = machine["capabilities"]["adds"]
    assert "CAP_SYS_ADMIN" in capabilities
    assert all(name.startswith("CAP_") for name in capabilities), "they are read back so"
    assert "systempaths=unconfined" in machine["securityOpts"]


def test_what_is_privileged_leaves_its_options_to_the_engine():
    """It adds label=disable to options that are given, also to none, and that is read back."""
    allowing = Engine(privileged=True)
    run_program(allowing, {f"fleet-cluster:{key}": value for key, value in CONFIG.items()})
    machine = allowing.of("docker:index/container:Container")["machine-1"]
    assert machine["privileged"] is True
    assert machine.get("securityOpts") is None
    assert machine.get("capabilities") is None


def test_every_image_says_what_it_is_built_for(program: Engine):
    """Or the plugin says two lines about each in every preview."""
    images = program.of("docker:index/image:Image")
    assert images
    assert {image["build"]["platform"] for image in images.values()} == {own_platform()}


@pytest.mark.parametrize(
    ("setting", "value", "steps"),
    [
        ("machine-metadata", '["role=db"]', [(1, "configure"), (1, "fleetd")]),
        ("etcd-election-timeout", "4000", [(1, "etcd"), (2, "etcd"), (3, "etcd")]),
        ("agent-ttl", "20", [(n, step) for n in range(1, 5) for step in ("configure", "fleetd")]),
    ],
)
def test_a_changed_setting_runs_the_steps_that_it_is_for_and_makes_nothing_anew(
    program: Engine, setting: str, value: str, steps: Sequence[tuple[int, str]]
):
    changed = Engine()
    config = CONFIG | {setting: value}
    run_program(changed, {f"fleet-cluster:{key}": value for key, value in config.items()})
    # An asset is another object each time.
    before, after = (
        {
            (one.type, one.name): one.inputs
            for one in engine.asked
            if not one.name.endswith(("-software", "-etcd-release", "-coredns-release"))
        }
        for engine in (program, changed)
    )
    again = {name for kind, name in after if before[kind, name] != after[kind, name]}
    assert again == {f"machine-{number}-{step}" for number, step in steps}


def test_another_authority_is_introduced_and_then_trusted_alone_by_every_machine(program: Engine):
    config = CONFIG | {"certificate-authority": "3"}
    engine = Engine()
    run_program(engine, {f"fleet-cluster:{key}": value for key, value in config.items()})
    steps = engine.of("command:remote:Command")
    for number in range(1, 5):
        trusted = json.loads(steps[f"machine-{number}-trust"]["stdin"])
        assert trusted["authority"] == "cert cluster-pki.3"
        configured = json.loads(steps[f"machine-{number}-configure"]["stdin"])
        assert configured["previous_authority"] == "cert cluster-pki.2"
        fleets = "cert fleetcert cluster-pki.3-introduced"
        own = configured["worker"] or configured["roles"]["fleet"]
        assert own["cert"] in (fleets, fleets.replace("fleet", "machine-4-worker", 1))
    assert not [name for name in program.of("command:remote:Command") if "trust" in name]
