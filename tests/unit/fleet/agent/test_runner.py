"""Runs on one machine: each is taken once, and told of as it ended."""

from dataclasses import replace

import pytest

from fleet_cluster.fleet.agent.runs.runner import NOT_STARTED, Runner
from fleet_cluster.fleet.kv import KVUnavailableError
from fleet_cluster.fleet.model.keys import SCHEDULE, run_key, run_report_key
from fleet_cluster.fleet.model.records import DesiredState
from fleet_cluster.fleet.model.runs import LOST, Run, RunReport
from tests.unit.fleet.agents import MACHINE, Bench
from tests.unit.fleet.fakes.units import ENDS

JOB = "job.service"
ID = "1"


class RunBench(Bench):
    """One machine, and the runs that are handed to it."""

    def restart(self) -> None:
        super().restart()
        self.booted()

    def booted(self, boot: str = "b1") -> None:
        """A runner that knows nothing; its checkpoint is the agent's."""
        checkpoint = self.agent._checkpoint  # pyright: ignore[reportPrivateUsage]
        given = self.line, self.systemd, checkpoint, lambda: None, self.clock
        self.runner = Runner(MACHINE, boot, *given)

    def hand_out(self, id: str = ID, **more: object) -> None:
        run = Run(MACHINE, float(id), data="one")
        self.store.put(run_key(JOB, id), replace(run, **more).to_json())  # pyright: ignore[reportArgumentType]

    def follow(self, announced: bool = True) -> None:
        self.runner.runs.refresh()
        self.runner.reports.refresh()
        self.runner.follow(announced)

    def round(self, announced: bool = True) -> None:
        """What fleetd does in a round; systemd does its jobs."""
        self.follow(announced)
        self.reconcile()
        self.systemd.work()

    def reconcile(self) -> None:
        schedule = self.store.read(f"{SCHEDULE}{MACHINE}/").entries
        self.agent.reconcile(self.lease, True, schedule, self.runner.running)

    def report(self, id: str = ID) -> RunReport | None:
        value = self.store.value(run_report_key(MACHINE, JOB, id))
        return RunReport.from_json(value) if value else None

    def result(self, id: str = ID) -> str:
        report = self.report(id)
        return report.result if report else "not taken"

    def count(self) -> int:
        """How often it was run."""
        return sum(one.name == JOB for one in self.systemd.starts)


@pytest.fixture
def bench() -> RunBench:
    bench = RunBench()
    bench.run(JOB, ENDS)
    bench.assign(JOB, ENDS, DesiredState.LOADED)
    bench.settle()
    bench.systemd.starts.clear()
    bench.systemd.lasting[JOB] = 5.0
    return bench


def run_to_its_end(bench: RunBench) -> None:
    for _ in range(3):
        bench.round()
        bench.clock.advance(5)


def test_a_run_is_taken_started_and_told_of(bench: RunBench) -> None:
    bench.hand_out()
    bench.round()
    assert (bench.count(), bench.result()) == (1, "")
    run_to_its_end(bench)
    report = bench.report()
    assert report and (report.result, report.exit_code, report.ended > report.started) == (
        "success",
        0,
        True,
    )
    run_to_its_end(bench)
    assert bench.count() == 1


def test_two_runs_of_a_unit_come_one_after_the_other(bench: RunBench) -> None:
    bench.hand_out("2")
    bench.hand_out("1")
    bench.round()
    assert (bench.result("1"), bench.result("2")) == ("", "not taken")
    run_to_its_end(bench)
    run_to_its_end(bench)
    assert (bench.count(), bench.result("1"), bench.result("2")) == (2, "success", "success")


def test_a_run_that_goes_to_another_machine_meanwhile_is_not_begun(bench: RunBench) -> None:
    """The leader, who takes this machine for lost, and the machine write at the same moment."""
    bench.hand_out()

    def meanwhile(point: str) -> None:
        if point.startswith("before commit"):
            bench.hand_out(machine="m2")

    bench.line.gate = meanwhile
    bench.round()
    run_to_its_end(bench)
    assert (bench.count(), bench.result()) == (0, "not taken")


def test_a_run_that_is_given_up_meanwhile_is_not_begun(bench: RunBench) -> None:
    bench.hand_out(outcome=LOST)
    bench.round()
    assert bench.count() == 0


@pytest.mark.parametrize("more", [{"machine": "m2"}, {"data": "two"}])
def test_what_is_not_for_this_machine_or_of_other_data_is_not_begun(
    bench: RunBench, more: dict[str, str]
) -> None:
    bench.hand_out(**more)
    bench.round()
    assert bench.count() == 0


