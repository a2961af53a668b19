"""The steps that a program runs on machines are steps of the set-up."""

import re

from fleet_cluster.fleet.setup.__main__ import STEPS
from tests.unit.program.test_program import CONFIG, Engine, run_program

STEP = re.compile(r"\b(?:fleet-setup|fleet\.zip) ([a-z-]+)")


def test_each_step_that_a_program_runs_is_there_and_each_that_is_there_is_run() -> None:
    engine = Engine()
    # The second authority: with the first, there is none to be dropped.
    config = CONFIG | {"certificate-authority": "2"}
    run_program(engine, {f"fleet-cluster:{key}": value for key, value in config.items()})
    run = {
        step
        for inputs in engine.of(":Command").values()
        for operation in ("create", "update", "delete")
        for step in STEP.findall(inputs.get(operation) or "")
    }
    # May-shrink is asked in previews only, and restore by fleetctl.
    assert run == STEPS.keys() - {"may-shrink", "restore"}
