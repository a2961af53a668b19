import json
from typing import Any

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit, UsageError
from fleet_cluster.fleet.model.records import DesiredState, Unit
from fleet_cluster.fleet.unitfiles.text import sha_of
from fleet_cluster.fleet.unitfiles.unitfile import UnitFileError
from tests.unit.fleet.fleetctl.small_cluster import SLEEP, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]


def document(*instances: str, text: str = SLEEP, owner: str = "web") -> str:
    units = {"web@.service": {"text": text, "instances": {name: "launched" for name in instances}}}
    return json.dumps({"owner": owner, "units": units})


def placements(capsys: Output) -> Any:
    return json.loads(capsys.readouterr().out)["placements"]


def test_applies_a_set(fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output) -> None:
    fleetctl.document = document("web@1.service", "web@2.service")
    assert fleetctl("apply") == Exit.DONE
    assert placements(capsys) == {"web@1.service": "machine-1", "web@2.service": "machine-2"}
    units = cluster.view().units
    assert units["web@1.service"] == Unit(sha_of(SLEEP), DesiredState.LAUNCHED, "web")
    assert units["web@.service"] == Unit(sha_of(SLEEP), DesiredState.INACTIVE, "web")


def test_a_second_run_writes_nothing(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    fleetctl.document = document("web@1.service")
    fleetctl("apply")
    first, writes = placements(capsys), cluster.store.writes
    assert fleetctl("apply") == Exit.DONE
    assert (placements(capsys), cluster.store.writes) == (first, writes)


def test_what_is_not_in_the_set_is_destroyed(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    fleetctl.document = document("web@1.service", "web@2.service")
    fleetctl("apply")
    cluster.add("web@9.service")
    fleetctl.document = document("web@1.service")
    assert fleetctl("apply") == Exit.DONE
    assert cluster.log == ["stop web@2.service"]
    assert set(cluster.view().units) == {"web@.service", "web@1.service", "web@9.service"}


@pytest.mark.parametrize("target", [DesiredState.LOADED, DesiredState.INACTIVE])
def test_what_was_stopped_by_hand_starts_again(
    fleetctl: Fleetctl, cluster: SmallCluster, target: DesiredState
) -> None:
    fleetctl.document = document("web@1.service")
    fleetctl("apply")
    fleetctl("stop" if target is DesiredState.LOADED else "unload", "web@1")
    cluster.log.clear()
    assert fleetctl("apply") == Exit.DONE
    assert cluster.log == ["start web@1.service"]


def test_what_has_failed_starts_again(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    fleetctl.document = document("web@1.service")
    fleetctl("apply")
    cluster.log.clear()
    cluster.report("web@1.service", cluster.state("web@1.service", "failed", "failed"))
    assert fleetctl("apply") == Exit.DONE
    assert cluster.log == ["stop web@1.service", "start web@1.service"]


def test_a_unit_started_by_hand_is_taken_over(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("web@1.service")
    fleetctl.document = document("web@1.service")
    assert fleetctl("apply") == Exit.DONE
    assert cluster.view().units["web@1.service"].owner == "web"
    assert cluster.log == []


def test_another_owners_unit_is_refused(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    fleetctl.document = document("web@1.service", owner="other")
    fleetctl("apply")
    writes = cluster.store.writes
    fleetctl.document = document("web@1.service")
    with pytest.raises(CtlError, match="belongs to 'other', so 'web' cannot have it"):
        fleetctl("apply")
    assert cluster.store.writes == writes


def test_nothing_is_written_when_something_fits_nowhere(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    alone = SLEEP + "[X-Fleet]\nConflicts=web@*\n"
    fleetctl.document = document("web@1.service", "web@2.service", "web@3.service", text=alone)
    writes = cluster.store.writes
    with pytest.raises(CtlError, match=r"(?s)nothing was changed.*web@3.service.*conflict"):
        fleetctl("apply")
    assert cluster.store.writes == writes


def test_destroy_removes_all_of_the_owner(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    fleetctl.document = document("web@1.service")
    fleetctl("apply")
    cluster.add("hello.service")
    assert fleetctl("apply", "--destroy") == Exit.DONE
    assert cluster.log == ["stop web@1.service"]
    assert list(cluster.view().units) == ["hello.service"]
    assert fleetctl("apply", "--destroy", "--owner", "web") == Exit.DONE


def test_a_global_units_placements_are_a_list(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    text = SLEEP + "[X-Fleet]\nGlobal=true\n"
    fleetctl.document = json.dumps({"owner": "all", "units": {"all.service": {"text": text}}})
    assert fleetctl("apply") == Exit.DONE
    assert placements(capsys) == {"all.service": ["machine-1", "machine-2"]}


def unit(**fields: object) -> dict[str, object]:
    return {"owner": "web", "units": {"web@.service": {"text": SLEEP, **fields}}}


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ([], "the document must be a JSON object"),
        ({"units": {}}, "has no field 'owner'"),
        ({"owner": "", "units": {}}, "owner is ''"),
        ({"owner": "web", "units": []}, "units must be a JSON object"),
        ({"owner": "web", "units": {}, "unit": 1}, "unknown field 'unit'.*did you mean units"),
        ({"owner": "web", "units": {"a.service": {}}}, "unit a.service has no field 'text'"),
        (unit(text="#" * 1_000_001), "the file of web@.service has 1000001 bytes, and etcd takes"),
        (unit(target="launched"), "web@.service is a template"),
        (unit(target="up"), "target of web@.service is 'up'; allowed: inactive, loaded, launched"),
        (unit(instances={"db@1.service": "launched"}), "db@1.service is no instance of web@"),
        (unit(instances={"web@1.service": "on"}), "target of web@1.service is 'on'"),
    ],
)
def test_bad_documents(
    fleetctl: Fleetctl, cluster: SmallCluster, given: object, complaint: str
) -> None:
    fleetctl.document = json.dumps(given)
    with pytest.raises(CtlError, match=complaint):
        fleetctl("apply")


def test_an_owner_without_destroy_is_refused(fleetctl: Fleetctl) -> None:
    with pytest.raises(UsageError, match="--owner goes with --destroy"):
        fleetctl("apply", "--owner", "web")


def test_a_unit_given_twice_is_refused(fleetctl: Fleetctl) -> None:
    units = {
        "web@.service": {"text": SLEEP, "instances": {"web@1.service": "launched"}},
        "web@1.service": {"text": SLEEP},
    }
    fleetctl.document = json.dumps({"owner": "web", "units": units})
    with pytest.raises(CtlError, match="web@1.service is given twice"):
        fleetctl("apply")


def test_no_json_is_refused(fleetctl: Fleetctl) -> None:
    fleetctl.document = "owner: web"
    with pytest.raises(CtlError, match="apply reads a JSON document"):
        fleetctl("apply")


def test_a_bad_file_is_refused(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    fleetctl.document = document("web@1.service", text="[Service]\nExecStart\n")
    writes = cluster.store.writes
    with pytest.raises(UnitFileError):
        fleetctl("apply")
    assert cluster.store.writes == writes
