import json
from dataclasses import replace

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.records import Eligibility
from tests.unit.fleet.fleetctl.small_cluster import DB, SLEEP, WEB, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]


def test_cordon_and_uncordon(fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output) -> None:
    assert fleetctl("cordon", "machine-1") == Exit.DONE
    assert capsys.readouterr().out == "3f2a91bc.../10.0.0.11 is cordoned\n"
    assert cluster.view().eligibility.keys() == {WEB.id}
    cluster.add("new.service")
    assert set(cluster.view().assigned("new.service")) == {DB.id}
    assert fleetctl("uncordon", "3f2a") == Exit.DONE
    assert not cluster.view().eligibility


def test_list_machines_shows_marks_and_only_then(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    fleetctl("list-machines")
    assert "STATE" not in capsys.readouterr().out
    fleetctl("cordon", WEB.address)
    capsys.readouterr()
    fleetctl("list-machines")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("STATE") and lines[1].endswith("cordoned")
    assert lines[2].endswith("-")


def test_list_machines_shows_certificates_that_end_soon_and_only_then(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    fleetctl("list-machines")
    assert "CERTIFICATE" not in capsys.readouterr().out
    ending = replace(WEB, certificate_ends=1e9)
    cluster.store.put(keys.machine_key(WEB.id), ending.to_json())
    fleetctl("list-machines")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("CERTIFICATE") and "STATE" not in lines[0]
    assert lines[1].endswith("until 2001-09-09 01:46 UTC") and lines[2].endswith("-")


def test_what_does_not_work_on_a_machine_is_its_state_and_the_reason_against_it(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cluster.put(keys.machine_key(WEB.id), replace(WEB, trouble="Docker is down"))
    cluster.put(keys.eligibility_key(DB.id), Eligibility())
    fleetctl("list-machines")
    first, second = capsys.readouterr().out.splitlines()[1:3]
    assert first.endswith("sick: Docker is down") and second.endswith("cordoned")
    cluster.put(keys.eligibility_key(WEB.id), Eligibility())
    fleetctl("list-machines")
    assert "cordoned, sick: Docker is down" in capsys.readouterr().out
    cluster.add("new.service")
    assert fleetctl("why", "new") == Exit.FAILED
    assert "sick: Docker is down" in capsys.readouterr().out


def test_list_machines_in_full_shows_versions(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    fleetctl("list-machines", "-l")
    titles, web, *_ = (line.split() for line in capsys.readouterr().out.splitlines())
    assert titles[:6] == ["MACHINE", "IP", "METADATA", "VERSION", "OS", "ETCD"]
    assert web[:6] == [WEB.id, WEB.address, "role=web,zone=a", "2", "debian-13.8", "3.6.16"]
    fleetctl("list-machines", "-l", "--fields", "machine,etcd")
    assert capsys.readouterr().out.splitlines()[0].split() == ["MACHINE", "ETCD"]


def test_list_machines_in_full_shows_what_is_reserved(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cluster.join(replace(WEB, cpus=1.5))
    limits = "MemoryMax=512M\nCPUQuota=50%\n[X-Fleet]\nMachineMetadata=role=web\n"
    cluster.add("big.service", SLEEP + limits)
    fleetctl("list-machines", "-l", "--fields", "memory,cpus")
    titles, web, other = (line.split() for line in capsys.readouterr().out.splitlines())
    assert (titles, web) == (["MEMORY", "CPUS"], ["512M/2G", "0.5/1.5"])
    assert other == ["-", "-"], "a machine of the version before tells nothing"
    fleetctl("list-machines", "--output", "json")
    shown = json.loads(capsys.readouterr().out)[0]
    assert shown["memory"] == {"reserved": 512 << 20, "total": 2 << 30}
    assert shown["cpus"] == {"reserved": 0.5, "total": 1.5}


def test_an_unknown_machine_is_an_error(fleetctl: Fleetctl) -> None:
    for command in ("cordon", "uncordon", "drain"):
        with pytest.raises(CtlError, match="'machin-2' is no machine.*did you mean machine-2"):
            fleetctl(command, "machin-2")


def test_an_empty_machine_is_drained_at_once(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    assert fleetctl("drain", "machine-2") == Exit.DONE
    assert capsys.readouterr().out == "9d04e6a1.../10.0.0.12 is drained\n"
    assert cluster.view().eligibility[DB.id].draining


def test_what_fits_nowhere_else_stays_with_the_reason(
    fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    text = "[Service]\nExecStart=/bin/sleep inf\n[X-Fleet]\nMachineMetadata=role=db\n"
    cluster.add("db.service", text)
    assert fleetctl("drain", "machine-2") == Exit.FAILED
    reason = fleetctl.machines.explained["db.service"].reason
    assert "fits on no other machine" in reason
    assert "metadata role=db wanted, machine has role=web" in reason
    assert set(cluster.view().assigned("db.service")) == {DB.id}


def test_a_lost_machine_is_only_forgotten(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("a.service")
    cluster.leave(WEB)
    with pytest.raises(CtlError, match="lost machine"):
        fleetctl("drain", WEB.id)
    assert fleetctl("drain", "--for-good", WEB.id) == Exit.DONE
    assert cluster.view().eligibility[WEB.id].removed


def test_a_machine_that_nobody_knows_any_more_has_left(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    unknown = "0123456789abcdef0123456789abcdef"
    assert fleetctl("drain", "--for-good", unknown) == Exit.DONE
    assert "nothing is kept for it" in capsys.readouterr().out
    with pytest.raises(CtlError, match="'machine-3' is no machine"):
        fleetctl("drain", "--for-good", "machine-3")


def test_the_units_of_a_drained_machine_are_told_why_nowhere(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    for machine in (WEB, DB):
        cluster.put(keys.eligibility_key(machine.id), Eligibility())
    cluster.add("new.service")
    assert fleetctl("why", "new") == Exit.FAILED
    assert "cordoned" in capsys.readouterr().out
