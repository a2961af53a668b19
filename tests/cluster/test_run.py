"""Commands that run once, on real machines: `fleetctl run`, told apart from all else by its end."""

import json
import os
import subprocess
from signal import SIGINT

import pytest

from tests.cluster import asking
from tests.cluster.stack import Stack, eventually


@pytest.fixture
def run_leaves_nothing(cluster: Stack):
    """Afterwards etcd has no key that it had not, but for the record of each run.

    What an earlier test has left may go meanwhile.
    """
    before = keys(cluster)
    yield
    eventually("nothing is left", lambda: not keys(cluster) - before, 120)


def keys(stack: Stack) -> set[str]:
    """What etcd has, without what is kept of runs."""
    found = asking.etcdctl(stack, "machine-1", "get --prefix /fleet/ --keys-only").out.split()
    return {key for key in found if not key.startswith(("/fleet/runs/", "/fleet/run-reports/"))}


def run(stack: Stack, *words: str):
    return stack.fleetctl("run", *words, check=False)


def test_its_output_and_its_exit_code_arrive(cluster: Stack, run_leaves_nothing: None):
    words = ("it's $HOME", "100%n", 'a "b" \\', "", ";", "two\nlines", "é")
    done = run(cluster, "--", "printf", "<%s>\\n", *words)
    assert (done.code, done.out) == (0, "".join(f"<{word}>\n" for word in words)), done.text

    done = run(
        cluster,
        "--setenv",
        "A=1 $B",
        "--uid",
        "core",
        "--",
        "sh",
        "-c",
        'echo "$A as $(id -un)"; echo bad >&2; exit 7',
    )
    assert (done.code, done.out) == (7, "1 $B as core\nbad\n"), done.text

    done = run(cluster, "--", "sh", "-c", "kill -9 $$")
    assert (done.code, "signal 9" in done.err) == (137, True), done.text

    lines = 30_000
    done = run(cluster, "--", "seq", str(lines))
    assert done.code == 0
    assert done.out.split() == [str(number) for number in range(1, lines + 1)]


def test_it_runs_where_it_is_told_to(
    cluster: Stack, machines: dict[str, str], run_leaves_nothing: None
):
    done = run(
        cluster, "--all", "--", "sh", "-c", "echo here; hostname; test $(hostname) != machine-2"
    )
    assert done.code == 1, done.text
    assert sorted(done.out.splitlines()) == sorted(
        line for name in machines for line in (f"{name} | here", f"{name} | {name}")
    )
    assert run(cluster, "--on", "machine-2", "--", "hostname").out == "machine-2\n"
    refused = run(cluster, "-p", "MachineMetadata=disk=ssd", "--", "true")
    assert refused.code == 1
    assert refused.err.count("metadata disk=ssd wanted") == len(machines), refused.text


def test_it_survives_whoever_has_asked_for_it(cluster: Stack, run_leaves_nothing: None):
    begun = run(cluster, "--detach", "--", "sh", "-c", "sleep 4; exit 5")
    detached = begun.out.split()[0]
    assert begun.code == 0, begun.text

    process = begin(cluster, "sh", "-c", "echo begun; sleep 30; exit 6")
    assert process.stdout and process.stdout.readline() == "begun\n"
    [killed] = [name for name in cluster.units() if name.startswith("run-") and name != detached]
    process.kill()

    def ends() -> dict[str, int]:
        reports = asking.etcdctl(
            cluster, "machine-1", "get --prefix /fleet/run-reports/"
        ).out.split()
        found = {
            key.split("/")[4]: json.loads(value)
            for key, value in zip(reports[::2], reports[1::2], strict=True)
        }
        return {
            n: found[n]["exit"] for n in (detached, killed) if n in found and found[n]["result"]
        }

    eventually("both have ended", lambda: ends() == {detached: 5, killed: 6}, 120)


def test_ctrl_c_stops_it(cluster: Stack, run_leaves_nothing: None):
    process = begin(cluster, "sh", "-c", "echo begun; sleep 600")
    assert process.stdout and process.stdout.readline() == "begun\n"
    [name] = [name for name in cluster.units() if name.startswith("run-")]
    os.killpg(process.pid, SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert name not in cluster.units()


def begin(stack: Stack, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["fleetctl", "run", "--", *words],
        env={**os.environ, **stack.environment()},
        cwd=stack.program,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
