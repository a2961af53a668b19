"""register.sh with an etcdctl and a curl of our own: what it asks of etcd, in which order."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkout import LIBRARY

REGISTER = LIBRARY / "fleet_cluster/fleet/register.sh"

# Behaves as etcd with one lease and one key. The files in the folder STATE are its data; while a
# file "away" is there, it does not answer.
ETCDCTL = r"""#!/bin/bash
cd "$STATE"
while [[ $1 == --* ]]; do shift; done
call=$*
told() { echo "$call" > "$CALLS"; }
# What is done is told when it is done; this one never is.
[ "$2" = keep-alive ] && told || trap told EXIT
[ ! -e away ] || { echo "etcd is away" >&2; exit 1; }
case "$1 $2" in
    "lease grant") : > lease; echo "lease 7a granted with TTL($3s)" ;;
    "lease keep-alive") while [ -e lease ]; do sleep 0.05; done ;;
    "lease revoke") rm -f lease; [ ! -e mine ] || rm -f key mine ;;
    "put "*)
        rm -f mine
        [ -e lease ] && echo "$3" > key && : > mine ;;
    "txn ")
        read -r condition
        { read -r; read -r _ key value lease; } || exit 1
        case "$condition" in
            create*) [ ! -e key ] ;;
            value*) [ -e key ] && [ "$(cat key)" = "$value" ] ;;
        esac && { echo "$value" > key; : > mine; echo SUCCESS; } || echo FAILURE ;;
esac
"""
KEEP, PUT = "lease keep-alive 7a", "put /app/server/1 10.0.0.1:1 --lease=7a"
CURL = '#!/bin/bash\n[ -e "$STATE/healthy" ]\n'


class Registration:
    """A running register.sh, and the calls of etcdctl that it made."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.state.mkdir()
        (folder / "bin").mkdir()
        self._calls = folder / "calls"
        os.mkfifo(self._calls)
        self._tools(folder / "bin")
        # Held open, so that neither side waits for the other.
        self._reader = os.fdopen(os.open(self._calls, os.O_RDWR), "r")
        self._environment = {
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "STATE": str(self.state),
            "CALLS": str(self._calls),
            "REGISTER_DRAIN": "0",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def _tools(self, folder: Path) -> None:
        for name, text in {"etcdctl": ETCDCTL, "curl": CURL}.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)

    def start(self) -> None:
        command = ["bash", str(REGISTER), "/app/server/1", "10.0.0.1:1", "http://127.0.0.1:1/"]
        self._process = subprocess.Popen(
            command, env=self._environment, stdout=subprocess.DEVNULL, start_new_session=True
        )

    def say(self, name: str, text: str = "") -> None:
        (self.state / name).write_text(text)

    def unsay(self, name: str) -> None:
        (self.state / name).unlink()

    def next_call(self) -> str:
        return self._reader.readline().strip()

    @property
    def key(self) -> str:
        return (self.state / "key").read_text()

    def calls_until(self, wanted: str) -> list[str]:
        calls = [self.next_call()]
        while calls[-1] != wanted:
            calls.append(self.next_call())
        return calls

    def calls_until_registered(self, by: str) -> list[str]:
        """Until the lease is kept alive and the key is put, in whichever order."""
        calls = [self.next_call()]
        while not {KEEP, by} <= set(calls):
            calls.append(self.next_call())
        return calls

    def terminate(self) -> int:
        assert self._process
        self._process.terminate()
        return self._process.wait(timeout=30)

    def close(self) -> None:
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._reader.close()


@pytest.fixture
def registration(tmp_path: Path) -> Iterator[Registration]:
    running = Registration(tmp_path)
    yield running
    running.close()


def test_registers_on_a_lease_and_leaves_by_revoking_it(registration: Registration):
    registration.say("healthy")
    registration.start()
    assert registration.next_call() == "lease grant 10"
    assert sorted([registration.next_call(), registration.next_call()]) == [KEEP, PUT]
    assert registration.key == "10.0.0.1:1\n"
    status = registration.terminate()
    assert registration.next_call() == "lease revoke 7a"
    assert status == 0
    assert not (registration.state / "key").exists()


