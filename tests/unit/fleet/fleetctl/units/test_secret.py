"""`fleetctl secret`: values are sealed and kept, and the units that name them are rolled."""

import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit, UsageError
from fleet_cluster.fleet.fleetctl.cli.origin import Origin
from fleet_cluster.fleet.fleetctl.state.claims import digest
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.pins import pins_of
from fleet_cluster.fleet.model.records import DesiredState, UnitState
from fleet_cluster.fleet.model.secrets import MAX_BYTES, Recipient
from fleet_cluster.fleet.unitfiles.names import UnitFileError
from tests.unit.fleet.fakes.sealer import FakeSealer, key_of
from tests.unit.fleet.fleetctl.small_cluster import WEB, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]

NAMES = "LoadCredential=db-password:/run/fleet/credentials\n"
FILE = f"[Service]\nExecStart=/bin/sleep inf\n{NAMES}[X-Fleet]\nHealthySec=0\n"
FAILED = UnitState("loaded", "failed", "failed", "", journal="last words")
VALUE = b"correct horse"


@pytest.fixture
def member(cluster: SmallCluster) -> SmallCluster:
    """A cluster whose member has told its key."""
    cluster.put(keys.recipient_key(WEB.id), Recipient(key_of("web"), "machine-1"))
    return cluster


def keep(fleetctl: Fleetctl, value: bytes = VALUE, *words: str, action: str = "set") -> int:
    fleetctl.document = b64encode(value).decode()
    return fleetctl("secret", action, "db-password", *words)


def versions(cluster: SmallCluster) -> list[str]:
    return sorted(id.partition("/")[2] for id in cluster.view().secrets)


def pins(cluster: SmallCluster) -> dict[str, str]:
    view = cluster.view()
    return {n: pins_of(view.text_of(n) or "").get("db-password", "") for n in view.units}


def start_web(fleetctl: Fleetctl) -> None:
    units = {"web@1.service": "launched", "web@2.service": "launched"}
    document = {"owner": "web", "units": {"web@.service": {"text": FILE, "instances": units}}}
    fleetctl.document = json.dumps(document)
    assert fleetctl("apply") == Exit.DONE


def test_a_value_is_sealed_to_the_members_and_never_shown(
    fleetctl: Fleetctl, member: SmallCluster, capsys: Output
) -> None:
    assert keep(fleetctl) == Exit.DONE
    (secret,) = member.view().secrets.values()
    assert FakeSealer("web").open(secret.sealed) == VALUE
    assert secret.recipients == {WEB.id: key_of("web")}
    assert fleetctl("secret", "list", "--output", "json") == Exit.DONE
    shown = capsys.readouterr()
    assert VALUE.decode() not in shown.out + shown.err
    assert '"name": "db-password"' in shown.out


@pytest.mark.parametrize("command", ["start", "submit", "load"])
def test_a_unit_that_names_a_missing_secret_is_refused_before_anything_is_written(
    fleetctl: Fleetctl, member: SmallCluster, command: str
) -> None:
    fleetctl.files = {"web.service": FILE}
    before = dict(member.store.entries)
    with pytest.raises(CtlError, match="fleetctl secret set db-password < FILE"):
        fleetctl(command, "web.service")
    assert member.store.entries == before


def test_an_apply_that_names_a_missing_secret_is_refused_once_for_its_instances(
    fleetctl: Fleetctl, member: SmallCluster
) -> None:
    with pytest.raises(CtlError) as refused:
        start_web(fleetctl)
    assert str(refused.value).count("names the secret db-password") == 1
    assert not member.view().units


def test_a_plan_says_what_is_missing(
    fleetctl: Fleetctl, member: SmallCluster, capsys: Output
) -> None:
    units = {"web@.service": {"text": FILE, "instances": {"web@1.service": "launched"}}}
    fleetctl.document = json.dumps({"owner": "web", "units": units})
    assert fleetctl("plan", "--output", "json") == Exit.FAILED
    refused = json.loads(capsys.readouterr().out)["refused"]
    assert list(refused) == ["web@.service"]
    assert "fleetctl secret set db-password < FILE" in refused["web@.service"]


def test_a_changed_value_rolls_the_units_that_name_it_and_no_others(
    fleetctl: Fleetctl, member: SmallCluster, capsys: Output
) -> None:
    keep(fleetctl)
    start_web(fleetctl)
    member.add("other.service")
    first = versions(member)
    assert set(pins(member).values()) == {first[0], ""}
    member.log.clear()
    assert keep(fleetctl, b"another", action="rotate") == Exit.DONE
    assert member.log == [f"{do} web@{n}.service" for n in (1, 2) for do in ("stop", "start")]
    (second,) = versions(member)
    assert second != first[0] and second.startswith("2-")
    assert {n: p for n, p in pins(member).items() if p} == dict.fromkeys(
        ["web@.service", "web@1.service", "web@2.service"], second
    )


