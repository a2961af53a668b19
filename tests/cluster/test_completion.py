"""Completion on real machines: names of the cluster, also by Tab in bash."""

import os
from dataclasses import replace
from time import monotonic

from tests.cluster.stack import Stack
from tests.terminal import on_terminal

LIMIT, PATIENT = "FLEETCTL_COMPLETION_TIMEOUT", "60"


def test_completion_knows_units_and_machines(cluster: Stack, machines: dict[str, str]):
    def complete(*words: str, limit: str = PATIENT) -> list[str]:
        stack = replace(cluster, env={**cluster.env, LIMIT: limit})
        return stack.run("fleetctl", "complete", "--", *words).out.split()

    assert "sinatra@5000.service" in complete("status", "sinatra@")
    assert complete("drain", "mach") == sorted(machines)
    began = monotonic()
    assert complete("--tunnel", "192.0.2.1", "status", "", limit="1") == [], "nobody is there"
    assert monotonic() - began < 9, "ssh would give up after ten"


def test_tab_completes_a_unit_in_bash(cluster: Stack):
    environment = {**os.environ, **cluster.environment(), LIMIT: PATIENT, "PS1": "> "}
    bash = ["bash", "--norc", "--noprofile", "-i"]
    with on_terminal(bash, environment, cluster.program) as terminal:
        terminal.press(b"source <(fleetctl completion bash); echo re''ady\n")
        terminal.shows(r"ready\s+> ")
        terminal.press(b"fleetctl cat sinatra@5000\t")
        terminal.shows(r"5000\.service")  # Readline writes again what follows the @.
        terminal.press(b"; echo e''nd\n")
        assert "Description=Sinatra" in terminal.shows(r"(?s).*\send\s")
