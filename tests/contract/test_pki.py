"""The cluster's certificates: what an update renews, and who takes whose from one to the next."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pulumi
import pytest

from fleet_cluster.fleet.etcd_roles import OWN
from fleet_cluster.machine import MachineAddress
from fleet_cluster.pki import YEAR, Pki
from tests.contract.harness import Program, Project

NAMES = ("member", "peer", "role")


@dataclass(frozen=True)
class Party:
    """One end of a connection: what it shows, and what it trusts."""

    pair: str
    """Certificate, chain and private key: PEM."""
    trusted: str


def pki(hours: int = YEAR, authority: int = 1) -> Program:
    """A member, and the roles of each cluster."""

    def program() -> None:
        members: list[MachineAddress] = [{"name": "machine-1", "address": "10.0.0.1"}]
        made = Pki(
            "pki", {"members": members, "roles": OWN, "hours": hours, "authority": authority}
        )
        pairs = (made.pairs["machine-1"], made.peers["machine-1"], made.pairs["fleet"])
        for name, pair in zip(NAMES, pairs, strict=True):
            pulumi.export(f"{name}.cert", pair.cert)
            pulumi.export(f"{name}.key", pair.key)
        pulumi.export("authority", made.authority)
        pulumi.export("previous", made.previous_authority)
        pulumi.export("peer_authority", made.peer_authority)

    return program


def party(outputs: Mapping[str, str], name: str) -> Party:
    """Who trusts what was made with it, and that alone."""
    trusted = outputs["peer_authority" if name == "peer" else "authority"]
    return Party(outputs[f"{name}.cert"] + outputs[f"{name}.key"], trusted)


def trusting(one: Party, authority: str) -> Party:
    """One that trusts another authority as well."""
    return replace(one, trusted=one.trusted + authority)


def context(protocol: int, one: Party, folder: Path) -> ssl.SSLContext:
    found = ssl.SSLContext(protocol)
    (folder / "pair.pem").write_text(one.pair)
    found.load_cert_chain(folder / "pair.pem")
    found.load_verify_locations(cadata=one.trusted)
    found.check_hostname = False
    found.verify_mode = ssl.CERT_REQUIRED
    # What the peers' authority is signed by is not asked for: so does Go.
    found.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return found


def understand(server: Party, client: Party, folder: Path) -> bool:
    """Whether each takes the other's certificate."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    serving = context(ssl.PROTOCOL_TLS_SERVER, server, folder)
    asking = context(ssl.PROTOCOL_TLS_CLIENT, client, folder)
    ends = [
        serving.wrap_bio(to_server, to_client, server_side=True),
        asking.wrap_bio(to_client, to_server),
    ]
    while ends:
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return False
    return True


def test_nothing_is_renewed_before_it_is_due(project: Project) -> None:
    first = project.up(pki())
    again = project.up(pki())
    assert all(steps.endswith("same") for steps in again.steps.values())
    assert again.outputs == first.outputs


def test_an_update_renews_what_is_in_its_window_and_keeps_keys_and_authority(
    project: Project, tmp_path: Path
) -> None:
    before = project.up(pki(hours=1)).outputs
    after = project.up(pki(hours=1)).outputs
    for name in NAMES:
        assert before[f"{name}.cert"] != after[f"{name}.cert"]
        assert before[f"{name}.key"] == after[f"{name}.key"]
    assert before["authority"] == after["authority"]
    assert understand(party(before, "member"), party(after, "role"), tmp_path)
    assert understand(party(after, "member"), party(before, "role"), tmp_path)


def test_with_another_authority_all_understand_each_other_until_the_old_one_is_dropped(
    project: Project, tmp_path: Path
) -> None:
    first = project.up(pki()).outputs
    second = project.up(pki(authority=2)).outputs
    assert second["previous"] == first["authority"]
    keys = [{one[f"{name}.key"] for name in NAMES} for one in (first, second)]
    assert not keys[0] & keys[1]
    for server, client in (("member", "role"), ("peer", "peer")):
        # Who has a new certificate trusts the old authority as well, for as long as it must.
        both = [trusting(party(second, one), first["authority"]) for one in (server, client)]
        assert understand(party(first, server), both[1], tmp_path)
        assert understand(both[0], party(first, client), tmp_path)
        # Then what the old one has signed is worth nothing.
        assert understand(party(second, server), party(second, client), tmp_path)
        assert not understand(party(second, server), party(first, client), tmp_path)
        assert not understand(party(first, server), party(second, client), tmp_path)
    third = project.up(pki(authority=3))
    assert third.outputs["previous"] == second["authority"]
    # The first one's key is kept no longer; the second one's is: it has introduced the third.
    assert third.steps["pki-key"] == third.steps["pki-peers-key"] == "delete"
    assert third.steps["pki.2-key"] == "same"


def test_an_up_that_renews_nothing_warns(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet_cluster.pki.time", lambda: 4e9)
    said = project.up(pki()).messages
    assert any("the certificate machine-1 has ended" in one for one in said)
