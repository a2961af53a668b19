"""A program with `journals`: its units as fleet gets them, who has which key, and who is let in."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

import config
from fleet_cluster.errors import InputError
from fleet_cluster.fleet.journal_shipping import SENDERS
from fleet_cluster.fleet.lint.unit_file import lint
from fleet_cluster.fleet.setup import journals as setup
from fleet_cluster.fleet.unitfiles.unitfile import parse
from fleet_cluster.journals.shipping import (
    PORT,
    JournalArgs,
    Journals,
    check_journals,
    with_receiver_marked,
)
from tests.unit.program.test_aws_program import ON_AWS, Amazon
from tests.unit.program.test_config import read
from tests.unit.program.test_program import CONFIG, Engine, run_program

GOLDEN = Path(__file__).parent / "golden"
SETTINGS = {"journal-machine": "machine-4", "journal-max-use": "500M"}
GATE, KEEPER, SENDER = UNITS = (
    "fleet-journal.service",
    "fleet-journal-remote@.service",
    "fleet-journal-upload.service",
)
RECEIVER = {"journals": "receiver"}
ADDRESS = "172.30.7.14"
"""Of the machine that keeps journals."""
MACHINES = [f"machine-{number}" for number in range(1, 5)]


def asked(engine: Engine, settings: Mapping[str, str]) -> Engine:
    chosen = {f"fleet-cluster:{key}": value for key, value in settings.items()}
    run_program(engine, {**chosen, "aws:region": "eu-central-1"})
    return engine


@pytest.fixture(scope="module")
def engine() -> Engine:
    """A program with four machines, the last of which is no member of etcd and keeps journals."""
    return asked(Engine(), CONFIG | SETTINGS)


def sent(engine: Engine, unit: str) -> dict[str, Any]:
    return json.loads(engine.of(":Command")[unit]["stdin"])["units"][unit]


def configured(engine: Engine, machine: str) -> dict[str, Any]:
    return json.loads(engine.of(":Command")[f"{machine}-configure"]["stdin"])


@pytest.mark.parametrize("unit", UNITS)
def test_units_are_as_they_were(engine: Engine, unit: str) -> None:
    text = sent(engine, unit)["text"]
    assert text == (GOLDEN / unit).read_text()
    found = lint({unit: text})
    assert (found.faults, found.remarks) == ({}, {})


def test_one_machine_keeps_the_journal_of_each_and_all_send(engine: Engine) -> None:
    instances = [f"fleet-journal-remote@{machine}.service" for machine in MACHINES]
    assert list(sent(engine, KEEPER)["instances"]) == instances
    for unit in (GATE, KEEPER):
        wanted = parse(unit, sent(engine, unit)["text"]).requirements
        assert wanted.is_global and wanted.machine_metadata == {"journals": {"receiver"}}, unit
    everywhere = parse(SENDER, sent(engine, SENDER)["text"]).requirements
    assert everywhere.is_global and not everywhere.machine_metadata


def test_the_machine_that_was_chosen_is_marked_and_other_metadata_stay(engine: Engine) -> None:
    marked = [configured(engine, machine)["metadata"] for machine in MACHINES]
    assert marked == [{"role": "web"}, {}, {}, RECEIVER]


def test_each_machine_has_a_key_of_its_own_and_only_one_that_of_the_receiver(
    engine: Engine,
) -> None:
    senders = [configured(engine, machine)["journal_sender"] for machine in MACHINES]
    keys = {sender["key"] for sender in senders}
    assert keys == {f"privateKeyPem of {machine}-journal-key" for machine in MACHINES}
    receivers = [configured(engine, machine)["journal_receiver"] for machine in MACHINES]
    assert receivers[:3] == [None] * 3
    assert receivers[3]["key"] == "privateKeyPem of journal.receiver-key"


def test_a_sender_can_be_no_receiver_and_a_receiver_no_sender(engine: Engine) -> None:
    """A certificate says so, and both ends ask: so none who may send can be sent anything."""
    uses = {
        name: [use for use in inputs["allowedUses"] if use.endswith("auth")]
        for name, inputs in engine.of(":LocallySignedCert").items()
        if "journal" in name
    }
    assert uses.pop("journal.receiver") == ["server_auth"]
    assert uses == {f"{machine}-journal": ["client_auth"] for machine in MACHINES}
    requests = engine.of(":CertRequest")
    assert requests["journal.receiver"]["ipAddresses"] == [ADDRESS]
    for machine in MACHINES:
        request = requests[f"{machine}-journal"]
        assert request["subject"]["commonName"] == f"{SENDERS}{machine}"
        assert not request["dnsNames"] and not request["ipAddresses"]


def test_the_gate_knows_machines_by_what_their_certificates_say(engine: Engine) -> None:
    text = sent(engine, GATE)["text"]
    gate = (Path(setup.__file__).parent / "gate.cfg").read_text()
    assert "verify required" in gate and "use_backend %[ssl_c_s_dn(cn)]" in gate
    assert "default_backend" not in gate
    assert f"backend {SENDERS}%%s" in text and f"for machine in {' '.join(MACHINES)};" in text
    assert f"bind :{PORT} ssl" in gate
    assert f"https://{ADDRESS}:{PORT}" in sent(engine, SENDER)["text"]


def test_on_aws_machines_reach_the_port_of_each_other_and_nobody_else() -> None:
    with_port = {"fromPort": PORT, "toPort": PORT}
    shipped = asked(Amazon(), ON_AWS | {"journal-machine": "machine-1"})
    rules = shipped.of(":SecurityGroupIngressRule")
    [rule] = [one for one in rules.values() if one.items() >= with_port.items()]
    assert rule["referencedSecurityGroupId"] == rule["securityGroupId"]
    assert "cidrIpv4" not in rule


def test_a_program_without_has_none_of_it() -> None:
    without = asked(Engine(), CONFIG)
    assert not [one.name for one in without.asked if "journal" in one.name]
    assert configured(without, "machine-1")["journal_sender"] is None
    assert check_journals(None, 3) is None
    assert read().journals is None


def test_what_was_not_chosen_is_as_documented() -> None:
    chosen = check_journals({"machine": "machine-3"}, 3)
    assert chosen == Journals("machine-3", "/var/log/journal/remote", "1G")
    assert read(journal_machine="machine-3").journals == {
        "machine": "machine-3",
        "folder": "/var/log/journal/remote",
        "max_use": "1G",
    }


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"machine": "machine-4"}, "machine: 'machine-4' .* one of machine-1 to machine-3"),
        ({"machine": "web"}, "machine: 'web' .* one of machine-1 to machine-3"),
        ({"folder": "logs"}, "folder: 'logs' .* a full path"),
        ({"folder": "/logs/%i"}, "folder: '/logs/%i' .* a full path"),
        ({"folder": "/a b"}, "folder: '/a b' .* a full path"),
        ({"folder": "/"}, "folder: '/' .* a full path"),
        ({"max_use": "1"}, "max[_-]use: '1' .* with M, G or T"),
        ({"max_use": "0G"}, "max[_-]use: '0G' .* with M, G or T"),
    ],
)
def test_what_is_not_allowed_is_named(changed: Any, why: str) -> None:
    with pytest.raises(InputError, match=f"journals.{why}"):
        check_journals(cast("JournalArgs", {"machine": "machine-1", **changed}), 3)
    settings = {f"journal_{name}": value for name, value in changed.items()}
    with pytest.raises(config.SettingError, match=f"journal-{why}"):
        read(**{"journal_machine": "machine-1", **settings})


def test_metadata_that_say_something_else_are_refused() -> None:
    with pytest.raises(InputError, match=r"metadata\[1\]: the key journals is the library's"):
        with_receiver_marked([{}, {"journals": "mine"}], "machine-1")