def test_a_machine_that_is_not_announced_begins_nothing_and_tells_of_ends(bench: RunBench) -> None:
    bench.hand_out()
    bench.round(announced=False)
    assert bench.count() == 0
    bench.round()
    bench.clock.advance(5)
    bench.systemd.work()
    bench.round(announced=False)
    assert bench.result() == "success"


@pytest.mark.parametrize("fault", ["deaf", "mute"])
def test_an_answer_that_is_lost_makes_no_second_run(bench: RunBench, fault: str) -> None:
    """It is not known whether the report was written; fleetd may be started anew, too."""
    bench.hand_out()
    bench.runner.runs.refresh()
    bench.runner.reports.refresh()
    setattr(bench.line, fault, True)
    with pytest.raises(KVUnavailableError):
        bench.runner.follow(True)
    setattr(bench.line, fault, False)
    assert bench.count() == 0
    bench.restart()
    run_to_its_end(bench)
    assert (bench.count(), bench.result()) == (1, "success")


def test_a_fleetd_that_is_killed_runs_nothing_again(bench: RunBench) -> None:
    bench.hand_out()
    bench.round()
    bench.restart()
    bench.round()
    bench.clock.advance(5)
    bench.systemd.work()
    bench.restart()
    run_to_its_end(bench)
    assert (bench.count(), bench.result()) == (1, "success")


def test_what_ran_when_the_machine_was_booted_is_lost(bench: RunBench) -> None:
    bench.hand_out()
    bench.round()
    bench.booted("b2")
    bench.round()
    assert (bench.count(), bench.result()) == (1, LOST)


def test_one_that_is_not_announced_gives_no_run_up(bench: RunBench) -> None:
    """The run may be of another machine that has this one's id: a clone of its disk."""
    bench.hand_out()
    bench.round()
    bench.booted("b2")
    bench.round(announced=False)
    assert bench.result() == ""


@pytest.mark.parametrize(
    ("announced", "outcome", "result"), [(False, "", ""), (True, LOST, NOT_STARTED)]
)
def test_what_was_taken_and_is_taken_for_lost_is_not_begun_late(
    bench: RunBench, announced: bool, outcome: str, result: str
) -> None:
    """It was taken, fleetd killed before it began, and the machine cut off for long."""
    bench.hand_out()
    bench.runner.runs.refresh()
    bench.runner.reports.refresh()
    bench.line.deaf = True
    with pytest.raises(KVUnavailableError):
        bench.runner.follow(True)
    bench.line.deaf = False
    bench.restart()
    bench.hand_out(outcome=outcome)
    bench.round(announced=announced)
    assert (bench.count(), bench.result()) == (0, result)


def test_what_systemd_does_not_start_is_told_of(bench: RunBench) -> None:
    bench.hand_out("1")
    bench.systemd.skipped[JOB] = ("done", "a condition was not met")
    run_to_its_end(bench)
    assert bench.result("1") == NOT_STARTED
    bench.hand_out("2")
    bench.systemd.refuse[JOB] = "no"
    run_to_its_end(bench)
    assert bench.result("2") == NOT_STARTED


@pytest.mark.parametrize("target", [DesiredState.INACTIVE, DesiredState.LOADED])
def test_what_ends_within_a_round_is_told_of_before_systemd_forgets_it(
    bench: RunBench, target: DesiredState
) -> None:
    """It is destroyed, or gets another file, and ends between two looks at it."""
    bench.hand_out()
    bench.round()
    bench.assign(JOB, ENDS + "# new\n", target)
    bench.follow()
    bench.reconcile()
    bench.follow()
    bench.systemd.work()
    bench.reconcile()
    assert bench.systemd.disk[JOB] == ENDS, "it is left until its end is told"
    bench.round()
    assert bench.result() == "success"
    assert bench.systemd.disk.get(JOB) != ENDS


def test_a_report_that_cannot_be_read_stops_no_other_run(bench: RunBench) -> None:
    bench.store.put(run_report_key(MACHINE, JOB, "1"), "{")
    bench.hand_out("1")
    bench.hand_out("2")
    run_to_its_end(bench)
    assert bench.result("2") == "success"


def test_a_run_is_decoded_when_it_changes_and_not_in_each_round(
    bench: RunBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []
    decode = Run.from_json
    monkeypatch.setattr(Run, "from_json", lambda text: [decoded.append(text), decode(text)][1])  # pyright: ignore
    bench.hand_out("1", machine="another")
    bench.hand_out("2", machine="another")
    bench.round()
    assert len(decoded) == 2
    bench.round()
    assert len(decoded) == 2
    bench.hand_out("2")
    bench.round()
    assert (len(decoded), bench.count()) == (3, 1)