def test_the_result_says_what_was_rolled_before_what_was_set(
    fleetctl: Fleetctl, member: SmallCluster, capsys: Output
) -> None:
    keep(fleetctl)
    start_web(fleetctl)
    capsys.readouterr()
    keep(fleetctl, b"another", action="rotate")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["web@1.service", "web@2.service", "Secret"]


class FailsWith(dict[str, list[UnitState]]):
    """Behaviour of an instance that runs with the first version of its secret alone."""

    def __init__(self, cluster: SmallCluster, *, for_good: bool = False) -> None:
        super().__init__()
        self.cluster, self.first, self.for_good = cluster, versions(cluster)[0], for_good
        self.failed = False

    def get(self, key: str, default: Any = None, /) -> Any:
        if key != "web@2.service":
            return default
        is_new = pins(self.cluster)[key] != self.first
        self.failed |= is_new
        return [FAILED] if is_new or (self.failed and self.for_good) else default


def test_a_value_stays_while_a_unit_that_did_not_go_back_has_it(
    fleetctl: Fleetctl, member: SmallCluster, capsys: Output
) -> None:
    keep(fleetctl)
    start_web(fleetctl)
    member.behaviour = FailsWith(member, for_good=True)
    assert keep(fleetctl, b"wrong") == Exit.FAILED
    used = set(pins(member).values())
    assert used <= {*versions(member)} and len(used) == 2
    assert "not every unit went back" in capsys.readouterr().err


def test_a_value_that_a_unit_cannot_run_with_is_taken_back(
    fleetctl: Fleetctl, member: SmallCluster
) -> None:
    keep(fleetctl)
    start_web(fleetctl)
    before, first = pins(member), versions(member)
    member.behaviour = FailsWith(member)
    member.log.clear()
    assert keep(fleetctl, b"wrong") == Exit.FAILED
    assert pins(member) == before
    assert versions(member) == first


def test_without_a_roll_units_get_the_value_with_their_next_rollout(
    fleetctl: Fleetctl, member: SmallCluster
) -> None:
    keep(fleetctl)
    start_web(fleetctl)
    member.log.clear()
    assert keep(fleetctl, b"another", "--no-roll") == Exit.DONE
    assert member.log == [] and len(versions(member)) == 2
    fleetctl.files = {}
    assert fleetctl("rollout", "web@.service") == Exit.DONE
    assert set(pins(member).values()) == {versions(member)[-1]}


def test_a_file_is_the_clusters_whatever_versions_it_has(
    fleetctl: Fleetctl, member: SmallCluster
) -> None:
    keep(fleetctl)
    fleetctl.files = {"web.service": FILE}
    assert fleetctl("start", "web.service") == Exit.DONE
    keep(fleetctl, b"another")
    member.log.clear()
    assert fleetctl("start", "web.service") == Exit.DONE
    assert member.log == []


def test_a_secret_that_a_unit_names_is_not_removed(
    fleetctl: Fleetctl, member: SmallCluster
) -> None:
    keep(fleetctl)
    start_web(fleetctl)
    with pytest.raises(CtlError, match=r"web@\.service names the secret db-password"):
        fleetctl("secret", "rm", "db-password")
    assert versions(member)
    fleetctl("apply", "--destroy", "--owner", "web")
    assert fleetctl("secret", "rm", "db-password") == Exit.DONE
    assert not versions(member)