def test_leaves_while_the_app_does_not_answer_and_returns_with_it(registration: Registration):
    registration.say("healthy")
    registration.start()
    registration.calls_until_registered(PUT)
    registration.unsay("healthy")
    assert registration.next_call() == "lease revoke 7a"
    registration.say("healthy")
    assert registration.next_call() == "lease grant 10"
    assert sorted([registration.next_call(), registration.next_call()]) == [KEEP, "txn"]


def test_a_lost_lease_is_replaced(registration: Registration):
    registration.say("healthy")
    registration.start()
    registration.calls_until_registered(PUT)
    for name in ("key", "mine", "lease"):
        registration.unsay(name)
    assert registration.next_call() == "lease grant 10"
    registration.calls_until_registered("txn")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("", "1"),
        ("/k", ""),
        ("/k", "a b"),
        ("/k", "a\nb"),
        ("/k", 'a"b'),
        ("/k", "-a"),
        ("/a b", "1"),
    ],
)
def test_what_etcdctl_would_read_otherwise_is_refused(key: str, value: str):
    command = ["bash", str(REGISTER), key, value, "http://127.0.0.1:1/"]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert refused.returncode == 2
    assert f"KEY={key} VALUE={value}: each is to be one word" in refused.stderr


def test_etcd_away_at_the_start_is_waited_for(registration: Registration):
    registration.say("healthy")
    registration.say("away")
    registration.start()
    assert registration.next_call() == "lease grant 10"
    assert registration.next_call() == "lease grant 10"
    registration.unsay("away")
    registration.calls_until_registered(PUT)


def test_takes_over_what_another_has_when_it_starts(registration: Registration):
    registration.say("healthy")
    registration.say("key", "10.0.0.2:1\n")
    registration.start()
    registration.calls_until_registered(PUT)
    assert registration.key == "10.0.0.1:1\n"


def test_leaves_what_another_took_over_alone_until_it_is_free(registration: Registration):
    registration.say("healthy")
    registration.start()
    registration.calls_until_registered(PUT)
    registration.unsay("mine")
    registration.say("key", "10.0.0.2:1\n")
    assert [registration.next_call(), registration.next_call()] == ["txn", "txn"]
    assert registration.key == "10.0.0.2:1\n"
    registration.unsay("key")
    registration.calls_until("txn")
    assert registration.key == "10.0.0.1:1\n"


def test_leaving_ends_only_its_own_registration(registration: Registration):
    registration.say("healthy")
    registration.start()
    registration.calls_until_registered(PUT)
    registration.unsay("mine")
    registration.say("key", "10.0.0.2:1\n")
    registration.terminate()
    registration.calls_until("lease revoke 7a")
    assert registration.key == "10.0.0.2:1\n"


def test_another_that_took_over_keeps_the_key_though_the_lease_is_lost(registration: Registration):
    registration.say("healthy")
    registration.start()
    registration.calls_until_registered(PUT)
    registration.unsay("mine")
    registration.say("key", "10.0.0.2:1\n")
    # Last: from now on the key is looked at.
    registration.unsay("lease")
    registration.calls_until("lease grant 10")
    assert sorted(registration.next_call() for _ in range(3)) == [KEEP, "txn", "txn"]
    assert registration.key == "10.0.0.2:1\n"


def test_what_was_its_own_before_the_lease_was_lost_is_its_own_again(registration: Registration):
    registration.say("healthy")
    registration.start()
    registration.calls_until_registered(PUT)
    for name in ("mine", "lease"):
        registration.unsay(name)
    registration.calls_until("lease grant 10")
    assert sorted(registration.next_call() for _ in range(3)) == [KEEP, "txn", "txn"]
    assert (registration.state / "mine").exists()
