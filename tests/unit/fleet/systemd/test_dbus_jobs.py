"""Jobs of systemd: their ends are matched with what was queued here."""

from fleet_cluster.fleet.systemd.dbus_jobs import Jobs

A = "a.service"


def test_a_start_has_its_own_result_whichever_is_told_first() -> None:
    jobs = Jobs()
    jobs.ended(A, "/job/1", "failed")
    assert jobs.start_result(A) == ""
    jobs.queued("StartUnit", A, "/job/1")
    assert jobs.start_result(A) == "failed"
    jobs.ended(A, "/job/2", "done")
    assert jobs.start_result(A) == "", "another job, that somebody else has queued"


def test_a_restart_counts_as_a_start_and_a_reload_does_not() -> None:
    jobs = Jobs()
    jobs.queued("RestartUnit", A, "/job/1")
    assert jobs.is_known(A) and not jobs.is_reloaded(A)
    jobs.queued("ReloadUnit", A, "/job/2")
    jobs.ended(A, "/job/2", "timeout")
    assert (jobs.start_result(A), jobs.reload_result(A)) == ("", "timeout")


def test_stop_jobs_and_forgotten_units_are_not_known() -> None:
    jobs = Jobs()
    jobs.queued("StopUnit", A, "/job/1")
    assert not jobs.is_known(A)
    jobs.queued("StartUnit", A, "/job/2")
    jobs.ended(A, "/job/2", "done")
    jobs.forget([A])
    assert not jobs.is_known(A) and jobs.start_result(A) == ""