@pytest.mark.parametrize(
    ("words", "value", "said"),
    [
        (("set", "../x"), VALUE, "letters, digits"),
        (("set", "db-password"), b"", "empty"),
        (("set", "db-password"), b"x" * (MAX_BYTES + 1), "65536"),
        (("rotate", "db-passwort"), VALUE, "there is no secret db-passwort"),
        (("rm", "db-password"), VALUE, "there is no secret"),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(
    fleetctl: Fleetctl, member: SmallCluster, words: tuple[str, ...], value: bytes, said: str
) -> None:
    before = dict(member.store.entries)
    fleetctl.document = b64encode(value).decode()
    with pytest.raises(CtlError, match=said):
        fleetctl("secret", *words)
    assert member.store.entries == before


def test_a_name_is_asked_for(fleetctl: Fleetctl, member: SmallCluster) -> None:
    with pytest.raises(UsageError, match="NAME"):
        fleetctl("secret", "set")


def test_without_a_members_key_nothing_is_kept(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    with pytest.raises(CtlError, match="no member of etcd has a key"):
        keep(fleetctl)
    assert not versions(cluster)


def test_pulumi_sets_the_same_value_again_without_a_new_version(
    fleetctl: Fleetctl, member: SmallCluster, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(fleetctl, VALUE, "--claim", "0")
    printed = capsys.readouterr().out
    first = versions(member)
    start_web(fleetctl)
    monkeypatch.setenv("PULUMI_COMMAND_STDOUT", printed)
    keep(fleetctl, VALUE, "--claim", "0")
    assert versions(member) == first
    member.store.remove(*(key for key in member.store.entries if key.startswith(keys.SECRETS)))
    keep(fleetctl, VALUE, "--claim", "0")
    assert versions(member) == first, "after etcd was emptied, units run on"
    capsys.readouterr()
    keep(fleetctl, b"another", "--claim", "0")
    assert versions(member) != first
    assert json.loads(capsys.readouterr().out)["version"] == versions(member)[0]


def test_a_claim_holds_nothing_that_guesses_can_be_tried_against(
    fleetctl: Fleetctl, member: SmallCluster
) -> None:
    keep(fleetctl, VALUE, "--claim", "0")
    one = dict(member.store.entries)
    member.store.remove(*(key for key in member.store.entries if key.startswith(keys.CLAIMS)))
    claims = [entry.value for key, entry in one.items() if key.startswith(keys.CLAIMS)]
    token = json.loads(claims[0])["token"]
    for guess in (VALUE.hex(), VALUE.decode(), b64encode(VALUE).decode()):
        assert digest(token, guess) not in claims[0]
    assert digest(token, versions(member)[0]) in claims[0]


def test_a_changed_secret_is_no_change_by_hand_of_units(
    fleetctl: Fleetctl, member: SmallCluster, capsys: Output
) -> None:
    keep(fleetctl)
    units = {"web.service": {"text": FILE}}
    fleetctl.document = json.dumps({"owner": "web", "units": units})
    assert fleetctl("apply", "--claim", "0") == Exit.DONE
    keep(fleetctl, b"another")
    capsys.readouterr()
    fleetctl("drift")
    assert json.loads(capsys.readouterr().out)["changed"] == []


def test_a_secret_that_was_changed_by_hand_is_seen(
    fleetctl: Fleetctl, member: SmallCluster, capsys: Output
) -> None:
    keep(fleetctl, VALUE, "--claim", "0")
    keep(fleetctl, b"by hand")
    capsys.readouterr()
    fleetctl("drift")
    assert json.loads(capsys.readouterr().out)["changed"] == ["secret:db-password"]


def test_a_secret_that_no_member_can_open_is_told(
    fleetctl: Fleetctl, member: SmallCluster, capsys: Output
) -> None:
    keep(fleetctl)
    member.put(keys.recipient_key(WEB.id), Recipient(key_of("anew")))
    fleetctl("secret", "list")
    assert "no member of etcd can open it" in capsys.readouterr().out


def test_why_says_that_a_secret_is_lost(
    fleetctl: Fleetctl, member: SmallCluster, capsys: Output
) -> None:
    keep(fleetctl)
    start_web(fleetctl)
    capsys.readouterr()
    fleetctl("why", "web@1.service")
    assert "secret" not in capsys.readouterr().out
    member.put(keys.recipient_key(WEB.id), Recipient(key_of("anew")))
    fleetctl("why", "web@1.service")
    assert "fleetctl secret set db-password < FILE" in capsys.readouterr().out


def test_an_undone_release_has_the_secret_of_now(fleetctl: Fleetctl, member: SmallCluster) -> None:
    keep(fleetctl)
    fleetctl.files = {"web.service": FILE}
    fleetctl("start", "web.service")
    keep(fleetctl, b"another")
    fleetctl.files = {"web.service": FILE + "# other\n"}
    fleetctl("rollout", "web.service")
    fleetctl.files = {}
    assert fleetctl("undo", "--to", "1", "web.service") == Exit.DONE
    assert pins(member) == {"web.service": versions(member)[-1]}
    assert "# other" not in (member.view().text_of("web.service") or "")


def test_an_undo_goes_back_to_another_file_not_to_another_secret(
    fleetctl: Fleetctl, member: SmallCluster
) -> None:
    keep(fleetctl)
    fleetctl.files = {"web.service": FILE}
    fleetctl("start", "web.service")
    fleetctl.files = {"web.service": FILE + "# other\n"}
    fleetctl("rollout", "web.service")
    keep(fleetctl, b"another")
    fleetctl.files = {}
    assert fleetctl("undo", "web.service") == Exit.DONE
    assert "# other" not in (member.view().text_of("web.service") or "")
    assert pins(member) == {"web.service": versions(member)[-1]}


def test_a_roll_is_refused_while_a_canary_waits(fleetctl: Fleetctl, member: SmallCluster) -> None:
    keep(fleetctl)
    start_web(fleetctl)
    fleetctl.files = {"web@.service": FILE + "# new\n"}
    assert fleetctl("rollout", "--canary", "1", "web@.service") == Exit.DONE
    before = versions(member)
    with pytest.raises(CtlError, match="a canary of web@.service waits"):
        keep(fleetctl, b"another")
    assert versions(member) == before
    assert keep(fleetctl, b"another", "--no-roll") == Exit.DONE
    assert fleetctl("rollout", "--continue", "web@.service") == Exit.DONE
    assert not member.view().canaries


def test_a_unit_at_rest_stays_there(fleetctl: Fleetctl, member: SmallCluster) -> None:
    keep(fleetctl)
    fleetctl.files = {"web.service": FILE}
    fleetctl("submit", "web.service")
    unit = member.view().units["web.service"]
    keep(fleetctl, b"another")
    now = member.view().units["web.service"]
    assert now == replace(unit, sha=now.sha, desired_state=DesiredState.INACTIVE)
    assert now.sha != unit.sha


def test_a_line_that_names_no_secret_is_refused_with_what_to_write(
    fleetctl: Fleetctl, member: SmallCluster
) -> None:
    fleetctl.files = {"web@1.service": FILE.replace("db-password:", "db-%i:")}
    with pytest.raises(UnitFileError, match="specifiers such as %i are none"):
        fleetctl("start", "web@1.service")
    assert not member.view().units


def test_a_secret_that_machines_still_have_is_not_removed(
    fleetctl: Fleetctl, member: SmallCluster
) -> None:
    """The template's new file names it no more, and all but the canary have the one before."""
    keep(fleetctl)
    everywhere = FILE + "Global=true\n"
    fleetctl.files = {"web.service": everywhere}
    assert fleetctl("start", "web.service") == Exit.DONE
    fleetctl.files = {"web.service": everywhere.replace(NAMES, "")}
    assert fleetctl("rollout", "--canary", "1", "web.service") == Exit.DONE
    with pytest.raises(CtlError, match=r"web\.service"):
        fleetctl("secret", "rm", "db-password")
    assert versions(member)


def test_a_key_of_a_member_that_is_gone_opens_nothing(
    fleetctl: Fleetctl, member: SmallCluster, capsys: Output
) -> None:
    """As in a restored snapshot, whose members were all made anew."""
    keep(fleetctl)
    secret = member.view().secrets
    member.put(keys.recipient_key("gone"), Recipient(key_of("web")))
    member.put(keys.recipient_key(WEB.id), Recipient(key_of("anew")))
    assert member.view().secrets == secret
    fleetctl("secret", "list")
    assert "no member of etcd can open it" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["start", "submit"])
def test_names_that_systemd_cannot_ask_with_are_refused(
    fleetctl: Fleetctl, member: SmallCluster, command: str
) -> None:
    keep(fleetctl)
    long = f"web@{'x' * 70}.service"
    fleetctl.files = {"web@.service": FILE}
    with pytest.raises(UnitFileError, match="at most 83"):
        fleetctl(command, long)
    assert not member.view().units
    fits = f"web@{'x' * 60}.service"
    assert len(fits) + len("db-password") == 83
    assert fleetctl(command, fits) == Exit.DONE


def test_two_stacks_do_not_have_one_secret(
    fleetctl: Fleetctl,
    member: SmallCluster,
    capsys: Output,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fleetctl.origin = Origin("pulumi shop/dev")
    keep(fleetctl, VALUE, "--claim", "0")
    printed = capsys.readouterr().out
    before = dict(member.store.entries)
    fleetctl.origin = Origin("pulumi blog/dev")
    with pytest.raises(CtlError, match="pulumi shop/dev has the secret db-password"):
        keep(fleetctl, b"another", "--claim", "0")
    assert member.store.entries == before
    monkeypatch.setenv("PULUMI_COMMAND_STDOUT", printed)
    assert keep(fleetctl, b"another", "--claim", "0") == Exit.DONE, "the stack was renamed"
    monkeypatch.delenv("PULUMI_COMMAND_STDOUT")
    assert keep(fleetctl, b"again", "--claim", "0") == Exit.DONE, "the resource is replaced"
    fleetctl.origin = Origin("anna@laptop")
    assert keep(fleetctl, b"by hand") == Exit.DONE
    fleetctl.origin = Origin("pulumi shop/dev")
    assert keep(fleetctl, VALUE, "--claim", "0") == Exit.DONE, "whoever wants to take it over can"
