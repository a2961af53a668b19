"""fleetctl through a tunnel, with a program in ssh's place that runs the far command here."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from fleet_cluster.fleet.fleetctl.__main__ import main
from fleet_cluster.fleet.fleetctl.cli.errors import Exit
from fleet_cluster.fleet.fleetctl.cli.origin import own_author
from fleet_cluster.fleet.model.records import MachineState
from tests.checkout import CHECKOUT, LIBRARY
from tests.unit.fleet.fleetctl.small_cluster import DB, SLEEP, WEB

Output = pytest.CaptureFixture[str]

SSH = """\
#!{python}
import os, subprocess, sys
with open("{folder}/calls", "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
if "-G" in sys.argv:
    print("hostname", "10.0.0.12" if os.path.exists("{folder}/configured") else sys.argv[-1])
    sys.exit(0)
if sys.argv[sys.argv.index("--") + 1] in open("{folder}/silent").read().split():
    sys.stderr.write("No route to host\\n")
    sys.exit(255)
sys.exit(subprocess.call(["/bin/sh", "-c", sys.argv[-1]]))
"""
FLEETCTL = """\
#!{python}
import json, os, sys
arguments = sys.argv[1:]
answer = json.loads(os.environ["FAR_ANSWER"])
if arguments[0] == "--carried":
    answer["request"] = json.loads(sys.stdin.readline())
with open("{folder}/far", "w") as far:
    json.dump({{"arguments": arguments, **answer}}, far)
print(answer.get("out", ""))
sys.stderr.write(answer.get("err", ""))
sys.exit(answer.get("code", 0))
"""
COMMAND = '#!/bin/sh\necho "$(basename "$0") $*"\nexit 3\n'


class Far:
    """The machine at the tunnel's end."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        programs = {"ssh": SSH, "fleetctl": FLEETCTL}
        for name, text in programs.items():
            self.program(name, text.format(python=sys.executable, folder=folder))
        self.program("systemctl", COMMAND)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        monkeypatch.setenv("FLEETCTL_TUNNEL", "10.0.0.11")
        self.are_silent()
        self.answers()

    def answers(self, **answer: object) -> None:
        self._monkeypatch.setenv("FAR_ANSWER", json.dumps(answer))

    def are_silent(self, *machines: str) -> None:
        (self.folder / "silent").write_text(" ".join(machines))

    def locates(self, machine: object) -> None:
        self.answers(out=json.dumps([{"machine": machine, "unit": "hello.service"}]))

    def got(self) -> dict[str, Any]:
        return json.loads((self.folder / "far").read_text())

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()

    def program(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Far:
    (tmp_path / "bin").mkdir()
    monkeypatch.chdir(tmp_path)
    return Far(tmp_path / "bin", monkeypatch)


def test_the_command_and_its_files_arrive(far: Far, capfd: Output) -> None:
    Path("hello.service").write_text(SLEEP)
    far.answers(out="Unit hello.service launched", code=3, err="note\n")
    assert main(["start", "--no-block", "hello", "web@*"]) == 3
    assert far.got()["arguments"] == ["--carried", "start", "--no-block", "hello", "web@*"]
    assert far.got()["request"] == {
        "files": {"hello.service": SLEEP},
        "document": "",
        "author": own_author(),
        "sources": {"hello.service": str(Path("hello.service").absolute())},
        "traced": False,
    }
    output = capfd.readouterr()
    assert (output.out, output.err) == ("Unit hello.service launched\n", "note\n")
    assert len(far.calls()) == 1


def test_a_document_arrives(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("document").open("w+") as document:
        document.write('{"owner": "web"}')
        document.seek(0)
        monkeypatch.setattr(sys, "stdin", document)
        assert main(["apply", "--timeout", "5"]) == 0
    assert far.got()["request"] == {
        "files": {},
        "document": '{"owner": "web"}',
        "author": own_author(),
        "sources": {},
        "traced": False,
    }


def test_a_missing_file_is_told_before_any_connection(far: Far, capsys: Output) -> None:
    assert main(["start", "units/hello.service"]) == Exit.FAILED
    assert "there is no file units/hello.service" in capsys.readouterr().err
    assert not (far.folder / "calls").exists()


def test_a_connection_that_fails(far: Far, capfd: Output) -> None:
    far.are_silent("10.0.0.11")
    assert main(["list-units"]) == Exit.FAILED
    assert "no SSH connection to 10.0.0.11" in capfd.readouterr().err


def test_a_configuration_that_is_missing_is_named(
    far: Far, monkeypatch: pytest.MonkeyPatch, capfd: Output
) -> None:
    monkeypatch.setenv("FLEETCTL_SSH_CONFIG", "/nowhere/ssh_config")
    far.are_silent("10.0.0.11")
    assert main(["list-units"]) == Exit.FAILED
    assert "there is no /nowhere/ssh_config: bring the stack up" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("code", "complaint"), [(255, "ended before the command did"), (127, "no fleetctl")]
)
def test_a_far_command_that_ends_badly(far: Far, code: int, complaint: str, capfd: Output) -> None:
    far.answers(code=code)
    assert main(["list-units"]) == Exit.FAILED
    assert complaint in capfd.readouterr().err


@pytest.fixture
def three_machines(far: Far, monkeypatch: pytest.MonkeyPatch) -> Far:
    """The ssh configuration that `make env` writes, and its first machine as the tunnel's end."""
    config = far.folder / "ssh_config"
    config.write_text("Host machine-1 machine-2 machine-3\n    User core\nHost machine-2\n")
    monkeypatch.setenv("FLEETCTL_TUNNEL", "machine-1")
    monkeypatch.setenv("FLEETCTL_SSH_CONFIG", str(config))
    return far


def test_without_the_first_machine_it_goes_through_the_next_and_says_so(
    three_machines: Far, capfd: Output
) -> None:
    three_machines.are_silent("machine-1", "machine-2")
    three_machines.answers(out="done", code=3)
    Path("hello.service").write_text(SLEEP)
    assert main(["start", "hello"]) == 3
    assert three_machines.got()["request"]["files"] == {"hello.service": SLEEP}
    output = capfd.readouterr()
    assert output.out == "done\n"
    assert (
        "no SSH connection to machine-1: ssh says why above. Going through machine-2" in output.err
    )
    assert "FLEETCTL_TUNNEL=machine-3" in output.err
    assert output.err.count("No route to host") == 2


def test_what_runs_from_here_goes_through_the_next_machine_too(
    three_machines: Far, capfd: Output
) -> None:
    three_machines.are_silent("machine-1")
    three_machines.locates(asdict(DB))
    assert main(["status", "hello"]) == 3
    assert " -- machine-2 systemctl" in three_machines.calls()[-1]
    assert capfd.readouterr().err.count("Going through machine-2") == 1


def test_a_command_that_has_begun_is_not_begun_again_elsewhere(
    three_machines: Far, capfd: Output
) -> None:
    three_machines.answers(code=255)
    assert main(["restart", "hello"]) == Exit.FAILED
    assert "the SSH connection to machine-1 ended" in capfd.readouterr().err
    assert len(three_machines.calls()) == 1


def test_when_no_machine_answers_it_says_so_of_the_last(three_machines: Far, capfd: Output) -> None:
    three_machines.are_silent("machine-1", "machine-2", "machine-3")
    assert main(["list-units"]) == Exit.FAILED
    assert "no SSH connection to machine-3" in capfd.readouterr().err


def test_status_at_the_tunnels_end_needs_no_further_way(far: Far, capfd: Output) -> None:
    far.locates(asdict(WEB))
    assert main(["status", "hello"]) == 3
    assert capfd.readouterr().out == "systemctl status --no-pager --full -- hello.service\n"
    assert far.got()["arguments"] == ["locate", "--units", "--", "hello"]
    assert "ProxyCommand" not in far.calls()[-1]


def test_a_machine_of_another_version_may_say_more_of_itself(far: Far, capfd: Output) -> None:
    far.locates(asdict(WEB) | {"zone": "a"})
    assert main(["status", "hello"]) == 3
    assert capfd.readouterr().out == "systemctl status --no-pager --full -- hello.service\n"


def test_status_elsewhere_goes_through_the_tunnels_end(far: Far, capfd: Output) -> None:
    far.locates(asdict(DB))
    assert main(["status", "hello"]) == 3
    assert "ProxyCommand=ssh -l core" in far.calls()[-1]
    assert far.calls()[-1].endswith(
        "-- 10.0.0.12 systemctl status --no-pager --full -- hello.service"
    )


def test_status_goes_the_way_of_the_ssh_configuration(far: Far, capfd: Output) -> None:
    (far.folder / "configured").touch()
    far.locates(asdict(DB))
    assert main(["status", "hello"]) == 3
    assert "ProxyCommand" not in far.calls()[-1]
    assert " -- machine-2 systemctl" in far.calls()[-1]


def test_a_failure_elsewhere_is_explained_from_here(far: Far, capfd: Output) -> None:
    message = json.dumps({"unit": "hello.service", "machine": asdict(DB)})
    far.answers(err=f"hello.service: it failed\n\x1e{message}\n", code=1)
    assert main(["start", "hello"]) == Exit.FAILED
    error = capfd.readouterr().err.splitlines()
    assert error[0] == "hello.service: it failed"
    assert error[1].startswith("systemctl status --no-pager --full --lines=10 -- hello.service")
    assert len(error) == 2


@pytest.mark.parametrize("machine", [WEB, DB])
@pytest.mark.parametrize(
    "words",
    [
        ["status", "hello"],
        ["journal", "hello"],
        ["journal", "--follow", "hello"],
        ["list-units"],
        ["start", "hello"],
        ["version"],
    ],
)
def test_standard_input_is_left_to_the_caller(
    far: Far, machine: MachineState, words: list[str]
) -> None:
    far.locates(asdict(machine))
    for name in ("systemctl", "journalctl"):
        far.program(name, "#!/bin/sh\ncat\n")
    assert left_over_by(words) == "a\nb\n"


def test_a_command_by_ssh_gets_standard_input(far: Far) -> None:
    far.locates(asdict(DB))
    assert left_over_by(["ssh", "hello", "cat"]) == ""


def left_over_by(words: list[str]) -> str:
    """What a command leaves of its standard input, as a loop over lines would find it."""
    command = [sys.executable, "-m", "fleet_cluster.fleet.fleetctl", *words]
    with subprocess.Popen(
        ["/bin/sh", "-c", f"{shlex.join(command)} >/dev/null 2>&1; cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(LIBRARY)},
    ) as process:
        return process.communicate("a\nb\n", timeout=60)[0]


class Screen(StringIO):
    """Standard error; what has to be read at once is noticed."""

    def __init__(self, notice: Callable[[str], object]) -> None:
        super().__init__()
        self._notice = notice

    def flush(self) -> None:
        if line := self.getvalue():
            self.seek(0)
            self.truncate()
            self._notice(line)


@pytest.mark.parametrize("words", [["list-units"], ["status", "hello"]])
def test_waiting_for_a_connection_is_said(
    far: Far, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection fails as soon as that is said."""
    said: list[str] = []
    fifo = far.folder / "fifo"
    os.mkfifo(fifo)

    def notice(line: str) -> None:
        said.append(line)
        if len(said) == 1:
            fifo.write_text("go on")

    monkeypatch.setattr("fleet_cluster.fleet.fleetctl.cli.output.SLOW_SECONDS", 0.01)
    monkeypatch.setattr(sys, "stderr", Screen(notice))
    far.program("ssh", f"#!/bin/sh\ncat {fifo} >/dev/null\nexit 255\n")
    assert main(words) == Exit.FAILED
    assert [line for line in said if "aiting" in line] == said[:1]
    assert said[0].startswith("Waiting for 10.0.0.11")


def test_a_connection_that_is_there_is_not_waited_for(
    far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    end = Timer.cancel

    def cancel(timer: Timer) -> None:
        ended.append("notice")
        end(timer)  # Or it would be told a second later, in the middle of another test.

    monkeypatch.setattr(Timer, "cancel", cancel)
    monkeypatch.setattr(sys, "stderr", Screen(ended.append))
    far.answers(err="bye\n")
    assert main(["list-units"]) == 0
    assert ended == ["notice", "bye\n", "notice"]


FAR_END = """
import atexit, sys, time
from fleet_cluster.fleet.fleetctl.remote.tunnel import receive
atexit.register(time.sleep, 0.5)
try:
    receive()
    time.sleep(60)
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_the_far_end_ends_with_its_own_exit_code() -> None:
    """However long Python takes to end it."""
    with subprocess.Popen(
        [sys.executable, "-c", FAR_END],
        stdin=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(LIBRARY)},
    ) as process:
        process.communicate("{}\n", timeout=60)
    assert process.returncode == 130


def test_the_far_end_stops_when_the_near_end_does() -> None:
    script = (
        "from fleet_cluster.fleet.fleetctl.remote import tunnel\n"
        "import time\n"
        "try:\n"
        "    print(tunnel.receive().document, flush=True)\n"
        "    time.sleep(60)\n"
        "finally:\n"
        "    print('put back', flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(LIBRARY)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdin and process.stdout
        process.stdin.write('{"document": "hello"}\n')
        process.stdin.flush()
        assert process.stdout.readline() == "hello\n"
        process.stdin.close()
        assert process.stdout.readline() == "put back\n"
        assert process.wait(timeout=30) == -signal.SIGINT
    finally:
        process.kill()
        process.wait()
        process.stdout.close() if process.stdout else None


def test_bin_fleetctl_works_through_a_link_and_from_any_folder(tmp_path: Path) -> None:
    program = CHECKOUT / "bin" / "fleetctl"
    link = tmp_path / "fleetctl"
    link.symlink_to(program)
    shell = shutil.which("sh") or "/bin/sh"
    answer = subprocess.run(
        [shell, "-c", f"{link} version"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert answer.stdout.startswith("fleetctl version ")


ENDS_ONCE = """\
#!/bin/sh
echo "$*" >> {folder}/far-calls
[ $(wc -l < {folder}/far-calls) = 1 ] && exit {code}
exit 0
"""


@pytest.mark.parametrize("code", [255, 130])
def test_reboot_goes_on_through_another_machine_when_its_own_goes_down(
    three_machines: Far, code: int, capfd: Output
) -> None:
    """ssh says that the connection has ended, or fleetctl there that it was told to end."""
    folder = three_machines.folder
    three_machines.program("fleetctl", ENDS_ONCE.format(folder=folder, code=code))
    assert main(["reboot", "--all"]) == Exit.DONE
    first, second = (folder / "far-calls").read_text().splitlines()
    assert second == f"{first} --resumed", "by the id of its series it knows its own work again"
    assert first.startswith("--carried reboot --all --series=")
    assert "machine-1 has ended. Going on through machine-2" in capfd.readouterr().err


def test_another_command_does_not(three_machines: Far, capfd: Output) -> None:
    three_machines.answers(code=255)
    assert main(["drain", "machine-2"]) == Exit.FAILED
    assert "ended before the command did" in capfd.readouterr().err
